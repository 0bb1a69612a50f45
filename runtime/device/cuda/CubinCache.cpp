// The cache of compiled modules.
#include "runtime/device/cuda/CubinCache.h"

#include "runtime/base/File.h"
#include "runtime/base/Hash.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gptc::runtime::cuda {

namespace fs = std::filesystem;

namespace {

/// Grows when the form of entries changes.
constexpr std::string_view magic = "gptccub1";
constexpr size_t keyBytes = 32;

struct Header {
  char magic[8];
  char key[keyBytes];
  uint64_t cubinBytes;
  uint64_t logBytes;
  uint64_t checksum; ///< FNV-1a (64 bits) of the cubin and the log
};
static_assert(sizeof(Header) == 64);

uint64_t checksumOf(std::string_view cubin, std::string_view log) {
  return fnv1a64(log, fnv1a64(cubin));
}

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

/// This user's folder among the temporary files.
std::string temporaryFolder() {
  std::error_code error;
  fs::path path = fs::temp_directory_path(error);
  return fmt::format("{}/gptc-cache-{}", error ? "/tmp" : path.string(), geteuid());
}

/// Where anybody can make folders and links, this user's are told by who owns them.
Status checkOwnFolder(const std::string &folder) {
  struct stat info;
  if (lstat(folder.c_str(), &info) != 0)
    return {Code::ioError, fmt::format("{}: {}", folder, std::strerror(errno))};
  if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)))
    return {Code::ioError, fmt::format("{}: not a folder that belongs to this user alone", folder)};
  return {};
}

Status makeTemporaryFolder(const std::string &folder) {
  if (mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST)
    return {Code::ioError, fmt::format("{}: {}", folder, std::strerror(errno))};
  return checkOwnFolder(folder);
}

Status makeFolder(const std::string &folder) {
  if (folder == temporaryFolder())
    return makeTemporaryFolder(folder);
  std::error_code error;
  fs::create_directories(folder, error);
  return error ? Status(Code::ioError, fmt::format("{}: {}", folder, error.message())) : Status();
}

} // namespace

std::string CubinCache::defaultFolder() {
  if (std::string folder = environment("GPTC_CACHE_DIR"); !folder.empty())
    return folder;
  if (std::string folder = environment("XDG_CACHE_HOME"); !folder.empty())
    return folder + "/gptc";
  if (std::string folder = environment("HOME"); !folder.empty())
    return folder + "/.cache/gptc";
  return temporaryFolder();
}

CubinCache::CubinCache(std::string folder, Note note)
    : folder_(std::move(folder)), temporary_(folder_ == temporaryFolder()), note_(std::move(note)) {
}

std::string CubinCache::key(std::span<const std::string_view> parts) {
  // FNV-1a with 128 bits: chance collisions are out of the question, and nobody gains from a
  // planned one in a folder of their own.
  __extension__ using Wide = unsigned __int128;
  constexpr Wide prime = (Wide(1) << 88) + 0x13b;
  Wide hash = (Wide(0x6c62272e07bb0142u) << 64) + 0x62b821756295c58du;
  auto add = [&](std::string_view bytes) {
    for (char c : bytes)
      hash = (hash ^ static_cast<unsigned char>(c)) * prime;
  };
  for (std::string_view part : parts) {
    add(fmt::format("{}:", part.size())); // so that no two lists of parts run together alike
    add(part);
  }
  return fmt::format("{:016x}{:016x}", static_cast<uint64_t>(hash >> 64),
                     static_cast<uint64_t>(hash));
}

std::optional<CubinCache::Entry> CubinCache::find(const std::string &key) const {
  if (temporary_ && !checkOwnFolder(folder_).ok())
    return std::nullopt;
  Result<std::string> bytes = readWholeFile(pathOf(key));
  Header header;
  if (!bytes.ok() || bytes->size() < sizeof header)
    return std::nullopt;
  std::memcpy(&header, bytes->data(), sizeof header);
  uint64_t content = bytes->size() - sizeof header;
  if (std::string_view(header.magic, sizeof header.magic) != magic ||
      std::string_view(header.key, keyBytes) != key || header.cubinBytes > content ||
      header.logBytes != content - header.cubinBytes)
    return std::nullopt;
  Entry entry{bytes->substr(sizeof header, header.cubinBytes),
              bytes->substr(sizeof header + header.cubinBytes)};
  if (checksumOf(entry.cubin, entry.log) != header.checksum)
    return std::nullopt;
  return entry;
}

void CubinCache::store(const std::string &key, const Entry &entry) {
  if (disabled_)
    return;
  Header header;
  std::memcpy(header.magic, magic.data(), sizeof header.magic);
  std::memcpy(header.key, key.data(), keyBytes);
  header.cubinBytes = entry.cubin.size();
  header.logBytes = entry.log.size();
  header.checksum = checksumOf(entry.cubin, entry.log);
  Status status = makeFolder(folder_);
  if (status.ok())
    status = writeFileAtomically(pathOf(key), [&](FileWriter &writer) -> Status {
      GPTC_RETURN_IF_ERROR(writer.write(std::as_bytes(std::span(&header, 1))));
      GPTC_RETURN_IF_ERROR(writer.write(entry.cubin));
      return writer.write(entry.log);
    });
  if (!status.ok())
    warn(status);
}

void CubinCache::warn(const Status &status) {
  disabled_ = true;
  std::lock_guard lock(noteMutex_);
  if (!warned_ && note_)
    note_(fmt::format("warning: compiled kernels cannot be kept for the next start: {} "
                      "(GPTC_CACHE_DIR names another folder)",
                      status.message()));
  warned_ = true;
}

std::string CubinCache::keepForReading(const std::string &name, std::string_view text) const {
  for (const std::string &folder : {folder_, temporaryFolder()}) {
    std::string path = folder + "/" + name;
    if (makeFolder(folder).ok() && writeFileAtomically(path, text).ok())
      return path;
  }
  return "";
}

} // namespace gptc::runtime::cuda
