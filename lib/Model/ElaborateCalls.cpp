// Calls: functions are inlined, members run their module's forward, copies become a gpt.repeat.
#include "Elaborator.h"
#include "Walk.h"

#include <fmt/format.h>

namespace gptc::model {

Meaning Elaborator::evaluateCall(const ast::CallExpr &call, Frame &frame) {
  const Instance *owner = nullptr;
  if (const Member *member = findMember(*call.callee, frame, owner))
    return member->module ? callMember(*member, call, frame) : Meaning();
  const auto *name = ast::dynCast<ast::NameExpr>(call.callee.get());
  if (!name)
    return Poison();
  if (Found<ast::Function> function = frame.library->function(name->name)) {
    if (!isElementwise(*function.node) && !frame.takesTensors())
      return Poison(); // was reported
    std::vector<Given> given =
        evaluateArguments(function.node->signature.inputs, call.arguments, frame);
    return callFunction(function, frame, call.range, given, name->name, nullptr);
  }
  const Builtin *builtin = findBuiltin(name->name, &call.arguments);
  return builtin ? callBuiltin(*builtin, call, frame) : Meaning();
}

/// The arguments in the order of the inputs; one without a range is missing.
std::vector<Elaborator::Given>
Elaborator::evaluateArguments(const std::vector<ast::Input> &inputs,
                              const std::vector<ast::Argument> &arguments, Frame &frame) {
  std::vector<Given> given(inputs.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    const ast::Argument &argument = arguments[i];
    std::optional<size_t> index = i;
    if (argument.name)
      index = indexOfInput(inputs, argument.name->text);
    if (!index || *index >= inputs.size() || !argument.value)
      continue; // was reported
    given[*index] = {evaluate(*argument.value, frame), argument.value->range, argument.value.get()};
  }
  return given;
}

bool Elaborator::bindInput(const ast::Input &input, Given given, Frame &callee, Frame &caller) {
  if (!given.range.isValid()) {
    if (!input.defaultValue)
      return false; // was reported
    given = {evaluate(*input.defaultValue, callee), input.defaultValue->range,
             input.defaultValue.get()};
  }
  Meaning meaning = given.meaning;
  callee.names[input.name.text] = meaning;
  if (meaning.isPoison())
    return false;
  if (input.type && !(meaning.isNone() && input.defaultValue)) {
    std::string what = fmt::format("{} of {}", input.name.text, callee.name.str());
    Tensor *tensor = toTensor(meaning, caller, given.range, what);
    if (!tensor)
      return false;
    MatchSite site{callee.name, given.range, &caller};
    if (!matchType(*input.type, tensor, callee, site))
      return false;
    callee.types[input.name.text] = &*input.type;
    callee.names[input.name.text] = tensor;
    return true;
  }
  bool isKnown = meaning.number() || meaning.isNone();
  if (input.type || isKnown || (callee.isElementwise && meaning.tensor()))
    return true;
  error(caller, given.range,
        fmt::format("{} of {} must be a number known at compile time, found {}", input.name.text,
                    callee.name.str(), meaning.describe()));
  return false;
}

/// What a call gives when something in it was wrong: a tensor of the declared type, so that the
/// rest is still checked, or poison where the type is not known.
Meaning Elaborator::recover(const ast::Signature &signature, Frame &frame) {
  hasRecovered_ = true;
  std::vector<Meaning> results;
  for (const ast::Type &type : signature.results) {
    Dims dims;
    for (const ast::Size &size : type.shape.sizes) {
      if (size.isEllipsis && frame.leading) {
        dims.append(*frame.leading);
        continue;
      }
      bool isKnown = size.value != nullptr;
      if (isKnown)
        forEachValueName(*size.value, [&](const ast::NameExpr &name) {
          std::optional<Meaning> known = lookUpSize(name.name, frame);
          isKnown &= known && known->number();
        });
      Meaning number = isKnown ? evaluate(*size.value, frame) : Meaning();
      if (!number.number() || !number.number()->isWhole())
        return Poison();
      dims.push_back(*number.number());
    }
    mlir::Type element = graph.type(dims, type.isInt);
    auto stand_in = mlir::UnrealizedConversionCastOp::create(graph.builder, graph.location, element,
                                                             mlir::ValueRange());
    results.push_back(graph.wrap(stand_in.getResult(0), std::move(dims)));
  }
  if (results.empty())
    return Poison();
  return results.size() == 1 ? results.front() : Meaning(std::move(results));
}

Meaning Elaborator::callFunction(Found<ast::Function> function, Frame &caller,
                                 SourceRange callRange, llvm::ArrayRef<Given> given,
                                 llvm::StringRef name, Instance *instance) {
  const ast::Function &node = *function.node;
  if (++callCount_ > maxCalls) {
    if (callCount_ == maxCalls + 1)
      error(caller, callRange, fmt::format("more than {} calls are inlined", maxCalls));
    return Poison();
  }
  Frame frame;
  frame.library = function.library;
  frame.instance = instance;
  frame.place = instance ? instance : caller.place;
  frame.caller = &caller;
  frame.callRange = callRange;
  if (caller.function) // nobody calls the model's own functions
    frame.callLocation = locate(caller, callRange);
  frame.name = name;
  frame.isElementwise = !instance && isElementwise(node);
  frame.function = &node;

  // What a module with a wrong shape would do is not known.
  if (instance && instance->isPoison)
    return Poison();
  bool ok = !node.body.incomplete;
  for (auto [input, value] : llvm::zip(node.signature.inputs, given))
    ok &= bindInput(input, value, frame, caller);
  // Once all are bound: which conditions hold may depend on any of them.
  for (const ast::Input &input : node.signature.inputs)
    keep(input.name.text, frame);
  if (ok && frame.isElementwise)
    return callElementwise(node, frame, caller, given);
  std::vector<Meaning> results;
  if (ok)
    ok = evaluateBody(node, frame, results);
  if (!ok)
    return recover(node.signature, frame);
  return results.size() == 1 ? results.front() : Meaning(std::move(results));
}

/// All tensors stretch to the shape of one of them, which is the result's even where the body does
/// not use it.
Meaning Elaborator::callElementwise(const ast::Function &function, Frame &frame, Frame &caller,
                                    llvm::ArrayRef<Given> given) {
  llvm::SmallVector<Tensor *> tensors;
  llvm::SmallVector<const ast::Expr *> texts;
  for (const ast::Input &input : function.signature.inputs)
    if (Tensor *tensor = frame.names[input.name.text].tensor())
      tensors.push_back(tensor);
  for (const Given &value : given)
    if (value.meaning.tensor())
      texts.push_back(value.expr);
  if (texts.size() != tensors.size())
    texts.clear();
  if (!tensors.empty() && !checkStretch(tensors, caller, frame.callRange, frame.name, texts))
    return Poison();
  std::vector<Meaning> results;
  if (!evaluateBody(function, frame, results))
    return Poison();
  for (Meaning &result : results) {
    llvm::ArrayRef<Number> dims;
    for (Tensor *tensor : tensors)
      if (tensor->dims.size() > dims.size() || !stretchesTo(tensor->dims, dims))
        dims = tensor->dims;
    Tensor *tensor =
        tensors.empty() ? nullptr : toTensor(result, frame, frame.callRange, "a result");
    if (tensor && !sameDims(tensor->dims, dims))
      tensor = graph.broadcast(tensor, dims);
    if (tensor)
      result = tensor;
  }
  return results.size() == 1 ? results.front() : Meaning(std::move(results));
}

Meaning Elaborator::callMember(const Member &member, const ast::CallExpr &call, Frame &frame) {
  if (!member.module->forward || !frame.takesTensors())
    return Poison();
  const ast::Function &forward = *member.module->forward;
  std::vector<Given> given = evaluateArguments(forward.signature.inputs, call.arguments, frame);
  std::string name = oneLine(call.callee->range);
  if (member.isRepeat)
    return callCopies(member, call, frame, std::move(given), name);
  if (member.instances.empty())
    return Poison(); // there were too many
  Instance *instance = member.instances.front();
  return callFunction({&forward, instance->library}, frame, call.range, given, name, instance);
}

/// Threads the first argument through the copies and hands the others to each.
Meaning Elaborator::callCopies(const Member &member, const ast::CallExpr &call, Frame &frame,
                               std::vector<Given> given, llvm::StringRef name) {
  if (given.empty() || given.front().meaning.isPoison() || member.isPoison)
    return Poison();
  Tensor *first = toTensor(given.front().meaning, frame, given.front().range,
                           fmt::format("the first argument of {}", name.str()));
  if (!first)
    return Poison();
  for (Given &value : given)
    if (Tensor *tensor = value.meaning.tensor())
      graph.materialize(tensor); // the copies may not own what is outside of them
  graph.materialize(first);

  auto callCopy = [&](Instance *instance, Tensor *argument) -> Tensor * {
    given.front().meaning = argument;
    Meaning result = callFunction({&*member.module->forward, instance->library}, frame, call.range,
                                  given, name, instance);
    Tensor *tensor = result.tensor();
    if (tensor && sameDims(tensor->dims, first->dims) && tensor->isInt == first->isInt)
      return tensor;
    if (!result.isPoison())
      error(frame, call.range, fmt::format("{}: a copy must return what it takes", name.str()))
          .required(toString(first->dims, first->isInt))
          .found(result.describe());
    return nullptr;
  };

  if (!member.copies) {
    Tensor *carried = first;
    for (Instance *instance : member.instances) {
      carried = callCopy(instance, carried);
      if (!carried)
        return first;
      graph.materialize(carried);
    }
    return carried;
  }

  at(frame, call.range);
  mlir::Location location = graph.location;
  mlir::Value init = graph.materialize(first);
  auto repeat =
      gpt::RepeatOp::create(graph.builder, location, init.getType(), *member.copies, init);
  mlir::OpBuilder::InsertionGuard guard(graph.builder);
  mlir::Block *block = graph.builder.createBlock(&repeat.getBody(), {}, init.getType(), location);
  reads_.emplace_back();
  Tensor *result =
      callCopy(member.instances.front(), graph.wrap(block->getArgument(0), first->dims));
  reads_.pop_back();
  if (!result)
    return first;
  gpt::YieldOp::create(graph.builder, location, graph.materialize(result));
  return graph.wrap(repeat.getResult(0), first->dims);
}

} // namespace gptc::model
