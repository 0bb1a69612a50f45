// The syntax tree as text. One node a line, children indented, no places: what the parser tests
// compare with and what the formatter checks itself against.
#include "gptc/Model/AST.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace gptc::ast {

const Module *File::model() const {
  for (const Module &module : modules)
    if (module.isModel)
      return &module;
  return nullptr;
}

const char *spelling(BinaryOp op) {
  switch (op) {
  case BinaryOp::Or:
    return "or";
  case BinaryOp::And:
    return "and";
  case BinaryOp::Equal:
    return "==";
  case BinaryOp::NotEqual:
    return "!=";
  case BinaryOp::Less:
    return "<";
  case BinaryOp::LessEqual:
    return "<=";
  case BinaryOp::Greater:
    return ">";
  case BinaryOp::GreaterEqual:
    return ">=";
  case BinaryOp::Add:
    return "+";
  case BinaryOp::Subtract:
    return "-";
  case BinaryOp::Multiply:
    return "*";
  case BinaryOp::Divide:
    return "/";
  case BinaryOp::Remainder:
    return "%";
  case BinaryOp::MatMul:
    return "@";
  case BinaryOp::Power:
    return "^";
  }
  return "";
}

const char *spelling(UnaryOp op) { return op == UnaryOp::Negate ? "-" : "not"; }

namespace {

class Dumper {
public:
  std::string take() { return std::move(out_); }

  void visit(const File &file) {
    line("file");
    Nested nested(*this);
    // Back to source order: the lists of a file are apart, their order among each other is not.
    size_t config = 0, preset = 0, function = 0, module = 0;
    auto begin = [](const auto &list, size_t i) {
      return i < list.size() ? list[i].range.begin : UINT32_MAX;
    };
    size_t left =
        file.configs.size() + file.presets.size() + file.functions.size() + file.modules.size();
    for (; left > 0; --left) {
      uint32_t c = begin(file.configs, config), p = begin(file.presets, preset);
      uint32_t f = begin(file.functions, function), m = begin(file.modules, module);
      if (uint32_t first = std::min({c, p, f, m}); first == c)
        visit(file.configs[config++]);
      else if (first == p)
        visit(file.presets[preset++]);
      else if (first == f)
        visit("def", file.functions[function++]);
      else
        visit(file.modules[module++]);
    }
  }

  void visit(const Expr &expr) {
    switch (expr.kind()) {
    case ExprKind::Error:
      return line("error");
    case ExprKind::Number:
      return line("number {}", cast<NumberExpr>(expr).value);
    case ExprKind::Name:
      return line("name {}", cast<NameExpr>(expr).name);
    case ExprKind::Unary: {
      const auto &unary = cast<UnaryExpr>(expr);
      line("unary {}", spelling(unary.op));
      return children(*unary.operand);
    }
    case ExprKind::Binary: {
      const auto &binary = cast<BinaryExpr>(expr);
      line("binary {}", spelling(binary.op));
      return children(*binary.lhs, *binary.rhs);
    }
    case ExprKind::Conditional: {
      const auto &conditional = cast<ConditionalExpr>(expr);
      line("conditional");
      return children(*conditional.value, *conditional.condition, *conditional.otherwise);
    }
    case ExprKind::Call: {
      const auto &call = cast<CallExpr>(expr);
      line("call");
      Nested nested(*this);
      visit(*call.callee);
      return visit(call.arguments);
    }
    case ExprKind::Member: {
      const auto &member = cast<MemberExpr>(expr);
      line("member {}", member.member.text);
      return children(*member.object);
    }
    case ExprKind::Index: {
      const auto &index = cast<IndexExpr>(expr);
      line("index");
      Nested nested(*this);
      visit(*index.object);
      for (const IndexItem &item : index.items)
        visit(item);
      return;
    }
    }
  }

private:
  struct Nested {
    explicit Nested(Dumper &dumper) : dumper(dumper) { dumper.depth_ += 1; }
    ~Nested() { dumper.depth_ -= 1; }
    Dumper &dumper;
  };

  template <typename... Args> void line(fmt::format_string<Args...> format, Args &&...args) {
    out_.append(2 * depth_, ' ');
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }

  template <typename... Exprs> void children(const Exprs &...exprs) {
    Nested nested(*this);
    (visit(exprs), ...);
  }

  void optional(const char *label, const ExprPtr &expr) {
    if (!expr)
      return;
    line("{}", label);
    children(*expr);
  }

  void visit(const IndexItem &item) {
    switch (item.kind) {
    case IndexItem::Kind::Ellipsis:
      return line("...");
    case IndexItem::Kind::Position:
      return optional("position", item.position);
    case IndexItem::Kind::Slice:
      line("slice");
      Nested nested(*this);
      optional("lower", item.lower);
      optional("upper", item.upper);
      return;
    }
  }

  void visit(const Shape &shape) {
    line("shape");
    Nested nested(*this);
    for (const Size &size : shape.sizes) {
      line("{}", size.isEllipsis ? "..." : "size");
      if (size.value)
        children(*size.value);
      Nested inside(*this);
      optional("limit", size.limit);
    }
  }

  void visit(const Type &type) {
    line("type{}", type.isInt ? " int" : "");
    Nested nested(*this);
    visit(type.shape);
  }

  void visit(const std::vector<Argument> &arguments) {
    for (const Argument &argument : arguments) {
      line("argument{}{}", argument.name ? " " : "", argument.name ? argument.name->text : "");
      Nested inside(*this);
      if (argument.value)
        visit(*argument.value);
      if (argument.shape)
        visit(*argument.shape);
      if (argument.after) {
        line("to");
        visit(*argument.after);
      }
    }
  }

  void visit(const std::vector<Input> &inputs) {
    for (const Input &input : inputs) {
      line("input {}", input.name.text);
      Nested nested(*this);
      if (input.type)
        visit(*input.type);
      optional("default", input.defaultValue);
    }
  }

  void visit(const char *keyword, const Function &function) {
    line("{} {}", keyword, function.name.text);
    Nested nested(*this);
    visit(function.signature.inputs);
    for (const Type &type : function.signature.results) {
      line("result");
      Nested inside(*this);
      visit(type);
    }
    const Body &body = function.body;
    line("body{}{}", body.isBlock ? " block" : "", body.incomplete ? " incomplete" : "");
    Nested inside(*this);
    for (const Statement &statement : body.statements)
      std::visit([&](const auto &node) { visit(node); }, statement);
    line("return");
    for (const ExprPtr &result : body.results)
      children(*result);
  }

  void visit(const Assignment &assignment) {
    line("assign");
    Nested nested(*this);
    for (const Target &target : assignment.targets) {
      line("target {}", target.name.text);
      Nested inside(*this);
      if (target.type)
        visit(*target.type);
    }
    for (const ExprPtr &value : assignment.values)
      visit(*value);
  }

  void visit(const Update &update) {
    line("update {}", update.state.text);
    children(*update.value);
  }

  void visit(const std::vector<Setting> &settings) {
    for (const Setting &setting : settings) {
      line("setting {}", setting.name.text);
      children(*setting.value);
    }
  }

  void visit(const Config &config) {
    line("config{}", config.incomplete ? " incomplete" : "");
    Nested nested(*this);
    visit(config.settings);
  }

  void visit(const Preset &preset) {
    line("preset {}{}", preset.name.text, preset.incomplete ? " incomplete" : "");
    Nested nested(*this);
    visit(preset.settings);
  }

  void visit(const TensorMember &member) {
    line("{} {}", member.isState ? "state" : "param", member.name.text);
    Nested nested(*this);
    visit(member.shape);
    visit(*member.initializer);
    visit(member.options);
  }

  void visit(const SubmoduleMember &member) {
    line("submodule {} {}", member.name.text, member.module.text);
    Nested nested(*this);
    if (member.repeat) {
      line("repeat{}{}", member.repeat->index ? " " : "",
           member.repeat->index ? member.repeat->index->text : "");
      children(*member.repeat->count);
    }
    visit(member.arguments);
  }

  void visit(const Module &module) {
    line("{} {}{}", module.isModel ? "model" : "module", module.name.text,
         module.incomplete ? " incomplete" : "");
    Nested nested(*this);
    visit(module.parameters);
    for (const ModuleMember &member : module.members)
      std::visit([&](const auto &node) { visit(node); }, member);
    if (module.forward)
      visit("function", *module.forward);
    if (module.loss)
      visit("function", *module.loss);
  }

  std::string out_;
  size_t depth_ = 0;
};

} // namespace

std::string dump(const File &file) {
  Dumper dumper;
  dumper.visit(file);
  return dumper.take();
}

std::string dump(const Expr &expr) {
  Dumper dumper;
  dumper.visit(expr);
  return dumper.take();
}

} // namespace gptc::ast
