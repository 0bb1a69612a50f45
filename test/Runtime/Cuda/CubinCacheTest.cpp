// The cache of compiled modules: what is found again, and what damage and unusable folders do.
#include "runtime/device/cuda/CubinCache.h"

#include "test/Runtime/TestFiles.h"

#include <array>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace gptc::runtime::cuda {
namespace {

using test::TemporaryFolder;

std::string keyOf(std::vector<std::string_view> parts) { return CubinCache::key(parts); }

TEST(CubinCache, KeysTellPartsApart) {
  std::set<std::string> keys = {keyOf({}),          keyOf({""}),           keyOf({"", ""}),
                                keyOf({"ab", "c"}), keyOf({"a", "bc"}),    keyOf({"abc"}),
                                keyOf({"c", "ab"}), keyOf({"ab", "c", ""})};
  EXPECT_EQ(keys.size(), 8u);
  for (const std::string &key : keys)
    EXPECT_EQ(key.size(), 32u);
  EXPECT_EQ(keyOf({"ab", "c"}), keyOf({"ab", "c"}));
}

TEST(CubinCache, FindsWhatWasStored) {
  TemporaryFolder folder;
  CubinCache cache(folder / "new/cache", {});
  std::string key = keyOf({"source"}), other = keyOf({"another"});
  EXPECT_FALSE(cache.find(key));
  std::string cubin("\0\x7f ELF", 6);
  cache.store(key, {cubin, "the log"});
  cache.store(other, {"", ""});
  std::optional<CubinCache::Entry> entry = CubinCache(folder / "new/cache", {}).find(key);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->cubin, cubin);
  EXPECT_EQ(entry->log, "the log");
  ASSERT_TRUE(cache.find(other));
  EXPECT_EQ(cache.find(other)->cubin, "");
}

TEST(CubinCache, TakesNoDamagedEntryAndReplacesIt) {
  TemporaryFolder folder;
  std::string warnings;
  CubinCache cache(folder.path(), [&](std::string_view text) { warnings += text; });
  std::string key = keyOf({"source"});
  cache.store(key, {"some machine code", "log"});
  std::string path = folder / (key + ".cubin"), good = *readWholeFile(path);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string damaged = good;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    folder.write(key + ".cubin", damaged);
    EXPECT_FALSE(cache.find(key)) << i;
    folder.write(key + ".cubin", good.substr(0, i));
    EXPECT_FALSE(cache.find(key)) << i;
  }
  folder.write(key + ".cubin", good + "!");
  EXPECT_FALSE(cache.find(key));
  cache.store(key, {"some machine code", "log"});
  ASSERT_TRUE(cache.find(key));
  EXPECT_EQ(*readWholeFile(path), good);
  EXPECT_EQ(warnings, "");
}

TEST(CubinCache, AnUnusableFolderIsOneWarning) {
  TemporaryFolder folder;
  // A file where a folder should be, a folder that nobody can write to, a full disk.
  std::vector<std::string> unusable = {folder.write("file", "") + "/cache", "/proc/self/fdinfo"};
  if (access("/dev/full", W_OK) == 0) {
    std::filesystem::create_directory(folder / "full");
    std::filesystem::create_symlink("/dev/full", folder / ("full/" + keyOf({"x"}) + ".cubin"));
    unusable.push_back(folder / "full");
  }
  for (const std::string &path : unusable) {
    std::vector<std::string> warnings;
    CubinCache cache(path, [&](std::string_view text) { warnings.emplace_back(text); });
    for (int i = 0; i < 3; ++i)
      cache.store(keyOf({"x"}), {std::string(1 << 20, 'c'), ""});
    ASSERT_EQ(warnings.size(), 1u) << path;
    EXPECT_THAT(warnings[0], testing::HasSubstr(path));
    EXPECT_THAT(warnings[0], testing::HasSubstr("GPTC_CACHE_DIR"));
  }
}

TEST(CubinCache, IsSharedByProcessesAndThreads) {
  TemporaryFolder folder;
  // Each writes and reads the same few entries; what is found must be whole.
  auto work = [&](int seed) {
    CubinCache cache(folder.path(), [](std::string_view) { _exit(3); });
    for (int i = 0; i < 60; ++i) {
      std::string name = std::to_string((i + seed) % 4), key = keyOf({name});
      std::string content(10000, name[0]);
      std::optional<CubinCache::Entry> entry = cache.find(key);
      if (entry && (entry->cubin != content || entry->log != name))
        _exit(2);
      cache.store(key, {content, name});
      if (!cache.find(key)) // renames never leave a gap
        _exit(1);
    }
  };
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    pid_t child = fork();
    if (child == 0) {
      std::thread other([&] { work(i + 1); });
      work(i);
      other.join();
      _exit(0);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(folder.names().size(), 4u); // nothing is left beside the entries
}

TEST(CubinCache, FolderIsTheEnvironments) {
  struct Variables {
    const char *cache, *xdg, *home, *expected;
  };
  for (const Variables &v : std::initializer_list<Variables>{{"/a", "/b", "/c", "/a"},
                                                             {"", "/b", "/c", "/b/gptc"},
                                                             {"", "", "/c", "/c/.cache/gptc"}}) {
    setenv("GPTC_CACHE_DIR", v.cache, 1);
    setenv("XDG_CACHE_HOME", v.xdg, 1);
    setenv("HOME", v.home, 1);
    EXPECT_EQ(CubinCache::defaultFolder(), v.expected);
  }
}

/// Without a home the cache is where everybody can write: only what is the user's own is used.
TEST(CubinCache, AmongTemporaryFilesIsTheUsersOwn) {
  TemporaryFolder folder;
  for (const char *name : {"GPTC_CACHE_DIR", "XDG_CACHE_HOME", "HOME"})
    setenv(name, "", 1);
  setenv("TMPDIR", folder.path().c_str(), 1);
  std::string path = folder / ("gptc-cache-" + std::to_string(geteuid()));
  std::vector<std::string> warnings;
  auto open = [&] {
    return std::make_unique<CubinCache>(
        CubinCache::defaultFolder(), [&](std::string_view text) { warnings.emplace_back(text); });
  };
  EXPECT_EQ(CubinCache::defaultFolder(), path);
  std::string key = keyOf({"x"});
  EXPECT_FALSE(open()->find(key));
  open()->store(key, {"code", ""});
  EXPECT_TRUE(open()->find(key));
  namespace fs = std::filesystem;
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
  EXPECT_EQ(warnings.size(), 0u);

  auto expectUnused = [&] {
    warnings.clear();
    EXPECT_FALSE(open()->find(key));
    open()->store(key, {"code", ""});
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_THAT(warnings[0], testing::HasSubstr(path));
    EXPECT_EQ(open()->keepForReading("failed.cu", "text"), "");
  };
  fs::permissions(path, fs::perms::all);
  expectUnused();
  fs::permissions(path, fs::perms::owner_all);
  EXPECT_TRUE(open()->find(key));
  if (geteuid() == 0) {
    ASSERT_EQ(chown(path.c_str(), 65534, 65534), 0);
    expectUnused();
    ASSERT_EQ(chown(path.c_str(), 0, 0), 0);
  }
  fs::rename(path, folder / "elsewhere");
  fs::create_directory_symlink(folder / "elsewhere", path);
  expectUnused();
  unsetenv("TMPDIR");
}

TEST(CubinCache, KeepsTextsForReading) {
  TemporaryFolder folder;
  setenv("TMPDIR", folder.path().c_str(), 1);
  CubinCache cache(folder / "cache", {});
  std::string path = cache.keepForReading("failed.cu", "text");
  EXPECT_EQ(path, folder / "cache/failed.cu");
  EXPECT_EQ(*readWholeFile(path), "text");
  std::string elsewhere =
      CubinCache(folder.write("file", "") + "/cache", {}).keepForReading("gptc-failed.cu", "text");
  EXPECT_EQ(*readWholeFile(elsewhere), "text");
  unsetenv("TMPDIR");
}

} // namespace
} // namespace gptc::runtime::cuda
