// Column kernels on a GPU: a block takes 32 columns, a warp a slice of the reduced axes.
//
//   for r in slice, slice + slices, …: accumulator += f(r, column)
//   the slices' accumulators are combined by the first one, in order, and go to the outputs
#include "CudaEmitter.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

static constexpr int64_t columnsTogether = 32, mostSlices = 16;
static constexpr int64_t sharedBytes = 48 * 1024; ///< that a block has for certain
static_assert(plan::columnBlock == 256);

namespace {
class CudaColumns {
public:
  CudaColumns(const KernelGraph &graph, plan::KernelOp kernel, const KernelUse &use,
              ModuleOp module)
      : graph(graph), emit(kernel, graph, use, module) {
    SmallVector<unsigned> elements = graph.getAxes(AxisRole::element);
    if (!elements.empty())
      elementAxis = elements.front();
    columns = elementAxis ? graph.getSizes()[*elementAxis] : 1;
    for (unsigned axis : graph.getAxes(AxisRole::reduced))
      terms *= graph.getSizes()[axis];
    for (auto [number, node] : llvm::enumerate(graph.getNodes()))
      if (node.kind == Node::Kind::reduce)
        reductions.push_back(number);
    int64_t bytesOfSlice = columnsTogether * sizeof(float) * reductions.size();
    while (slices < mostSlices && 2 * slices <= terms && 2 * slices * bytesOfSlice <= sharedBytes)
      slices *= 2;
  }

  /// Whether a reduction goes into a reduction.
  bool isNested() const {
    std::vector<bool> behind = graph.findBehindReductions();
    return llvm::any_of(reductions,
                        [&](unsigned number) { return behind[graph[number].inputs[0]]; });
  }

  FailureOr<CudaGeometry> run() {
    int64_t blocksOfRow = llvm::divideCeil(std::min(columns, plan::columnBlock), columnsTogether);
    int64_t rowsOfKept = llvm::divideCeil(columns, plan::columnBlock);
    StringRef index = emit.getIndexName();
    emit.declareBlock();
    emit.line("const " + index + " lane = gptc_thread() % 32, slice = gptc_thread() / 32;");
    // A row of the launch is a block of columns at an index into the kept axes.
    SmallVector<unsigned> kept = graph.getAxes(AxisRole::row);
    if (rowsOfKept > 1 || !kept.empty())
      emit.line("const " + index + " row = block / " + Twine(blocksOfRow) + ";");
    std::string first = "block % " + std::to_string(blocksOfRow) + " * 32 + lane;";
    if (rowsOfKept > 1)
      first = "row % " + std::to_string(rowsOfKept) + " * 256 + " + first;
    emit.line("const " + index + " column = " + first);
    if (!kept.empty())
      emit.line("const " + index + " kept = row / " + Twine(rowsOfKept) + ";");
    if (elementAxis)
      emit.axes[*elementAxis] = emit.indexName("column");
    emit.splitIndex(emit.indexName("kept"), kept);
    emitTerms();
    emitOutputs();
    if (failed)
      return failure();
    return CudaGeometry{unsigned(32 * slices), blocksOfRow, 1};
  }

private:
  void emitTerms() {
    for (unsigned reduction : reductions) {
      StringRef kind = CudaEmitter::kindOf(graph[reduction].op);
      accumulators.push_back(emit.freshName(kind));
      parts.push_back(emit.freshName("parts_of_" + kind.str()));
      emit.line("GPTC_SHARED(float, " + parts.back() + ", " + Twine(slices * columnsTogether) +
                ");");
      emit.line("float " + accumulators.back() + " = " +
                CudaEmitter::neutralOf(graph[reduction].op) + ";");
    }
    emit.open("if (column < " + Twine(columns) + ")");
    emit.open("for (" + emit.getIndexName() + " r = slice; r < " + Twine(terms) +
              "; r += " + Twine(slices) + ")");
    emit.splitIndex(emit.indexName("r"), graph.getAxes(AxisRole::reduced));
    for (auto [reduction, accumulator] : llvm::zip(reductions, accumulators))
      if (Value value = evaluate(graph[reduction].inputs[0]))
        emit.accumulate(graph[reduction].op, accumulator, value);
    emit.close();
    emit.close();
    for (auto [part, accumulator] : llvm::zip(parts, accumulators))
      emit.line(part + "[slice * 32 + lane] = " + accumulator + ";");
    emit.line("gptc_sync();");
  }

  void emitOutputs() {
    emit.open("if (slice == 0 && column < " + Twine(columns) + ")");
    if (slices > 1) {
      emit.open("for (int other = 1; other < " + Twine(slices) + "; ++other)");
      for (auto [number, reduction] : llvm::enumerate(reductions))
        emit.accumulate(
            graph[reduction].op, accumulators[number],
            emit.name(parts[number] + "[other * 32 + lane]", emit.getBuilder().getF32Type()));
      emit.close();
    }
    for (auto [reduction, accumulator] : llvm::zip(reductions, accumulators))
      emit.values[reduction] = emit.nameFloat(accumulator, graph[reduction].type);
    for (const Output &output : graph.getOutputs())
      if (Value value = evaluate(output.node))
        emit.store(output, value);
    emit.close();
  }

  Value evaluate(unsigned node) {
    Value value = emit.evaluate(node);
    failed |= !value;
    return value;
  }

  const KernelGraph &graph;
  CudaEmitter emit;
  std::optional<unsigned> elementAxis;
  int64_t columns, terms = 1, slices = 1;
  SmallVector<unsigned> reductions;
  SmallVector<std::string> accumulators, parts;
  bool failed = false;
};
} // namespace

FailureOr<CudaGeometry> gptc::codegen::emitCudaColumns(plan::KernelOp kernel, const KernelUse &use,
                                                       ModuleOp module) {
  FailureOr<KernelGraph> graph = KernelGraph::build(kernel);
  if (mlir::failed(graph))
    return failure();
  if (llvm::any_of(kernel.getInPlace(), [](int64_t input) { return input >= 0; }))
    return kernel.emitOpError("does not take outputs in place of inputs for a column schedule");
  CudaColumns columns(*graph, kernel, use, module);
  if (columns.isNested())
    return kernel.emitOpError("does not take reductions of reductions for a column schedule");
  return columns.run();
}
