// The column schedule: sums over leading axes, a block of columns at a time.
//
//   for blocks in [begin, end), up to four together
//     scratch[c] = neutral
//     for r in the reduced axes
//       scalars of r
//       for c in the blocks: scratch[c] += f(r, c)
//     for c in the blocks: outputs from scratch[c]
//
// A column's terms are added in the order of r, whichever blocks go together, so the result does
// not depend on how the launch was divided. Four blocks are 4 KB a reduction: they stay in the
// first-level cache.
#include "ScalarEmitter.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

using LoopKind = ScalarEmitter::LoopKind;

static constexpr int64_t blocksTogether = 4;

namespace {
class ColumnSchedule {
public:
  ColumnSchedule(plan::KernelOp kernel, const KernelGraph &graph, ModuleOp module)
      : graph(graph), emit(kernel, graph, module), reducedAxes(graph.getAxes(AxisRole::reduced)),
        elementSet(graph.getAxisSet(AxisRole::element)),
        reducedSet(graph.getAxisSet(AxisRole::reduced)), behind(graph.findBehindReductions()) {
    SmallVector<unsigned> elements = graph.getAxes(AxisRole::element);
    if (!elements.empty())
      elementAxis = elements.front();
    columns = elementAxis ? graph.getSizes()[*elementAxis] : 1;
    blocks = llvm::divideCeil(columns, plan::columnBlock);
    for (auto [number, node] : llvm::enumerate(graph.getNodes()))
      if (node.kind == Node::Kind::reduce)
        reductions.push_back(number);
  }

  /// Whether a reduction goes into a reduction.
  bool isNested() const {
    return llvm::any_of(reductions,
                        [&](unsigned number) { return behind[graph[number].inputs[0]]; });
  }

  void run() {
    int64_t together = std::min(blocks, blocksTogether);
    for (unsigned reduction : reductions)
      scratch[reduction] = emit.createScratch(graph[reduction].type,
                                              std::min(columns, together * plan::columnBlock));
    evaluateBefore(~AxisSet(0));
    if (blocks == 1) {
      emit.createLoop(LoopKind::rows, emit.getBegin(), emit.getEnd(), std::nullopt, [&](Value row) {
        emitBlocks(row, emit.getIndex(0), emit.getIndex(columns));
      });
      return;
    }
    OpBuilder &b = emit.getBuilder();
    auto hasMore = [&](OpBuilder &, Location loc, ValueRange state) {
      Value more =
          arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, state[0], emit.getEnd());
      scf::ConditionOp::create(b, loc, more, state);
    };
    auto step = [&](OpBuilder &inner, Location loc, ValueRange state) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
      std::vector<Value> outside = emit.values;
      Value perRow = emit.getIndex(blocks), size = emit.getIndex(plan::columnBlock);
      Value row = arith::DivUIOp::create(b, loc, state[0], perRow);
      Value block = arith::RemUIOp::create(b, loc, state[0], perRow);
      Value count = arith::SubIOp::create(b, loc, emit.getEnd(), state[0]);
      count = arith::MinUIOp::create(b, loc, count, arith::SubIOp::create(b, loc, perRow, block));
      count = arith::MinUIOp::create(b, loc, count, emit.getIndex(blocksTogether));
      Value first = arith::MulIOp::create(b, loc, block, size);
      Value last = arith::AddIOp::create(b, loc, first, arith::MulIOp::create(b, loc, count, size));
      emitBlocks(row, first, arith::MinUIOp::create(b, loc, last, emit.getIndex(columns)));
      emit.values = std::move(outside);
      Value next = arith::AddIOp::create(b, loc, state[0], count);
      scf::YieldOp::create(b, loc, next);
    };
    scf::WhileOp::create(b, emit.getLoc(), b.getIndexType(), emit.getBegin(), hasMore, step);
  }

private:
  /// Evaluates what comes before the reductions and depends on no axis in `without`.
  void evaluateBefore(AxisSet without) {
    for (auto [number, node] : llvm::enumerate(graph.getNodes()))
      if (!behind[number] && !(node.axes & without))
        emit.evaluate(number);
  }

  void emitBlocks(Value row, Value first, Value last) {
    emit.splitIndex(row, graph.getAxes(AxisRole::row));
    evaluateBefore(reducedSet | elementSet);
    loopColumns(first, last, [&](Value place) {
      for (unsigned reduction : reductions)
        write(reduction, emit.createNeutral(graph[reduction].op, graph[reduction].type), place);
    });
    emitReducedLoops(0, [&] {
      evaluateBefore(elementSet);
      loopColumns(first, last, [&](Value place) {
        evaluateBefore(0);
        for (unsigned reduction : reductions) {
          Value sum = read(reduction, place);
          write(reduction,
                emit.combine(graph[reduction].op, sum, emit.values[graph[reduction].inputs[0]]),
                place);
        }
      });
    });
    loopColumns(first, last, [&](Value place) {
      for (unsigned reduction : reductions)
        emit.values[reduction] = read(reduction, place);
      for (const Output &output : graph.getOutputs())
        evaluateBehind(output.node);
      for (const Output &output : graph.getOutputs())
        emit.store(output, emit.values[output.node]);
    });
  }

  void evaluateBehind(unsigned number) {
    if (emit.values[number])
      return;
    for (unsigned input : graph[number].inputs)
      evaluateBehind(input);
    emit.evaluate(number);
  }

  void emitReducedLoops(unsigned depth, llvm::function_ref<void()> body) {
    if (depth == reducedAxes.size())
      return body();
    unsigned axis = reducedAxes[depth];
    emit.createLoop(LoopKind::reduced, emit.getIndex(0), emit.getIndex(graph.getSizes()[axis]),
                    axis, [&](Value) { emitReducedLoops(depth + 1, body); });
  }

  /// A loop over columns; `body` gets the place of each in scratch memory.
  void loopColumns(Value first, Value last, llvm::function_ref<void(Value)> body) {
    emit.createLoop(LoopKind::elements, first, last, elementAxis, [&](Value column) {
      Value place = column;
      if (blocks > 1)
        place = arith::SubIOp::create(emit.getBuilder(), emit.getLoc(), column, first);
      body(place);
    });
  }

  Value read(unsigned reduction, Value place) {
    return memref::LoadOp::create(emit.getBuilder(), emit.getLoc(), scratch[reduction], place);
  }
  void write(unsigned reduction, Value value, Value place) {
    memref::StoreOp::create(emit.getBuilder(), emit.getLoc(), value, scratch[reduction], place);
  }

  const KernelGraph &graph;
  ScalarEmitter emit;
  SmallVector<unsigned> reducedAxes, reductions;
  AxisSet elementSet, reducedSet;
  std::vector<bool> behind; ///< nodes that need a reduction's result
  std::optional<unsigned> elementAxis;
  int64_t columns, blocks;
  DenseMap<unsigned, Value> scratch;
};
} // namespace

LogicalResult gptc::codegen::emitColumnSchedule(plan::KernelOp kernel, ModuleOp module) {
  FailureOr<KernelGraph> graph = KernelGraph::build(kernel);
  if (failed(graph))
    return failure();
  if (llvm::any_of(kernel.getInPlace(), [](int64_t input) { return input >= 0; }))
    return kernel.emitOpError("does not take outputs in place of inputs for a column schedule");
  ColumnSchedule schedule(kernel, *graph, module);
  if (schedule.isNested())
    return kernel.emitOpError("does not take reductions of reductions for a column schedule");
  schedule.run();
  return success();
}
