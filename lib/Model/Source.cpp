// Source text: reading it, its table of lines, and the names of places in it.
#include "gptc/Model/Source.h"

#include "Utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace gptc {

std::string_view SourceRange::text() const {
  return file ? file->text().substr(begin, end - begin) : std::string_view();
}

SourceFile::SourceFile(std::string path, std::string text, Kind kind)
    : path_(std::move(path)), text_(std::move(text)), kind_(kind) {
  if (text_.size() > maxSize)
    text_.resize(maxSize);
  lineStarts_.push_back(0);
  for (uint32_t i = 0; i < text_.size(); ++i)
    if (text_[i] == '\n')
      lineStarts_.push_back(i + 1);
}

std::unique_ptr<SourceFile> SourceFile::load(const std::string &path, std::string &error) {
  bool isStdin = path == "-";
  std::string name = isStdin ? "<stdin>" : path;
  std::FILE *stream = isStdin ? stdin : std::fopen(path.c_str(), "rb");
  if (!stream) {
    error = fmt::format("{}: cannot open: {}", name, std::strerror(errno));
    return nullptr;
  }
  std::string text;
  char buffer[1 << 16];
  size_t count = 0;
  while (text.size() <= maxSize && (count = std::fread(buffer, 1, sizeof buffer, stream)) > 0)
    text.append(buffer, count);
  bool failed = std::ferror(stream) != 0;
  int code = errno; // a directory opens, and fails here
  if (!isStdin)
    std::fclose(stream);
  if (failed) {
    error = fmt::format("{}: cannot read: {}", name, std::strerror(code));
    return nullptr;
  }
  if (text.size() > maxSize) {
    error = fmt::format("{}: too large for a description: required at most {} MiB", name,
                        maxSize >> 20);
    return nullptr;
  }
  return std::make_unique<SourceFile>(std::move(name), std::move(text));
}

std::string_view SourceFile::lineText(uint32_t line) const {
  uint32_t begin = lineStarts_[line - 1];
  uint32_t end = line < lineStarts_.size() ? lineStarts_[line] : text_.size();
  std::string_view text = std::string_view(text_).substr(begin, end - begin);
  if (!text.empty() && text.back() == '\n')
    text.remove_suffix(1);
  if (!text.empty() && text.back() == '\r')
    text.remove_suffix(1);
  return text;
}

LineColumn SourceFile::lineColumn(uint32_t offset) const {
  offset = std::min<uint32_t>(offset, text_.size());
  auto next = std::upper_bound(lineStarts_.begin(), lineStarts_.end(), offset);
  uint32_t begin = *(next - 1);
  std::string_view before = std::string_view(text_).substr(begin, offset - begin);
  return {static_cast<uint32_t>(next - lineStarts_.begin()),
          static_cast<uint32_t>(utf8::countCodePoints(before)) + 1};
}

std::string toString(const SourceLocation &location) {
  if (!location.isValid())
    return {};
  if (location.file->kind() == SourceFile::Kind::Argument)
    return location.file->path();
  auto [line, column] = location.file->lineColumn(location.offset);
  return fmt::format("{}:{}:{}", location.file->path(), line, column);
}

} // namespace gptc
