// Attention: a launch's row is a block of queries of a head.
//
//   for some neighbouring blocks of queries
//     maximum, sum, o = lowest, 0, 0
//     for each block of keys
//       for each of the blocks of queries that see it
//         scores[key, query] = k (scale · q)ᵀ
//         raise the maximum by that of the scores; scores = exp(scores - maximum)
//         sum = sum · exp(old maximum - maximum) + Σ scores
//         o = o · exp(old maximum - maximum) + scoresᵀ v
//     o / sum and maximum + log(sum) go to the outputs
//
// The running maximum and sum are those of Milakov, Gimelshein: "Online normalizer calculation for
// softmax", 2018; the blocks those of Dao et al.: "FlashAttention", 2022. Tiles above a causal
// mask's diagonal are not computed. What a block of queries gives does not depend on its
// neighbours, which only share the copies of keys and values.
#include "AttentionEmitter.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

/// How many keys are taken at a time, and of how many blocks of queries at most.
static constexpr int64_t keyBlock = 96, blocksTogether = 4;
/// Where the running maximum starts. A difference of two of these is 0 and no NaN.
static constexpr double lowest = -std::numeric_limits<float>::max();

namespace {
/// A block of queries: `count` from `first` on, and its part of scratch memory.
struct QueryBlock {
  Index first, count;
  Value queries; ///< scale · q, as [element, query]
  Value output, maxima, sums;
};

class AttentionSchedule : AttentionBlocks {
public:
  AttentionSchedule(plan::KernelOp kernel, gpt::FlashAttentionOp op, ModuleOp module,
                    unsigned vectorBits)
      : AttentionBlocks(kernel, op, module, vectorBits, plan::attentionBlock, keyBlock),
        depth(shape.padLanes(sizes.depth)),
        blocks(llvm::divideCeil(sizes.queries, plan::attentionBlock)),
        together(std::min(blocks, blocksTogether)) {
    while (getScratch() > attentionScratch && together > 1)
      --together;
  }

  void run() {
    queryMatrix = emit.createScratch(queries, depth);
    queryColumns = emit.createScratch(together * depth, queries);
    keyMatrix = emit.createScratch(keys, depth);
    valueMatrix = emit.createScratch(keys, width);
    scores = emit.createScratch(keys, shape.padLanes(queryRows));
    output = emit.createScratch(together * queryRows, width);
    maxima = emit.createScratch(together, queries);
    sums = emit.createScratch(together, queries);
    scales = emit.createScratch(1, shape.padLanes(queryRows));
    emit.loopTogether(blocks, together, [&](Index row, Index count) {
      Index head = row / blocks;
      emitBlocks(head / sizes.heads, head % sizes.heads, row % blocks, count);
    });
  }

private:
  int64_t getScratch() const {
    return sizeof(float) * (together * (depth * queries + queryRows * width + 2 * queries) +
                            queries * depth + keys * (depth + width + queryRows) + queryRows);
  }

  QueryBlock getBlock(Index firstBlock, Index number) {
    Index first = emit.hide((firstBlock + number) * plan::attentionBlock);
    return {first,
            emit.hide((emit.index(sizes.queries) - first).min(plan::attentionBlock)),
            emit.getBlock(queryColumns, number, depth),
            emit.getBlock(output, number, queryRows),
            emit.getBlock(maxima, number, 1),
            emit.getBlock(sums, number, 1)};
  }

  void emitBlocks(Index batch, Index head, Index firstBlock, Index count) {
    Index zero = emit.index(0), group = head / (sizes.heads / sizes.groups);
    emit.loop(zero, count, 1, [&](Index number) {
      start({emit.getInput(0), batch, head, sizes.depth}, getBlock(firstBlock, number));
    });
    QueryBlock last = getBlock(firstBlock, count - 1);
    Index end = endOfKeys(last.first + last.count - 1);
    emit.loop(zero, end, keys, [&](Index firstKey) {
      Index seen = emit.hide((end - firstKey).min(keys));
      copyKeys(batch, group, firstKey, seen);
      Index first = zero; // the first block that sees the first key
      if (sizes.causal)
        first = (firstKey / plan::attentionBlock - firstBlock).max(0);
      emit.loop(first, count, 1, [&](Index number) {
        QueryBlock block = getBlock(firstBlock, number);
        Index seenHere =
            emit.hide(emit.countVisible(block.first + block.count - 1, firstKey, seen));
        emitScores(block, firstKey, seenHere);
        forQueries(block, [&](Index query) { emitSoftmax(block, query, firstKey, seenHere); });
        emitOutput(block, firstKey, seenHere);
      });
    });
    emit.loop(zero, count, 1,
              [&](Index number) { finish(batch, head, getBlock(firstBlock, number)); });
  }

  /// A loop over vectors of a block's queries.
  void forQueries(const QueryBlock &block, llvm::function_ref<void(Index)> body) {
    emit.loop(emit.index(0), block.count, shape.lanes, body);
  }

  void start(const HeadRows &rows, const QueryBlock &block) {
    Index zero = emit.index(0);
    emit.copyRows(rows, block.first, block.count, queryMatrix, sizes.scale);
    emit.transpose(queryMatrix, block.count, sizes.depth, block.queries);
    forQueries(block, [&](Index query) {
      emit.storeVector(emit.vectors.number(lowest), block.maxima, {zero, query});
      emit.storeVector(emit.vectors.number(0), block.sums, {zero, query});
    });
    emit.loop(zero, block.count, 1, [&](Index row) {
      emit.elements(width, [&](Index column) {
        emit.store(emit.number(0), block.output, {row, column});
      });
    });
  }

  void emitScores(const QueryBlock &block, Index firstKey, Index seen) {
    TileProduct product = {.a = keyMatrix, .b = block.queries, .c = scores};
    int64_t tile = shape.getWidth(queries);
    emit.loop(emit.index(0), seen, shape.rows, [&](Index key) {
      // The first queries may see none of the tile's keys.
      Index start = emit.index(0);
      if (sizes.causal)
        start = emit.hide((firstKey + key - block.first).max(0).alignDown(tile));
      emit.loop(start, block.count, tile, [&](Index query) {
        emit.product(product, key, query, tile, emit.index(0), emit.index(sizes.depth));
      });
    });
  }

  /// The queries of a vector: from scores to their exponentials, 0 for keys that are not seen.
  void emitSoftmax(const QueryBlock &block, Index column, Index firstKey, Index seen) {
    Index zero = emit.index(0), query = block.first + column;
    // All queries see the keys before `whole`; those from `end` on are not used.
    Index whole = emit.hide(emit.countVisible(query, firstKey, seen));
    int64_t reach = shape.lanes - 1 + shape.getReach();
    Index end = emit.hide(emit.countVisible(query + reach, firstKey, seen));
    Scalar before = emit.loadVector(block.maxima, {zero, column});
    auto larger = [](Scalar a, Scalar b) { return (a > b).select(a, b); };
    auto raise = [&](Value maximum, Scalar score) -> SmallVector<Value> {
      return {larger(score, emit.vectors.wrap(maximum)).value()};
    };
    // Four at a time, since each step waits for the one before.
    auto raiseByFour = [&](Index four, ValueRange carried) {
      auto score = [&](int64_t i) { return emit.loadVector(scores, {four * 4 + i, column}); };
      return raise(carried[0], larger(larger(score(0), score(1)), larger(score(2), score(3))));
    };
    SmallVector<Value> maximum = emit.loop(zero, whole / 4, before.value(), raiseByFour);
    whole = whole.alignDown(4);
    if (!sizes.causal)
      maximum = emit.loop(whole, end, maximum, [&](Index key, ValueRange carried) {
        return raise(carried[0], emit.loadVector(scores, {key, column}));
      });
    if (sizes.causal)
      maximum = emit.loop(whole, end, maximum, [&](Index key, ValueRange carried) {
        Scalar score = emit.loadVector(scores, {key, column});
        score = emit.mask(score, query, firstKey + key, -std::numeric_limits<double>::infinity());
        emit.storeVector(score, scores, {key, column});
        return raise(carried[0], score);
      });
    Scalar after = emit.vectors.wrap(maximum[0]);
    Scalar scale = (before - after).apply<math::ExpOp>();
    Scalar sum = emit.loadVector(block.sums, {zero, column}) * scale;
    sum = emit.vectors.wrap(
        emit.loop(zero, end, sum.value(), [&](Index key, ValueRange carried) -> SmallVector<Value> {
          Scalar score = emit.loadVector(scores, {key, column});
          Scalar power = (score - after).apply<math::ExpOp>();
          emit.storeVector(power, scores, {key, column});
          return {(emit.vectors.wrap(carried[0]) + power).value()};
        })[0]);
    emit.storeVector(after, block.maxima, {zero, column});
    emit.storeVector(sum, block.sums, {zero, column});
    emit.storeVector(scale, scales, {zero, column});
  }

  void emitOutput(const QueryBlock &block, Index firstKey, Index seen) {
    TileProduct product = {.a = scores,
                           .transposed = true,
                           .b = valueMatrix,
                           .c = block.output,
                           .start = TileProduct::Start::scale,
                           .scales = scales};
    int64_t tile = shape.getWidth(width);
    emit.loop(emit.index(0), emit.index(width), tile, [&](Index column) {
      emit.loop(emit.index(0), block.count, shape.rows, [&](Index query) {
        Index last = block.first + query + (shape.rows - 1);
        emit.product(product, query, column, tile, emit.index(0),
                     emit.hide(emit.countVisible(last, firstKey, seen)));
      });
    });
  }

  void finish(Index batch, Index head, const QueryBlock &block) {
    Index zero = emit.index(0);
    forQueries(block, [&](Index query) {
      Scalar sum = emit.loadVector(block.sums, {zero, query});
      Scalar maximum = emit.loadVector(block.maxima, {zero, query});
      emit.storeVector(emit.vectors.number(1) / sum, scales, {zero, query});
      emit.storeVector(maximum + sum.apply<math::LogOp>(), block.maxima, {zero, query});
    });
    HeadRows rows{emit.getOutput(0), batch, head, sizes.width};
    emit.forRows(rows, block.first, block.count, [&](auto place, auto inBlock) {
      Scalar value = emit.load(block.output, inBlock);
      emit.store(value * emit.spread(emit.loadScalar(scales, {zero, inBlock[0]})), rows.operand,
                 place);
    });
    if (Value lse = emit.getOutput(1))
      emit.loop(zero, block.count, 1, [&](Index query) {
        emit.store(emit.load(block.maxima, {zero, query}), lse, {batch, head, block.first + query});
      });
  }

  const int64_t depth;  ///< of q, with whole vectors
  const int64_t blocks; ///< of a head
  int64_t together;     ///< how many blocks share copies of keys and values
  Value output;
  Value scores;               ///< [key, query]
  Value maxima, sums, scales; ///< a number for each query of a block
};
} // namespace

LogicalResult gptc::codegen::emitAttention(plan::KernelOp kernel, ModuleOp module,
                                           unsigned vectorBits) {
  auto op = findAttention<gpt::FlashAttentionOp>(kernel, /*optional=*/1);
  if (!op)
    return failure();
  AttentionSchedule(kernel, op, module, vectorBits).run();
  return success();
}
