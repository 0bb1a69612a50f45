// Files: whole reads, mappings, and that an atomic write leaves the old file or the new one.
#include "runtime/base/File.h"

#include "test/Runtime/TestFiles.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace gptc::runtime;
using namespace gptc::runtime::test;
using ::testing::ElementsAre;

TEST(File, ReadsWhatWasWritten) {
  TemporaryFolder folder;
  for (size_t size : {size_t{0}, size_t{1}, size_t{65536}, size_t{3} << 20}) {
    std::string content(size, 'x');
    for (size_t i = 0; i < size; ++i)
      content[i] = static_cast<char>(i * 7 + i / 256);
    std::string path = folder.write("file", content);
    auto read = readWholeFile(path);
    ASSERT_SUCCESS(read);
    EXPECT_TRUE(*read == content) << size;
    auto mapped = MappedFile::open(path);
    ASSERT_SUCCESS(mapped);
    EXPECT_TRUE(mapped->text() == content) << size;
  }
  EXPECT_THAT(folder.names(), ElementsAre("file"));
}

TEST(File, ReadsFilesWhoseSizeIsNotKnown) {
  auto content = readWholeFile("/proc/self/status"); // its size is given as 0
  ASSERT_SUCCESS(content);
  EXPECT_THAT(*content, ::testing::StartsWith("Name:"));
}

TEST(File, MappingOutlivesTheMappedFile) {
  TemporaryFolder folder;
  std::string path = folder.write("file", "content");
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
  {
    auto mapped = MappedFile::open(path);
    ASSERT_SUCCESS(mapped);
    owner = mapped->owner();
    bytes = mapped->bytes();
  }
  EXPECT_EQ(bytes.size(), 7u);
  EXPECT_EQ(static_cast<char>(bytes[6]), 't');
}

TEST(File, ErrorsNamePathAndReason) {
  TemporaryFolder folder;
  expectFailure(readWholeFile(folder / "none"), Code::notFound,
                {folder / "none", "No such file or directory"});
  expectFailure(MappedFile::open(folder / "none"), Code::notFound, {folder / "none"});
  expectFailure(readWholeFile(folder.path()), Code::ioError, {folder.path(), "Is a directory"});
  expectFailure(MappedFile::open(folder.path()), Code::ioError, {folder.path(), "Is a directory"});
  expectFailure(MappedFile::open("/dev/null"), Code::ioError, {"/dev/null", "not a regular file"});
  expectFailure(writeFileAtomically(folder / "no/such/folder", std::string_view("x")),
                Code::notFound, {folder / "no/such/folder", "cannot write"});
  expectFailure(writeFileAtomically(folder.path(), std::string_view("x")), Code::ioError,
                {folder.path(), "Is a directory"});
}

TEST(File, FailedWriteLeavesTheOldFile) {
  TemporaryFolder folder;
  std::string path = folder.write("file", "old");
  Status status = writeFileAtomically(path, [&](FileWriter &writer) -> Status {
    EXPECT_TRUE(writer.write(std::string(5 << 20, 'n')).ok());
    return {Code::dataError, "the writer gave up"};
  });
  expectFailure(status, Code::dataError, {"the writer gave up"});
  EXPECT_EQ(*readWholeFile(path), "old");
  EXPECT_THAT(folder.names(), ElementsAre("file"));

  status = writeFileAtomically(folder / "new",
                               [](FileWriter &) -> Status { return {Code::dataError, "no"}; });
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(folder.names(), ElementsAre("file"));
}

TEST(File, WriterErrorSticksAndPreventsTheRename) {
  TemporaryFolder folder;
  std::string path = folder.write("file", "old");
  Status status = writeFileAtomically(path, [&](FileWriter &) -> Status {
    // A descriptor that refuses every byte, as a full disk does.
    int full = ::open("/dev/full", O_WRONLY);
    FileWriter writer(full, "full disk");
    EXPECT_TRUE(writer.write(std::string_view("buffered")).ok());
    Status first = writer.flush();
    EXPECT_FALSE(writer.write(std::string_view("more")).ok());
    ::close(full);
    return first;
  });
  expectFailure(status, Code::ioError, {"full disk", "No space left on device"});
  EXPECT_EQ(*readWholeFile(path), "old");
  EXPECT_THAT(folder.names(), ElementsAre("file"));
}

TEST(File, FollowsLinksAndKeepsPermissions) {
  TemporaryFolder folder;
  std::string target = folder.write("real/target", "old");
  ASSERT_EQ(::chmod(target.c_str(), 0640), 0);
  ASSERT_EQ(::symlink("real/target", (folder / "link").c_str()), 0);
  ASSERT_EQ(::symlink("link", (folder / "link2").c_str()), 0);
  ASSERT_SUCCESS(writeFileAtomically(folder / "link2", std::string_view("new")));
  EXPECT_EQ(*readWholeFile(target), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  struct stat info;
  ASSERT_EQ(::stat(target.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);

  ASSERT_EQ(::symlink("circle", (folder / "circle").c_str()), 0);
  EXPECT_FALSE(writeFileAtomically(folder / "circle", std::string_view("x")).ok());
  ASSERT_EQ(::symlink("made", (folder / "dangling").c_str()), 0);
  ASSERT_SUCCESS(writeFileAtomically(folder / "dangling", std::string_view("new")));
  EXPECT_EQ(*readWholeFile(folder / "made"), "new");
}

TEST(File, DevicesAreWrittenDirectly) {
  ASSERT_SUCCESS(writeFileAtomically("/dev/null", std::string_view("gone")));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  expectFailure(writeFileAtomically("/dev/full", std::string_view("x")), Code::ioError,
                {"/dev/full", "No space left"});
}
