// Offsets for buffers of which each lives for a time: two-dimensional packing, by trying.
//
// What it must show: blocks that live at the same time do not overlap; the same blocks give the
// same offsets; the result is close to the most bytes that live at once, which it can never beat.
#ifndef GPTC_LIB_PLAN_BUFFERPACKING_H
#define GPTC_LIB_PLAN_BUFFERPACKING_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace gptc::plan {

/// Bytes that hold something from command `first` to command `last`.
struct PackedBlock {
  int64_t size; ///< a multiple of the alignment
  int first, last;
  int64_t offset = -1;
};

struct Packing {
  llvm::SmallVector<int64_t> offsets; ///< of each block
  int64_t end = 0;                    ///< of the blocks, at least `border`
};

/// Places `blocks` beside those of `fixed`, which have offsets and lie below `border`. No block
/// lies on both sides of `border`: memory is of another kind there. `end` becomes as small as the
/// orders that are tried make it.
Packing packBlocks(llvm::ArrayRef<PackedBlock> blocks, llvm::ArrayRef<PackedBlock> fixed,
                   int64_t border);

/// What no packing can be smaller than: the most bytes that live at once, less those that are free
/// below `border` at that time, and `border`.
int64_t packingBound(llvm::ArrayRef<PackedBlock> blocks, llvm::ArrayRef<PackedBlock> fixed,
                     int64_t border);

} // namespace gptc::plan

#endif // GPTC_LIB_PLAN_BUFFERPACKING_H
