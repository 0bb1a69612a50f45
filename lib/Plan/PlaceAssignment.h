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

/// Kernels over whole variables take rows of this many elements: a page, and a multiple of what
/// vectors and blocks of threads take at a time.
inline constexpr int64_t flatRow = 1024;

/// Memory to be: the segment that it belongs to, its size in elements, and their type.
struct VirtualBuffer {
  std::string segment;
  mlir::Type element;
  int64_t elements;
  int64_t extent;      ///< how many of these a tensor spans
  int64_t count;       ///< how many of these are its elements, and no pads
  bool isFlat = false; ///< a multiple of flatRow elements, of which those that are pads are 0
};

/// All buffers of a plan, by number, and where each variable lies.
struct Memory {
  std::vector<VirtualBuffer> buffers;
  llvm::StringMap<Place> variables;

  /// A new buffer for a tensor of this type, stored with these strides.
  Place allocate(llvm::StringRef segment, mlir::RankedTensorType type, const Strides &strides);
  /// The same with the strides that new tensors get.
  Place allocate(llvm::StringRef segment, mlir::RankedTensorType type) {
    return allocate(segment, type, paddedStrides(type));
  }
  /// The same for a variable whose pads stay 0: its memory is a number of flat rows.
  Place allocateFlat(llvm::StringRef segment, mlir::RankedTensorType type, const Strides &strides);
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
  bool mayPlace(mlir::Value value, const Place &place, bool accumulate) const;

  Memory &memory;
  llvm::DenseMap<mlir::Value, Place> places;
  llvm::DenseSet<mlir::Value> accumulating;
  llvm::DenseSet<mlir::Operation *> direct;
  llvm::DenseMap<mlir::Operation *, int> position;
  llvm::StringMap<llvm::SmallVector<gpt::ReadOp>> reads;
  llvm::StringMap<unsigned> writes;
};

/// Whether each element of the results of `op` depends on the same element of full operands alone,
/// so that a result may take an operand's memory.
bool isElementwise(gpt::FusedOp op);

/// Whether `op` is a kernel of attention or its adjoint, which reads and writes rows of
/// neighbouring elements, and adds to nothing.
bool isAttention(mlir::Operation *op);

/// Whether the elements of rows at `place` are neighbours.
bool hasRows(llvm::ArrayRef<int64_t> shape, const Place &place);

/// The part of `place` that starts at `offsets`.
Place part(const Place &place, llvm::ArrayRef<int64_t> offsets);

} // namespace gptc::plan

#endif // GPTC_LIB_PLAN_PLACEASSIGNMENT_H
