// Files: read whole, mapped into memory, or written so that a reader sees the old content or the
// new, never a half.
#ifndef GPTC_RUNTIME_BASE_FILE_H
#define GPTC_RUNTIME_BASE_FILE_H

#include "runtime/base/FunctionRef.h"
#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace gptc::runtime {

/// The whole content of a file (a pipe will do). Errors: notFound, ioError (with the system's
/// reason).
Result<std::string> readWholeFile(const std::string &path);

/// A regular file mapped read-only. The mapping lives as long as any copy of the MappedFile, or of
/// owner(). A file that another process shortens meanwhile raises SIGBUS on access, as with every
/// mapping.
class MappedFile {
public:
  static Result<MappedFile> open(const std::string &path);

  const std::string &path() const { return path_; }
  /// The content; an empty file gives an empty span.
  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const {
    return {reinterpret_cast<const char *>(bytes_.data()), bytes_.size()};
  }
  /// Keeps the mapping alive without the MappedFile.
  const std::shared_ptr<const void> &owner() const { return owner_; }

private:
  std::string path_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
};

/// Where the content of a file that is being written goes. Buffered; the first failure sticks.
class FileWriter {
public:
  /// `path` is what messages name; `descriptor` stays the caller's to close.
  FileWriter(int descriptor, std::string path);
  FileWriter(const FileWriter &) = delete;
  FileWriter &operator=(const FileWriter &) = delete;

  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text) { return write(std::as_bytes(std::span(text))); }
  /// Hands what is buffered to the system.
  Status flush();
  /// Bytes written so far.
  uint64_t position() const { return position_; }

private:
  Status writeThrough(const std::byte *data, size_t size);

  int descriptor_;
  std::string path_;
  std::string buffer_;
  uint64_t position_ = 0;
  Status status_;
};

/// Writes `path` as one step: into a file with a unique name in the same folder, which is fsynced
/// and renamed over `path`; then the folder is fsynced. If anything fails, also `write` itself,
/// `path` is as before and nothing is left beside it. A symbolic link is followed; an existing file
/// keeps its permissions; a device or pipe (/dev/stdout) is written directly.
Status writeFileAtomically(const std::string &path, FunctionRef<Status(FileWriter &)> write);
Status writeFileAtomically(const std::string &path, std::span<const std::byte> bytes);
Status writeFileAtomically(const std::string &path, std::string_view text);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_BASE_FILE_H
