// The formatter's promises, on hundreds of random programs.
#include "RandomProgram.h"
#include "SyntaxTesting.h"

#include "gptc/Model/Lexer.h"

#include <algorithm>
#include <map>

namespace gptc {
namespace {

using testing::formatted;

constexpr unsigned programs = 400;

/// Tokens and comments in the order of the text.
std::vector<std::string> wordsOf(const std::string &text) {
  SourceFile source("test.gpt", text);
  DiagnosticEngine diagnostics;
  TokenStream stream = lex(source, diagnostics);
  std::map<uint32_t, std::string> words;
  for (const Token &token : stream.tokens)
    if (token.kind != TokenKind::Newline && token.kind != TokenKind::EndOfFile)
      words[token.begin] = source.range(token.begin, token.end).text();
  for (const ast::Comment &comment : stream.comments)
    words[comment.range.begin] = comment.range.text();
  std::vector<std::string> result;
  for (auto &[offset, word] : words)
    result.push_back(word);
  return result;
}

TEST(FormatRandom, ProgramsAreRightAndUseTheWholeGrammar) {
  std::map<std::string, int> uses;
  for (unsigned seed = 0; seed < programs; ++seed) {
    testing::Program program = testing::randomProgram(seed);
    for (const testing::ProgramLine &line : program)
      for (const std::string &token : line.tokens)
        ++uses[token];
    testing::Parsed parsed(testing::randomLayout(program, seed));
    ASSERT_EQ(parsed.diagnostics.render(), "") << seed;
  }
  for (const std::string &keyword : keywords())
    EXPECT_GT(uses[keyword], 0) << keyword;
  for (int kind = int(TokenKind::LeftParen); kind <= int(TokenKind::Caret); ++kind)
    EXPECT_GT(uses[std::string(spelling(TokenKind(kind)))], 0) << spelling(TokenKind(kind));
}

TEST(FormatRandom, KeepsTheTreeTheTokensAndTheComments) {
  for (unsigned seed = 0; seed < programs; ++seed) {
    std::string text = testing::randomLayout(testing::randomProgram(seed), seed);
    std::string result = formatted(text);
    ASSERT_EQ(testing::treeOf(result), testing::treeOf(text)) << seed;
    ASSERT_EQ(wordsOf(result), wordsOf(text)) << seed;
  }
}

TEST(FormatRandom, IsIdempotent) {
  for (unsigned seed = 0; seed < programs; ++seed) {
    std::string once = formatted(testing::randomLayout(testing::randomProgram(seed), seed));
    ASSERT_EQ(formatted(once), once) << seed;
  }
}

TEST(FormatRandom, ForgetsHowTheTextWasLaidOut) {
  testing::LayoutOptions plain = {.comments = false, .blankLines = false};
  for (unsigned seed = 0; seed < programs; ++seed) {
    testing::Program program = testing::randomProgram(seed);
    ASSERT_EQ(formatted(testing::randomLayout(program, seed, plain)),
              formatted(testing::randomLayout(program, seed + 1, plain)))
        << seed;
  }
}

/// True if the tokens from `begin` to `end` hold a pair of brackets with something in it.
bool hasBreakableBracket(const SourceFile &source, const TokenStream &stream, uint32_t begin,
                         uint32_t end) {
  std::vector<size_t> open;
  for (size_t i = 0; i < stream.tokens.size(); ++i) {
    const Token &token = stream.tokens[i];
    std::string_view text = source.range(token.begin, token.end).text();
    if (text == "(" || text == "[") {
      open.push_back(i);
    } else if (text == ")" || text == "]") {
      size_t from = open.back();
      open.pop_back();
      if (from + 1 < i && stream.tokens[from].begin >= begin && token.end <= end)
        return true;
    }
  }
  return false;
}

TEST(FormatRandom, LinesAreTidyAndNoLongerThanTheyMustBe) {
  size_t longLines = 0;
  for (unsigned seed = 0; seed < programs; ++seed) {
    testing::LayoutOptions options = {.comments = seed % 2 == 0, .blankLines = true};
    std::string text =
        formatted(testing::randomLayout(testing::randomProgram(seed), seed, options));
    ASSERT_FALSE(text.empty());
    EXPECT_EQ(text.find("\n\n\n"), std::string::npos) << seed;
    EXPECT_EQ(text.find(" \n"), std::string::npos) << seed;
    EXPECT_EQ(text.find_first_of("\t\r"), std::string::npos) << seed;
    EXPECT_NE(text.front(), '\n') << seed;
    EXPECT_TRUE(text.back() == '\n' && !text.ends_with("\n\n")) << seed;
    SourceFile source("test.gpt", text);
    DiagnosticEngine diagnostics;
    TokenStream stream = lex(source, diagnostics);
    for (const LogicalLine &line : stream.lines)
      EXPECT_EQ(line.indent % 4, 0u) << seed;
    for (uint32_t line = 1; line <= source.lineCount(); ++line) {
      uint32_t begin = source.lineStart(line);
      uint32_t end = begin + source.lineText(line).size();
      for (const ast::Comment &comment : stream.comments)
        if (comment.range.begin >= begin && comment.range.begin < end)
          end = comment.range.begin;
      size_t width = source.range(begin, end).text().find_last_not_of(' ') + 1;
      if (width <= formatWidth)
        continue;
      ++longLines;
      EXPECT_FALSE(hasBreakableBracket(source, stream, begin, end))
          << seed << ": " << source.lineText(line);
    }
  }
  EXPECT_LT(longLines, programs); // most can be broken
}

} // namespace
} // namespace gptc
