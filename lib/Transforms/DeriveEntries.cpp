// Derives the entries of a plan: accumulation's three forms, outputs in place of results, sorted
// inputs.
#include "gptc/Dialect/GPT/Variables.h"
#include "gptc/Transforms/Passes.h"

#include "mlir/IR/Matchers.h"

namespace gptc {
#define GEN_PASS_DEF_DERIVEENTRIESPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::gpt;

/// Makes a copy of @accumulate_first, behind `last`, in which gradients and outputs accumulate.
static func::FuncOp deriveAccumulate(func::FuncOp first, func::FuncOp last, StringRef name,
                                     const Variables &variables) {
  OpBuilder builder(first.getContext());
  builder.setInsertionPointAfter(last);
  auto copy = cast<func::FuncOp>(builder.clone(*first));
  copy.setSymName(name);
  SmallVector<WriteOp> idle;
  copy.walk([&](WriteOp write) {
    VariableKind kind = variables.lookUp(write.getVariable()).getKind();
    if (kind != VariableKind::gradient && kind != VariableKind::output)
      return;
    write.setAccumulate(true);
    if (matchPattern(write.getValue(), m_AnyZeroFloat()))
      idle.push_back(write);
  });
  for (WriteOp write : idle) {
    Operation *zeros = write.getValue().getDefiningOp();
    write.erase();
    if (zeros->use_empty())
      zeros->erase();
  }
  return copy;
}

/// Replaces the results of an entry by writes of outputs.
static LogicalResult writeResults(func::FuncOp function, Variables &variables) {
  if (function.getNumResults() == 0)
    return success();
  if (!function.getBody().hasOneBlock())
    return function.emitError("requires an entry of one block");
  Operation *end = function.getBody().front().getTerminator();
  OpBuilder builder(end);
  for (OpOperand &result : end->getOpOperands()) {
    auto name = function.getResultAttrOfType<StringAttr>(result.getOperandNumber(), "gpt.output");
    if (!name)
      return function.emitError() << "requires the attribute gpt.output on result "
                                  << result.getOperandNumber() << " of entry @"
                                  << function.getName();
    auto output = variables.declare(end->getLoc(), outputPrefix + name.getValue(),
                                    VariableKind::output, result.get().getType());
    if (failed(output))
      return failure();
    createWrite(builder, end->getLoc(), *output, result.get());
  }
  end->setOperands({});
  function.setResAttrsAttr({});
  function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), {}));
  return success();
}

// argsort(read(x))  =>  read(order:x)
static LogicalResult readOrder(ArgsortOp argsort, Variables &variables) {
  auto read = argsort.getIndices().getDefiningOp<ReadOp>();
  VariableOp input = read ? variables.lookUp(read.getVariable()) : VariableOp();
  if (!input || input.getKind() != VariableKind::input)
    return success();
  FailureOr<VariableOp> order =
      variables.declareFor(input, orderPrefix, VariableKind::input, argsort.getType());
  if (failed(order))
    return failure();
  order->setDerived("order");
  OpBuilder builder(argsort);
  argsort.replaceAllUsesWith(createRead(builder, argsort.getLoc(), *order));
  argsort.erase();
  return success();
}

namespace {
struct DeriveEntriesPass : gptc::impl::DeriveEntriesPassBase<DeriveEntriesPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Variables variables(module);
    for (auto function : module.getOps<func::FuncOp>())
      if (failed(writeResults(function, variables)))
        return signalPassFailure();
    WalkResult sorted = module.walk([&](ArgsortOp argsort) {
      return failed(readOrder(argsort, variables)) ? WalkResult::interrupt()
                                                   : WalkResult::advance();
    });
    if (sorted.wasInterrupted())
      return signalPassFailure();
    if (auto first = module.lookupSymbol<func::FuncOp>("accumulate_first")) {
      func::FuncOp middle = deriveAccumulate(first, first, "accumulate_middle", variables);
      deriveAccumulate(first, middle, "accumulate_last", variables);
    }
  }
};
} // namespace
