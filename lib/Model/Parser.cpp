// The parser's footing: tokens, messages about them, lines and their indentation.
#include "ParserImpl.h"

#include "Utf8.h"

#include <fmt/format.h>

namespace gptc {

std::unique_ptr<ast::File> parse(const SourceFile &source, DiagnosticEngine &diagnostics,
                                 ParseOptions options) {
  return Parser(source, diagnostics).parseFile(options);
}

ast::ExprPtr parseExpression(const SourceFile &source, DiagnosticEngine &diagnostics) {
  size_t errors = diagnostics.errorCount();
  ast::ExprPtr expr = Parser(source, diagnostics).parseLoneExpression();
  return diagnostics.errorCount() == errors ? std::move(expr) : nullptr;
}

/// One expression and nothing else, for values given on the command line.
ast::ExprPtr Parser::parseLoneExpression() {
  if (stream_.lines.empty()) {
    failExpected("an expression");
    return nullptr;
  }
  ast::ExprPtr expr = parseExpr();
  if (!expr || !endLine())
    return nullptr;
  if (line_ < stream_.lines.size()) {
    fail(here(), "expected one expression, found a second line");
    return nullptr;
  }
  return expr;
}

bool Parser::accept(TokenKind kind) {
  if (!at(kind))
    return false;
  take();
  return true;
}

std::string Parser::textOf(const Token &token) const {
  constexpr size_t longest = 60; // bytes of a name in a message
  std::string_view text = rangeOf(token).text();
  if (text.size() <= longest)
    return std::string(text);
  size_t end = 0;
  while (end < longest)
    end += utf8::stepLength(text, end);
  return std::string(text.substr(0, end)) + "…";
}

std::string Parser::describe(const Token &token) const {
  bool isArgument = source_.kind() == SourceFile::Kind::Argument;
  switch (token.kind) {
  case TokenKind::Newline:
    return isArgument ? "the end" : "the end of the line";
  case TokenKind::EndOfFile:
    return isArgument ? "the end" : "the end of the file";
  case TokenKind::Name:
    return fmt::format("name '{}'", textOf(token));
  case TokenKind::Number:
    return fmt::format("number {}", textOf(token));
  default:
    return fmt::format("{}'{}'", isKeyword(token.kind) ? "keyword " : "", textOf(token));
  }
}

bool Parser::fail(SourceRange range, std::string message, std::string_view hint) {
  Diagnostic &error = diagnostics_.error(range, std::move(message));
  if (!hint.empty())
    error.hint(hint);
  return false;
}

bool Parser::failExpected(std::string_view what, std::string_view hint) {
  if (at(TokenKind::Bad))
    return false;
  return fail(here(), fmt::format("expected {}, found {}", what, describe(current())), hint);
}

bool Parser::expect(TokenKind kind, std::string_view context, std::string_view hint) {
  return accept(kind) || failExpected(fmt::format("'{}' {}", spelling(kind), context), hint);
}

bool Parser::expectClose(const Token &open, std::string_view what) {
  bool isParen = open.kind == TokenKind::LeftParen;
  TokenKind close = isParen ? TokenKind::RightParen : TokenKind::RightBracket;
  if (accept(close))
    return true;
  if (at(TokenKind::Bad))
    return false;
  if (at(TokenKind::Newline) || at(TokenKind::EndOfFile))
    return fail(rangeOf(open), fmt::format("'{}' is never closed", spelling(open.kind)));
  Diagnostic &error = diagnostics_.error(
      here(), fmt::format("expected {}'{}', found {}", what, spelling(close), describe(current())));
  if (at(TokenKind::Arrow))
    error.hint("a pattern is written [before] -> [after]");
  // A bracket left open swallows lines, so the fault may be far from where it shows.
  if (source_.lineColumn(open.begin).line != source_.lineColumn(current().begin).line)
    error.note(rangeOf(open), fmt::format("'{}' was opened here", spelling(open.kind)));
  return false;
}

bool Parser::acceptComma(const Token &open, bool &failed) {
  if (!at(TokenKind::Comma))
    return false;
  Token comma = take();
  bool isParen = open.kind == TokenKind::LeftParen;
  if (!at(isParen ? TokenKind::RightParen : TokenKind::RightBracket))
    return true;
  fail(rangeOf(comma), "a list does not end in ','");
  failed = true;
  return false;
}

std::optional<ast::Identifier> Parser::parseName(std::string_view what) {
  if (!at(TokenKind::Name)) {
    failExpected(what);
    return std::nullopt;
  }
  Token token = take();
  return ast::Identifier{std::string(rangeOf(token).text()), rangeOf(token)};
}

std::optional<ast::Identifier> Parser::parseDefinedName(std::string_view what) {
  std::optional<ast::Identifier> name = parseName(what);
  if (!name || !isFixedName(name->text))
    return name;
  fail(name->range, fmt::format("'{}' has a fixed meaning and cannot be defined", name->text));
  return std::nullopt;
}

/// Ends the line at hand and moves on to the next.
bool Parser::endLine() {
  if (!at(TokenKind::Newline)) {
    if (at(TokenKind::RightParen) || at(TokenKind::RightBracket))
      return fail(here(), fmt::format("{} closes nothing", describe(current())));
    return failExpected(describe({TokenKind::Newline}),
                        at(TokenKind::Assign) ? "a comparison is written ==" : "");
  }
  ++line_;
  if (line_ < stream_.lines.size())
    position_ = stream_.lines[line_].firstToken;
  else
    position_ = stream_.tokens.size() - 1;
  return true;
}

/// The `:` of a header with an indented block. A header that just lacks it counts as having it, so
/// that the mistakes in its block are found in the same run.
bool Parser::acceptBlockColon(std::string_view after) {
  if (accept(TokenKind::Colon))
    return true;
  failExpected(fmt::format("':' after {}", after));
  bool ownsBlock =
      line_ + 1 < stream_.lines.size() && stream_.lines[line_ + 1].indent > indentHere();
  return at(TokenKind::Newline) && ownsBlock;
}

/// Moves from the end of a header to its block.
bool Parser::startBlock(int64_t ownerIndent, std::string_view content) {
  SourceRange end = here();
  if (!endLine())
    return false;
  return moreLines(ownerIndent) ||
         fail(end, fmt::format("expected {} in the lines below, indented", content));
}

/// Reports a line whose indentation is not its block's. Later lines with the same indentation are
/// excused, so that one slip is one error.
void Parser::checkIndent(uint32_t blockIndent, uint32_t &excused, int64_t ownerIndent) {
  uint32_t indent = indentHere();
  if (indent == blockIndent || indent == excused)
    return;
  excused = indent;
  SourceRange first = rangeOf(stream_.tokens[stream_.lines[line_].firstToken]);
  auto spaces = [](int64_t n) { return fmt::format("{} space{}", n, n == 1 ? "" : "s"); };
  if (indent > blockIndent)
    fail(first, fmt::format("unexpected indentation: required {}, found {}", spaces(blockIndent),
                            spaces(indent)));
  else
    fail(first, fmt::format("indentation matches no block: required {} or {}, found {}",
                            spaces(ownerIndent), spaces(blockIndent), spaces(indent)));
}

} // namespace gptc
