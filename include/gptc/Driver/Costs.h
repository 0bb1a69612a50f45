// What a plan's commands move and compute, found from what its kernels hold.
//
// Bytes are those of the memory that a command touches, each element of an operand once: the rows
// of a table that a gather names, one element along an axis of stride 0, an input that two operands
// are views of once. An output that is added to is read as well. What a product leaves to its
// epilogue in a panel stays in the cache and is counted only where it is kept.
//
// FLOPs are operations on real numbers: 1 for each arith or math operation of a map (comparisons,
// selections and conversions are none) and for each pair that a reduction combines; 2·m·n·k for a
// product. What does not depend on an axis is counted once along it. Attention counts the scores
// that its mask lets through, and computes them as often as its kernel does.
#ifndef GPTC_DRIVER_COSTS_H
#define GPTC_DRIVER_COSTS_H

#include "gptc/Dialect/Plan/PlanOps.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gptc {

struct Cost {
  uint64_t read = 0, written = 0; ///< bytes
  uint64_t flops = 0;

  uint64_t bytes() const { return read + written; }
  Cost &operator+=(const Cost &other) {
    read += other.read;
    written += other.written;
    flops += other.flops;
    return *this;
  }
};

/// A launch of `kernel` on `rows` rows whose operands lie at `operands`; what lies at `cached` is
/// read from the cache.
Cost costOf(plan::KernelOp kernel, int64_t rows, mlir::ArrayAttr operands,
            mlir::Attribute cached = {});

/// A command of an entry; `tables` finds kernels.
Cost costOf(mlir::Operation *command, mlir::SymbolTableCollection &tables);

/// A command in the order in which it runs.
struct CommandCost {
  mlir::Operation *command = nullptr;
  std::string entry;
  /// The kernel that it launches, or that runs behind its product; null for what a library does.
  plan::KernelOp kernel;
  Cost cost;

  /// The kernel's name; "matmul 256 x 3072 x 768" or "argsort 256" of what a library does.
  std::string function() const;
  /// The part of the model that it works for, as "transformer.h.*.mlp": without numbers of copies;
  /// may be empty.
  std::string part() const;
};

/// What a training step of one micro-batch takes: `accumulate_first`, then `update`.
struct StepCost {
  std::vector<CommandCost> commands;
  Cost total;
  size_t kernels = 0;      ///< different functions that run
  uint64_t peakMemory = 0; ///< bytes that the runtime allocates for it

  size_t launches() const { return commands.size(); }
};

/// Reads a module at Stage::plan. Entries that it lacks cost nothing. `target` is as in
/// reportMemory().
StepCost costOfStep(mlir::ModuleOp plan, llvm::StringRef target);

/// "matmul 256 x 3072 x 768".
std::string nameOf(plan::MatmulOp matmul);

} // namespace gptc

#endif // GPTC_DRIVER_COSTS_H
