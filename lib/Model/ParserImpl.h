// The parser's state and its grammar rules, shared by the files that define them:
// ParseFile.cpp (declarations and layout), ParseFunction.cpp (signatures and bodies),
// ParseExpression.cpp, ParseArguments.cpp (what stands in brackets), and Parser.cpp (tokens and
// messages).
#ifndef GPTC_LIB_MODEL_PARSERIMPL_H
#define GPTC_LIB_MODEL_PARSERIMPL_H

#include "gptc/Model/AST.h"
#include "gptc/Model/Diagnostics.h"
#include "gptc/Model/Lexer.h"
#include "gptc/Model/Parser.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gptc {

/// The depth of what may be missing.
inline unsigned depthOf(const ast::ExprPtr &expr) { return expr ? expr->depth : 0; }

inline unsigned depthOf(const std::optional<ast::Shape> &shape) {
  unsigned depth = 0;
  if (shape)
    for (const ast::Size &size : shape->sizes)
      depth = std::max({depth, depthOf(size.value), depthOf(size.limit)});
  return depth;
}

/// Rules return false, null or nullopt when they failed; the failure has then been reported and the
/// rest of the line is given up. Rules that fill an `&out` leave in it what was read before that.
class Parser {
public:
  Parser(const SourceFile &source, DiagnosticEngine &diagnostics)
      : source_(source), diagnostics_(diagnostics), stream_(lex(source, diagnostics)) {}

  std::unique_ptr<ast::File> parseFile(ParseOptions options);
  ast::ExprPtr parseLoneExpression();

private:
  // Tokens and messages.
  const Token &current() const { return stream_.tokens[position_]; }
  const Token &following() const {
    return stream_.tokens[std::min(position_ + 1, stream_.tokens.size() - 1)];
  }
  bool at(TokenKind kind) const { return current().kind == kind; }
  bool accept(TokenKind kind);
  Token take() { return stream_.tokens[position_++]; }
  SourceRange rangeOf(const Token &token) const { return source_.range(token.begin, token.end); }
  SourceRange here() const { return rangeOf(current()); }
  /// From the byte `begin` to the end of the last token taken.
  SourceRange since(uint32_t begin) const {
    return source_.range(begin, stream_.tokens[position_ - 1].end);
  }
  std::string textOf(const Token &token) const;
  std::string describe(const Token &token) const;

  bool fail(SourceRange range, std::string message, std::string_view hint = {});
  /// `expected <what>, found <current token>`, silent at a token that the lexer has reported.
  bool failExpected(std::string_view what, std::string_view hint = {});
  bool expect(TokenKind kind, std::string_view context, std::string_view hint = {});
  /// The bracket that answers `open`; `what` may stand before it, such as `','`.
  bool expectClose(const Token &open, std::string_view what);
  /// Takes a `,` between elements; false at the end of the list. A `,` just before the bracket
  /// that closes the list is reported: then `failed` is set.
  bool acceptComma(const Token &open, bool &failed);
  /// A name that is defined here, so none of the fixed ones.
  std::optional<ast::Identifier> parseDefinedName(std::string_view what);
  std::optional<ast::Identifier> parseName(std::string_view what);

  // Lines and blocks.
  static constexpr int64_t noOwner = -1; ///< the indent of what owns a file's lines
  bool moreLines(int64_t ownerIndent) const {
    return line_ < stream_.lines.size() && stream_.lines[line_].indent > ownerIndent;
  }
  uint32_t indentHere() const { return stream_.lines[line_].indent; }
  bool endLine();
  bool acceptBlockColon(std::string_view after);
  bool startBlock(int64_t ownerIndent, std::string_view content);
  template <typename ParseLine> void parseLines(int64_t ownerIndent, ParseLine parseLine);
  void checkIndent(uint32_t blockIndent, uint32_t &excused, int64_t ownerIndent);

  // Declarations.
  bool parseDeclaration(ast::File &file);
  bool parseConfig(ast::File &file);
  bool parsePreset(ast::File &file);
  bool parseDef(ast::File &file);
  bool parseSettings(std::string_view owner, std::vector<ast::Setting> &settings, bool &incomplete);
  bool parseAssigns(std::vector<ast::Setting> &settings);
  bool parseModule(ast::File &file);
  bool parseModuleLine(ast::Module &module);
  bool parseModuleFunction(ast::Module &module);
  bool parseTensorMember(ast::Module &module);
  bool parseSubmodule(ast::Module &module);

  // Functions.
  bool parseFunction(ast::Function &function);
  bool parseSignature(ast::Signature &signature, std::string_view name);
  bool parseInputs(std::vector<ast::Input> &inputs);
  bool parseBody(ast::Body &body, const ast::Identifier &name);
  bool parseBlockBody(ast::Body &body, const ast::Identifier &name);
  bool parseStatement(ast::Body &body);
  bool parseUpdate(ast::Body &body);
  bool parseAssignment(ast::Body &body);
  bool parseReturn(ast::Body &body);
  std::optional<ast::Type> parseType();

  // Expressions.
  ast::ExprPtr parseExpr();
  ast::ExprPtr parseOr();
  ast::ExprPtr parseAnd();
  ast::ExprPtr parseNot();
  ast::ExprPtr parseCompare();
  ast::ExprPtr parseSum();
  ast::ExprPtr parseProduct();
  ast::ExprPtr parseUnary();
  ast::ExprPtr parsePower();
  ast::ExprPtr parsePostfix();
  ast::ExprPtr parseAtom();
  ast::ExprPtr parseParenthesised();
  using Rule = ast::ExprPtr (Parser::*)();
  ast::ExprPtr parseLeftToRight(Rule operand, std::optional<ast::BinaryOp> (*opOf)(TokenKind));
  ast::ExprPtr binary(ast::ExprPtr lhs, ast::BinaryOp op, const Token &opToken, ast::ExprPtr rhs);
  bool parseArguments(std::vector<ast::Argument> &arguments);
  bool parseArgument(ast::Argument &argument);
  std::optional<ast::Shape> parseShape();
  bool parseSize(ast::Size &size);
  ast::ExprPtr parseIndex(ast::ExprPtr object);
  bool parseIndexItem(ast::IndexItem &item);
  bool parseExprs(std::vector<ast::ExprPtr> &exprs);
  ast::ExprPtr errorExpr() const { return std::make_unique<ast::ErrorExpr>(here()); }

  /// `node` with its depth, or null, reported, when it is too deep.
  ast::ExprPtr finish(ast::ExprPtr node, unsigned childDepth);
  ast::ExprPtr failTooDeep();
  /// Counts the rules that are inside themselves.
  struct Level {
    explicit Level(Parser &parser) : parser(parser) { ++parser.level_; }
    ~Level() { --parser.level_; }
    bool tooDeep() const { return parser.level_ > ast::maxExpressionDepth; }
    Parser &parser;
  };

  const SourceFile &source_;
  DiagnosticEngine &diagnostics_;
  TokenStream stream_;
  size_t position_ = 0; // of the current token
  size_t line_ = 0;     // the logical line of the current token
  unsigned level_ = 0;
};

/// Parses the lines indented deeper than `ownerIndent` with `parseLine`, which parses one line and
/// the block it owns. Where it fails, parsing resumes at the next line indented no deeper.
template <typename ParseLine> void Parser::parseLines(int64_t ownerIndent, ParseLine parseLine) {
  uint32_t blockIndent = ownerIndent == noOwner || !moreLines(ownerIndent) ? 0 : indentHere();
  uint32_t excused = blockIndent;
  while (moreLines(ownerIndent)) {
    checkIndent(blockIndent, excused, ownerIndent);
    size_t start = line_;
    position_ = stream_.lines[line_].firstToken;
    if (parseLine())
      continue;
    line_ = start + 1;
    while (moreLines(stream_.lines[start].indent))
      ++line_;
  }
}

} // namespace gptc

#endif // GPTC_LIB_MODEL_PARSERIMPL_H
