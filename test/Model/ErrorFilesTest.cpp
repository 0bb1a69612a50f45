// What users read when a description is wrong, to the letter.
//
// Inputs/errors/*.errors hold cases: a line `=== name [--preset=P] [--set=K=V] [--batch-size=N]
// [--sequence-length=N]`, a description called model.gpt, a line `---`, and all that is reported.
// To take over what is reported now, run this test with GPTC_UPDATE_ERRORS=1, and read the
// difference.
#include "ModelTesting.h"

#include <cstdlib>
#include <filesystem>
#include <sstream>

using namespace gptc;
using namespace gptc::testing;

namespace {

struct Case {
  std::string header, text, expected;

  LoadOptions options() const {
    LoadOptions options;
    std::stringstream words(header);
    for (std::string word; words >> word;) {
      size_t equals = word.find('=');
      if (word.rfind("--", 0) != 0 || equals == std::string::npos)
        continue;
      std::string flag = word.substr(0, equals), value = word.substr(equals + 1);
      if (flag == "--preset")
        options.preset = value;
      else if (flag == "--set")
        options.overrides.push_back(value);
      else if (flag == "--batch-size")
        options.batchSize = std::stoll(value);
      else if (flag == "--sequence-length")
        options.sequenceLength = std::stoll(value);
      else
        ADD_FAILURE() << "unknown flag " << word;
    }
    return options;
  }
};

std::vector<Case> readCases(const std::string &path) {
  std::vector<Case> cases;
  std::stringstream lines(readText(path));
  bool isExpected = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("=== ", 0) == 0) {
      cases.push_back({line, "", ""});
      isExpected = false;
    } else if (line == "---") {
      isExpected = true;
    } else {
      (isExpected ? cases.back().expected : cases.back().text) += line + "\n";
    }
  }
  return cases;
}

class ErrorFiles : public ::testing::TestWithParam<std::string> {};

TEST_P(ErrorFiles, SayWhatTheySay) {
  std::string path = sourcePath("test/Model/Inputs/errors/" + GetParam() + ".errors");
  std::vector<Case> cases = readCases(path);
  ASSERT_FALSE(cases.empty());
  std::string updated;
  for (const Case &one : cases) {
    Loaded loaded(one.text, one.options());
    std::string found = loaded.diagnostics.render();
    EXPECT_EQ(found, one.expected) << GetParam() << ": " << one.header;
    EXPECT_EQ(bool(loaded.model), !loaded.diagnostics.hasErrors()) << one.header;
    updated += one.header + "\n" + one.text + "---\n" + found;
  }
  if (std::getenv("GPTC_UPDATE_ERRORS"))
    std::ofstream(path) << updated;
}

INSTANTIATE_TEST_SUITE_P(All, ErrorFiles,
                         ::testing::Values("calls", "config", "elementwise", "modules", "names",
                                           "patterns", "shapes"),
                         [](const auto &info) { return info.param; });

TEST(ErrorFiles, AreAllTested) {
  size_t count = 0;
  for (const auto &entry :
       std::filesystem::directory_iterator(sourcePath("test/Model/Inputs/errors")))
    count += entry.path().extension() == ".errors";
  EXPECT_EQ(count, 7u);
}

} // namespace
