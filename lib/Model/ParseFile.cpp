// Grammar rules of a file: config, presets, functions' headers, modules and their members.
#include "ParserImpl.h"

#include <fmt/format.h>

namespace gptc {

/// file = { "config" settings | "preset" NAME settings | "def" NAME signature body | module }
std::unique_ptr<ast::File> Parser::parseFile(ParseOptions options) {
  auto file = std::make_unique<ast::File>();
  file->source = &source_;
  file->comments = stream_.comments;
  file->incomplete = !stream_.isText;
  parseLines(noOwner, [&] {
    if (parseDeclaration(*file))
      return true;
    file->incomplete = true;
    return false;
  });
  if (options.requireModel && !file->model() && !file->incomplete)
    diagnostics_.error(source_.path(), "no model: a description has one 'model Name:'");
  return file;
}

bool Parser::parseDeclaration(ast::File &file) {
  switch (current().kind) {
  case TokenKind::KwConfig:
    return parseConfig(file);
  case TokenKind::KwPreset:
    return parsePreset(file);
  case TokenKind::KwDef:
    return parseDef(file);
  case TokenKind::KwModule:
  case TokenKind::KwModel:
    return parseModule(file);
  case TokenKind::KwParam:
  case TokenKind::KwState:
  case TokenKind::KwForward:
  case TokenKind::KwLoss:
    return fail(here(), fmt::format("'{}' stands inside a module", spelling(current().kind)),
                "indent it below its module or model");
  case TokenKind::KwReturn:
  case TokenKind::KwUpdate:
    return fail(here(), fmt::format("'{}' stands inside a function", spelling(current().kind)),
                "indent it below its def, forward or loss");
  default:
    break;
  }
  if (at(TokenKind::Bad))
    return false;
  std::string guess;
  if (at(TokenKind::Name))
    guess = suggestion(rangeOf(current()).text(), {"config", "preset", "def", "module", "model"});
  return fail(here(), fmt::format("expected config, preset, def, module or model, found {}{}",
                                  describe(current()), guess));
}

bool Parser::parseConfig(ast::File &file) {
  ast::Config config;
  uint32_t begin = take().begin;
  bool parsed = parseSettings("'config'", config.settings, config.incomplete);
  config.range = since(begin);
  file.configs.push_back(std::move(config));
  return parsed;
}

bool Parser::parsePreset(ast::File &file) {
  ast::Preset preset;
  uint32_t begin = take().begin;
  std::optional<ast::Identifier> name = parseDefinedName("a name after 'preset'");
  if (!name)
    return false;
  preset.name = std::move(*name);
  bool parsed = parseSettings("the preset's name", preset.settings, preset.incomplete);
  preset.range = since(begin);
  file.presets.push_back(std::move(preset));
  return parsed;
}

bool Parser::parseDef(ast::File &file) {
  ast::Function function;
  uint32_t begin = take().begin;
  std::optional<ast::Identifier> name = parseDefinedName("a name after 'def'");
  if (!name)
    return false;
  function.name = std::move(*name);
  bool parsed = parseFunction(function);
  function.range = since(begin);
  if (function.signature.range.isValid()) // its name is known, whatever became of its body
    file.functions.push_back(std::move(function));
  return parsed;
}

/// settings = ":" ( assigns NL | NL INDENT assigns NL { assigns NL } DEDENT )
bool Parser::parseSettings(std::string_view owner, std::vector<ast::Setting> &settings,
                           bool &incomplete) {
  int64_t indent = indentHere();
  incomplete = true;
  if (!acceptBlockColon(owner))
    return false;
  if (!at(TokenKind::Newline)) {
    incomplete = !(parseAssigns(settings) && endLine());
    return !incomplete;
  }
  if (!startBlock(indent, "settings"))
    return false;
  incomplete = false;
  parseLines(indent, [&] {
    if (parseAssigns(settings) && endLine())
      return true;
    incomplete = true;
    return false;
  });
  return true;
}

/// assigns = NAME "=" expr { "," NAME "=" expr }
bool Parser::parseAssigns(std::vector<ast::Setting> &settings) {
  do {
    ast::Setting setting;
    uint32_t begin = current().begin;
    std::optional<ast::Identifier> name = parseDefinedName("a setting such as n = 12");
    if (!name || !expect(TokenKind::Assign, fmt::format("after '{}'", name->text)))
      return false;
    setting.name = std::move(*name);
    setting.value = parseExpr();
    bool failed = !setting.value;
    if (failed)
      setting.value = errorExpr();
    setting.range = since(begin);
    settings.push_back(std::move(setting));
    if (failed)
      return false;
  } while (accept(TokenKind::Comma));
  return true;
}

/// module = ( "module" | "model" ) NAME [ params ] ":" NL INDENT { member } ... DEDENT
bool Parser::parseModule(ast::File &file) {
  int64_t indent = indentHere();
  ast::Module module;
  Token keyword = take();
  module.isModel = keyword.kind == TokenKind::KwModel;
  std::optional<ast::Identifier> name =
      parseDefinedName(fmt::format("a name after '{}'", spelling(keyword.kind)));
  if (!name)
    return false;
  module.name = std::move(*name);
  if (const ast::Module *first = file.model(); first && module.isModel)
    diagnostics_.error(module.name.range, "a description has one model; the others are modules")
        .note(first->name.range, "the model is here");
  bool hasParameters = at(TokenKind::LeftParen);
  if (hasParameters && !parseInputs(module.parameters))
    return false;
  if (!acceptBlockColon(fmt::format("'{} {}'", spelling(keyword.kind), module.name.text)))
    return false;
  if (!at(TokenKind::Newline))
    return failExpected("the end of the line after ':'", "members stand in the lines below");
  if (!startBlock(indent, "members and forward"))
    return false;
  parseLines(indent, [&] {
    if (parseModuleLine(module))
      return true;
    module.incomplete = true;
    return false;
  });
  module.range = since(keyword.begin);
  if (!module.forward && !module.incomplete) {
    fail(module.name.range,
         fmt::format("{} '{}' has no forward", spelling(keyword.kind), module.name.text));
    module.incomplete = true;
  }
  file.modules.push_back(std::move(module));
  return true;
}

bool Parser::parseModuleLine(ast::Module &module) {
  bool isMember = at(TokenKind::KwParam) || at(TokenKind::KwState) || at(TokenKind::Name);
  if (isMember && (module.forward || module.loss))
    fail(here(), "members stand before forward and loss");
  switch (current().kind) {
  case TokenKind::KwParam:
  case TokenKind::KwState:
    return parseTensorMember(module);
  case TokenKind::KwForward:
  case TokenKind::KwLoss:
    return parseModuleFunction(module);
  case TokenKind::Name:
    if (following().kind == TokenKind::Assign)
      return parseSubmodule(module);
    break;
  case TokenKind::KwReturn:
  case TokenKind::KwUpdate:
    return fail(here(), fmt::format("'{}' stands inside a function", spelling(current().kind)),
                "indent it below forward or loss");
  case TokenKind::KwConfig:
  case TokenKind::KwPreset:
  case TokenKind::KwDef:
  case TokenKind::KwModule:
  case TokenKind::KwModel:
    return fail(here(), fmt::format("'{}' stands at the top of a file, not inside a module",
                                    spelling(current().kind)));
  default:
    break;
  }
  if (at(TokenKind::Bad))
    return false;
  std::string guess;
  if (at(TokenKind::Name))
    guess = suggestion(rangeOf(current()).text(), {"param", "state", "forward", "loss"});
  return fail(
      here(),
      fmt::format("expected a member, forward or loss, found {}{}", describe(current()), guess),
      guess.empty() ? "members are 'param name: [...] = ...', 'state name: [...] = ...' "
                      "and 'name = Module(...)'"
                    : "");
}

/// "forward" signature body, or "loss" signature body
bool Parser::parseModuleFunction(ast::Module &module) {
  Token keyword = take();
  bool isLoss = keyword.kind == TokenKind::KwLoss;
  std::optional<ast::Function> &slot = isLoss ? module.loss : module.forward;
  ast::Function function;
  function.name = {std::string(spelling(keyword.kind)), rangeOf(keyword)};
  if (slot)
    diagnostics_.error(rangeOf(keyword), fmt::format("a second '{}'", spelling(keyword.kind)))
        .note(slot->name.range, "the first is here");
  else if (!isLoss && module.loss)
    fail(rangeOf(keyword), "'forward' stands before 'loss'");
  bool parsed = parseFunction(function);
  function.range = since(keyword.begin);
  if (!slot && function.signature.range.isValid())
    slot = std::move(function);
  return parsed;
}

/// ( "param" | "state" ) NAME ":" shape "=" expr [ "," assigns ] NL
bool Parser::parseTensorMember(ast::Module &module) {
  ast::TensorMember member;
  Token keyword = take();
  member.isState = keyword.kind == TokenKind::KwState;
  std::optional<ast::Identifier> name =
      parseDefinedName(fmt::format("a name after '{}'", spelling(keyword.kind)));
  if (!name || !expect(TokenKind::Colon, fmt::format("and a shape after '{}'", name->text)))
    return false;
  std::optional<ast::Shape> shape = parseShape();
  if (!shape)
    return false;
  member.name = std::move(*name);
  member.shape = std::move(*shape);
  bool parsed = expect(TokenKind::Assign, "and an initialiser after the shape",
                       "zeros, ones, constant(c), normal(std) or uniform(low, high)");
  if (parsed)
    member.initializer = parseExpr();
  parsed = parsed && member.initializer;
  if (!member.initializer)
    member.initializer = errorExpr();
  if (parsed && accept(TokenKind::Comma))
    parsed = parseAssigns(member.options);
  parsed = parsed && endLine();
  member.range = since(keyword.begin);
  module.members.push_back(std::move(member));
  return parsed;
}

/// NAME "=" [ "repeat" [ NAME "in" ] expr ":" ] NAME args NL
bool Parser::parseSubmodule(ast::Module &module) {
  ast::SubmoduleMember member;
  std::optional<ast::Identifier> name = parseDefinedName("a member's name");
  if (!name)
    return false;
  take(); // the '=' that brought us here
  member.name = std::move(*name);
  if (at(TokenKind::KwRepeat)) {
    ast::Repeat repeat;
    uint32_t begin = take().begin;
    if (at(TokenKind::Name) && following().kind == TokenKind::KwIn) {
      repeat.index = parseDefinedName("an index");
      if (!repeat.index)
        return false;
      take(); // "in"
    }
    repeat.count = parseExpr();
    if (!repeat.count)
      return false;
    repeat.range = since(begin);
    if (!expect(TokenKind::Colon, "after the number of copies"))
      return false;
    member.repeat = std::move(repeat);
  }
  uint32_t begin = current().begin;
  std::optional<ast::Identifier> callee = parseName("a module such as Linear(8, 9)");
  if (!callee)
    return false;
  member.module = std::move(*callee);
  if (!at(TokenKind::LeftParen))
    return failExpected(fmt::format("'(' after the module's name '{}'", member.module.text));
  if (!parseArguments(member.arguments))
    return false;
  member.callRange = since(begin);
  member.range = member.name.range.to(member.callRange);
  bool parsed = endLine();
  module.members.push_back(std::move(member));
  return parsed;
}

} // namespace gptc
