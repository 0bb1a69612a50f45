// Source text of descriptions and places in it.
//
// Every diagnostic, and later every op, points into a SourceFile, so a range names its file: a
// model and the prelude (embedded in the compiler) are two files of one compilation.
#ifndef GPTC_MODEL_SOURCE_H
#define GPTC_MODEL_SOURCE_H

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gptc {

class SourceFile;

/// A place as people and editors count it: both from 1, the column in code points.
struct LineColumn {
  uint32_t line = 1;
  uint32_t column = 1;
};

/// A byte offset in a file. A null file means "no place in any text".
struct SourceLocation {
  const SourceFile *file = nullptr;
  uint32_t offset = 0;

  bool isValid() const { return file != nullptr; }
  bool operator==(const SourceLocation &) const = default;
};

/// The bytes [begin, end) of a file. A null file means "no place in any text".
struct SourceRange {
  const SourceFile *file = nullptr;
  uint32_t begin = 0;
  uint32_t end = 0;

  bool isValid() const { return file != nullptr; }
  SourceLocation start() const { return {file, begin}; }
  /// The characters that the range covers; empty when it is not valid.
  std::string_view text() const;
  /// From the start of this range to the end of `last`, which is in the same file.
  SourceRange to(const SourceRange &last) const { return {file, begin, last.end}; }
  bool operator==(const SourceRange &) const = default;
};

/// A named text and the table of its lines. It never moves: ranges hold its address, so it must
/// outlive the syntax tree and the diagnostics that point into it.
class SourceFile {
public:
  enum class Kind {
    File,     ///< what the user wrote; places print as `path:line:column`
    Prelude,  ///< text embedded in the compiler; places print as `path:line:column` too
    Argument, ///< a command-line argument, such as the value of `--set n=4`; places print as `path`
  };

  /// The largest text accepted, in bytes. Descriptions are a page; offsets are 32 bits.
  static constexpr size_t maxSize = 4u << 20;

  /// `path` is what messages print. `text` longer than maxSize is cut there.
  SourceFile(std::string path, std::string text, Kind kind = Kind::File);
  SourceFile(const SourceFile &) = delete;
  SourceFile &operator=(const SourceFile &) = delete;

  /// Reads a file; `-` reads standard input and is called `<stdin>`. Returns null on failure, with
  /// a message that names the path in `error`.
  static std::unique_ptr<SourceFile> load(const std::string &path, std::string &error);

  const std::string &path() const { return path_; }
  std::string_view text() const { return text_; }
  Kind kind() const { return kind_; }

  uint32_t lineCount() const { return static_cast<uint32_t>(lineStarts_.size()); }
  /// Line `line` (from 1) without its line end.
  std::string_view lineText(uint32_t line) const;
  /// The offset of the first byte of line `line` (from 1).
  uint32_t lineStart(uint32_t line) const { return lineStarts_[line - 1]; }
  /// Line and column of a byte offset; offsets past the end count as the end.
  LineColumn lineColumn(uint32_t offset) const;

  SourceRange range(uint32_t begin, uint32_t end) const { return {this, begin, end}; }

private:
  std::string path_;
  std::string text_;
  Kind kind_;
  std::vector<uint32_t> lineStarts_;
};

/// `path:line:column`, or just `path` for a command-line argument; empty when not valid.
std::string toString(const SourceLocation &location);

} // namespace gptc

#endif // GPTC_MODEL_SOURCE_H
