// Where the values of an entry lie: decided backwards for what flows into a known place, forwards
// for the rest.
#ifndef GPTC_LIB_PLAN_PLACEASSIGNMENT_H
#define GPTC_LIB_PLAN_PLACEASSIGNMENT_H

#include "Layout.h"

#include "gptc/Dialect/GPT/GPTOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"

#include <vector>

namespace gptc::plan {

/// Memory to be: the segment that it belongs to and its size in elements.
struct VirtualBuffer {
  std::string segment;
  int64_t elements;
};

/// All buffers of a plan, by number, and where each variable lies.
struct Memory {
  std::vector<VirtualBuffer> buffers;
  llvm::StringMap<Place> variables;

  /// A new buffer with the strides that tensors of this shape get.
  Place allocate(llvm::StringRef segment, llvm::ArrayRef<int64_t> shape, const Strides &strides);
};

/// The places that values of a function should be computed in, because of who uses them.
///
/// What it must show: a gradient is computed where it is kept, added to what is there by the kernel
/// that makes it; the pieces of a concatenation are computed side by side; heads are merged and
/// split without copies; a parameter is updated in place; and no value is overwritten while
/// somebody still reads it.
class Destinations {
public:
  Destinations(mlir::func::FuncOp function, Memory &memory);

  /// The place chosen for a value, or null where any will do.
  const Place *lookup(mlir::Value value) const;
  /// Whether the value is added to what its place holds.
  bool accumulates(mlir::Value value) const { return accumulating.contains(value); }
  /// Whether the value, once computed in its place, is written: nothing is left to do for `write`.
  bool isDirect(gpt::WriteOp write) const { return direct.contains(write); }

private:
  void assignWrites(mlir::func::FuncOp function);
  int firstPosition(mlir::Value value) const;
  bool mayWriteDirectly(gpt::WriteOp write, int first) const;
  bool propagate(mlir::Value value, Place place, bool accumulate, bool commit);

  Memory &memory;
  llvm::DenseMap<mlir::Value, Place> places;
  llvm::DenseSet<mlir::Value> accumulating;
  llvm::DenseSet<mlir::Operation *> direct;
  llvm::DenseMap<mlir::Operation *, int> position;
  llvm::StringMap<llvm::SmallVector<gpt::ReadOp>> reads;
};

/// Whether each element of the results of `op` depends on the same element of full operands alone,
/// so that a result may take an operand's memory.
bool isElementwise(gpt::FusedOp op);

/// The part of `place` that starts at `offsets`.
Place part(const Place &place, llvm::ArrayRef<int64_t> offsets);

} // namespace gptc::plan

#endif // GPTC_LIB_PLAN_PLACEASSIGNMENT_H
