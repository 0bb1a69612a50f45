// Phases of a row kernel: what is computed when, and what is kept.
#include "RowPhases.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

/// Simple operations and loads up to which a scalar is computed again: about what it costs to write
/// and read it.
static constexpr unsigned cheapOperations = 8;

/// Operations that take many instructions, or one that takes long.
static bool isExpensive(const Node &node) {
  if (node.kind == Node::Kind::random)
    return true;
  if (node.kind != Node::Kind::scalar)
    return false;
  if (isa<arith::DivFOp, arith::RemFOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp,
          arith::RemUIOp>(node.op))
    return true;
  return isa<math::MathDialect>(node.op->getDialect()) &&
         !isa<math::AbsFOp, math::FmaOp, math::FloorOp, math::CeilOp, math::TruncOp,
              math::RoundEvenOp, math::CopySignOp, math::IsNaNOp, math::IsInfOp, math::IsFiniteOp>(
             node.op);
}

static bool isRead(const Node &node) {
  return llvm::is_contained(
      {Node::Kind::load, Node::Kind::gather, Node::Kind::constant, Node::Kind::position},
      node.kind);
}

CudaRowMemory gptc::codegen::findCudaRowMemory(const KernelGraph &graph) {
  int64_t columns = 1, sums = 0;
  for (unsigned axis : graph.getAxes(AxisRole::element))
    columns *= graph.getSizes()[axis];
  for (const Output &output : graph.getOutputs())
    sums += output.summed ? columns * sizeof(float) : 0;
  // Of the 48 KiB that a block has for certain, 8 are left for reductions.
  constexpr int64_t shared = 40 * 1024;
  if (columns <= cudaWarpColumns && sums * cudaWarpsTogether <= shared)
    return {true, true, shared / cudaWarpsTogether - sums};
  bool fits = sums <= shared;
  return {false, fits, fits ? shared - sums : shared};
}

RowPhases::RowPhases(const KernelGraph &graph, int64_t scratchLimit)
    : graph(graph), scratchLimit(scratchLimit), elementAxes(graph.getAxisSet(AxisRole::element)) {
  findReady();
  // Backwards, since what a phase reads again must be computed in an earlier one.
  for (unsigned phase = phases.size(); phase-- > 0;) {
    Phase &current = phases[phase];
    for (auto [number, output] : llvm::enumerate(graph.getOutputs()))
      if (isElement(output) && ready[output.node] == phase) {
        current.stores.push_back(number);
        need(output.node, phase);
      }
    for (unsigned reduction : current.reductions)
      need(graph[reduction].inputs[0], phase);
    for (unsigned node : current.kept)
      need(node, phase);
    current.nodes.assign(needed[phase].begin(), needed[phase].end());
    llvm::sort(current.nodes);
  }
  choosePlaces();
}

void RowPhases::findReady() {
  unsigned last = 0;
  for (const Node &node : graph.getNodes()) {
    unsigned first = 0;
    for (unsigned input : node.inputs)
      first = std::max(first, ready[input]);
    ready.push_back(node.kind == Node::Kind::reduce ? first + 1 : first);
    if (node.kind == Node::Kind::reduce)
      last = std::max(last, first + 1);
  }
  for (const Output &output : graph.getOutputs())
    if (isElement(output))
      last = std::max(last, ready[output.node] + 1);
  phases.resize(last);
  needed.resize(last);
  for (auto [number, node] : llvm::enumerate(graph.getNodes()))
    if (node.kind == Node::Kind::reduce)
      phases[ready[number] - 1].reductions.push_back(number);
}

void RowPhases::need(unsigned number, unsigned phase) {
  const Node &node = graph[number];
  if (!isElement(number) || !needed[phase].insert(number).second)
    return;
  if (ready[number] < phase && !isRead(node)) {
    for (auto [output, place] : llvm::enumerate(graph.getOutputs()))
      if (place.node == number && holdsValues(place) && !places.contains(number))
        places[number] = {output};
    if (!places.contains(number) && isWorthKeeping(number)) {
      places[number] = {};
      phases[ready[number]].kept.push_back(number);
    }
    if (places.contains(number))
      return;
  }
  for (unsigned input : node.inputs)
    need(input, phase);
}

bool RowPhases::isWorthKeeping(unsigned number) const {
  const Node &node = graph[number];
  if (node.type.isInteger(1))
    return false;
  int64_t bytes = node.type.getIntOrFloatBitWidth() / 8;
  for (unsigned axis : graph.getAxes(AxisRole::element))
    bytes *= graph.getSizes()[axis];
  int64_t used = 0;
  for (const auto &[kept, place] : places)
    used += place.output ? 0 : bytes;
  if (used + bytes > scratchLimit)
    return false;
  DenseSet<unsigned> seen;
  return isExpensive(node) || countOperations(number, seen) > cheapOperations;
}

/// Operations and loads to compute an element anew from what is in memory. What is expensive within
/// would be kept on its own: it counts as much as writing and reading it.
unsigned RowPhases::countOperations(unsigned number, DenseSet<unsigned> &seen) const {
  const Node &node = graph[number];
  if (!isElement(number) || !seen.insert(number).second)
    return 0;
  if (isRead(node) || places.contains(number))
    return 1;
  if (isExpensive(node))
    return cheapOperations / 2;
  unsigned count = 1;
  for (unsigned input : node.inputs)
    count += countOperations(input, seen);
  return count;
}

/// Finds for each kept scalar an output of its type whose own values come later, and whose memory
/// no operand that is still to be read could share.
void RowPhases::choosePlaces() {
  DenseSet<unsigned> taken;
  for (auto &[number, place] : places) {
    if (place.output)
      continue;
    unsigned lastUse = 0;
    for (auto [phase, nodes] : llvm::enumerate(needed))
      if (nodes.contains(number))
        lastUse = phase;
    for (auto [candidate, output] : llvm::enumerate(graph.getOutputs())) {
      if (!holdsValues(output) || taken.contains(candidate) || ready[output.node] < lastUse ||
          ready[output.node] <= ready[number] || graph[output.node].type != graph[number].type)
        continue;
      bool readLater = false;
      for (const Node &other : graph.getNodes())
        readLater |= other.kind == Node::Kind::load && other.index == output.index &&
                     getLastRead(other.operand) > ready[number];
      if (readLater)
        continue;
      place.output = candidate;
      taken.insert(candidate);
      break;
    }
  }
}

const RowPhases::Place *RowPhases::getPlace(unsigned node, unsigned phase) const {
  auto found = places.find(node);
  return found != places.end() && ready[node] < phase ? &found->second : nullptr;
}

bool RowPhases::mayShareMemory(unsigned operand, unsigned number) const {
  const Output &output = graph.getOutputs()[number];
  if (output.accumulate || output.summed)
    return false;
  for (const Node &node : graph.getNodes())
    if (llvm::is_contained({Node::Kind::load, Node::Kind::gather}, node.kind) &&
        node.operand == operand && (node.kind == Node::Kind::gather || node.index != output.index))
      return false;
  // Values of a row are read before its first loop.
  return !isElement(output) || getLastRead(operand) <= getFirstWrite(number);
}

/// The first phase in which memory of the output is written.
unsigned RowPhases::getFirstWrite(unsigned output) const {
  unsigned first = ready[graph.getOutputs()[output].node];
  for (const auto &[node, place] : places)
    if (place.output == output)
      first = std::min(first, ready[node]);
  return first;
}

/// The last phase in which an element of the operand is read.
unsigned RowPhases::getLastRead(unsigned operand) const {
  unsigned last = 0;
  for (auto [phase, nodes] : llvm::enumerate(needed))
    for (unsigned node : nodes)
      if (llvm::is_contained({Node::Kind::load, Node::Kind::gather}, graph[node].kind) &&
          graph[node].operand == operand)
        last = phase;
  return last;
}
