// Row kernels on a GPU that add up rows.
//
// With sums over blocks of R rows, a block of threads takes one of these. Without reductions along
// the row, it takes 256 of their columns, and a thread adds up its column in a register. With
// reductions, warps take rows in turn, or the whole block takes them one after the other; a thread
// adds to its own elements of a row in shared memory, the warps' rows are combined in order at the
// end. What is too long for that is added up in the output, which only this block uses.
#include "CudaRows.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

void CudaRows::emitBlockOfRows(const CudaGeometry &geometry) {
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

void CudaRows::emitColumnsOfRows(const std::string &index, const std::string &height) {
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

void CudaRows::startSharedSums(unsigned lanes) {
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

void CudaRows::finishSharedSums(const std::string &index, const std::string &height,
                                unsigned threads) {
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

void CudaRows::storeSum(unsigned number, const std::string &text) {
  const Output &output = graph.getOutputs()[number];
  Type type = graph[output.node].type;
  std::string own = emit.freshName("total");
  emit.line("const float " + own + " = " + text + ";");
  emit.store(output, emit.nameFloat(own, type));
}

void CudaRows::addToSum(unsigned number, Value value) {
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
