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
//
// With sums over blocks of R rows, a block of threads takes one of these. Without reductions along
// the row, it takes 256 of their columns, and a thread adds up its column in a register. With
// reductions, warps take rows in turn, or the whole block takes them one after the other; a thread
// adds to its own elements of a row in shared memory, the warps' rows are combined in order at the
// end. What is too long for that is added up in the output, which only this block uses.
#include "../RowPhases.h"
#include "CudaEmitter.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

/// Columns of a block of rows that a block of threads takes, one a thread.
static constexpr int64_t columnsTogether = 256;

namespace {
class CudaRows {
public:
  CudaRows(plan::KernelOp kernel, const KernelGraph &graph, const KernelUse &use, ModuleOp module)
      : kernel(kernel), graph(graph), memory(findCudaRowMemory(graph)),
        phases(graph, memory.scratch), emit(kernel, graph, use, module) {
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

  FailureOr<CudaGeometry> run() {
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

private:
  /// What works on a row.
  enum class Shape { element, thread, warp, block };

  CudaGeometry getGeometry() const {
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

  /// The parts of a row that a block without reductions takes.
  int64_t countParts() const { return llvm::divideCeilSigned(columns, columnsTogether); }
  unsigned threadsOfRow() const { return columns <= 8 * cudaWarpColumns ? 256 : 1024; }

  void emitItems(const CudaGeometry &geometry) {
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

  void emitWarps() {
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

  /// A block of rows, and their sums.
  void emitBlockOfRows(const CudaGeometry &geometry) {
    emit.declareBlock();
    std::string index = emit.getIndexName().str(), height = std::to_string(graph.getRowsOfBlock());
    if (shape == Shape::element)
      return emitColumnsOfRows(index, height);
    std::string step = shape == Shape::warp ? std::to_string(cudaWarpsTogether) : "1";
    std::string from = shape == Shape::warp ? "gptc_thread() / 32" : "0";
    emit.line("const " + index +
              " lane = " + (shape == Shape::warp ? "gptc_lane();" : "gptc_thread();"));
    createScratch(shape == Shape::warp ? cudaWarpsTogether : 1);
    unsigned lanes = shape == Shape::warp ? 32 : geometry.threads;
    if (memory.sharedSums)
      startSharedSums(lanes);
    emit.open("for (" + index + " r = " + from + "; r < " + height + "; r += " + step + ")");
    emit.line("const " + index + " row = block * " + height + " + r;");
    emitRow(lanes);
    emit.close();
    if (memory.sharedSums)
      finishSharedSums(index, height, geometry.threads);
  }

  void emitColumnsOfRows(const std::string &index, const std::string &height) {
    std::string across = std::to_string(countParts());
    emit.line("const " + index + " column = block % " + across + " * " + Twine(columnsTogether) +
              " + gptc_thread();");
    emit.axes[*elementAxis] = emit.indexName("column");
    emit.open("if (column < " + Twine(columns) + ")");
    for (unsigned sum : sums) {
      sumNames[sum] = emit.freshName("sum_of_rows");
      emit.line("float " + sumNames[sum] + " = 0.0f;");
    }
    emit.open("for (" + index + " r = 0; r < " + height + "; ++r)");
    emit.line("const " + index + " row = block / " + across + " * " + height + " + r;");
    emit.splitIndex(emit.indexName("row"), graph.getAxes(AxisRole::row));
    emitElement(0, {});
    emit.close();
    emit.line("const " + index + " first = block / " + across + " * " + height + ";");
    emit.splitIndex(emit.indexName("first"), graph.getAxes(AxisRole::row));
    for (unsigned sum : sums)
      storeSum(sum, sumNames[sum]);
    emit.close();
  }

  void startSharedSums(unsigned lanes) {
    int64_t rows = shape == Shape::warp ? cudaWarpsTogether : 1;
    for (unsigned sum : sums) {
      sumNames[sum] = emit.freshName("sum_of_rows");
      emit.line("GPTC_SHARED(float, " + sumNames[sum] + ", " + Twine(rows * columns) + ");");
    }
    openColumns("lane", lanes);
    for (unsigned sum : sums)
      emit.line(sumNames[sum] + "[{}] = 0.0f;", scratchIndex());
    emit.close();
  }

  void finishSharedSums(const std::string &index, const std::string &height, unsigned threads) {
    emit.line("gptc_sync();");
    emit.line("const " + index + " first = block * " + height + ";");
    emit.splitIndex(emit.indexName("first"), graph.getAxes(AxisRole::row));
    std::string column = openColumns("gptc_thread()", threads);
    for (unsigned sum : sums) {
      std::string total = sumNames[sum] + "[" + column + "]";
      if (shape == Shape::warp)
        for (int64_t warp = 1; warp < cudaWarpsTogether; ++warp)
          total +=
              " + " + sumNames[sum] + "[" + std::to_string(warp * columns) + " + " + column + "]";
      storeSum(sum, total);
    }
    emit.close();
  }

  /// A loop over columns in which each thread comes to every `lanes`-th of them.
  std::string openColumns(StringRef first, unsigned lanes) {
    std::string column = emit.freshName("c");
    emit.open("for (" + emit.getIndexName() + " " + column + " = " + first + "; " + column + " < " +
              Twine(columns) + "; " + column + " += " + Twine(lanes) + ")");
    emit.axes[*elementAxis] = emit.indexName(column);
    return column;
  }

  /// Writes a sum that is there as text, or adds it to an output that accumulates.
  void storeSum(unsigned number, const std::string &text) {
    const Output &output = graph.getOutputs()[number];
    Type type = graph[output.node].type;
    std::string own = emit.freshName("total");
    emit.line("const float " + own + " = " + text + ";");
    emit.store(output, emit.nameFloat(own, type));
  }

  void addToSum(unsigned number, Value value) {
    const Output &output = graph.getOutputs()[number];
    value = emitCudaWidening(emit.getBuilder(), value, emit.getLoc());
    if (shape == Shape::element)
      return emit.line(sumNames[number] + " += {};", value);
    if (memory.sharedSums)
      return emit.line(sumNames[number] + "[{}] += {};", {scratchIndex(), value});
    // In place: the first row of the block begins anew.
    std::string old = output.accumulate ? "false" : "r == 0";
    Type type = graph[output.node].type;
    std::string own = emit.freshName("so_far");
    emit.line("float " + own + " = 0.0f;");
    emit.open("if (!(" + old + "))");
    emit.line(own + " = {};", emit.loadPlain(output, type));
    emit.close();
    emit.line(own + " += {};", value);
    emit.storePlain(output, emit.name(own, type));
  }

  void createScratch(int64_t rows) {
    for (const RowPhases::Phase &phase : phases.getPhases())
      for (unsigned node : phase.kept)
        if (!phases.getPlace(node, ~0u)->output) {
          scratch[node] = emit.freshName("keep");
          emit.line("GPTC_SHARED(" + cudaTypeName(graph[node].type) + ", " + scratch[node] + ", " +
                    Twine(rows * columns) + ");");
        }
  }

  void emitRow(unsigned lanes) {
    emit.splitIndex(emit.indexName("row"), graph.getAxes(AxisRole::row));
    for (unsigned phase = 0; phase <= phases.getPhases().size(); ++phase) {
      emitRowValues(phase);
      if (phase < phases.getPhases().size())
        emitPhase(phase, lanes);
    }
  }

  /// The values of the row that are known before phase `phase`, and the outputs that they are.
  void emitRowValues(unsigned phase) {
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

  void emitPhase(unsigned number, unsigned lanes) {
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

  void emitElement(unsigned number, ArrayRef<std::string> accumulators) {
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

  Value evaluate(unsigned node) {
    Value value = emit.evaluate(node);
    failed |= !value;
    return value;
  }

  /// The row's part of scratch memory.
  Value scratchIndex() {
    Value column = emit.axes[*elementAxis];
    if (shape == Shape::block)
      return column;
    Value own = emit.indexName(("(gptc_thread() / 32) * " + Twine(columns)).str());
    return emitc::AddOp::create(emit.getBuilder(), emit.getLoc(), column.getType(), own, column);
  }

  Value read(unsigned node, const RowPhases::Place &place) {
    if (place.output)
      return emit.loadPlain(graph.getOutputs()[*place.output], graph[node].type);
    std::string own = emit.freshName("kept");
    emit.line("const " + cudaTypeName(graph[node].type) + " " + own + " = " + scratch[node] +
                  "[{}];",
              scratchIndex());
    return emit.name(own, graph[node].type);
  }

  void write(unsigned node, const RowPhases::Place &place) {
    if (place.output)
      return emit.storePlain(graph.getOutputs()[*place.output], emit.values[node]);
    emit.line(scratch[node] + "[{}] = {};", {scratchIndex(), emit.values[node]});
  }

  plan::KernelOp kernel;
  const KernelGraph &graph;
  CudaRowMemory memory;
  RowPhases phases;
  CudaEmitter emit;
  std::optional<unsigned> elementAxis;
  int64_t columns;
  Shape shape;
  DenseMap<unsigned, std::string> scratch, sumNames; ///< of sums by output
  SmallVector<unsigned> sums;                        ///< outputs that are summed over rows
  bool failed = false;
};
} // namespace

FailureOr<CudaGeometry> gptc::codegen::emitCudaRows(plan::KernelOp kernel, const KernelUse &use,
                                                    ModuleOp module) {
  FailureOr<KernelGraph> graph = KernelGraph::build(kernel);
  if (mlir::failed(graph))
    return failure();
  return CudaRows(kernel, *graph, use, module).run();
}
