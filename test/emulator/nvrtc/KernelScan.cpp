// Finding the kernels in a CUDA source text.
#include "test/emulator/nvrtc/KernelScan.h"

#include <cctype>

namespace gptc::emulator {

static bool isWord(char c) { return std::isalnum((unsigned char)c) || c == '_'; }

/// The source with comments, literals and directives blanked.
static std::string plainText(std::string_view source) {
  std::string text(source);
  bool lineStart = true;
  auto blank = [&](size_t from, size_t to) {
    for (size_t i = from; i < to && i < text.size(); ++i)
      if (text[i] != '\n')
        text[i] = ' ';
    return to;
  };
  auto lineEnd = [&](size_t at) {
    while (at < text.size() && (text[at] != '\n' || text[at - 1] == '\\'))
      ++at;
    return at;
  };
  for (size_t i = 0; i < text.size();) {
    char c = text[i], following = i + 1 < text.size() ? text[i + 1] : 0;
    if (c == '/' && following == '/') {
      i = blank(i, lineEnd(i));
    } else if (c == '/' && following == '*') {
      size_t end = text.find("*/", i + 2);
      i = blank(i, end == std::string::npos ? text.size() : end + 2);
    } else if (c == '#' && lineStart) {
      i = blank(i, lineEnd(i));
    } else if (c == '"' || c == '\'') {
      size_t end = i + 1;
      while (end < text.size() && text[end] != c && text[end] != '\n')
        end += text[end] == '\\' ? 2 : 1;
      i = blank(i, end + 1);
    } else {
      if (c == '\n')
        lineStart = true;
      else if (!std::isspace((unsigned char)c))
        lineStart = false;
      ++i;
    }
  }
  return text;
}

std::vector<FoundKernel> findKernels(std::string_view source) {
  static constexpr std::string_view word = "GPTC_KERNEL";
  std::string text = plainText(source);
  std::vector<FoundKernel> kernels;
  auto skipSpace = [&](size_t at) {
    while (at < text.size() && std::isspace((unsigned char)text[at]))
      ++at;
    return at;
  };
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at)) {
    bool whole = (at == 0 || !isWord(text[at - 1]));
    at += word.size();
    size_t open = skipSpace(at);
    if (!whole || open >= text.size() || text[open] != '(')
      continue;
    int depth = 0;
    size_t close = open;
    for (; close < text.size(); ++close) {
      depth += text[close] == '(' ? 1 : text[close] == ')' ? -1 : 0;
      if (depth == 0)
        break;
    }
    size_t begin = skipSpace(close + 1), end = begin;
    while (end < text.size() && isWord(text[end]))
      ++end;
    size_t parameters = skipSpace(end);
    if (end > begin && parameters < text.size() && text[parameters] == '(')
      kernels.push_back({text.substr(begin, end - begin), text.substr(open + 1, close - open - 1)});
    at = end;
  }
  return kernels;
}

} // namespace gptc::emulator
