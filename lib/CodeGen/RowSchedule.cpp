// The row schedule: a launch's row is a row of the space, computed in one loop a phase.
//
//   for row in [begin, end)
//     scalars of the row that are known
//     for c: phase 0, carrying its reductions
//     scalars of the row that these give
//     for c: phase 1
//     …
//
// What is summed over blocks of rows is added up where it lies, a row that stays in the first-level
// cache; at the first row of a block it is set to 0 before.
#include "RowPhases.h"
#include "ScalarEmitter.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

using LoopKind = ScalarEmitter::LoopKind;

/// Elements between two times of fetching ahead, and how far: some lines of each array are under
/// way at a time.
static constexpr int64_t streamBlock = 64, streamAhead = 512;

namespace {
class RowSchedule {
public:
  RowSchedule(plan::KernelOp kernel, const KernelGraph &graph, ModuleOp module)
      : kernel(kernel), graph(graph), phases(graph, cpuScratch), emit(kernel, graph, module) {}

  LogicalResult run() {
    if (failed(checkInPlace()))
      return failure();
    SmallVector<unsigned> elements = graph.getAxes(AxisRole::element);
    if (!elements.empty())
      elementAxis = elements.front();
    for (const RowPhases::Phase &phase : phases.getPhases())
      for (unsigned node : phase.kept)
        if (!phases.getPlace(node, ~0u)->output)
          scratch[node] = emit.createScratch(graph[node].type, graph.getSizes()[*elementAxis]);
    for (auto [number, node] : llvm::enumerate(graph.getNodes()))
      if (node.axes == 0 && phases.getReady(number) == 0 && node.kind != Node::Kind::reduce)
        emit.evaluate(number);
    emit.createLoop(LoopKind::rows, emit.getBegin(), emit.getEnd(), std::nullopt, [&](Value row) {
      emit.splitIndex(row, graph.getAxes(AxisRole::row));
      startSums(row);
      emitRow();
    });
    return success();
  }

private:
  /// Every input must have been read when the output in its place is written.
  LogicalResult checkInPlace() {
    for (auto [number, input] : llvm::enumerate(kernel.getInPlace()))
      if (input >= 0 && !phases.mayShareMemory(input, number))
        return kernel.emitOpError("requires input ")
               << input << " to be read before output " << number << " takes its place";
    return success();
  }

  /// if row % R == 0
  ///   for c: sums = 0
  void startSums(Value row) {
    SmallVector<const Output *> sums;
    for (const Output &output : graph.getOutputs())
      if (output.summed && !output.accumulate)
        sums.push_back(&output);
    if (sums.empty())
      return;
    OpBuilder &b = emit.getBuilder();
    Location loc = emit.getLoc();
    Value rest = arith::RemUIOp::create(b, loc, row, emit.getIndex(graph.getRowsOfBlock()));
    Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, rest, emit.getIndex(0));
    auto first = scf::IfOp::create(b, loc, isFirst);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(first.thenYield());
    Value size = emit.getIndex(graph.getSizes()[*elementAxis]);
    emit.createLoop(LoopKind::elements, emit.getIndex(0), size, elementAxis, [&](Value) {
      for (const Output *output : sums) {
        auto type = cast<FloatType>(graph[output->node].type);
        emit.storePlain(*output, arith::ConstantOp::create(b, loc, b.getFloatAttr(type, 0)));
      }
    });
  }

  void emitRow() {
    for (unsigned phase = 0; phase <= phases.getPhases().size(); ++phase) {
      for (auto [number, node] : llvm::enumerate(graph.getNodes()))
        if (!phases.isElement(number) && phases.getReady(number) == phase &&
            node.kind != Node::Kind::reduce)
          emit.evaluate(number);
      for (const Output &output : graph.getOutputs())
        if (!phases.isElement(output) && phases.getReady(output.node) == phase)
          emit.store(output, emit.values[output.node]);
      if (phase < phases.getPhases().size())
        emitPhase(phase);
    }
  }

  void emitPhase(unsigned number) {
    const RowPhases::Phase &phase = phases.getPhases()[number];
    SmallVector<Value> starts;
    for (unsigned reduction : phase.reductions)
      starts.push_back(emit.createNeutral(graph[reduction].op, graph[reduction].type));
    auto body = [&](Value, ValueRange accumulators) {
      for (unsigned node : phase.nodes)
        if (const RowPhases::Place *place = phases.getPlace(node, number))
          emit.values[node] = read(node, *place);
        else
          emit.evaluate(node);
      SmallVector<Value> next;
      for (auto [reduction, accumulator] : llvm::zip(phase.reductions, accumulators))
        next.push_back(emit.combine(graph[reduction].op, accumulator,
                                    emit.values[graph[reduction].inputs[0]]));
      for (unsigned output : phase.stores)
        emit.store(graph.getOutputs()[output], emit.values[graph.getOutputs()[output].node]);
      for (unsigned node : phase.kept)
        write(node, *phases.getPlace(node, ~0u));
      return next;
    };
    if (std::optional<SmallVector<unsigned>> loads = findStreams(phase))
      return emitStreams(*loads, [&](Value element) { body(element, {}); });
    SmallVector<Value> results = starts;
    int64_t begin = 0;
    for (int64_t end : findEnds(phase)) {
      results = emit.createLoop(LoopKind::elements, emit.getIndex(begin), emit.getIndex(end),
                                elementAxis, results, body);
      begin = end;
    }
    for (auto [reduction, result] : llvm::zip(phase.reductions, results))
      emit.values[reduction] = result;
  }

  /// Loads of a phase that only goes through arrays, row behind row.
  std::optional<SmallVector<unsigned>> findStreams(const RowPhases::Phase &phase) const {
    SmallVector<unsigned> rows = graph.getAxes(AxisRole::row), loads;
    int64_t size = graph.getSizes()[*elementAxis];
    if (!phase.reductions.empty() || rows.size() != 1 || size % streamBlock != 0)
      return std::nullopt;
    for (unsigned number : phase.nodes) {
      const Node &node = graph[number];
      if (node.kind == Node::Kind::gather)
        return std::nullopt;
      if (node.kind != Node::Kind::load)
        continue;
      if (node.index[*elementAxis] != 1 || node.index[rows.front()] != size)
        return std::nullopt;
      loads.push_back(number);
    }
    if (loads.empty())
      return std::nullopt;
    return loads;
  }

  /// for each block of elements
  ///   fetch what comes some blocks later
  ///   for c in the block
  ///
  /// A processor fetches ahead by itself, but not across pages, of which a row may have one.
  void emitStreams(ArrayRef<unsigned> loads, llvm::function_ref<void(Value)> body) {
    OpBuilder &b = emit.getBuilder();
    Location loc = emit.getLoc();
    Value blocks = emit.getIndex(graph.getSizes()[*elementAxis] / streamBlock);
    emit.createLoop(LoopKind::rows, emit.getIndex(0), blocks, std::nullopt, [&](Value block) {
      Value size = emit.getIndex(streamBlock), begin = arith::MulIOp::create(b, loc, block, size);
      emit.axes[*elementAxis] = begin;
      for (unsigned load : loads)
        for (int64_t line = 0; line < streamBlock; line += elementsOfLine(load))
          emit.fetch(graph[load], streamAhead + line);
      Value end = arith::AddIOp::create(b, loc, begin, size);
      emit.createLoop(LoopKind::elements, begin, end, elementAxis, body);
    });
  }
  int64_t elementsOfLine(unsigned node) const {
    return 64 * 8 / graph[node].type.getIntOrFloatBitWidth();
  }

  /// A loop over elements some of which are pads is cut where they begin, so that LLVM knows which
  /// ones it has: a maximum is not vectorised that leaves elements out.
  ///
  ///   for c in [0, 50272): max(…, c < 50257 ? x : -inf)
  ///   -> for c in [0, 50257): max(…, x)
  ///      for c in [50257, 50272): …
  SmallVector<int64_t> findEnds(const RowPhases::Phase &phase) const {
    int64_t size = graph.getSizes()[*elementAxis];
    for (unsigned number : phase.nodes) {
      const Node &node = graph[number];
      auto compare = llvm::dyn_cast_or_null<arith::CmpIOp>(node.op);
      if (node.kind != Node::Kind::scalar || !compare ||
          compare.getPredicate() != arith::CmpIPredicate::slt)
        continue;
      const Node &left = graph[node.inputs[0]], &right = graph[node.inputs[1]];
      if (left.kind != Node::Kind::position || right.kind != Node::Kind::constant ||
          !countsElements(left.index))
        continue;
      int64_t end = cast<IntegerAttr>(right.value).getInt();
      if (end > 0 && end < size)
        return {end, size};
    }
    return {size};
  }

  /// Whether it is the element's number in the row.
  bool countsElements(const LinearIndex &strides) const {
    for (auto [axis, stride] : llvm::enumerate(strides))
      if (stride != (axis == *elementAxis))
        return false;
    return true;
  }

  Value read(unsigned node, const RowPhases::Place &place) {
    if (place.output)
      return emit.loadPlain(graph.getOutputs()[*place.output]);
    return memref::LoadOp::create(emit.getBuilder(), emit.getLoc(), scratch[node],
                                  emit.axes[*elementAxis]);
  }

  void write(unsigned node, const RowPhases::Place &place) {
    if (place.output)
      return emit.storePlain(graph.getOutputs()[*place.output], emit.values[node]);
    memref::StoreOp::create(emit.getBuilder(), emit.getLoc(), emit.values[node], scratch[node],
                            emit.axes[*elementAxis]);
  }

  plan::KernelOp kernel;
  const KernelGraph &graph;
  RowPhases phases;
  ScalarEmitter emit;
  std::optional<unsigned> elementAxis; ///< without one there are no phases
  DenseMap<unsigned, Value> scratch;
};
} // namespace

LogicalResult gptc::codegen::emitRowSchedule(plan::KernelOp kernel, ModuleOp module) {
  FailureOr<KernelGraph> graph = KernelGraph::build(kernel);
  if (failed(graph))
    return failure();
  return RowSchedule(kernel, *graph, module).run();
}
