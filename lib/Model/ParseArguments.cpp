// Grammar rules of what stands in brackets: arguments, shapes, patterns and indices.
#include "ParserImpl.h"

#include <algorithm>

namespace gptc {

using ast::ExprPtr;

/// args = "(" [ arg { "," arg } ] ")"
bool Parser::parseArguments(std::vector<ast::Argument> &arguments) {
  Token open = take();
  bool failed = false;
  if (accept(TokenKind::RightParen))
    return true;
  do {
    if (at(TokenKind::Newline))
      break; // never closed
    ast::Argument argument;
    uint32_t begin = current().begin;
    if (!parseArgument(argument))
      return false;
    argument.range = since(begin);
    arguments.push_back(std::move(argument));
  } while (acceptComma(open, failed));
  return !failed && expectClose(open, "',' or ");
}

/// arg = [ NAME "=" ] ( expr | shape [ "->" shape ] )
bool Parser::parseArgument(ast::Argument &argument) {
  if (at(TokenKind::Name) && following().kind == TokenKind::Assign) {
    argument.name = parseName("a name");
    take();
  }
  if (!at(TokenKind::LeftBracket)) {
    argument.value = parseExpr();
    return argument.value != nullptr;
  }
  argument.shape = parseShape();
  if (!argument.shape || !accept(TokenKind::Arrow))
    return argument.shape.has_value();
  if (!at(TokenKind::LeftBracket))
    return failExpected("a shape after '->'");
  argument.after = parseShape();
  return argument.after.has_value();
}

/// shape = "[" [ size { "," size } ] "]"
std::optional<ast::Shape> Parser::parseShape() {
  if (!at(TokenKind::LeftBracket)) {
    failExpected("a shape such as [n, m]");
    return std::nullopt;
  }
  Level level(*this);
  if (level.tooDeep())
    return failTooDeep(), std::nullopt;
  ast::Shape shape;
  Token open = take();
  bool failed = false;
  if (!at(TokenKind::RightBracket)) {
    do {
      ast::Size size;
      uint32_t begin = current().begin;
      if (at(TokenKind::Newline))
        break; // never closed
      if (!parseSize(size))
        return std::nullopt;
      size.range = since(begin);
      shape.sizes.push_back(std::move(size));
    } while (acceptComma(open, failed));
  }
  if (failed || !expectClose(open, "',' or "))
    return std::nullopt;
  shape.range = since(open.begin);
  return shape;
}

/// size = "..." | sum [ "<=" sum ]
bool Parser::parseSize(ast::Size &size) {
  if (accept(TokenKind::Ellipsis)) {
    size.isEllipsis = true;
    return true;
  }
  size.value = parseSum();
  if (!size.value || !accept(TokenKind::LessEqual))
    return size.value != nullptr;
  size.limit = parseSum();
  return size.limit != nullptr;
}

ExprPtr Parser::parseIndex(ExprPtr object) {
  Level level(*this);
  if (level.tooDeep())
    return failTooDeep();
  uint32_t begin = object->range.begin;
  unsigned depth = object->depth;
  Token open = take();
  bool failed = false;
  std::vector<ast::IndexItem> items;
  do {
    if (at(TokenKind::Newline))
      break; // never closed
    ast::IndexItem item;
    uint32_t itemBegin = current().begin;
    if (!parseIndexItem(item))
      return nullptr;
    item.range = since(itemBegin);
    depth = std::max({depth, depthOf(item.position), depthOf(item.lower), depthOf(item.upper)});
    items.push_back(std::move(item));
  } while (acceptComma(open, failed));
  if (failed || !expectClose(open, "',' or "))
    return nullptr;
  return finish(std::make_unique<ast::IndexExpr>(since(begin), std::move(object), std::move(items)),
                depth);
}

/// index = "..." | [ sum ] ":" [ sum ] | sum
bool Parser::parseIndexItem(ast::IndexItem &item) {
  if (accept(TokenKind::Ellipsis)) {
    item.kind = ast::IndexItem::Kind::Ellipsis;
    return true;
  }
  if (at(TokenKind::RightBracket))
    return failExpected("an index such as 0, a:b or ...");
  if (!at(TokenKind::Colon)) {
    item.position = parseSum();
    if (!item.position || !at(TokenKind::Colon))
      return item.position != nullptr;
  }
  take(); // ':'
  item.kind = ast::IndexItem::Kind::Slice;
  item.lower = std::move(item.position);
  if (at(TokenKind::Comma) || at(TokenKind::RightBracket) || at(TokenKind::Newline))
    return true;
  item.upper = parseSum();
  return item.upper != nullptr;
}

} // namespace gptc
