// Text to tokens, grouped into logical lines. The parser, the formatter and the editor grammar's
// test share it, so that what a keyword or a line is, is said once.
#ifndef GPTC_MODEL_LEXER_H
#define GPTC_MODEL_LEXER_H

#include "gptc/Model/AST.h"
#include "gptc/Model/Diagnostics.h"
#include "gptc/Model/Source.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gptc {

enum class TokenKind : uint8_t {
  Newline, ///< ends a logical line; empty, just behind its last token
  EndOfFile,
  Bad, ///< was reported by the lexer
  Name,
  Number,
  // Keywords, in the order in which the language's page lists them.
  KwConfig,
  KwPreset,
  KwDef,
  KwModule,
  KwModel,
  KwParam,
  KwState,
  KwRepeat,
  KwIn,
  KwForward,
  KwLoss,
  KwReturn,
  KwUpdate,
  KwInt,
  KwIf,
  KwElse,
  KwAnd,
  KwOr,
  KwNot,
  LeftParen,
  RightParen,
  LeftBracket,
  RightBracket,
  Comma,
  Colon,
  Dot,
  Ellipsis,
  Arrow,
  Assign,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Plus,
  Minus,
  Star,
  Slash,
  Percent,
  At,
  Caret,
};

struct Token {
  TokenKind kind = TokenKind::EndOfFile;
  uint32_t begin = 0;
  uint32_t end = 0;
  double number = 0; ///< of a Number
};

/// One statement, or one header: a physical line, or several joined by an open bracket.
struct LogicalLine {
  uint32_t firstToken = 0;
  uint32_t newline = 0; ///< index of the Newline that ends it
  uint32_t indent = 0;  ///< columns before its first token
};

struct TokenStream {
  std::vector<Token> tokens; ///< each line's tokens and its Newline; at last EndOfFile
  std::vector<LogicalLine> lines;
  std::vector<ast::Comment> comments;
  bool isText = true; ///< false: not UTF-8 or with a NUL; then there are no tokens
};

/// Splits a text into tokens. Reports characters that belong to no token, numbers out of range,
/// tabs, and text that is not UTF-8 or holds a NUL; after either of the last two, no token is
/// returned. Brackets join lines; an opening bracket that is never closed joins only lines indented
/// deeper than its own, so that one slip does not swallow the rest of the file.
TokenStream lex(const SourceFile &source, DiagnosticEngine &diagnostics);

/// The 19 keywords, and the names that always mean the same and cannot be defined.
const std::vector<std::string> &keywords();
const std::vector<std::string> &fixedNames();
bool isFixedName(std::string_view name);

bool isKeyword(TokenKind kind);
/// True for the keywords that only ever begin a line.
bool beginsLine(TokenKind kind);
/// What a fixed token is written as; empty for names, numbers and layout.
std::string_view spelling(TokenKind kind);

} // namespace gptc

#endif // GPTC_MODEL_LEXER_H
