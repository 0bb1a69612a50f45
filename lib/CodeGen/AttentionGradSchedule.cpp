// Attention's adjoint: a launch's row is a group of keys and values, with the heads that attend to
// it.
//
//   dk, dv = 0, 0
//   for each head, for some neighbouring blocks of queries
//     δ = Σ do ∘ o,  dq = 0
//     for each block of keys
//       for each of the blocks of queries that see it
//         p[key, query] = exp(k (scale · q)ᵀ - lse)
//         ds[key, query] = p ∘ (v doᵀ - δ)
//         dv += p do,  dk += ds (scale · q),  dq += dsᵀ k
//     scale · dq goes to the output
//
// After Dao: "FlashAttention-2", 2023. Tiles above a causal mask's diagonal are not computed.
#include "AttentionEmitter.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

/// How many queries and keys are taken at a time, and how many blocks of queries share copies of
/// keys and values.
static constexpr int64_t queryBlock = 96, keyBlock = 96, blocksTogether = 2;

namespace {
/// A block of queries: `count` from `first` on, and its part of scratch memory. Matrices are
/// [query, element], and [element, query] as columns.
struct QueryBlock {
  Index first, count;
  Value queries, queryColumns; ///< scale · q
  Value adjoints, adjointColumns;
  Value gradients;       ///< dq without the scale
  Value logSums, deltas; ///< lse and δ
};

/// A block of keys.
struct KeyBlock {
  Index first, count;
};

class AttentionGradSchedule : AttentionBlocks {
public:
  AttentionGradSchedule(plan::KernelOp kernel, gpt::FlashAttentionGradOp op, ModuleOp module,
                        unsigned vectorBits)
      : AttentionBlocks(kernel, op, module, vectorBits, queryBlock, keyBlock),
        depth(shape.padColumns(sizes.depth)),
        together(std::min<int64_t>(llvm::divideCeil(sizes.queries, queries), blocksTogether)) {
    while (getScratch() > attentionScratch && together > 1)
      --together;
    while (getScratch() > attentionScratch && keys > shape.rows)
      keys -= shape.rows;
  }

  void run() {
    queryMatrix = emit.createScratch(together * queries, depth);
    queryColumns = emit.createScratch(together * depth, queries);
    adjointMatrix = emit.createScratch(together * queries, width);
    adjointColumns = emit.createScratch(together * width, queries);
    queryGradient = emit.createScratch(together * queryRows, depth);
    logSums = emit.createScratch(together, queries);
    deltas = emit.createScratch(together, queries);
    keyMatrix = emit.createScratch(keys, depth);
    valueMatrix = emit.createScratch(keys, width);
    keyGradient = emit.createScratch(keys, depth);
    valueGradient = emit.createScratch(keys, width);
    powers = emit.createScratch(keys, shape.padLanes(queryRows));
    slopes = emit.createScratch(keys, shape.padLanes(queryRows));
    keySums = createSums(emit.getOutput(1), sizes.depth);
    valueSums = createSums(emit.getOutput(2), sizes.width);
    emit.loop(emit.getBegin(), emit.getEnd(), 1,
              [&](Index row) { emitGroup(row / sizes.groups, row % sizes.groups); });
  }

private:
  /// Memory for sums that are rounded once, at their end; none where the output is float32.
  Value createSums(Value output, int64_t columns) {
    if (cast<MemRefType>(output.getType()).getElementType().isF32())
      return nullptr;
    return emit.createHeapMemory({1, 1, sizes.keys, columns});
  }

  int64_t getScratch() const {
    return sizeof(float) *
           (together * ((2 * queries + queryRows) * depth + 2 * queries * width + 2 * queries) +
            keys * 2 * (depth + width + queryRows));
  }

  QueryBlock getBlock(Index firstQuery, Index number) {
    Index first = emit.hide(firstQuery + number * queries);
    return {first,
            emit.hide((emit.index(sizes.queries) - first).min(queries)),
            emit.getBlock(queryMatrix, number, queries),
            emit.getBlock(queryColumns, number, depth),
            emit.getBlock(adjointMatrix, number, queries),
            emit.getBlock(adjointColumns, number, width),
            emit.getBlock(queryGradient, number, queryRows),
            emit.getBlock(logSums, number, 1),
            emit.getBlock(deltas, number, 1)};
  }

  void emitGroup(Index batch, Index group) {
    Index zero = emit.index(0);
    HeadRows dk{emit.getOutput(1), batch, group, sizes.depth};
    HeadRows dv{emit.getOutput(2), batch, group, sizes.width};
    HeadRows keySum = getSum(dk, keySums), valueSum = getSum(dv, valueSums);
    Index allKeys = emit.index(sizes.keys);
    for (const HeadRows &rows : {keySum, valueSum})
      emit.forRows(rows, zero, allKeys,
                   [&](auto place, auto) { emit.store(emit.number(0), rows.operand, place); });
    int64_t heads = sizes.heads / sizes.groups;
    emit.loop(zero, emit.index(heads), 1, [&](Index number) {
      Index head = group * heads + number;
      emit.loop(zero, emit.index(sizes.queries), together * queries, [&](Index first) {
        Index rest = emit.index(sizes.queries + queries - 1) - first;
        emitBlocks(batch, head, keySum, valueSum, group, first, (rest / queries).min(together));
      });
    });
    if (keySums)
      emit.copyRows(keySum, dk, allKeys);
    if (valueSums)
      emit.copyRows(valueSum, dv, allKeys);
  }

  /// Where rows of dk or dv are added up: in the output, or if that rounds what is written to it,
  /// in `sums`.
  HeadRows getSum(const HeadRows &output, Value sums) {
    if (!sums)
      return output;
    return {sums, emit.index(0), emit.index(0), output.columns};
  }

  /// `count` blocks of queries from query `first` on.
  void emitBlocks(Index batch, Index head, const HeadRows &keySum, const HeadRows &valueSum,
                  Index group, Index first, Index count) {
    Index zero = emit.index(0);
    emit.loop(zero, count, 1, [&](Index number) { start(batch, head, getBlock(first, number)); });
    QueryBlock last = getBlock(first, count - 1);
    Index end = endOfKeys(last.first + last.count - 1);
    emit.loop(zero, end, keys, [&](Index firstKey) {
      Index seen = emit.hide((end - firstKey).min(keys));
      copyKeys(batch, group, firstKey, seen);
      clear(keyGradient, seen, depth);
      clear(valueGradient, seen, width);
      Index firstBlock = zero; // that sees the first key
      if (sizes.causal)
        firstBlock = (firstKey - first).max(0) / queries;
      emit.loop(firstBlock, count, 1, [&](Index number) {
        QueryBlock block = getBlock(first, number);
        KeyBlock keysHere{
            firstKey, emit.hide(emit.countVisible(block.first + block.count - 1, firstKey, seen))};
        emitSlopes(block, keysHere);
        addKeyGradient(powers, block.adjoints, valueGradient, width, block, keysHere);
        addKeyGradient(slopes, block.queries, keyGradient, depth, block, keysHere);
        addQueryGradient(block, keysHere);
      });
      addRows(keyGradient, keySum, firstKey, seen);
      addRows(valueGradient, valueSum, firstKey, seen);
    });
    emit.loop(zero, count, 1, [&](Index number) {
      QueryBlock block = getBlock(first, number);
      HeadRows dq{emit.getOutput(0), batch, head, sizes.depth};
      emit.forRows(dq, block.first, block.count, [&](auto place, auto inBlock) {
        Scalar value = emit.load(block.gradients, inBlock) * emit.number(sizes.scale);
        emit.store(value, dq.operand, place);
      });
    });
  }

  void clear(Value matrix, Index rows, int64_t columns) {
    emit.loop(emit.index(0), rows, 1, [&](Index row) {
      emit.elements(columns, [&](Index column) {
        emit.store(emit.number(0), matrix, {row, column});
      });
    });
  }

  /// Adds the rows of a matrix to those of a sum from row `first` on.
  void addRows(Value matrix, const HeadRows &rows, Index first, Index count) {
    emit.forRows(rows, first, count, [&](auto place, auto inBlock) {
      emit.store(emit.load(rows.operand, place) + emit.load(matrix, inBlock), rows.operand, place);
    });
  }

  void start(Index batch, Index head, const QueryBlock &block) {
    HeadRows query{emit.getInput(0), batch, head, sizes.depth};
    HeadRows output{emit.getInput(3), batch, head, sizes.width};
    HeadRows adjoint{emit.getInput(5), batch, head, sizes.width};
    emit.copyRows(query, block.first, block.count, block.queries, sizes.scale);
    emit.copyRows(adjoint, block.first, block.count, block.adjoints);
    emit.transpose(block.queries, block.count, sizes.depth, block.queryColumns);
    emit.transpose(block.adjoints, block.count, sizes.width, block.adjointColumns);
    clear(block.gradients, block.count, depth);
    Index zero = emit.index(0);
    emit.loop(zero, block.count, 1, [&](Index row) {
      Scalar logSum = emit.load(emit.getInput(4), {batch, head, block.first + row});
      Scalar delta = emit.dotRow(output, block.first + row, block.adjoints, row);
      emit.store(logSum, block.logSums, {zero, row});
      emit.store(delta, block.deltas, {zero, row});
    });
  }

  /// p and ds of a block.
  void emitSlopes(const QueryBlock &block, const KeyBlock &keysHere) {
    Index zero = emit.index(0);
    int64_t tile = shape.getWidth(queries);
    TileProduct score = {.a = keyMatrix, .b = block.queryColumns, .c = powers};
    TileProduct slope = {.a = valueMatrix, .b = block.adjointColumns, .c = slopes};
    emit.loop(zero, keysHere.count, shape.rows, [&](Index key) {
      // The first queries may see none of the tile's keys, nor be in a tile that does.
      Index start = zero;
      if (sizes.causal)
        start = emit.hide(
            (keysHere.first + key - shape.getReach() - block.first).max(0).alignDown(tile));
      emit.loop(start, block.count, tile, [&](Index column) {
        emit.product(score, key, column, tile, zero, emit.index(sizes.depth));
        emit.product(slope, key, column, tile, zero, emit.index(sizes.width));
        emit.loop(key, key + shape.rows, 1, [&](Index row) {
          for (int64_t lane = 0; lane < tile; lane += shape.lanes)
            emitSlope(block, row, column + lane, keysHere.first + row);
        });
      });
    });
  }

  void emitSlope(const QueryBlock &block, Index row, Index column, Index key) {
    Index zero = emit.index(0);
    Scalar logSum = emit.loadVector(block.logSums, {zero, column});
    Scalar delta = emit.loadVector(block.deltas, {zero, column});
    Scalar power = (emit.loadVector(powers, {row, column}) - logSum).apply<math::ExpOp>();
    if (sizes.causal)
      power = emit.mask(power, block.first + column, key, 0);
    emit.storeVector(power, powers, {row, column});
    Scalar slope = power * (emit.loadVector(slopes, {row, column}) - delta);
    emit.storeVector(slope, slopes, {row, column});
  }

  /// to += weights · factors, of rows a key each.
  void addKeyGradient(Value weights, Value factors, Value to, int64_t columns,
                      const QueryBlock &block, const KeyBlock &keysHere) {
    Index zero = emit.index(0);
    int64_t tile = shape.getWidth(columns);
    TileProduct product = {.a = weights, .b = factors, .c = to, .start = TileProduct::Start::add};
    emit.loop(zero, emit.index(columns), tile, [&](Index column) {
      emit.loop(zero, keysHere.count, shape.rows, [&](Index key) {
        Index start = zero; // the first query that sees one of the tile's keys
        if (sizes.causal)
          start = emit.hide((keysHere.first + key - block.first).max(0));
        emit.product(product, key, column, tile, start, block.count);
      });
    });
  }

  void addQueryGradient(const QueryBlock &block, const KeyBlock &keysHere) {
    Index zero = emit.index(0);
    int64_t tile = shape.getWidth(depth);
    TileProduct product = {.a = slopes,
                           .transposed = true,
                           .b = keyMatrix,
                           .c = block.gradients,
                           .start = TileProduct::Start::add};
    emit.loop(zero, emit.index(depth), tile, [&](Index column) {
      emit.loop(zero, block.count, shape.rows, [&](Index query) {
        Index last = block.first + query + (shape.rows - 1);
        emit.product(product, query, column, tile, zero,
                     emit.hide(emit.countVisible(last, keysHere.first, keysHere.count)));
      });
    });
  }

  const int64_t depth; ///< of q, with whole tiles
  int64_t together;    ///< how many blocks share copies of keys and values
  Value adjointMatrix, adjointColumns, queryGradient, logSums, deltas;
  Value keyGradient, valueGradient;
  Value powers, slopes;     ///< p and ds, as [key, query]
  Value keySums, valueSums; ///< dk and dv of a group, [1, 1, key, element], if outputs are narrow
};
} // namespace

LogicalResult gptc::codegen::emitAttentionGrad(plan::KernelOp kernel, ModuleOp module,
                                               unsigned vectorBits) {
  auto op = findAttention<gpt::FlashAttentionGradOp>(kernel, /*optional=*/std::nullopt);
  if (!op)
    return failure();
  AttentionGradSchedule(kernel, op, module, vectorBits).run();
  return success();
}
