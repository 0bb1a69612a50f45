// NumPy's .npz files: a ZIP archive of .npy members, stored or deflated (ZIP64 as well). Input is
// not trusted.
#ifndef GPTC_RUNTIME_DATA_NPZ_H
#define GPTC_RUNTIME_DATA_NPZ_H

#include "runtime/data/HostArray.h"

namespace gptc::runtime {

/// Which arrays an archive has. Nothing is decompressed until an array is read.
class NpzFile {
public:
  /// Maps `path` and reads its directory; messages begin with the path.
  static Result<NpzFile> open(const std::string &path);
  /// The same for bytes in memory that `owner` keeps alive.
  static Result<NpzFile> parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

  /// The arrays' names (members without their ".npy"), in the archive's order.
  const std::vector<std::string> &names() const { return names_; }

  /// Reads an array: a stored member is used where it lies, a deflated one is expanded. The
  /// checksum is verified. Errors: notFound, dataError, outOfMemory; the messages begin with the
  /// archive (if opened by path) and member.
  Result<HostArray> read(const std::string &name) const;

private:
  struct Member {
    uint64_t headerOffset;
    uint64_t compressedSize;
    uint64_t size;
    uint32_t checksum;
    uint16_t method;
  };
  Result<HostArray> readMember(const Member &member) const;
  Status readDirectory();
  Status readDirectoryEntry(uint64_t &position, uint64_t end);

  std::string path_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
  std::vector<std::string> names_;
  std::vector<Member> members_;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DATA_NPZ_H
