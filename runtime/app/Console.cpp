// The console.
#include "runtime/app/Console.h"

#include <cstdio>

namespace gptc::runtime {

Console Console::standard() {
  auto to = [](std::FILE *file) {
    return [file](std::string_view text) {
      std::fwrite(text.data(), 1, text.size(), file);
      std::fputc('\n', file);
      std::fflush(file);
    };
  };
  return {to(stdout), to(stderr)};
}

std::string groupedNumber(int64_t value) {
  std::string text = std::to_string(value);
  size_t first = value < 0 ? 1 : 0;
  for (size_t i = text.size(); i > first + 3;)
    text.insert(i -= 3, ",");
  return text;
}

} // namespace gptc::runtime
