// Grammar rules of expressions, shapes and patterns.
#include "ParserImpl.h"

#include <fmt/format.h>

#include <algorithm>

namespace gptc {

using ast::BinaryOp;
using ast::ExprPtr;

namespace {

std::optional<BinaryOp> compareOp(TokenKind kind) {
  switch (kind) {
  case TokenKind::Equal:
    return BinaryOp::Equal;
  case TokenKind::NotEqual:
    return BinaryOp::NotEqual;
  case TokenKind::Less:
    return BinaryOp::Less;
  case TokenKind::LessEqual:
    return BinaryOp::LessEqual;
  case TokenKind::Greater:
    return BinaryOp::Greater;
  case TokenKind::GreaterEqual:
    return BinaryOp::GreaterEqual;
  default:
    return std::nullopt;
  }
}

std::optional<BinaryOp> sumOp(TokenKind kind) {
  switch (kind) {
  case TokenKind::Plus:
    return BinaryOp::Add;
  case TokenKind::Minus:
    return BinaryOp::Subtract;
  default:
    return std::nullopt;
  }
}

std::optional<BinaryOp> productOp(TokenKind kind) {
  switch (kind) {
  case TokenKind::Star:
    return BinaryOp::Multiply;
  case TokenKind::Slash:
    return BinaryOp::Divide;
  case TokenKind::Percent:
    return BinaryOp::Remainder;
  case TokenKind::At:
    return BinaryOp::MatMul;
  default:
    return std::nullopt;
  }
}

std::optional<BinaryOp> orOp(TokenKind kind) {
  return kind == TokenKind::KwOr ? std::optional(BinaryOp::Or) : std::nullopt;
}

std::optional<BinaryOp> andOp(TokenKind kind) {
  return kind == TokenKind::KwAnd ? std::optional(BinaryOp::And) : std::nullopt;
}

} // namespace

ExprPtr Parser::failTooDeep() {
  fail(here(),
       fmt::format("expression too deep: at most {} operations inside each other",
                   ast::maxExpressionDepth),
       "give a part of it a name");
  return nullptr;
}

ExprPtr Parser::finish(ExprPtr node, unsigned childDepth) {
  node->depth = childDepth + 1;
  return node->depth > ast::maxExpressionDepth ? failTooDeep() : std::move(node);
}

ExprPtr Parser::binary(ExprPtr lhs, BinaryOp op, const Token &opToken, ExprPtr rhs) {
  SourceRange range = lhs->range.to(rhs->range);
  unsigned depth = std::max(lhs->depth, rhs->depth);
  return finish(std::make_unique<ast::BinaryExpr>(range, op, rangeOf(opToken), std::move(lhs),
                                                  std::move(rhs)),
                depth);
}

/// operand { op operand }, grouped from the left.
ExprPtr Parser::parseLeftToRight(Rule operand, std::optional<BinaryOp> (*opOf)(TokenKind)) {
  ExprPtr lhs = (this->*operand)();
  while (lhs) {
    std::optional<BinaryOp> op = opOf(current().kind);
    if (!op)
      break;
    Token opToken = take();
    ExprPtr rhs = (this->*operand)();
    lhs = rhs ? binary(std::move(lhs), *op, opToken, std::move(rhs)) : nullptr;
  }
  return lhs;
}

/// expr = or [ "if" or "else" expr ]
ExprPtr Parser::parseExpr() {
  Level level(*this);
  if (level.tooDeep())
    return failTooDeep();
  ExprPtr value = parseOr();
  if (!value || !accept(TokenKind::KwIf))
    return value;
  ExprPtr condition = parseOr();
  if (!condition || !expect(TokenKind::KwElse, "after the condition",
                            "both sides are given: a if condition else b"))
    return nullptr;
  ExprPtr otherwise = parseExpr();
  if (!otherwise)
    return nullptr;
  SourceRange range = value->range.to(otherwise->range);
  unsigned depth = std::max({value->depth, condition->depth, otherwise->depth});
  return finish(std::make_unique<ast::ConditionalExpr>(range, std::move(value),
                                                       std::move(condition), std::move(otherwise)),
                depth);
}

/// or = and { "or" and }
ExprPtr Parser::parseOr() { return parseLeftToRight(&Parser::parseAnd, orOp); }

/// and = not { "and" not }
ExprPtr Parser::parseAnd() { return parseLeftToRight(&Parser::parseNot, andOp); }

/// not = "not" not | compare
ExprPtr Parser::parseNot() {
  if (!at(TokenKind::KwNot))
    return parseCompare();
  Level level(*this);
  if (level.tooDeep())
    return failTooDeep();
  uint32_t begin = take().begin;
  ExprPtr operand = parseNot();
  if (!operand)
    return nullptr;
  unsigned depth = operand->depth;
  SourceRange range = source_.range(begin, operand->range.end);
  return finish(std::make_unique<ast::UnaryExpr>(range, ast::UnaryOp::Not, std::move(operand)),
                depth);
}

/// compare = sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) sum ]
ExprPtr Parser::parseCompare() {
  ExprPtr lhs = parseSum();
  std::optional<BinaryOp> op = compareOp(current().kind);
  if (!lhs || !op)
    return lhs;
  Token opToken = take();
  ExprPtr rhs = parseSum();
  if (!rhs)
    return nullptr;
  if (compareOp(current().kind)) {
    fail(here(), "comparisons do not chain", "a < b and b < c");
    return nullptr;
  }
  return binary(std::move(lhs), *op, opToken, std::move(rhs));
}

/// sum = product { ( "+" | "-" ) product }
ExprPtr Parser::parseSum() { return parseLeftToRight(&Parser::parseProduct, sumOp); }

/// product = unary { ( "*" | "/" | "%" | "@" ) unary }
ExprPtr Parser::parseProduct() { return parseLeftToRight(&Parser::parseUnary, productOp); }

/// unary = "-" unary | power
ExprPtr Parser::parseUnary() {
  if (!at(TokenKind::Minus))
    return parsePower();
  Level level(*this);
  if (level.tooDeep())
    return failTooDeep();
  uint32_t begin = take().begin;
  ExprPtr operand = parseUnary();
  if (!operand)
    return nullptr;
  unsigned depth = operand->depth;
  SourceRange range = source_.range(begin, operand->range.end);
  return finish(std::make_unique<ast::UnaryExpr>(range, ast::UnaryOp::Negate, std::move(operand)),
                depth);
}

/// power = postfix [ "^" unary ]
ExprPtr Parser::parsePower() {
  ExprPtr base = parsePostfix();
  if (!base || !at(TokenKind::Caret))
    return base;
  Level level(*this);
  if (level.tooDeep())
    return failTooDeep();
  Token opToken = take();
  ExprPtr exponent = parseUnary();
  return exponent ? binary(std::move(base), BinaryOp::Power, opToken, std::move(exponent))
                  : nullptr;
}

/// postfix = atom { args | "." NAME | "[" index { "," index } "]" }
ExprPtr Parser::parsePostfix() {
  ExprPtr expr = parseAtom();
  while (expr) {
    uint32_t begin = expr->range.begin;
    unsigned depth = expr->depth;
    if (at(TokenKind::LeftParen)) {
      uint32_t open = current().begin;
      std::vector<ast::Argument> arguments;
      if (!parseArguments(arguments))
        return nullptr;
      for (const ast::Argument &argument : arguments)
        depth = std::max(
            {depth, depthOf(argument.value), depthOf(argument.shape), depthOf(argument.after)});
      expr = finish(std::make_unique<ast::CallExpr>(since(begin), std::move(expr),
                                                    std::move(arguments), since(open)),
                    depth);
    } else if (accept(TokenKind::Dot)) {
      std::optional<ast::Identifier> member = parseName("a member's name after '.'");
      if (!member)
        return nullptr;
      expr = finish(
          std::make_unique<ast::MemberExpr>(since(begin), std::move(expr), std::move(*member)),
          depth);
    } else if (at(TokenKind::LeftBracket)) {
      expr = parseIndex(std::move(expr));
    } else {
      break;
    }
  }
  return expr;
}

/// atom = NUMBER | NAME | "(" expr ")"
ExprPtr Parser::parseAtom() {
  switch (current().kind) {
  case TokenKind::Number: {
    Token token = take();
    return std::make_unique<ast::NumberExpr>(rangeOf(token), token.number);
  }
  case TokenKind::Name: {
    Token token = take();
    return std::make_unique<ast::NameExpr>(rangeOf(token), std::string(rangeOf(token).text()));
  }
  case TokenKind::LeftParen:
    return parseParenthesised();
  case TokenKind::LeftBracket:
    failExpected("an expression", "a shape or a pattern stands only as an argument of a call");
    return nullptr;
  default:
    failExpected("an expression");
    return nullptr;
  }
}

ExprPtr Parser::parseParenthesised() {
  Token open = take();
  ExprPtr expr = parseExpr();
  if (!expr || !expectClose(open, ""))
    return nullptr;
  expr->range = since(open.begin);
  return expr;
}

} // namespace gptc
