// .npz archives: numpy's own, and archives that lie.
#include "runtime/data/Npz.h"

#include "runtime/data/Npy.h"
#include "test/Runtime/TestFiles.h"

#include <zlib.h>

using namespace gptc::runtime;
using namespace gptc::runtime::test;
using ::testing::ElementsAre;

namespace {

std::string deflated(const std::string &content) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(compressBound(content.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef *>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// One member of an archive as its directory describes it; the fields can be made to lie.
struct Member {
  std::string name = "a.npy";
  std::string content; ///< what lies in the archive
  uint64_t size;       ///< the size that is claimed
  uint32_t checksum;
  uint16_t method = 0;
  uint16_t flags = 0;
  int64_t sizeClaim = -1; ///< compressed size that is claimed, if not the true one

  explicit Member(const std::string &plain, bool compress = false)
      : content(compress ? deflated(plain) : plain), size(plain.size()),
        checksum(static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef *>(plain.data()),
                                             static_cast<uInt>(plain.size())))),
        method(compress ? 8 : 0) {}
};

std::string archive(const std::vector<Member> &members, const std::string &comment = "") {
  std::string file, directory;
  for (const Member &member : members) {
    uint32_t offset = static_cast<uint32_t>(file.size());
    uint32_t packed = static_cast<uint32_t>(
        member.sizeClaim < 0 ? static_cast<int64_t>(member.content.size()) : member.sizeClaim);
    std::string common = raw(member.flags) + raw(member.method) + raw(uint32_t{0}) +
                         raw(member.checksum) + raw(packed) +
                         raw(static_cast<uint32_t>(member.size)) +
                         raw(static_cast<uint16_t>(member.name.size())) + raw(uint16_t{0});
    file += "PK\3\4" + raw(uint16_t{20}) + common + member.name + member.content;
    directory += "PK\1\2" + raw(uint16_t{20}) + raw(uint16_t{20}) + common + raw(uint16_t{0}) +
                 raw(uint16_t{0}) + raw(uint16_t{0}) + raw(uint32_t{0}) + raw(offset) + member.name;
  }
  uint32_t begin = static_cast<uint32_t>(file.size());
  uint16_t count = static_cast<uint16_t>(members.size());
  return file + directory + "PK\5\6" + raw(uint32_t{0}) + raw(count) + raw(count) +
         raw(static_cast<uint32_t>(directory.size())) + raw(begin) +
         raw(static_cast<uint16_t>(comment.size())) + comment;
}

std::string npyOf(const std::vector<float> &values) {
  return *npyHeader(HostType::float32, std::vector<int64_t>{static_cast<int64_t>(values.size())}) +
         rawAll(values);
}

Result<NpzFile> parse(const std::string &file) { return NpzFile::parse(asBytes(file), nullptr); }

/// The status of opening the archive and reading the array "a".
Status readA(const std::string &file) {
  auto opened = parse(file);
  return opened.ok() ? opened->read("a").status() : opened.status();
}

} // namespace

TEST(Npz, ReadsNumpysFiles) {
  for (const char *name : {"stored.npz", "deflated.npz"}) {
    auto file = NpzFile::open(fixture(name));
    ASSERT_SUCCESS(file);
    auto values = file->read("values");
    ASSERT_SUCCESS(values);
    EXPECT_EQ(values->shape, (std::vector<int64_t>{3, 4}));
    std::vector<float> floats(12);
    copyAsFloat32(*values, 0, floats);
    EXPECT_EQ(floats[11], 1.375f);
    auto integers = file->read("integers");
    ASSERT_SUCCESS(integers);
    std::vector<int32_t> ints(3);
    ASSERT_SUCCESS(copyAsInt32(*integers, 0, ints));
    EXPECT_THAT(ints, ElementsAre(-3, 0, 2147483647));
    expectFailure(file->read("none"), Code::notFound, {fixture(name), "no array 'none'"});
  }
  EXPECT_THAT(NpzFile::open(fixture("deflated.npz"))->names(),
              ElementsAre("values", "integers", "zeros"));
}

TEST(Npz, ArraysOutliveTheArchive) {
  Result<HostArray> array = Status(Code::internal, "");
  {
    auto file = NpzFile::open(fixture("stored.npz"));
    ASSERT_SUCCESS(file);
    array = file->read("values");
  }
  ASSERT_SUCCESS(array);
  std::vector<float> floats(12);
  copyAsFloat32(*array, 0, floats);
  EXPECT_EQ(floats[1], 0.125f);
}

TEST(Npz, ReadsOwnArchives) {
  for (bool compress : {false, true}) {
    Member first(npyOf({1, 2, 3}), compress), second(npyOf({}), compress);
    second.name = "b.npy";
    std::string bytes = archive({first, second}, "a comment");
    auto file = parse(bytes);
    ASSERT_SUCCESS(file);
    EXPECT_THAT(file->names(), ElementsAre("a", "b"));
    auto a = file->read("a");
    ASSERT_SUCCESS(a);
    EXPECT_EQ(a->count(), 3);
    auto b = file->read("b");
    ASSERT_SUCCESS(b);
    EXPECT_EQ(b->count(), 0);
  }
  ASSERT_SUCCESS(parse(archive({})));
}

TEST(Npz, EveryTruncationIsAnError) {
  std::string good = archive({Member(npyOf({1, 2, 3}), true)});
  ASSERT_SUCCESS(readA(good));
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(readA(good.substr(0, size)).ok()) << size;
}

TEST(Npz, DamagedBytesDoNotCrash) {
  for (bool compress : {false, true}) {
    std::string good = archive({Member(npyOf({1, 2, 3}), compress)});
    for (size_t i = 0; i < good.size(); ++i)
      for (char flip : {'\1', '\x80', '\xff'}) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ flip);
        (void)readA(bad); // must come back; most fail, some fields (dates) do not matter
      }
  }
}

TEST(Npz, LiesAreErrors) {
  std::string npy = npyOf({1, 2, 3});
  auto expectBad = [](const std::vector<Member> &members, const std::string &part) {
    expectFailure(readA(archive(members)), Code::dataError, {"not a valid", part});
  };
  expectFailure(readA("PK"), Code::dataError, {"too few"});
  expectFailure(readA(std::string(100, 'x')), Code::dataError, {"no ZIP directory"});

  Member wrongChecksum(npy);
  wrongChecksum.checksum ^= 1;
  expectBad({wrongChecksum}, "checksum");
  Member wrongSize(npy);
  wrongSize.size += 1;
  expectBad({wrongSize}, "two different sizes");
  Member outside(npy);
  outside.sizeClaim = 1 << 30;
  outside.size = 1 << 30;
  expectBad({outside}, "does not lie within the file");
  Member bomb(npy, true);
  bomb.size = 0xFFFFFFFE;
  expectBad({bomb}, "more than deflate can do");
  for (int off : {-1, 1}) {
    Member wrongExpansion(npy, true);
    wrongExpansion.size += static_cast<uint64_t>(off);
    expectBad({wrongExpansion}, "compressed data is damaged");
  }
  Member cut(npy, true);
  cut.content.resize(cut.content.size() - 3);
  expectBad({cut}, "compressed data is damaged");
  Member trailing(npy, true);
  trailing.content += "x";
  expectBad({trailing}, "compressed data is damaged");
  Member encrypted(npy);
  encrypted.flags = 1;
  expectBad({encrypted}, "encrypted");
  Member method(npy, true);
  method.method = 12;
  expectBad({method}, "compression method 12");
  Member text(npy);
  text.name = "notes.txt";
  expectBad({text}, "'notes.txt' is not a .npy array");
  expectBad({Member(npy), Member(npy)}, "two arrays named 'a'");
  expectBad({Member("no npy")}, "array 'a': not a valid .npy file");
  Member hidden("no npy");
  hidden.name = "\x1b[2J.txt";
  expectBad({hidden}, "'?[2J.txt'");
}

TEST(Npz, OverlappingMembersAreErrors) {
  // Two directory entries for one member.
  std::string one = archive({Member(npyOf({1, 2, 3}))});
  size_t directory = one.find("PK\1\2");
  std::string entry = one.substr(directory, one.size() - 22 - directory), second = entry;
  second.replace(second.find("a.npy"), 1, "b");
  std::string end = one.substr(one.size() - 22);
  end.replace(8, 2, raw(uint16_t{2})).replace(10, 2, raw(uint16_t{2}));
  end.replace(12, 4, raw(static_cast<uint32_t>(2 * entry.size())));
  expectFailure(readA(one.substr(0, directory) + entry + second + end), Code::dataError,
                {"overlap"});
}

TEST(Npz, Zip64) {
  // The same archive with its end record in ZIP64 form: 32-bit fields saturated, the true values
  // before it.
  std::string good = archive({Member(npyOf({1, 2, 3}))});
  std::string body = good.substr(0, good.size() - 22);
  uint64_t directory = body.find("PK\1\2");
  std::string end64 = "PK\6\6" + raw(uint64_t{44}) + raw(uint32_t{45 << 16 | 45}) +
                      raw(uint64_t{0}) + raw(uint64_t{1}) + raw(uint64_t{1}) +
                      raw(uint64_t{body.size() - directory}) + raw(directory);
  auto withLocator = [&](uint64_t place) {
    return body + end64 + "PK\6\7" + raw(uint32_t{0}) + raw(place) + raw(uint32_t{1}) + "PK\5\6" +
           raw(uint32_t{0}) + raw(uint16_t{0xFFFF}) + raw(uint16_t{0xFFFF}) + raw(uint32_t{~0u}) +
           raw(uint32_t{~0u}) + raw(uint16_t{0});
  };
  ASSERT_SUCCESS(readA(withLocator(body.size())));
  expectFailure(readA(withLocator(body.size() + 1)), Code::dataError, {"ZIP64"});
  expectFailure(readA(withLocator(~uint64_t{0} - 8)), Code::dataError, {"ZIP64"});
}
