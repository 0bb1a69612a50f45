// ZIP archives (PKWARE's APPNOTE.TXT, sections 4.3 to 4.5) of .npy members. Sizes and places come
// from the central directory; each is checked against the archive's bytes before it is used.
#include "runtime/data/Npz.h"

#include "runtime/base/File.h"
#include "runtime/data/Npy.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <new>
#include <set>
#include <zlib.h>

namespace gptc::runtime {

namespace {

constexpr uint32_t endSignature = 0x06054b50, end64Signature = 0x06064b50,
                   locator64Signature = 0x07064b50, entrySignature = 0x02014b50,
                   localSignature = 0x04034b50;
constexpr uint64_t endBytes = 22, end64Bytes = 56, locator64Bytes = 20, entryBytes = 46,
                   localBytes = 30;
constexpr uint16_t methodStored = 0, methodDeflated = 8;

Status malformed(std::string message) {
  return {Code::dataError, "not a valid .npz file: " + std::move(message)};
}

/// The little-endian number at `position`, which must lie within `bytes`.
template <typename T> T load(std::span<const std::byte> bytes, uint64_t position) {
  T value;
  std::memcpy(&value, bytes.data() + position, sizeof(T));
  return value;
}

/// Whether [position, position + size) lies within [0, end).
bool fits(uint64_t position, uint64_t size, uint64_t end) {
  return position <= end && size <= end - position;
}

/// Names are not trusted: what a message shows of them is short and has no control characters.
std::string shownName(std::string_view name) {
  std::string shown;
  for (char c : name.substr(0, 80))
    shown += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
  return shown;
}

uint32_t checksumOf(std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef *>(bytes.data()), bytes.size()));
}

/// Expands raw deflate data into exactly `out`.
Status inflateInto(std::span<const std::byte> compressed, std::span<std::byte> out) {
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    return {Code::outOfMemory, "no memory to decompress it"};
  size_t taken = 0, made = 0;
  int result = Z_OK;
  constexpr size_t step = size_t{1} << 30; // zlib counts in 32 bits
  Bytef surplus;                           // one byte too many shows here
  while (result == Z_OK) {
    if (stream.avail_in == 0 && taken < compressed.size()) {
      size_t size = std::min(step, compressed.size() - taken);
      stream.next_in = const_cast<Bytef *>(reinterpret_cast<const Bytef *>(&compressed[taken]));
      stream.avail_in = static_cast<uInt>(size);
      taken += size;
    }
    if (stream.avail_out == 0) {
      size_t size = std::min(step, out.size() - made);
      stream.next_out = size > 0 ? reinterpret_cast<Bytef *>(&out[made]) : &surplus;
      stream.avail_out = size > 0 ? static_cast<uInt>(size) : 1;
      made += size > 0 ? size : 1;
    }
    result = inflate(&stream, Z_NO_FLUSH);
    if (made > out.size() && stream.avail_out == 0)
      break;
  }
  bool complete = result == Z_STREAM_END && stream.total_out == out.size() &&
                  stream.total_in == compressed.size();
  inflateEnd(&stream);
  return complete ? Status() : malformed("its compressed data is damaged");
}

} // namespace

Result<NpzFile> NpzFile::open(const std::string &path) {
  GPTC_ASSIGN(MappedFile file, MappedFile::open(path));
  Result<NpzFile> archive = parse(file.bytes(), file.owner());
  if (!archive.ok())
    return archive.status().within(path);
  archive->path_ = path;
  return archive;
}

Result<NpzFile> NpzFile::parse(std::span<const std::byte> bytes,
                               std::shared_ptr<const void> owner) {
  NpzFile archive;
  archive.bytes_ = bytes;
  archive.owner_ = std::move(owner);
  GPTC_RETURN_IF_ERROR(archive.readDirectory());
  return archive;
}

Status NpzFile::readDirectory() {
  // The end record stands last, but for a comment of up to 65535 bytes.
  uint64_t size = bytes_.size();
  if (size < endBytes)
    return malformed(fmt::format("{} bytes are too few", size));
  uint64_t end = size - endBytes;
  uint64_t lowest = end > 0xFFFF ? end - 0xFFFF : 0;
  while (load<uint32_t>(bytes_, end) != endSignature ||
         load<uint16_t>(bytes_, end + 20) != size - end - endBytes) {
    if (end == lowest)
      return malformed("it has no ZIP directory (is it cut short?)");
    --end;
  }
  uint64_t count = load<uint16_t>(bytes_, end + 10);
  uint64_t directorySize = load<uint32_t>(bytes_, end + 12);
  uint64_t directory = load<uint32_t>(bytes_, end + 16);
  if (load<uint16_t>(bytes_, end + 4) != 0)
    return malformed("archives in several parts are not supported");

  // ZIP64: a locator before the end record points to a wider one.
  uint64_t directoryEnd = end;
  if (end >= locator64Bytes && load<uint32_t>(bytes_, end - locator64Bytes) == locator64Signature) {
    uint64_t end64 = load<uint64_t>(bytes_, end - locator64Bytes + 8);
    if (!fits(end64, end64Bytes, end - locator64Bytes) ||
        load<uint32_t>(bytes_, end64) != end64Signature)
      return malformed("its ZIP64 end record is damaged");
    count = load<uint64_t>(bytes_, end64 + 32);
    directorySize = load<uint64_t>(bytes_, end64 + 40);
    directory = load<uint64_t>(bytes_, end64 + 48);
    directoryEnd = end64;
  }
  if (!fits(directory, directorySize, directoryEnd) || count > directorySize / entryBytes)
    return malformed("its directory does not lie within the file");

  uint64_t position = directory;
  for (uint64_t i = 0; i < count; ++i)
    GPTC_RETURN_IF_ERROR(readDirectoryEntry(position, directory + directorySize));
  // Members that share bytes are how a small archive unfolds into a huge one (Fifield, "A better
  // zip bomb", 2019).
  uint64_t taken = 0;
  for (const Member &member : members_)
    if (__builtin_add_overflow(taken, member.compressedSize + localBytes, &taken) || taken > size)
      return malformed("its arrays overlap");
  std::set<std::string_view> distinct;
  for (const std::string &name : names_)
    if (!distinct.insert(name).second)
      return malformed(fmt::format("it has two arrays named '{}'", shownName(name)));
  return {};
}

Status NpzFile::readDirectoryEntry(uint64_t &position, uint64_t end) {
  if (!fits(position, entryBytes, end) || load<uint32_t>(bytes_, position) != entrySignature)
    return malformed("its directory is damaged");
  uint16_t flags = load<uint16_t>(bytes_, position + 8);
  Member member;
  member.method = load<uint16_t>(bytes_, position + 10);
  member.checksum = load<uint32_t>(bytes_, position + 16);
  member.compressedSize = load<uint32_t>(bytes_, position + 20);
  member.size = load<uint32_t>(bytes_, position + 24);
  uint64_t nameBytes = load<uint16_t>(bytes_, position + 28);
  uint64_t extraBytes = load<uint16_t>(bytes_, position + 30);
  uint64_t commentBytes = load<uint16_t>(bytes_, position + 32);
  member.headerOffset = load<uint32_t>(bytes_, position + 42);
  if (!fits(position + entryBytes, nameBytes + extraBytes + commentBytes, end))
    return malformed("its directory is damaged");
  std::string name(reinterpret_cast<const char *>(bytes_.data()) + position + entryBytes,
                   nameBytes);

  // Values that do not fit into 32 bits stand in the ZIP64 extra field, in this order.
  uint64_t extra = position + entryBytes + nameBytes, extraEnd = extra + extraBytes;
  while (fits(extra, 4, extraEnd)) {
    uint16_t kind = load<uint16_t>(bytes_, extra);
    uint64_t field = extra + 4, fieldEnd = field + load<uint16_t>(bytes_, extra + 2);
    if (fieldEnd > extraEnd)
      return malformed("its directory is damaged");
    if (kind == 1)
      for (uint64_t *value : {&member.size, &member.compressedSize, &member.headerOffset})
        if (*value == 0xFFFFFFFFu) {
          if (!fits(field, 8, fieldEnd))
            return malformed("its directory is damaged");
          *value = load<uint64_t>(bytes_, field);
          field += 8;
        }
    extra = fieldEnd;
  }
  position = extraEnd + commentBytes;

  if (!name.ends_with(".npy"))
    return malformed(fmt::format("member '{}' is not a .npy array", shownName(name)));
  auto rejected = [&](std::string_view why) {
    return malformed(fmt::format("array '{}' {}", shownName(name), why));
  };
  name.resize(name.size() - 4);
  if (flags & 1)
    return rejected("is encrypted");
  if (member.method != methodStored && member.method != methodDeflated)
    return rejected(
        fmt::format("uses compression method {}; stored and deflate are supported", member.method));
  if (member.method == methodStored && member.compressedSize != member.size)
    return rejected("is stored with two different sizes");
  if (!fits(member.headerOffset, localBytes, bytes_.size()) ||
      !fits(member.headerOffset + localBytes, member.compressedSize, bytes_.size()))
    return rejected("does not lie within the file");
  // Deflate expands at most 1032 times (zlib's technical details): more is a lie, and would be a
  // huge allocation.
  if (member.method == methodDeflated && member.size / 1032 > member.compressedSize)
    return rejected(fmt::format("claims {} bytes from {} compressed ones, more than deflate can do",
                                member.size, member.compressedSize));
  names_.push_back(std::move(name));
  members_.push_back(member);
  return {};
}

Result<HostArray> NpzFile::readMember(const Member &member) const {
  uint64_t header = member.headerOffset;
  if (load<uint32_t>(bytes_, header) != localSignature)
    return malformed("its local header is damaged");
  uint64_t begin = header + localBytes + load<uint16_t>(bytes_, header + 26) +
                   load<uint16_t>(bytes_, header + 28);
  if (!fits(begin, member.compressedSize, bytes_.size()))
    return malformed("it does not lie within the file");
  std::span<const std::byte> content = bytes_.subspan(begin, member.compressedSize);
  std::shared_ptr<const void> owner = owner_;
  if (member.method == methodDeflated) {
    std::shared_ptr<std::byte[]> expanded(new (std::nothrow)
                                              std::byte[std::max<uint64_t>(1, member.size)]);
    if (!expanded)
      return Status(Code::outOfMemory, fmt::format("no memory for its {} bytes", member.size));
    GPTC_RETURN_IF_ERROR(inflateInto(content, {expanded.get(), member.size}));
    content = {expanded.get(), member.size};
    owner = std::move(expanded);
  }
  if (checksumOf(content) != member.checksum)
    return malformed("its checksum is wrong");
  return parseNpy(content, std::move(owner));
}

Result<HostArray> NpzFile::read(const std::string &name) const {
  std::string context = path_.empty() ? "" : path_ + ": ";
  auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end())
    return Status(Code::notFound, fmt::format("{}no array '{}'", context, shownName(name)));
  Result<HostArray> array = readMember(members_[static_cast<size_t>(found - names_.begin())]);
  if (!array.ok())
    return array.status().within(fmt::format("{}array '{}'", context, shownName(name)));
  return array;
}

} // namespace gptc::runtime
