// How the commands that account for a compilation print figures.
#ifndef GPTC_TOOLS_GPTC_FIGURES_H
#define GPTC_TOOLS_GPTC_FIGURES_H

#include "gptc/Driver/Costs.h"
#include "gptc/Driver/Roofline.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace gptc::tools {

/// "1.23 G", "456 k": three digits.
std::string countText(uint64_t count);
/// "12.3", "0.0123"; empty if it was not measured.
std::string millisecondText(std::optional<double> milliseconds);

/// Of the roof's time and the measured one; nothing if one is not known.
std::optional<double> shareOfRoof(const Roofline &roof, const Cost &cost,
                                  std::optional<double> milliseconds);
/// "memory" or "arithmetic".
const char *boundBy(const Roofline &roof, const Cost &cost);
/// What the roof is, and where it comes from; nothing if it was not asked for.
void printRoof(const Roofline &roof);

/// Adds bytes_read, bytes_written, bytes and flops.
void addCost(nlohmann::ordered_json &json, const Cost &cost);
nlohmann::ordered_json roofJson(const Roofline &roof);
nlohmann::ordered_json numberOrNull(std::optional<double> number);
/// To standard output, indented.
void printJsonText(const nlohmann::ordered_json &json);

/// A line on a terminal that is drawn again and again; in a pipe there is none.
class ProgressLine {
public:
  ProgressLine();
  void show(std::string_view what);
  /// With a bar.
  void show(std::string_view what, size_t done, size_t total);
  void clear();

private:
  bool terminal;
};

} // namespace gptc::tools

#endif // GPTC_TOOLS_GPTC_FIGURES_H
