// Files: whole reads, mappings, and atomic writes. POSIX calls, since the C++ library can neither
// fsync nor map.
#include "runtime/base/File.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gptc::runtime {

namespace {

constexpr size_t bufferBytes = size_t{1} << 20;

/// A file descriptor that closes itself.
class Descriptor {
public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  ~Descriptor() {
    if (value_ >= 0)
      ::close(value_);
  }
  int get() const { return value_; }
  /// Closes now and reports what the system says: a network file system may refuse data only here.
  bool close() { return ::close(std::exchange(value_, -1)) == 0; }

private:
  int value_;
};

Status systemError(const std::string &path, const char *action, int error) {
  Code code = error == ENOENT || error == ENOTDIR ? Code::notFound
              : error == ENOMEM                   ? Code::outOfMemory
                                                  : Code::ioError;
  return {code, fmt::format("{}: cannot {}: {}", path, action, std::strerror(error))};
}

int openRetrying(const char *path, int flags, mode_t mode = 0) {
  int descriptor;
  do {
    descriptor = ::open(path, flags | O_CLOEXEC, mode);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

std::string folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// The file that a chain of symbolic links ends in; it need not exist.
Result<std::string> followLinks(std::string path) {
  const std::string asked = path;
  for (int links = 0; links < 40; ++links) {
    char target[PATH_MAX];
    ssize_t length = ::readlink(path.c_str(), target, sizeof target);
    if (length < 0)
      return path; // no link, or nothing there yet: opening it will tell
    std::string next(target, static_cast<size_t>(length));
    path = next.starts_with('/') ? next : folderOf(path) + '/' + next;
  }
  return systemError(asked, "write", ELOOP);
}

/// A new file in `folder` that no other process has.
Result<std::string> createTemporary(const std::string &folder, const std::string &path,
                                    int &descriptor) {
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    std::string name = fmt::format("{}/.gptc-{}-{}.tmp", folder, ::getpid(), counter++);
    descriptor = openRetrying(name.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (descriptor >= 0)
      return name;
    if (errno != EEXIST)
      return systemError(path, "write", errno);
  }
  return systemError(path, "write", EEXIST);
}

/// What is not a regular file has no older content to keep: it is opened and written.
Status writeDirectly(const std::string &path, FunctionRef<Status(FileWriter &)> write) {
  Descriptor descriptor(openRetrying(path.c_str(), O_WRONLY));
  if (descriptor.get() < 0)
    return systemError(path, "write", errno);
  FileWriter writer(descriptor.get(), path);
  GPTC_RETURN_IF_ERROR(write(writer));
  return writer.flush();
}

} // namespace

Result<std::string> readWholeFile(const std::string &path) {
  Descriptor descriptor(openRetrying(path.c_str(), O_RDONLY));
  if (descriptor.get() < 0)
    return systemError(path, "read", errno);
  struct stat info;
  std::string content;
  if (::fstat(descriptor.get(), &info) == 0 && S_ISREG(info.st_mode))
    content.reserve(static_cast<size_t>(info.st_size) + 1);
  size_t length = 0;
  while (true) {
    if (content.size() < length + 1)
      content.resize(std::max({content.capacity(), length * 2, size_t{1} << 16}));
    ssize_t got = ::read(descriptor.get(), content.data() + length, content.size() - length);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return systemError(path, "read", errno);
    if (got == 0)
      break;
    length += static_cast<size_t>(got);
  }
  content.resize(length);
  return content;
}

Result<MappedFile> MappedFile::open(const std::string &path) {
  Descriptor descriptor(openRetrying(path.c_str(), O_RDONLY));
  if (descriptor.get() < 0)
    return systemError(path, "read", errno);
  struct stat info;
  if (::fstat(descriptor.get(), &info) != 0)
    return systemError(path, "read", errno);
  if (S_ISDIR(info.st_mode))
    return systemError(path, "read", EISDIR);
  if (!S_ISREG(info.st_mode))
    return Status(Code::ioError, fmt::format("{}: cannot read: not a regular file", path));

  MappedFile file;
  file.path_ = path;
  size_t size = static_cast<size_t>(info.st_size);
  if (size == 0)
    return file;
  void *address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor.get(), 0);
  if (address == MAP_FAILED)
    return systemError(path, "map", errno);
  file.owner_ = std::shared_ptr<const void>(
      address, [size](const void *start) { ::munmap(const_cast<void *>(start), size); });
  file.bytes_ = {static_cast<const std::byte *>(address), size};
  return file;
}

FileWriter::FileWriter(int descriptor, std::string path)
    : descriptor_(descriptor), path_(std::move(path)) {}

Status FileWriter::write(std::span<const std::byte> bytes) {
  if (!status_.ok() || bytes.empty())
    return status_;
  if (buffer_.size() + bytes.size() > bufferBytes)
    GPTC_RETURN_IF_ERROR(flush());
  position_ += bytes.size();
  if (bytes.size() >= bufferBytes)
    return status_ = writeThrough(bytes.data(), bytes.size());
  buffer_.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  return {};
}

Status FileWriter::flush() {
  if (!status_.ok())
    return status_;
  status_ = writeThrough(reinterpret_cast<const std::byte *>(buffer_.data()), buffer_.size());
  buffer_.clear();
  return status_;
}

Status FileWriter::writeThrough(const std::byte *data, size_t size) {
  while (size > 0) {
    ssize_t written = ::write(descriptor_, data, size);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return systemError(path_, "write", errno);
    data += written;
    size -= static_cast<size_t>(written);
  }
  return {};
}

Status writeFileAtomically(const std::string &path, FunctionRef<Status(FileWriter &)> write) {
  struct stat info;
  bool exists = ::stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode))
    return systemError(path, "write", EISDIR);
  if (exists && !S_ISREG(info.st_mode))
    return writeDirectly(path, write);
  // A rename needs leave to write the folder only; a file made read-only is meant to stay.
  if (exists && ::access(path.c_str(), W_OK) != 0)
    return systemError(path, "write", errno);

  GPTC_ASSIGN(std::string target, followLinks(path));
  std::string folder = folderOf(target);
  int rawDescriptor = -1;
  GPTC_ASSIGN(std::string temporary, createTemporary(folder, path, rawDescriptor));
  Descriptor descriptor(rawDescriptor);
  if (exists)
    (void)!::fchmod(descriptor.get(), info.st_mode & 07777); // a file system may lack permissions

  FileWriter writer(descriptor.get(), path);
  Status status = write(writer);
  if (status.ok())
    status = writer.flush();
  if (status.ok() && ::fsync(descriptor.get()) != 0)
    status = systemError(path, "write", errno);
  if (!descriptor.close() && status.ok())
    status = systemError(path, "write", errno);
  if (status.ok() && ::rename(temporary.c_str(), target.c_str()) != 0)
    status = systemError(path, "write", errno);
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  // The rename is done: a folder that cannot be synced (some network file systems) is not a failed
  // write.
  Descriptor folderDescriptor(openRetrying(folder.c_str(), O_RDONLY | O_DIRECTORY));
  if (folderDescriptor.get() >= 0)
    (void)::fsync(folderDescriptor.get());
  return {};
}

Status writeFileAtomically(const std::string &path, std::span<const std::byte> bytes) {
  return writeFileAtomically(path, [&](FileWriter &writer) { return writer.write(bytes); });
}

Status writeFileAtomically(const std::string &path, std::string_view text) {
  return writeFileAtomically(path, std::as_bytes(std::span(text)));
}

} // namespace gptc::runtime
