// A folder of its own for each test that writes files, and access to the files beside the tests.
#ifndef GPTC_TEST_RUNTIME_TESTFILES_H
#define GPTC_TEST_RUNTIME_TESTFILES_H

#include "runtime/base/File.h"

#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace gptc::runtime::test {

/// Makes an empty folder and removes it with all that is in it.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = ::testing::TempDir() + "gptc-test-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string &path() const { return path_; }
  std::string operator/(const std::string &name) const { return path_ + "/" + name; }
  /// Writes a file (and the folders that it needs) and gives its path.
  std::string write(const std::string &name, std::string_view content) const {
    std::string path = path_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    Status status = writeFileAtomically(path, content);
    EXPECT_TRUE(status.ok()) << status.message();
    return path;
  }
  /// The names of what lies in the folder, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(path_))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

private:
  std::string path_;
};

/// The path of a file in test/Runtime/data.
inline std::string fixture(const std::string &name) {
  return std::string(GPTC_RUNTIME_TEST_DATA) + "/" + name;
}

/// The bytes of a number as they lie in memory.
template <typename T> std::string raw(T value) {
  return {reinterpret_cast<const char *>(&value), sizeof value};
}
template <typename T> std::string rawAll(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)};
}

inline std::span<const std::byte> asBytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// Fails unless `result` (a Status or a Result) failed with this code and a message that has all
/// the parts.
inline void expectFailure(const Status &status, Code code, const std::vector<std::string> &parts) {
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(static_cast<int>(status.code()), static_cast<int>(code)) << status.message();
  for (const std::string &part : parts)
    EXPECT_THAT(status.message(), ::testing::HasSubstr(part));
}
template <typename T>
void expectFailure(const Result<T> &result, Code code, const std::vector<std::string> &parts) {
  EXPECT_FALSE(result.ok());
  expectFailure(result.status(), code, parts);
}

} // namespace gptc::runtime::test

/// Fails and ends the test unless the Status or Result is a success; prints its message.
#define ASSERT_SUCCESS(expression)                                                                 \
  do {                                                                                             \
    const auto &gptcResult = (expression);                                                         \
    ASSERT_TRUE(gptcResult.ok()) << ::gptc::runtime::test::messageOf(gptcResult);                  \
  } while (false)

namespace gptc::runtime::test {
inline std::string messageOf(const Status &status) { return status.message(); }
template <typename T> std::string messageOf(const Result<T> &result) {
  return result.status().message();
}
} // namespace gptc::runtime::test

#endif // GPTC_TEST_RUNTIME_TESTFILES_H
