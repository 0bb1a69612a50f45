// Planted miscompiles: a change to the module that a pass left, which gptc verify must find.
#ifndef GPTC_TEST_DRIVER_MISCOMPILE_H
#define GPTC_TEST_DRIVER_MISCOMPILE_H

#include "gptc/Driver/Verify.h"

#include "gptc/Dialect/GPT/GPTOps.h"
#include "gptc/Dialect/Plan/PlanOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace gptc::test {

struct Miscompile {
  const char *name;  ///< a test's name
  const char *model; ///< a file of models/, without its ending
  const char *pass;  ///< the label of the pass that is to blame
  /// Changes the module; false if there is nothing to change.
  std::function<bool(mlir::ModuleOp)> plant;
  const char *shows = ""; ///< what a line of the range holds
  std::vector<std::string> overrides = {};
  Optimizer optimizer = Optimizer::adamw;
  std::vector<std::string> disabledPasses = {};
  int64_t padMultiple = 1;
  uint64_t chunkBytes = 0;
  int64_t sequenceLength = 0; ///< if not 0, of a model that has one
  TrainingPrecision precision = TrainingPrecision::fp32;
  bool smallest = false;      ///< in as little memory as there is a way to
};

/// Prints the name in GoogleTest's messages.
void PrintTo(const Miscompile &miscompile, std::ostream *stream);

/// Verifies the model, which must fail at the pass that the miscompile was planted behind.
void expectCaught(const Miscompile &miscompile);

/// The `number`th operation of a kind in a function or plan entry, regions included, that `isOne`;
/// null if there are not so many.
template <typename Op>
Op find(
    mlir::ModuleOp module, llvm::StringRef entry, int number = 0,
    llvm::function_ref<bool(Op)> isOne = [](Op) { return true; }) {
  Op found;
  if (mlir::Operation *function = module.lookupSymbol(entry))
    function->walk<mlir::WalkOrder::PreOrder>([&](Op op) {
      if (!isOne(op) || number-- > 0)
        return mlir::WalkResult::advance();
      found = op;
      return mlir::WalkResult::interrupt();
    });
  return found;
}

/// The write of a variable in an entry.
gpt::WriteOp findWrite(mlir::ModuleOp module, llvm::StringRef entry, llvm::StringRef variable,
                       int number = 0);

/// Makes an entry's reads of a variable reads of another one.
bool readInstead(mlir::ModuleOp module, llvm::StringRef entry, llvm::StringRef variable,
                 llvm::StringRef other);

/// Swaps two operands of an operation.
bool swapOperands(mlir::Operation *op, unsigned first, unsigned second);

/// Replaces an operation of scalars by another with the same operands.
template <typename Other> bool become(mlir::Operation *op) {
  if (!op)
    return false;
  mlir::OpBuilder builder(op);
  auto other = Other::create(builder, op->getLoc(), op->getOperands());
  op->getResult(0).replaceAllUsesWith(other.getResult());
  op->erase();
  return true;
}

/// Replaces an operation by one of its operands.
bool becomeOperand(mlir::Operation *op, unsigned operand = 0);

/// Gives the first scalar constant near `from` in an entry another value.
bool changeConstant(mlir::ModuleOp module, llvm::StringRef entry, double from, double to,
                    int number = 0);

/// A tensor of ones in front of `op`.
mlir::Value makeOne(mlir::Operation *op);

bool setFlag(mlir::Operation *op, llvm::StringRef name, bool value);

} // namespace gptc::test

#endif // GPTC_TEST_DRIVER_MISCOMPILE_H
