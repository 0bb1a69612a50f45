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
    Value size = emit.getIndex(graph.getSizes()[*elementAxis]);
    SmallVector<Value> results =
        emit.createLoop(LoopKind::elements, emit.getIndex(0), size, elementAxis, starts, body);
    for (auto [reduction, result] : llvm::zip(phase.reductions, results))
      emit.values[reduction] = result;
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
