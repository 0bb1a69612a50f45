// Row kernels behind a matrix product on a GPU: what a thread does with an element of the product
// that it holds in a register.
#include "../RowPhases.h"
#include "CudaEmitter.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

FailureOr<bool> gptc::codegen::emitCudaElement(plan::KernelOp kernel, const KernelUse &use,
                                               unsigned given, ModuleOp module) {
  FailureOr<KernelGraph> graph = KernelGraph::build(kernel);
  if (failed(graph))
    return failure();
  RowPhases phases(*graph, findCudaRowMemory(*graph).scratch);
  SmallVector<unsigned> elements = graph->getAxes(AxisRole::element);
  auto isElement = [&](const Output &output) { return phases.isElement(output) && !output.summed; };
  if (elements.size() != 1 || phases.getPhases().size() != 1 ||
      !phases.getPhases()[0].reductions.empty() || !llvm::all_of(graph->getOutputs(), isElement))
    return false;
  // The product is used at its own element everywhere: along all axes of the space.
  AxisSet all = graph->getAxisSet(AxisRole::row) | graph->getAxisSet(AxisRole::element);
  for (const Node &node : graph->getNodes())
    if (node.operand == given &&
        (node.kind == Node::Kind::gather || (node.kind == Node::Kind::load && node.axes != all)))
      return false;

  CudaEmitter emit(kernel, *graph, use, module, given);
  emit.declareElement();
  emit.axes[elements.front()] = emit.indexName("column");
  emit.splitIndex(emit.indexName("row"), graph->getAxes(AxisRole::row));
  for (auto [number, node] : llvm::enumerate(graph->getNodes()))
    if (node.kind == Node::Kind::load && node.operand == given)
      emit.values[number] = emit.name("given", node.type);
  const RowPhases::Phase &phase = phases.getPhases()[0];
  for (unsigned node : phase.nodes)
    if (!emit.evaluate(node))
      return failure();
  for (unsigned output : phase.stores)
    emit.store(graph->getOutputs()[output], emit.evaluate(graph->getOutputs()[output].node));
  return true;
}
