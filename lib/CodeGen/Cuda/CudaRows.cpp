// Row kernels on a GPU.
//
// Without reductions along the row, a thread computes one element (or, where there are no elements
// along a row, one row). With reductions, a row belongs to a warp or, if it is long, to a block:
//
//   for c in lane, lane + 32, …: phase 0, adding to an accumulator of the thread's own
//   the accumulators of the warp are combined, in a fixed order
//   for c in …: phase 1
//
// A thread comes to the same elements in every phase, so what one phase leaves for a later one
// needs no barrier, wherever it lies.
#include "CudaRows.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

CudaRows::CudaRows(plan::KernelOp kernel, const KernelGraph &graph, const KernelUse &use,
                   ModuleOp module)
    : kernel(kernel), graph(graph), memory(findCudaRowMemory(graph)), phases(graph, memory.scratch),
      emit(kernel, graph, use, module) {
  SmallVector<unsigned> elements = graph.getAxes(AxisRole::element);
  if (!elements.empty())
    elementAxis = elements.front();
  columns = elementAxis ? graph.getSizes()[*elementAxis] : 1;
  bool rowOutputs = llvm::any_of(graph.getOutputs(),
                                 [&](const Output &output) { return !phases.isElement(output); });
  if (!elementAxis)
    shape = Shape::thread;
  else if (phases.getPhases().size() == 1 && phases.getPhases()[0].reductions.empty() &&
           !rowOutputs)
    shape = Shape::element;
  else
    shape = memory.warps ? Shape::warp : Shape::block;
  for (auto [number, output] : llvm::enumerate(graph.getOutputs()))
    if (output.summed)
      sums.push_back(number);
}

FailureOr<CudaGeometry> CudaRows::run() {
  for (auto [number, input] : llvm::enumerate(kernel.getInPlace()))
    if (input >= 0 && !phases.mayShareMemory(input, number))
      return kernel.emitOpError("requires input ")
             << input << " to be read before output " << number << " takes its place";
  CudaGeometry geometry = getGeometry();
  if (!sums.empty() && shape != Shape::element && !memory.sharedSums)
    for (unsigned sum : sums)
      if (isHalf(graph[graph.getOutputs()[sum].node].type))
        return kernel.emitOpError(
            "requires sums over long rows, which lie in an output, to be f32");
  if (!sums.empty()) {
    emitBlockOfRows(geometry);
    if (failed)
      return failure();
    return geometry;
  }
  switch (shape) {
  case Shape::element:
  case Shape::thread:
    emitItems(geometry);
    break;
  case Shape::warp:
    emitWarps();
    break;
  case Shape::block:
    if (!graph.getAxes(AxisRole::row).empty()) {
      emit.declareBlock();
      emit.line("const " + emit.getIndexName() + " row = block;");
    }
    emit.line("const " + emit.getIndexName() + " lane = gptc_thread();");
    createScratch(1);
    emitRow(geometry.threads);
    break;
  }
  if (failed)
    return failure();
  return geometry;
}

CudaGeometry CudaRows::getGeometry() const {
  if (!sums.empty()) {
    int64_t rows = graph.getRowsOfBlock();
    if (shape == Shape::element)
      return {unsigned(columnsTogether), countParts(), rows};
    return {shape == Shape::warp ? unsigned(32 * cudaWarpsTogether) : threadsOfRow(), 1, rows};
  }
  switch (shape) {
  case Shape::element:
    return {256, columns, 256};
  case Shape::thread:
    return {128, 1, 128};
  case Shape::warp:
    return {unsigned(32 * cudaWarpsTogether), 1, cudaWarpsTogether};
  case Shape::block:
    return {threadsOfRow(), 1, 1};
  }
  llvm_unreachable("all shapes are handled");
}

void CudaRows::emitItems(const CudaGeometry &geometry) {
  emit.declareRows();
  emit.declareBlock();
  emit.line("const " + emit.getIndexName() + " item = block * " + Twine(geometry.itemsPerBlock) +
            " + gptc_thread();");
  if (shape == Shape::thread) {
    emit.open("if (item < rows)");
    emit.splitIndex(emit.indexName("item"), graph.getAxes(AxisRole::row));
    emitRowValues(0);
  } else {
    emit.open("if (item < rows * " + Twine(columns) + ")");
    if (!graph.getAxes(AxisRole::row).empty())
      emit.line("const " + emit.getIndexName() + " row = item / " + Twine(columns) + ";");
    emit.line("const " + emit.getIndexName() + " column = item % " + Twine(columns) + ";");
    emit.axes[*elementAxis] = emit.indexName("column");
    emit.splitIndex(emit.indexName("row"), graph.getAxes(AxisRole::row));
    emitElement(0, {});
  }
  emit.close();
}

void CudaRows::emitWarps() {
  emit.declareRows();
  emit.declareBlock();
  emit.line("const " + emit.getIndexName() + " row = block * " + Twine(cudaWarpsTogether) +
            " + gptc_thread() / 32;");
  emit.line("const " + emit.getIndexName() + " lane = gptc_lane();");
  createScratch(cudaWarpsTogether);
  emit.open("if (row < rows)"); // of a warp, all threads or none
  emitRow(32);
  emit.close();
}

std::string CudaRows::openColumns(StringRef first, unsigned lanes) {
  std::string column = emit.freshName("c");
  emit.open("for (" + emit.getIndexName() + " " + column + " = " + first + "; " + column + " < " +
            Twine(columns) + "; " + column + " += " + Twine(lanes) + ")");
  emit.axes[*elementAxis] = emit.indexName(column);
  return column;
}

void CudaRows::createScratch(int64_t rows) {
  for (const RowPhases::Phase &phase : phases.getPhases())
    for (unsigned node : phase.kept)
      if (!phases.getPlace(node, ~0u)->output) {
        scratch[node] = emit.freshName("keep");
        emit.line("GPTC_SHARED(" + cudaTypeName(graph[node].type) + ", " + scratch[node] + ", " +
                  Twine(rows * columns) + ");");
      }
}

void CudaRows::emitRow(unsigned lanes) {
  emit.splitIndex(emit.indexName("row"), graph.getAxes(AxisRole::row));
  for (unsigned phase = 0; phase <= phases.getPhases().size(); ++phase) {
    emitRowValues(phase);
    if (phase < phases.getPhases().size())
      emitPhase(phase, lanes);
  }
}

void CudaRows::emitRowValues(unsigned phase) {
  for (auto [number, node] : llvm::enumerate(graph.getNodes()))
    if (!phases.isElement(number) && phases.getReady(number) == phase &&
        node.kind != Node::Kind::reduce)
      evaluate(number);
  SmallVector<const Output *> outputs;
  for (const Output &output : graph.getOutputs())
    if (!phases.isElement(output) && phases.getReady(output.node) == phase)
      outputs.push_back(&output);
  if (outputs.empty())
    return;
  // All threads of the row have read what an output may overwrite.
  if (shape == Shape::warp)
    emit.line("gptc_sync_warp();");
  if (shape == Shape::block)
    emit.line("gptc_sync();");
  if (shape != Shape::thread)
    emit.open("if (lane == 0)");
  for (const Output *output : outputs)
    if (Value value = evaluate(output->node))
      emit.store(*output, value);
  if (shape != Shape::thread)
    emit.close();
}

void CudaRows::emitPhase(unsigned number, unsigned lanes) {
  const RowPhases::Phase &phase = phases.getPhases()[number];
  SmallVector<std::string> accumulators;
  for (unsigned reduction : phase.reductions) {
    Operation *op = graph[reduction].op;
    accumulators.push_back(emit.freshName(CudaEmitter::kindOf(op).str() + "_of_lane"));
    emit.line("float " + Twine(accumulators.back()) + " = " + CudaEmitter::neutralOf(op) + ";");
  }
  openColumns("lane", lanes);
  emitElement(number, accumulators);
  emit.close();
  for (auto [reduction, accumulator] : llvm::zip(phase.reductions, accumulators)) {
    StringRef kind = CudaEmitter::kindOf(graph[reduction].op);
    std::string own = emit.freshName(kind);
    std::string callee = shape == Shape::warp
                             ? ("gptc_warp_" + kind).str()
                             : ("gptc_block_" + kind + "<" + Twine(lanes) + ">").str();
    emit.line("const float " + Twine(own) + " = " + callee + "(" + accumulator + ");");
    emit.values[reduction] = emit.nameFloat(own, graph[reduction].type);
  }
}

void CudaRows::emitElement(unsigned number, ArrayRef<std::string> accumulators) {
  const RowPhases::Phase &phase = phases.getPhases()[number];
  for (unsigned node : phase.nodes)
    if (const RowPhases::Place *place = phases.getPlace(node, number))
      emit.values[node] = read(node, *place);
    else
      evaluate(node);
  if (failed)
    return;
  for (auto [reduction, accumulator] : llvm::zip(phase.reductions, accumulators))
    emit.accumulate(graph[reduction].op, accumulator, evaluate(graph[reduction].inputs[0]));
  for (unsigned output : phase.stores) {
    const Output &place = graph.getOutputs()[output];
    if (Value value = evaluate(place.node); place.summed && value)
      addToSum(output, value);
    else if (value)
      emit.store(place, value);
  }
  for (unsigned node : phase.kept)
    write(node, *phases.getPlace(node, ~0u));
}

Value CudaRows::evaluate(unsigned node) {
  Value value = emit.evaluate(node);
  failed |= !value;
  return value;
}

Value CudaRows::scratchIndex() {
  Value column = emit.axes[*elementAxis];
  if (shape == Shape::block)
    return column;
  Value own = emit.indexName(("(gptc_thread() / 32) * " + Twine(columns)).str());
  return emitc::AddOp::create(emit.getBuilder(), emit.getLoc(), column.getType(), own, column);
}

Value CudaRows::read(unsigned node, const RowPhases::Place &place) {
  if (place.output)
    return emit.loadPlain(graph.getOutputs()[*place.output], graph[node].type);
  std::string own = emit.freshName("kept");
  emit.line("const " + cudaTypeName(graph[node].type) + " " + own + " = " + scratch[node] + "[{}];",
            scratchIndex());
  return emit.name(own, graph[node].type);
}

void CudaRows::write(unsigned node, const RowPhases::Place &place) {
  if (place.output)
    return emit.storePlain(graph.getOutputs()[*place.output], emit.values[node]);
  emit.line(scratch[node] + "[{}] = {};", {scratchIndex(), emit.values[node]});
}

FailureOr<CudaGeometry> gptc::codegen::emitCudaRows(plan::KernelOp kernel, const KernelUse &use,
                                                    ModuleOp module) {
  FailureOr<KernelGraph> graph = KernelGraph::build(kernel);
  if (mlir::failed(graph))
    return failure();
  return CudaRows(kernel, *graph, use, module).run();
}
