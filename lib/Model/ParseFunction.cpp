// Grammar rules of functions: signatures, bodies and statements.
#include "ParserImpl.h"

#include <fmt/format.h>

namespace gptc {

/// signature body. When the signature could be read, its range is valid, whatever is returned.
bool Parser::parseFunction(ast::Function &function) {
  function.body.incomplete = true;
  return parseSignature(function.signature, function.name.text) &&
         parseBody(function.body, function.name);
}

/// signature = params [ "->" type { "," type } ]
bool Parser::parseSignature(ast::Signature &signature, std::string_view name) {
  uint32_t begin = current().begin;
  if (!at(TokenKind::LeftParen))
    return failExpected(fmt::format("'(' and inputs after '{}'", name));
  if (!parseInputs(signature.inputs))
    return false;
  signature.inputsRange = since(begin);
  if (accept(TokenKind::Arrow)) {
    do {
      std::optional<ast::Type> type = parseType();
      if (!type)
        return false;
      signature.results.push_back(std::move(*type));
    } while (accept(TokenKind::Comma));
  }
  signature.range = since(begin);
  return true;
}

/// params = "(" [ input { "," input } ] ")" ;    input = NAME [ ":" type ] [ "=" expr ]
bool Parser::parseInputs(std::vector<ast::Input> &inputs) {
  Token open = take();
  bool failed = false;
  if (at(TokenKind::RightParen)) {
    take();
    return true;
  }
  do {
    ast::Input input;
    uint32_t begin = current().begin;
    std::optional<ast::Identifier> name = parseDefinedName("an input's name");
    if (!name)
      return false;
    input.name = std::move(*name);
    if (accept(TokenKind::Colon)) {
      input.type = parseType();
      if (!input.type)
        return false;
    }
    if (accept(TokenKind::Assign)) {
      input.defaultValue = parseExpr();
      if (!input.defaultValue)
        return false;
    }
    input.range = since(begin);
    inputs.push_back(std::move(input));
  } while (acceptComma(open, failed));
  return !failed && expectClose(open, "',' or ");
}

/// type = [ "int" ] shape
std::optional<ast::Type> Parser::parseType() {
  ast::Type type;
  uint32_t begin = current().begin;
  type.isInt = accept(TokenKind::KwInt);
  if (!at(TokenKind::LeftBracket)) {
    failExpected(type.isInt ? "a shape after 'int'" : "a shape such as [B, T] or int[B, T]");
    return std::nullopt;
  }
  std::optional<ast::Shape> shape = parseShape();
  if (!shape)
    return std::nullopt;
  type.shape = std::move(*shape);
  type.range = since(begin);
  return type;
}

/// body = "=" expr NL | ":" NL INDENT { statement } "return" expr { "," expr } NL DEDENT
bool Parser::parseBody(ast::Body &body, const ast::Identifier &name) {
  uint32_t begin = current().begin;
  bool parsed = false;
  if (accept(TokenKind::Assign)) {
    uint32_t valueBegin = current().begin;
    if (ast::ExprPtr value = parseExpr()) {
      body.results.push_back(std::move(value));
      body.resultsRange = since(valueBegin);
      body.incomplete = false;
      parsed = endLine();
    }
  } else if (at(TokenKind::Colon) || at(TokenKind::Newline)) {
    parsed = parseBlockBody(body, name);
  } else {
    failExpected(fmt::format("'=' or ':' after the signature of {}", name.text));
  }
  body.range = since(begin);
  return parsed;
}

bool Parser::parseBlockBody(ast::Body &body, const ast::Identifier &name) {
  int64_t indent = indentHere();
  body.isBlock = true;
  if (at(TokenKind::Newline)) { // report with both possibilities, then go on as with ':'
    failExpected(fmt::format("'=' or ':' after the signature of {}", name.text));
    if (line_ + 1 >= stream_.lines.size() || stream_.lines[line_ + 1].indent <= indent)
      return false;
  } else {
    take();
    if (!at(TokenKind::Newline))
      return failExpected("the end of the line after ':'",
                          "a body in one line is written '= value'");
  }
  if (!startBlock(indent, "statements and return"))
    return false;
  body.incomplete = false;
  parseLines(indent, [&] {
    if (parseStatement(body))
      return true;
    body.incomplete = true;
    return false;
  });
  if (body.results.empty() && !body.incomplete) {
    fail(name.range, fmt::format("the body of {} has no return", name.text));
    body.incomplete = true;
  }
  return true;
}

/// statement = target { "," target } "=" expr { "," expr } NL | "update" NAME "=" expr NL, or
/// return
bool Parser::parseStatement(ast::Body &body) {
  if (!body.results.empty())
    return fail(here(), "nothing stands after return");
  switch (current().kind) {
  case TokenKind::KwReturn:
    return parseReturn(body);
  case TokenKind::KwUpdate:
    return parseUpdate(body);
  case TokenKind::Name:
    return parseAssignment(body);
  case TokenKind::KwIf:
    return fail(here(), "there is no if statement",
                "a value is chosen by 'a if condition else b', element by element by "
                "where(condition, a, b)");
  default:
    return failExpected("a statement", "statements are 'name = value', 'update name = value' and "
                                       "'return value'");
  }
}

bool Parser::parseReturn(ast::Body &body) {
  uint32_t begin = take().begin;
  std::vector<ast::ExprPtr> results;
  bool parsed = parseExprs(results);
  body.resultsRange = since(begin);
  if (!parsed)
    return false;
  body.results = std::move(results);
  return endLine();
}

bool Parser::parseUpdate(ast::Body &body) {
  ast::Update update;
  uint32_t begin = take().begin;
  std::optional<ast::Identifier> name = parseName("the name of a state after 'update'");
  if (!name || !expect(TokenKind::Assign, fmt::format("after '{}'", name->text)))
    return false;
  update.state = std::move(*name);
  update.value = parseExpr();
  bool parsed = update.value != nullptr;
  if (!parsed)
    update.value = errorExpr();
  update.range = since(begin);
  body.statements.push_back(std::move(update));
  return parsed && endLine();
}

/// target { "," target } "=" expr { "," expr } ;    target = NAME [ ":" type ]
bool Parser::parseAssignment(ast::Body &body) {
  std::string_view word = rangeOf(current()).text();
  if ((word == "for" || word == "while") && following().kind != TokenKind::Assign)
    return fail(here(), "there are no loops",
                "copies of a module run one after another: 'h = repeat n: Block()', then 'h(x)'");
  ast::Assignment assignment;
  uint32_t begin = current().begin;
  do {
    ast::Target target;
    uint32_t targetBegin = current().begin;
    std::optional<ast::Identifier> name = parseDefinedName("a name");
    if (!name)
      return false;
    target.name = std::move(*name);
    if (accept(TokenKind::Colon)) {
      target.type = parseType();
      if (!target.type)
        return false;
    }
    target.range = since(targetBegin);
    assignment.targets.push_back(std::move(target));
  } while (accept(TokenKind::Comma));
  if (!accept(TokenKind::Assign)) {
    std::string hint;
    if (following().kind == TokenKind::Assign && current().end == following().begin)
      hint = fmt::format("write {0} = {0} {1} ...", textOf(stream_.tokens[position_ - 1]),
                         textOf(current()));
    return failExpected(fmt::format("'=' after '{}'", assignment.targets.back().name.text), hint);
  }
  bool parsed = parseExprs(assignment.values);
  if (!parsed) {
    assignment.values.clear();
    assignment.values.push_back(errorExpr());
  }
  assignment.range = since(begin);
  size_t targets = assignment.targets.size(), values = assignment.values.size();
  if (values != 1 && values != targets)
    parsed = fail(assignment.range,
                  fmt::format("{} name{} for {} values", targets, targets == 1 ? "" : "s", values));
  body.statements.push_back(std::move(assignment));
  return parsed && endLine();
}

/// expr { "," expr }
bool Parser::parseExprs(std::vector<ast::ExprPtr> &exprs) {
  do {
    ast::ExprPtr expr = parseExpr();
    if (!expr)
      return false;
    exprs.push_back(std::move(expr));
  } while (accept(TokenKind::Comma));
  return true;
}

} // namespace gptc
