// What a model leaves open: the sizes B and T, and the tensors that the data fills.
#include "Elaborator.h"
#include "Walk.h"

#include <fmt/format.h>

namespace gptc::model {

/// Binds B or T to the number that it has for now.
std::optional<Number> Elaborator::freeSize(Symbol symbol, const ast::Expr *limit, SourceRange range,
                                           Frame &frame) {
  bool isBatch = symbol == Symbol::Batch;
  std::optional<int64_t> given = isBatch ? options.batchSize : options.sequenceLength;
  std::optional<Number> most;
  if (limit) {
    most = evaluateNumber(*limit, frame, "a limit");
    if (most)
      most = checkSize(*most, frame, *limit, 1);
    if (!most)
      return std::nullopt;
    if (!isBatch)
      sequenceLimit_ = most->whole();
  }
  int64_t value = isBatch ? LoadOptions::defaultBatchSize : LoadOptions::defaultSequenceLength;
  if (most)
    value = isBatch ? std::min(value, most->whole()) : most->whole();
  if (given) {
    std::string subject = fmt::format("{} {}", optionOf(symbol), *given);
    if (*given < 1 || *given > maxSize) {
      diagnostics_.error(subject, fmt::format("required 1 to {}", maxSize));
      return std::nullopt;
    }
    if (most && *given > most->whole()) {
      diagnostics_.error(subject,
                         fmt::format("{} is at most {} ({}, {})", spelling(symbol), most->whole(),
                                     oneLine(range), toString(range.start())));
      return std::nullopt;
    }
    value = *given;
  }
  return Number(symbol, static_cast<double>(value));
}

/// Finds B and T in the signature of the model's forward, with their limits.
void Elaborator::findFreeSizes() {
  if (!model_.forward)
    return;
  Frame frame = rootFrame();
  struct Use {
    const ast::Size *size;
    bool isAlone;
  };
  std::map<Symbol, Use> uses;
  for (const ast::Input &input : model_.forward->signature.inputs) {
    if (!input.type)
      continue;
    for (const ast::Size &size : input.type->shape.sizes) {
      if (!size.value)
        continue;
      forEachValueName(*size.value, [&](const ast::NameExpr &name) {
        if (lookUpSize(name.name, frame))
          return;
        bool isAlone = &name == size.value.get();
        for (Symbol symbol : {Symbol::Batch, Symbol::Sequence}) {
          if (name.name != spelling(symbol))
            continue;
          Use &use = uses.try_emplace(symbol, Use{&size, isAlone}).first->second;
          if (size.limit && !(use.isAlone && use.size->limit))
            use = {&size, isAlone};
        }
      });
    }
  }
  for (const auto &[symbol, use] : uses)
    free_[static_cast<size_t>(symbol)] =
        freeSize(symbol, use.isAlone ? use.size->limit.get() : nullptr, use.size->range, frame);
  for (Symbol symbol : {Symbol::Batch, Symbol::Sequence}) {
    std::optional<int64_t> given =
        symbol == Symbol::Batch ? options.batchSize : options.sequenceLength;
    if (given && !uses.contains(symbol) && namesAreSound_)
      diagnostics_.error(fmt::format("{} {}", optionOf(symbol), *given),
                         fmt::format("the forward of {} leaves no size {} open", model_.name.text,
                                     spelling(symbol)));
  }
}

/// Evaluates the shape of an input of the model and declares the variable, once.
bool Elaborator::declareInput(const ast::Input &input, bool isOfLoss, Frame &frame) {
  for (const InputVariable &known : inputs_)
    if (known.input == &input)
      return true;
  if (!input.type)
    return false; // was reported
  bool ok = true;
  for (const ast::Size &size : input.type->shape.sizes) {
    if (!size.value)
      return false; // was reported
    forEachValueName(*size.value, [&](const ast::NameExpr &name) {
      if (lookUpSize(name.name, frame))
        return;
      std::optional<Number> free;
      for (Symbol symbol : {Symbol::Batch, Symbol::Sequence})
        if (name.name == spelling(symbol))
          free = free_[static_cast<size_t>(symbol)];
      bool isSymbol = name.name == "B" || name.name == "T";
      if (free)
        frame.sizes[name.name] = {*free, name.range};
      else if ((!isSymbol || isOfLoss) && namesAreSound_)
        error(frame, name.range,
              fmt::format("{} has no value: of the sizes of a model's inputs only B (--batch-size) "
                          "and T (--sequence-length) may be left open, in forward",
                          name.name));
      ok &= free.has_value();
    });
  }
  if (!ok)
    return false;
  std::optional<Dims> dims = evaluateShape(input.type->shape, frame);
  if (!dims)
    return false;
  double elements = 1;
  for (const Number &size : *dims)
    elements *= size.value();
  if (elements > static_cast<double>(maxElements)) {
    error(frame, input.range,
          fmt::format("{} has too many elements: required at most {}, found {}", input.name.text,
                      maxElements, toString(elements)));
    return false;
  }
  MatchSite site{input.name.text, input.range, &frame};
  if (!checkLimits(input.type->shape, *dims, frame, site))
    return false;
  InputVariable variable;
  variable.input = &input;
  variable.dims = std::move(*dims);
  variable.isOfLoss = isOfLoss;
  inputs_.push_back(std::move(variable));
  return true;
}

Tensor *Elaborator::readInput(const ast::Input &input) {
  for (const InputVariable &variable : inputs_) {
    if (variable.input != &input)
      continue;
    graph.location = locate(rootFrame(), input.range);
    mlir::Value value =
        gpt::ReadOp::create(graph.builder, graph.location,
                            graph.type(variable.dims, input.type->isInt), input.name.text);
    return graph.wrap(value, variable.dims);
  }
  return nullptr;
}

void Elaborator::limitIndices(Tensor *indices, const Number &count) {
  mlir::Value value = graph.materialize(indices);
  while (mlir::Operation *op = value.getDefiningOp()) {
    if (auto read = mlir::dyn_cast<gpt::ReadOp>(op)) {
      for (InputVariable &input : inputs_)
        if (input.input->name.text == read.getVariable())
          input.limit = std::min(input.limit.value_or(count.whole()), count.whole());
      return;
    }
    if (!mlir::isa<gpt::ReshapeOp, gpt::SliceOp, gpt::TransposeOp, gpt::SplitOp>(op))
      return;
    value = op->getOperand(0);
  }
}

} // namespace gptc::model
