// The tables of tokens: keywords, fixed names, spellings.
#include "gptc/Model/Lexer.h"

#include <algorithm>

namespace gptc {

const std::vector<std::string> &keywords() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> list;
    for (int kind = int(TokenKind::KwConfig); kind <= int(TokenKind::KwNot); ++kind)
      list.emplace_back(spelling(TokenKind(kind)));
    return list;
  }();
  return words;
}

const std::vector<std::string> &fixedNames() {
  static const std::vector<std::string> names = {"true", "false",    "none",      "inf",
                                                 "pi",   "training", "parameters"};
  return names;
}

bool isFixedName(std::string_view name) {
  return std::find(fixedNames().begin(), fixedNames().end(), name) != fixedNames().end();
}

bool isKeyword(TokenKind kind) { return kind >= TokenKind::KwConfig && kind <= TokenKind::KwNot; }

bool beginsLine(TokenKind kind) {
  switch (kind) {
  case TokenKind::KwConfig:
  case TokenKind::KwPreset:
  case TokenKind::KwDef:
  case TokenKind::KwModule:
  case TokenKind::KwModel:
  case TokenKind::KwParam:
  case TokenKind::KwState:
  case TokenKind::KwForward:
  case TokenKind::KwLoss:
  case TokenKind::KwReturn:
  case TokenKind::KwUpdate:
    return true;
  default:
    return false;
  }
}

std::string_view spelling(TokenKind kind) {
  switch (kind) {
  case TokenKind::Newline:
  case TokenKind::EndOfFile:
  case TokenKind::Bad:
  case TokenKind::Name:
  case TokenKind::Number:
    return "";
  case TokenKind::KwConfig:
    return "config";
  case TokenKind::KwPreset:
    return "preset";
  case TokenKind::KwDef:
    return "def";
  case TokenKind::KwModule:
    return "module";
  case TokenKind::KwModel:
    return "model";
  case TokenKind::KwParam:
    return "param";
  case TokenKind::KwState:
    return "state";
  case TokenKind::KwRepeat:
    return "repeat";
  case TokenKind::KwIn:
    return "in";
  case TokenKind::KwForward:
    return "forward";
  case TokenKind::KwLoss:
    return "loss";
  case TokenKind::KwReturn:
    return "return";
  case TokenKind::KwUpdate:
    return "update";
  case TokenKind::KwInt:
    return "int";
  case TokenKind::KwIf:
    return "if";
  case TokenKind::KwElse:
    return "else";
  case TokenKind::KwAnd:
    return "and";
  case TokenKind::KwOr:
    return "or";
  case TokenKind::KwNot:
    return "not";
  case TokenKind::LeftParen:
    return "(";
  case TokenKind::RightParen:
    return ")";
  case TokenKind::LeftBracket:
    return "[";
  case TokenKind::RightBracket:
    return "]";
  case TokenKind::Comma:
    return ",";
  case TokenKind::Colon:
    return ":";
  case TokenKind::Dot:
    return ".";
  case TokenKind::Ellipsis:
    return "...";
  case TokenKind::Arrow:
    return "->";
  case TokenKind::Assign:
    return "=";
  case TokenKind::Equal:
    return "==";
  case TokenKind::NotEqual:
    return "!=";
  case TokenKind::Less:
    return "<";
  case TokenKind::LessEqual:
    return "<=";
  case TokenKind::Greater:
    return ">";
  case TokenKind::GreaterEqual:
    return ">=";
  case TokenKind::Plus:
    return "+";
  case TokenKind::Minus:
    return "-";
  case TokenKind::Star:
    return "*";
  case TokenKind::Slash:
    return "/";
  case TokenKind::Percent:
    return "%";
  case TokenKind::At:
    return "@";
  case TokenKind::Caret:
    return "^";
  }
  return "";
}

} // namespace gptc
