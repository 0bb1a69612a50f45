// Unified differences: the format of `diff -u`, and that they turn one text into the other.
#include "gptc/Model/Format.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace gptc {
namespace {

std::vector<std::string> linesOf(std::string_view text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.size(), text.find('\n', begin));
    lines.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// Applies a difference, checking what it says about `before`.
std::string patched(std::string_view before, std::string_view diff) {
  std::vector<std::string> lines = linesOf(before), edits = linesOf(diff), out;
  size_t next = 0; // line of `before` to be copied
  for (size_t i = 2; i < edits.size(); ++i) {
    const std::string &edit = edits[i];
    if (edit.starts_with("@@ -")) {
      size_t line = std::stoul(edit.substr(4));
      std::string range = edit.substr(4, edit.find(' ', 4) - 4);
      size_t first = range.ends_with(",0") ? line : line - 1;
      while (next < first)
        out.push_back(lines.at(next++));
      continue;
    }
    if (edit[0] != '+') {
      EXPECT_EQ(lines.at(next), edit.substr(1));
      ++next;
    }
    if (edit[0] != '-')
      out.push_back(edit.substr(1));
  }
  while (next < lines.size())
    out.push_back(lines[next++]);
  std::string text;
  for (const std::string &line : out)
    text += line + "\n";
  return text;
}

TEST(UnifiedDiff, OfEqualTextsIsEmpty) { EXPECT_EQ(unifiedDiff("a", "b", "x\n", "x\n"), ""); }

TEST(UnifiedDiff, LooksLikeDiff) {
  EXPECT_EQ(unifiedDiff("m.gpt", "m.gpt (formatted)", "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
                        "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
            "--- m.gpt\n+++ m.gpt (formatted)\n"
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(UnifiedDiff, SplitsFarChangesAndJoinsNearOnes) {
  std::string before, far, near;
  for (int i = 1; i <= 20; ++i) {
    before += std::to_string(i) + "\n";
    far += (i == 2 || i == 18 ? "x" : std::to_string(i)) + "\n";
    near += (i == 8 || i == 15 ? "x" : std::to_string(i)) + "\n";
  }
  EXPECT_EQ(unifiedDiff("a", "b", before, far),
            "--- a\n+++ b\n"
            "@@ -1,5 +1,5 @@\n 1\n-2\n+x\n 3\n 4\n 5\n"
            "@@ -15,6 +15,6 @@\n 15\n 16\n 17\n-18\n+x\n 19\n 20\n");
  std::string joined = unifiedDiff("a", "b", before, near);
  EXPECT_NE(joined.find("@@ -5,14 +5,14 @@\n"), std::string::npos) << joined;
}

TEST(UnifiedDiff, MarksAMissingLineEnd) {
  EXPECT_EQ(unifiedDiff("a", "b", "x", "x\n"),
            "--- a\n+++ b\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n");
}

TEST(UnifiedDiff, CountsEmptySidesLikeDiff) {
  EXPECT_EQ(unifiedDiff("a", "b", "", "x\ny\n"), "--- a\n+++ b\n@@ -0,0 +1,2 @@\n+x\n+y\n");
  EXPECT_EQ(unifiedDiff("a", "b", "x\n", ""), "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
}

TEST(UnifiedDiff, IsAShortestScript) {
  // The example of Myers' paper: ABCABBA to CBABAC takes five edits.
  std::string diff = unifiedDiff("a", "b", "A\nB\nC\nA\nB\nB\nA\n", "C\nB\nA\nB\nA\nC\n");
  size_t edits = 0;
  for (const std::string &line : linesOf(diff.substr(diff.find("@@\n") + 3)))
    edits += line[0] != ' ';
  EXPECT_EQ(edits, 5u) << diff;
}

TEST(UnifiedDiff, TurnsOneTextIntoTheOther) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    auto make = [&] {
      std::string text;
      for (unsigned i = random() % 40; i > 0; --i)
        text += std::string(1, static_cast<char>('a' + random() % 4)) + "\n";
      return text;
    };
    std::string before = make(), after = make();
    std::string diff = unifiedDiff("a", "b", before, after);
    EXPECT_EQ(diff.empty() ? before : patched(before, diff), after) << diff;
  }
}

TEST(UnifiedDiff, OfUnlikeTextsReplacesAll) {
  std::string before, after;
  for (int i = 0; i < 3000; ++i)
    before += "a" + std::to_string(i) + "\n", after += "b" + std::to_string(i) + "\n";
  EXPECT_EQ(patched(before, unifiedDiff("a", "b", before, after)), after);
}

} // namespace
} // namespace gptc
