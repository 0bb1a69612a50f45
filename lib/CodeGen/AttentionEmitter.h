// What the schedules of attention share: which operand is which, and how rows of heads come into
// scratch memory.
//
// A block of scores is kept as [key, query]. So a query's maximum, sum and log-sum-exp lie along
// the lanes of vectors, and nothing is ever summed across them.
#ifndef GPTC_LIB_CODEGEN_ATTENTIONEMITTER_H
#define GPTC_LIB_CODEGEN_ATTENTIONEMITTER_H

#include "TileEmitter.h"

namespace gptc::codegen {

/// q is [batches, heads, queries, depth], v is [batches, groups, keys, width].
struct AttentionSizes {
  int64_t batches, heads, groups, queries, keys, depth, width;
  bool causal;
  double scale;
};

/// What a kernel may have in scratch memory, in bytes: blocks are chosen for that. It lies on the
/// stack of a thread.
inline constexpr int64_t attentionScratch = 512 * 1024;

/// The rows of a head.
struct HeadRows {
  mlir::Value operand;
  Index batch, head;
  int64_t columns;
};

/// The operation that `kernel` is, and nothing else. Emits an error and gives null where there is
/// more in it, where a result that is not `optional` (by number) is no output, and where an output
/// accumulates or takes an input's place.
template <typename Op> Op findAttention(plan::KernelOp kernel, std::optional<unsigned> optional) {
  mlir::Operation *op = &kernel.getBody().front().front();
  auto isArgument = [](mlir::Value value) { return isa<mlir::BlockArgument>(value); };
  auto isOutput = [&](mlir::OpResult result) {
    auto uses = llvm::range_size(result.getUses());
    return uses == 1 || (uses == 0 && result.getResultNumber() == optional);
  };
  auto isPlain = [&](auto pair) { return !std::get<0>(pair) && std::get<1>(pair) < 0; };
  bool isAlone = isa<Op>(op) && op->getNextNode() == kernel.getBody().front().getTerminator();
  if (isAlone && llvm::all_of(op->getOperands(), isArgument) &&
      llvm::all_of(op->getResults(), isOutput) &&
      kernel.getAccumulate().size() <= op->getNumResults() &&
      llvm::all_of(llvm::zip(kernel.getAccumulate(), kernel.getInPlace()), isPlain))
    return cast<Op>(op);
  kernel.emitOpError("requires one ")
      << Op::getOperationName() << " of its inputs, each result of which is an output once, for "
      << kernel.getScheduleAttr();
  return nullptr;
}

class AttentionEmitter : public TileEmitter {
public:
  template <typename Op>
  AttentionEmitter(plan::KernelOp kernel, Op op, mlir::ModuleOp module, unsigned vectorBits)
      : TileEmitter(kernel, module, TileShape::of(vectorBits)), sizes(getSizes(op)), op(op) {}

  const AttentionSizes sizes;

  /// What holds an operand, or a result, of the operation; null for a result that is no output.
  mlir::Value getInput(unsigned number);
  mlir::Value getOutput(unsigned number);

  /// `elements` of `count` rows from row `first` on: `body` gets the place of each in the operand,
  /// and in a block that starts with row `first`.
  void forRows(const HeadRows &rows, Index first, Index count,
               llvm::function_ref<void(llvm::ArrayRef<Index>, llvm::ArrayRef<Index>)> body);
  /// Copies rows to rows 0, 1, … of `to`, times `factor`.
  void copyRows(const HeadRows &rows, Index first, Index count, mlir::Value to, double factor = 1);
  /// Copies the first `count` rows of `from` to those of `to`, as long.
  void copyRows(const HeadRows &from, const HeadRows &to, Index count);
  /// The sum of products of a row's elements and those of a row of scratch memory.
  Scalar dotRow(const HeadRows &rows, Index row, mlir::Value other, Index otherRow);

  /// Of the `count` keys from `firstKey` on, those that `query` sees.
  Index countVisible(Index query, Index firstKey, Index count);
  /// `value` in the lanes, from `query` on, that see `key`; elsewhere `otherwise`.
  Scalar mask(Scalar value, Index query, Index key, double otherwise);

private:
  /// Whether the rows are made of whole vectors.
  bool isWide(const HeadRows &rows) const;

  template <typename Op> static AttentionSizes getSizes(Op op) {
    auto shape = [](mlir::Value value) {
      return cast<mlir::RankedTensorType>(value.getType()).getShape();
    };
    auto query = shape(op.getQuery()), value = shape(op.getValue());
    return {query[0], query[1],       value[1],
            query[2], value[2],       query[3],
            value[3], op.getCausal(), op.getScale().convertToDouble()};
  }

  mlir::Operation *op;
};

/// What both schedules begin with: blocks of at most so many queries and keys, made of whole tiles,
/// and copies of keys and values, which blocks of queries share.
class AttentionBlocks {
protected:
  template <typename Op>
  AttentionBlocks(plan::KernelOp kernel, Op op, mlir::ModuleOp module, unsigned vectorBits,
                  int64_t mostQueries, int64_t mostKeys)
      : emit(kernel, op, module, vectorBits), sizes(emit.sizes), shape(emit.shape),
        width(shape.padColumns(sizes.width)),
        queries(shape.padColumns(std::min(mostQueries, sizes.queries))),
        queryRows(shape.padRows(queries)),
        keys(shape.padRows(std::min(shape.padRows(mostKeys), sizes.keys))) {}

  /// Copies `count` keys and values of a group from key `first` on.
  void copyKeys(Index batch, Index group, Index first, Index count) {
    emit.copyRows({emit.getInput(1), batch, group, sizes.depth}, first, count, keyMatrix);
    emit.copyRows({emit.getInput(2), batch, group, sizes.width}, first, count, valueMatrix);
  }
  /// The keys before the first one that no query of a block sees, which ends with query `last`.
  Index endOfKeys(Index last) {
    return emit.hide(emit.countVisible(last, emit.index(0), emit.index(sizes.keys)));
  }

  AttentionEmitter emit;
  const AttentionSizes &sizes;
  const TileShape &shape;
  const int64_t width;              ///< of v, with whole tiles
  const int64_t queries, queryRows; ///< of a block, as columns and as rows of whole tiles
  int64_t keys;                     ///< of a block
  mlir::Value queryMatrix, queryColumns, keyMatrix, valueMatrix;
};

} // namespace gptc::codegen

#endif // GPTC_LIB_CODEGEN_ATTENTIONEMITTER_H
