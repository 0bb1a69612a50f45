// Where the application's text goes.
#ifndef GPTC_RUNTIME_APP_CONSOLE_H
#define GPTC_RUNTIME_APP_CONSOLE_H

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gptc::runtime {

/// `out` takes results, `note` what a user should know beside them; both whole lines. Progress goes
/// to the standard error stream by itself.
struct Console {
  std::function<void(std::string_view)> out;
  std::function<void(std::string_view)> note;

  /// Standard output, flushed line by line, and standard error.
  static Console standard();
};

/// 1234567 as "1,234,567".
std::string groupedNumber(int64_t value);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_CONSOLE_H
