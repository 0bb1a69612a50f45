// The tree of modules: their arguments, parameters and first values.
#include "Elaborator.h"
#include "Walk.h"

#include <fmt/format.h>

namespace gptc::model {

/// The names that a member's shape, initialiser or construction sees.
Frame Elaborator::memberFrame(Instance &instance, const Frame *parent) {
  Frame frame;
  frame.library = instance.library;
  frame.instance = &instance;
  frame.place = &instance;
  frame.caller = parent;
  frame.name = instance.module->name.text;
  if (instance.construction) {
    frame.callRange = instance.construction->callRange;
    frame.callLocation = locate(*parent, frame.callRange);
  }
  return frame;
}

static std::string joinPath(const std::string &path, const std::string &name) {
  return path.empty() ? name : path + "." + name;
}

Instance *Elaborator::instantiate(Found<ast::Module> module, std::string path,
                                  llvm::ArrayRef<int64_t> copies,
                                  const ast::SubmoduleMember *construction, Frame *parent) {
  if (instances_.size() >= maxInstances) {
    if (!tooManyInstances_)
      error(*parent, construction->range, fmt::format("more than {} modules", maxInstances));
    tooManyInstances_ = true;
    return nullptr;
  }
  Instance &instance = instances_.emplace_back();
  instance.module = module.node;
  instance.library = module.library;
  instance.construction = construction;
  instance.path = std::move(path);
  if (construction)
    instance.pathName = mlir::StringAttr::get(&context_, instance.path);
  instance.copies.assign(copies.begin(), copies.end());

  Frame frame = memberFrame(instance, parent);
  const std::vector<ast::Input> &inputs = module.node->parameters;
  llvm::StringMap<const ast::Expr *> given;
  if (construction)
    for (auto [i, argument] : llvm::enumerate(construction->arguments)) {
      if (!argument.name && i >= inputs.size())
        continue; // was reported
      given[argument.name ? argument.name->text : inputs[i].name.text] = argument.value.get();
    }
  for (const ast::Input &input : inputs) {
    const ast::Expr *expr = given.lookup(input.name.text);
    Meaning meaning;
    if (expr)
      meaning = evaluate(*expr, *parent);
    else if (input.defaultValue)
      meaning = evaluate(*(expr = input.defaultValue.get()), frame);
    if (!meaning.isPoison() && !meaning.number() && !meaning.isNone()) {
      error(given.contains(input.name.text) ? *parent : frame, expr->range,
            fmt::format("{} of {} must be a number known at compile time, found {}",
                        input.name.text, module.node->name.text, meaning.describe()));
      meaning = Poison();
    }
    instance.isPoison |= meaning.isPoison();
    instance.arguments[input.name.text] = std::move(meaning);
  }
  for (const ast::ModuleMember &member : module.node->members) {
    if (const auto *submodule = std::get_if<ast::SubmoduleMember>(&member)) {
      addSubmodule(*submodule, instance, frame);
      continue;
    }
    const auto &tensor = std::get<ast::TensorMember>(member);
    const ast::Expr *replacement = tensor.isState ? nullptr : given.lookup(tensor.name.text);
    addTensor(tensor, instance, frame, replacement, parent);
  }
  return &instance;
}

void Elaborator::addTensor(const ast::TensorMember &declaration, Instance &instance, Frame &frame,
                           const ast::Expr *replacement, Frame *replacementFrame) {
  auto [it, isNew] = instance.members.insert({declaration.name.text, Member()});
  if (!isNew)
    return; // was reported
  std::optional<Dims> dims = evaluateShape(declaration.shape, frame);
  const ast::Expr &initializer = replacement ? *replacement : *declaration.initializer;
  Variable variable(locate(frame, declaration.name.range));
  bool isNone = false;
  bool ok =
      evaluateInitializer(initializer, replacement ? *replacementFrame : frame, variable, isNone);
  variable.decays = !declaration.isState && dims && dims->size() >= 2;
  for (const ast::Setting &option : declaration.options) {
    std::optional<bool> decays = evaluateCondition(*option.value, frame, "decay");
    ok &= decays.has_value();
    variable.decays = decays.value_or(false);
  }
  double elements = 1;
  for (const Number &size : dims ? *dims : Dims())
    elements *= size.value();
  if (elements > static_cast<double>(maxElements)) {
    error(frame, declaration.shape.range,
          fmt::format("{} has too many elements: required at most {}, found {}",
                      declaration.name.text, maxElements, toString(elements)));
    ok = false;
  }
  it->second.isPoison = !dims || !ok;
  instance.isPoison |= !dims;
  if (!dims || (ok && isNone))
    return;
  const Frame *user = &frame;
  variable.place = declaration.name.range;
  for (; variable.place.file->kind() == SourceFile::Kind::Prelude && user->caller;
       user = user->caller)
    variable.place = user->callRange;
  variable.path = joinPath(instance.path, declaration.name.text);
  variable.dims = std::move(*dims);
  variable.isState = declaration.isState;
  variable.copies = instance.copies;
  it->second.variable = &variables_.emplace_back(std::move(variable));
}

/// zeros, ones, constant(c), normal(std), uniform(low, high), or none; names and numbers of
/// arguments have been checked.
bool Elaborator::evaluateInitializer(const ast::Expr &expr, Frame &frame, Variable &variable,
                                     bool &isNone) {
  if (const auto *conditional = ast::dynCast<ast::ConditionalExpr>(&expr)) {
    std::optional<bool> condition = evaluateCondition(*conditional->condition, frame, "if");
    return condition &&
           evaluateInitializer(*condition ? *conditional->value : *conditional->otherwise, frame,
                               variable, isNone);
  }
  if (const auto *name = ast::dynCast<ast::NameExpr>(&expr)) {
    isNone = name->name == "none";
    variable.kind = gpt::InitKind::constant;
    variable.a = name->name == "ones" ? 1 : 0;
    return isNone || name->name == "zeros" || name->name == "ones";
  }
  const auto *call = ast::dynCast<ast::CallExpr>(&expr);
  const auto *callee = call ? ast::dynCast<ast::NameExpr>(call->callee.get()) : nullptr;
  std::optional<gpt::InitKind> kind = callee ? gpt::symbolizeInitKind(callee->name) : std::nullopt;
  double values[2] = {0, 0};
  size_t count = kind == gpt::InitKind::uniform ? 2 : 1;
  if (!kind || call->arguments.size() != count)
    return false; // was reported
  variable.kind = *kind;
  for (auto [argument, value] : llvm::zip(call->arguments, values)) {
    if (!argument.value)
      return false;
    std::optional<Number> number =
        evaluateNumber(*argument.value, frame, fmt::format("an argument of {}", callee->name));
    if (!number)
      return false;
    value = number->value();
    if (!std::isfinite(value)) {
      error(
          frame, argument.value->range,
          fmt::format("{}: required a finite number, found {}", callee->name, number->toString()));
      return false;
    }
  }
  variable.a = values[0];
  variable.b = values[1];
  if (variable.kind == gpt::InitKind::normal && variable.a < 0) {
    error(frame, expr.range,
          fmt::format("normal: required a standard deviation of at least 0, "
                      "found {}",
                      toString(variable.a)));
    return false;
  }
  if (variable.kind == gpt::InitKind::uniform && variable.a > variable.b) {
    error(frame, expr.range,
          fmt::format("uniform: required low <= high, found {} and {}", toString(variable.a),
                      toString(variable.b)));
    return false;
  }
  return true;
}

static bool mentions(const std::vector<ast::Argument> &arguments, const std::string &name) {
  bool found = false;
  for (const ast::Argument &argument : arguments)
    if (argument.value)
      walk(*argument.value, [&](const ast::Expr &expr) {
        const auto *inner = ast::dynCast<ast::NameExpr>(&expr);
        found |= inner && inner->name == name;
      });
  return found;
}

void Elaborator::addSubmodule(const ast::SubmoduleMember &declaration, Instance &instance,
                              Frame &frame) {
  auto [it, isNew] = instance.members.insert({declaration.name.text, Member()});
  Found<ast::Module> module = instance.library->module(declaration.module.text);
  if (!isNew || !module)
    return; // was reported
  Member member;
  member.module = module.node;
  std::string path = joinPath(instance.path, declaration.name.text);
  auto add = [&](const std::string &at, llvm::ArrayRef<int64_t> copies) {
    Instance *made = instantiate(module, at, copies, &declaration, &frame);
    if (made)
      member.instances.push_back(made);
    member.isPoison |= !made;
  };
  if (!declaration.repeat) {
    add(path, instance.copies);
  } else {
    const ast::Repeat &repeat = *declaration.repeat;
    std::optional<Number> count = evaluateNumber(*repeat.count, frame, "the number of copies");
    if (count)
      count = checkSize(*count, frame, *repeat.count, 0, maxCopies);
    member.isRepeat = true;
    member.isPoison = !count;
    if (count && repeat.index && mentions(declaration.arguments, repeat.index->text)) {
      for (int64_t i = 0; i < count->whole() && !member.isPoison; ++i) {
        frame.names[repeat.index->text] = static_cast<double>(i);
        add(fmt::format("{}.{}", path, i), instance.copies);
      }
      frame.names.erase(repeat.index->text);
    } else if (count) {
      llvm::SmallVector<int64_t, 2> copies = instance.copies;
      copies.push_back(count->whole());
      member.copies = count->whole();
      add(path + ".*", copies);
    }
  }
  it->second = std::move(member);
}

Tensor *Elaborator::addSquares(Tensor *sum, const Member &member, Frame &frame) {
  auto add = [&](Tensor *term) { return sum ? graph.map(Scalar::Add, {sum, term}) : term; };
  auto addMembers = [&](Tensor *start, const Instance &instance) {
    for (const auto &[name, inner] : instance.members)
      start = addSquares(start, inner, frame);
    return start;
  };
  if (member.variable && !member.variable->isState)
    return add(graph.sumOfSquares(useVariable(*member.variable, frame, {}).tensor()));
  if (!member.copies) {
    for (const Instance *instance : member.instances)
      sum = addMembers(sum, *instance);
    return sum;
  }
  // The copies come one after another, so their sums do too.
  mlir::Value start = graph.materialize(sum ? sum : graph.constant(0));
  mlir::Location location = graph.location;
  auto repeat =
      gpt::RepeatOp::create(graph.builder, location, start.getType(), *member.copies, start);
  mlir::OpBuilder::InsertionGuard guard(graph.builder);
  mlir::Block *block = graph.builder.createBlock(&repeat.getBody(), {}, start.getType(), location);
  reads_.emplace_back();
  Tensor *carried = addMembers(graph.wrap(block->getArgument(0), {}), *member.instances.front());
  reads_.pop_back();
  gpt::YieldOp::create(graph.builder, location, graph.materialize(carried));
  return graph.wrap(repeat.getResult(0), {});
}

/// The value of a parameter or state from before the entry; one gpt.read a block.
Meaning Elaborator::useVariable(Variable &variable, const Frame &frame, SourceRange range) {
  variable.isUsed = true;
  for (llvm::StringMap<mlir::Value> &block : reads_)
    if (mlir::Value value = block.lookup(variable.path))
      return graph.wrap(value, variable.dims);
  if (range.isValid())
    at(frame, range);
  mlir::Value value =
      gpt::ReadOp::create(graph.builder, graph.location, graph.type(variable.dims), variable.path);
  reads_.back()[variable.path] = value;
  return graph.wrap(value, variable.dims);
}

} // namespace gptc::model
