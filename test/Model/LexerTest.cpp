// Tokens, numbers, comments and logical lines; and everything the lexer rejects.
#include "SyntaxTesting.h"

#include "gptc/Model/Lexer.h"

#include <fstream>
#include <sstream>

namespace gptc {
namespace {

using testing::Lines;

/// Logical lines as `indent|token token ...`.
Lines linesOf(const std::string &text) {
  SourceFile source("test.gpt", text);
  DiagnosticEngine diagnostics;
  TokenStream stream = lex(source, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  Lines lines;
  for (const LogicalLine &line : stream.lines) {
    std::string out = std::to_string(line.indent) + "|";
    for (uint32_t i = line.firstToken; i < line.newline; ++i) {
      const Token &token = stream.tokens[i];
      out += (i > line.firstToken ? " " : "") +
             std::string(source.range(token.begin, token.end).text());
    }
    EXPECT_EQ(stream.tokens[line.newline].kind, TokenKind::Newline);
    lines.push_back(out);
  }
  EXPECT_EQ(stream.tokens.back().kind, TokenKind::EndOfFile);
  return lines;
}

Lines lexErrors(const std::string &text) {
  SourceFile source("test.gpt", text);
  DiagnosticEngine diagnostics;
  lex(source, diagnostics);
  return testing::summaries(diagnostics);
}

double numberOf(const std::string &text) {
  SourceFile source("test.gpt", text);
  DiagnosticEngine diagnostics;
  TokenStream stream = lex(source, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  EXPECT_EQ(stream.tokens[0].kind, TokenKind::Number);
  EXPECT_EQ(stream.tokens[0].end, text.size());
  return stream.tokens[0].number;
}

TEST(Lexer, SplitsOperatorsLongestFirst) {
  EXPECT_EQ(linesOf("a<=b<c==d->e...f.g!=h>=-i"),
            (Lines{"0|a <= b < c == d -> e ... f . g != h >= - i"}));
  EXPECT_EQ(linesOf("x^2@y%3*(4/z)[:,1:]"), (Lines{"0|x ^ 2 @ y % 3 * ( 4 / z ) [ : , 1 : ]"}));
}

TEST(Lexer, KeywordsAreWholeWords) {
  SourceFile source("test.gpt", "model models in int inf returned");
  DiagnosticEngine diagnostics;
  TokenStream stream = lex(source, diagnostics);
  std::vector<TokenKind> kinds;
  for (const Token &token : stream.tokens)
    kinds.push_back(token.kind);
  using enum TokenKind;
  EXPECT_EQ(kinds,
            (std::vector<TokenKind>{KwModel, Name, KwIn, KwInt, Name, Name, Newline, EndOfFile}));
}

TEST(Lexer, HasNineteenKeywordsAndSevenFixedNames) {
  EXPECT_EQ(keywords().size(), 19u);
  EXPECT_EQ(keywords().front(), "config");
  EXPECT_EQ(keywords().back(), "not");
  EXPECT_EQ(fixedNames().size(), 7u);
  EXPECT_TRUE(isFixedName("training"));
  EXPECT_FALSE(isFixedName("config"));
}

TEST(Lexer, ReadsNumbers) {
  EXPECT_EQ(numberOf("12"), 12);
  EXPECT_EQ(numberOf("0.5"), 0.5);
  EXPECT_EQ(numberOf("1e-5"), 1e-5);
  EXPECT_EQ(numberOf("2.5E+3"), 2500);
  EXPECT_EQ(numberOf("007"), 7);
  EXPECT_EQ(numberOf("9007199254740991"), 9007199254740991.0);
  EXPECT_EQ(numberOf("0.1"), 0.1); // the nearest double, not a sum of digits
  EXPECT_EQ(numberOf("1.7976931348623157e308"), 1.7976931348623157e308);
}

TEST(Lexer, RejectsNumbersThatAreNone) {
  EXPECT_EQ(lexErrors("a = 1e999"),
            (Lines{"1:5 '1e999' number 1e999 is out of range. Hint: numbers are double precision: "
                   "0, or from 2.3e-308 to 1.7e308"}));
  EXPECT_EQ(lexErrors("a = 1e-999").size(), 1u);
  EXPECT_EQ(lexErrors("a = 9007199254740992"),
            (Lines{"1:5 '9007199254740992' number 9007199254740992 is too large to be exact. Hint: "
                   "whole numbers are exact up to 9007199254740991"}));
  EXPECT_EQ(lexErrors("a = 12abc"),
            (Lines{"1:5 '12abc' '12abc' is neither a number nor a name. Hint: numbers look like "
                   "12, 0.5 or 1e-5; names begin with a letter"}));
  EXPECT_EQ(lexErrors("a = 1."), (Lines{"1:5 '1.' a number does not end in '.'. Hint: write 1 or "
                                        "1.0"}));
  EXPECT_EQ(lexErrors("a = .5"), (Lines{"1:5 '.5' a number begins with a digit. Hint: write 0.5"}));
  EXPECT_EQ(lexErrors("a = 1e"), (Lines{"1:5 '1e' '1e' is neither a number nor a name. Hint: "
                                        "numbers look like 12, 0.5 or 1e-5; names begin with a "
                                        "letter"}));
}

TEST(Lexer, RejectsForeignCharacters) {
  EXPECT_EQ(lexErrors("a = b $ c"), (Lines{"1:7 '$' unexpected character '$'"}));
  EXPECT_EQ(lexErrors("a = \"x y\" + 1"), (Lines{"1:5 '\"x y\"' the language has no strings"}));
  EXPECT_EQ(lexErrors("a = 'x\nb = 1"), (Lines{"1:5 ''x' the language has no strings"}));
  EXPECT_EQ(lexErrors("a = _b"),
            (Lines{"1:5 '_b' '_b' is not a name. Hint: a name begins with a letter"}));
  EXPECT_EQ(lexErrors("a = b ** 2"),
            (Lines{"1:7 '**' unexpected '**'. Hint: a power is written ^"}));
  EXPECT_EQ(lexErrors("a = b // 2"), (Lines{"1:7 '//' unexpected '//'. Hint: a comment begins with "
                                            "#, a division is written /"}));
  EXPECT_EQ(lexErrors("a = b && c"), (Lines{"1:7 '&&' unexpected '&&'. Hint: write and"}));
  EXPECT_EQ(lexErrors("a = b || c"), (Lines{"1:7 '||' unexpected '||'. Hint: write or"}));
  EXPECT_EQ(lexErrors("a = !c"), (Lines{"1:5 '!' unexpected '!'. Hint: write not"}));
  EXPECT_EQ(lexErrors("a = b; c = d"),
            (Lines{"1:6 ';' unexpected ';'. Hint: each statement has a line of its own"}));
  EXPECT_EQ(lexErrors("[a] → [b]"), (Lines{"1:5 '→' unexpected '→'. Hint: write ->"}));
  EXPECT_EQ(lexErrors("a = αβ"), (Lines{"1:5 'αβ' unexpected 'αβ'. Hint: names are made of the "
                                        "letters a to z and A to Z, digits and _"}));
  EXPECT_EQ(lexErrors("a = \f"), (Lines{"1:5 '\f' unexpected control character U+000C"}));
  EXPECT_EQ(lexErrors("a = b\rc = d"), (Lines{"1:6 '\r' unexpected control character U+000D"}));
}

TEST(Lexer, ReportsOneForeignCharacterALine) { EXPECT_EQ(lexErrors("$ $ $\n$\n").size(), 2u); }

TEST(Lexer, ReportsTabsOnceAFile) {
  SourceFile source("test.gpt", "config:\n\ta = 1\n    b\t= 2\n\tc = 3\n");
  DiagnosticEngine diagnostics;
  lex(source, diagnostics);
  EXPECT_EQ(diagnostics.render(), "test.gpt:2:1: error: tab found; indent and space with spaces\n"
                                  "    2 |  a = 1\n"
                                  "      | ^\n"
                                  "   (2 more lines hold tabs)\n"
                                  "1 error\n");
  EXPECT_EQ(lexErrors("a = 1 #\tin a comment\n"), Lines{});
}

TEST(Lexer, RejectsWhatIsNotText) {
  EXPECT_EQ(lexErrors(std::string("a = 1\nb = \0", 11)),
            (Lines{std::string("2:5 '\0' not a text file: NUL byte", 33)}));
  EXPECT_EQ(lexErrors("a = 1 # \xff\n"), (Lines{"1:9 '\xff' not UTF-8 text: byte 0xff"}));
  EXPECT_EQ(lexErrors("\xc0\x80"), (Lines{"1:1 '\xc0' not UTF-8 text: byte 0xc0"}));   // overlong
  EXPECT_EQ(lexErrors("\xed\xa0\x80").size(), 1u);                                     // surrogate
  EXPECT_EQ(lexErrors("\xf4\x90\x80\x80").size(), 1u);                                 // too large
  EXPECT_EQ(lexErrors("# \xe2\x82"), (Lines{"1:3 '\xe2' not UTF-8 text: byte 0xe2"})); // cut off
  EXPECT_EQ(lexErrors("# \xf0\x9f\x98\x80 \xed\x9f\xbf"), Lines{});                    // both fine
}

TEST(Lexer, JoinsLinesInsideBrackets) {
  EXPECT_EQ(linesOf("a = f(1,\n2\n)\nb = [\n\n x # c\n]\nc"),
            (Lines{"0|a = f ( 1 , 2 )", "0|b = [ x ]", "0|c"}));
  // Whatever their indentation, as long as the bracket is closed.
  EXPECT_EQ(linesOf("    a = f(\nb)\n    c"), (Lines{"4|a = f ( b )", "4|c"}));
}

TEST(Lexer, AnUnclosedBracketSwallowsDeeperLinesOnly) {
  EXPECT_EQ(linesOf("  a = f(x,\n      y\n  b = g(z)\n  c"),
            (Lines{"2|a = f ( x , y", "2|b = g ( z )", "2|c"}));
  EXPECT_EQ(linesOf("a = f(x,\n    param y\nb"), (Lines{"0|a = f ( x ,", "4|param y", "0|b"}));
  EXPECT_EQ(linesOf("a = f(x[1)\nb"), (Lines{"0|a = f ( x [ 1 )", "0|b"}));
  EXPECT_EQ(linesOf("a = f(x]\nb)\nc"), (Lines{"0|a = f ( x ] b )", "0|c"}));
}

TEST(Lexer, SkipsBlankLinesAndKeepsComments) {
  SourceFile source("test.gpt", "# one\n\n  \n  a = 1  # two \r\n#\n");
  DiagnosticEngine diagnostics;
  TokenStream stream = lex(source, diagnostics);
  ASSERT_EQ(stream.comments.size(), 3u);
  EXPECT_EQ(stream.comments[0].range.text(), "# one");
  EXPECT_TRUE(stream.comments[0].ownLine);
  EXPECT_EQ(stream.comments[1].range.text(), "# two");
  EXPECT_FALSE(stream.comments[1].ownLine);
  EXPECT_EQ(stream.comments[2].range.text(), "#");
  ASSERT_EQ(stream.lines.size(), 1u);
  EXPECT_EQ(stream.lines[0].indent, 2u);
}

TEST(Lexer, AcceptsAByteOrderMarkAndWindowsLineEnds) {
  EXPECT_EQ(linesOf("\xEF\xBB\xBF"
                    "a\r\n  b\r\n"),
            (Lines{"0|a", "2|b"}));
}

TEST(Lexer, AnEmptyTextHasNoLines) {
  EXPECT_EQ(linesOf(""), Lines{});
  EXPECT_EQ(linesOf("\n \n# only\n"), Lines{});
}

TEST(SourceFile, CountsColumnsInCodePoints) {
  SourceFile source("test.gpt", "äß = 1\nb");
  EXPECT_EQ(source.lineColumn(5).column, 4u); // '=' is byte 5, the fourth character
  EXPECT_EQ(source.lineColumn(9).line, 2u);
  EXPECT_EQ(source.lineColumn(9999).column, 2u);
  EXPECT_EQ(source.lineText(1), "äß = 1");
  EXPECT_EQ(toString({&source, 9}), "test.gpt:2:1");
  SourceFile argument("--set n=1", "1", SourceFile::Kind::Argument);
  EXPECT_EQ(toString({&argument, 0}), "--set n=1");
}

TEST(SourceFile, LoadSaysWhyItFailed) {
  std::string error;
  EXPECT_EQ(SourceFile::load("/nonexistent/model.gpt", error), nullptr);
  EXPECT_EQ(error, "/nonexistent/model.gpt: cannot open: No such file or directory");
  EXPECT_EQ(SourceFile::load("/", error), nullptr);
  EXPECT_EQ(error, "/: cannot read: Is a directory");
  std::string path = ::testing::TempDir() + "gptc_large.gpt";
  std::ofstream(path) << std::string(SourceFile::maxSize + 1, '#');
  EXPECT_EQ(SourceFile::load(path, error), nullptr);
  EXPECT_EQ(error, path + ": too large for a description: required at most 4 MiB");
  std::ofstream(path) << "a = 1\n";
  std::unique_ptr<SourceFile> file = SourceFile::load(path, error);
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->text(), "a = 1\n");
  std::remove(path.c_str());
}

} // namespace
} // namespace gptc
