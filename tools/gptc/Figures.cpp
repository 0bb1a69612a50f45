// Figures as text and JSON.
#include "tools/gptc/Figures.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <unistd.h>

namespace gptc::tools {

/// Three digits, no more behind the point than that takes.
static std::string threeDigits(double value) {
  if (value == 0)
    return "0";
  int digits = 2 - static_cast<int>(std::floor(std::log10(std::abs(value))));
  return fmt::format("{:.{}f}", value, std::clamp(digits, 0, 6));
}

std::string countText(uint64_t count) {
  static constexpr std::array<const char *, 5> units = {"", " k", " M", " G", " T"};
  double value = static_cast<double>(count);
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < units.size(); ++unit)
    value /= 1000;
  return (unit == 0 ? std::to_string(count) : threeDigits(value)) + units[unit];
}

std::string millisecondText(std::optional<double> milliseconds) {
  return milliseconds ? threeDigits(*milliseconds) : "";
}

std::optional<double> shareOfRoof(const Roofline &roof, const Cost &cost,
                                  std::optional<double> milliseconds) {
  if (!roof.known() || !milliseconds || *milliseconds <= 0)
    return std::nullopt;
  return roof.milliseconds(cost) / *milliseconds;
}

const char *boundBy(const Roofline &roof, const Cost &cost) {
  return roof.boundByMemory(cost) ? "memory" : "arithmetic";
}

void printRoof(const Roofline &roof) {
  if (roof.machine.empty())
    return;
  if (roof.known())
    fmt::print("roofline of {}: {} GB/s, {} GFLOP/s ({})\n", roof.machine,
               threeDigits(roof.bytesPerSecond / 1e9), threeDigits(roof.flopsPerSecond / 1e9),
               roof.origin);
  else
    fmt::print("roofline of {}: not known ({})\n", roof.machine, roof.origin);
}

void addCost(nlohmann::ordered_json &json, const Cost &cost) {
  json["bytes"] = cost.bytes();
  json["bytes_read"] = cost.read;
  json["bytes_written"] = cost.written;
  json["flops"] = cost.flops;
}

nlohmann::ordered_json roofJson(const Roofline &roof) {
  if (roof.machine.empty())
    return nullptr;
  auto known = [](double value) { return value > 0 ? std::optional(value) : std::nullopt; };
  return {{"machine", roof.machine},
          {"bytes_per_second", numberOrNull(known(roof.bytesPerSecond))},
          {"flops_per_second", numberOrNull(known(roof.flopsPerSecond))},
          {"origin", roof.origin}};
}

nlohmann::ordered_json numberOrNull(std::optional<double> number) {
  return number ? nlohmann::ordered_json(*number) : nlohmann::ordered_json();
}

void printJsonText(const nlohmann::ordered_json &json) {
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

ProgressLine::ProgressLine() : terminal(isatty(STDERR_FILENO)) {}

void ProgressLine::show(std::string_view what) {
  if (!terminal)
    return;
  fmt::print(stderr, "\r\033[K{} …", what);
  std::fflush(stderr);
}

void ProgressLine::show(std::string_view what, size_t done, size_t total) {
  if (!terminal)
    return;
  constexpr size_t width = 30;
  size_t filled = total ? width * done / total : 0;
  fmt::print(stderr, "\r\033[K[{:=<{}}{:<{}}] {}/{} {}", "", filled, "", width - filled, done,
             total, what);
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (terminal)
    std::fputs("\r\033[K", stderr);
}

} // namespace gptc::tools
