// What is told of a model besides its graph: variables, their sizes, and what is never used.
#include "Elaborator.h"

#include <fmt/format.h>

namespace gptc::model {

void Elaborator::declareVariables() {
  mlir::OpBuilder builder = mlir::OpBuilder::atBlockBegin(moduleOp_->getBody());
  auto declare = [&](mlir::Location location, llvm::StringRef name, gpt::VariableKind kind,
                     mlir::RankedTensorType type) {
    return gpt::VariableOp::create(
        builder, location, builder.getStringAttr(name), gpt::VariableKindAttr::get(&context_, kind),
        mlir::TypeAttr::get(type), gpt::InitAttr(), mlir::DenseI64ArrayAttr(), mlir::UnitAttr(),
        mlir::FlatSymbolRefAttr(), mlir::StringAttr());
  };
  for (bool isState : {false, true})
    for (const Variable &variable : variables_) {
      if (variable.isState != isState)
        continue;
      gpt::VariableOp op =
          declare(variable.location, variable.path,
                  isState ? gpt::VariableKind::state : gpt::VariableKind::parameter,
                  graph.type(variable.dims));
      op.setInitAttr(gpt::InitAttr::get(&context_, variable.kind, variable.a, variable.b));
      if (!variable.copies.empty())
        op.setCopies(variable.copies);
      op.setDecay(variable.decays);
    }
  for (const InputVariable &input : inputs_) {
    gpt::VariableOp op =
        declare(locate(rootFrame(), input.input->range), input.input->name.text,
                gpt::VariableKind::input, graph.type(input.dims, input.input->type->isInt));
    if (input.limit)
      op->setDiscardableAttr("limit", builder.getI64IntegerAttr(*input.limit));
  }
  if (usesRandom_)
    declare(moduleOp_->getLoc(), "step:random", gpt::VariableKind::step,
            mlir::RankedTensorType::get({4}, builder.getI32Type()));
}

void Elaborator::warnUnused() {
  for (const Variable &variable : variables_)
    if (!variable.isUsed && !variable.isState)
      diagnostics_.warning(variable.place,
                           fmt::format("parameter {} is never used", variable.path));
}

/// Lists the tensors below `instance` copy by copy, as checkpoints name them.
void Elaborator::listVariables(const Instance &instance, const std::string &path, ModelInfo &info) {
  for (const auto &[name, member] : instance.members) {
    std::string inner = path.empty() ? name.str() : fmt::format("{}.{}", path, name.str());
    if (const Variable *variable = member.variable) {
      llvm::SmallVector<int64_t> shape = staticShape(variable->dims);
      ModelInfo::Variable listed{inner,          {shape.begin(), shape.end()},
                                 variable->kind, variable->a,
                                 variable->b,    variable->decays};
      (variable->isState ? info.states : info.parameters).push_back(std::move(listed));
    }
    if (!member.module)
      continue;
    if (member.copies)
      for (int64_t i = 0; i < *member.copies; ++i)
        listVariables(*member.instances.front(), fmt::format("{}.{}", inner, i), info);
    else
      for (auto [i, copy] : llvm::enumerate(member.instances))
        listVariables(*copy, member.isRepeat ? fmt::format("{}.{}", inner, i) : inner, info);
  }
}

void Elaborator::fillInfo(ModelInfo &info) {
  info.name = model_.name.text;
  for (const std::string &name : configOrder_) {
    const Number *number = config_[name].value.number();
    info.config.push_back({name, number ? std::optional(number->value()) : std::nullopt});
  }
  listVariables(*root_, "", info);
  for (const InputVariable &input : inputs_) {
    llvm::SmallVector<int64_t> shape = staticShape(input.dims);
    info.inputs.push_back({input.input->name.text,
                           {shape.begin(), shape.end()},
                           input.input->type->isInt,
                           input.limit,
                           input.isOfLoss});
  }
  for (Symbol symbol : {Symbol::Batch, Symbol::Sequence})
    if (const std::optional<Number> &free = free_[static_cast<size_t>(symbol)])
      info.freeSizes.push_back({spelling(symbol), free->whole()});
  info.sequenceLimit = sequenceLimit_;
  info.hasLoss = model_.loss.has_value();
}

} // namespace gptc::model
