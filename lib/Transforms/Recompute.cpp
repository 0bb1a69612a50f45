// gpt-recompute: values that lie idle at the peak are computed again, until it is low enough.
//
// What it must show: an entry takes so much less memory, or a remark says what was in the way;
// nothing is computed again that is there; the copies are the same operations on the same operands.
#include "RecomputeChoice.h"
#include "Rematerialized.h"

#include "gptc/Transforms/Passes.h"
#include "gptc/Transforms/Work.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

namespace gptc {
#define GEN_PASS_DEF_RECOMPUTEPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

namespace {
class Recomputer {
public:
  Recomputer(func::FuncOp function, Block &block, int64_t save)
      : function(function), block(block), save(save), versions(block) {}

  void run();

private:
  bool round();
  MemoryCurve curveOf(const Liveness &liveness) const;
  RecomputeChoice *findBest(MutableArrayRef<RecomputeChoice> choices, const MemoryCurve &curve,
                            double &score) const;
  void apply(const RecomputeChoice &choice, const Liveness &liveness, MemoryCurve &curve);
  Value place(Value operand, const RecomputeChoice &choice, const Liveness &liveness,
              const IRMapping &made, OpBuilder &builder) const;
  void serveLaterUses(Operation *original, Operation *copy, int at, const Liveness &liveness,
                      MemoryCurve &curve);
  bool isChanged(const RecomputeChoice &choice) const;
  void eraseDead(bool originals);
  remark::RemarkOpts options(StringRef name) {
    return remark::RemarkOpts::name(name).category("gpt-recompute").function(function.getName());
  }

  func::FuncOp function;
  Block &block;
  int64_t save;
  Versions versions;
  int64_t limit = 0, lowest = std::numeric_limits<int64_t>::max();
  int roundsInVain = 0;
  DenseSet<Value> changed, pinned;        ///< originals, in this round
  llvm::MapVector<Value, StringRef> kept; ///< at the last peak, and why
};
} // namespace

/// Memory over time, where a gradient that the entry overwrites lends its own until then: below
/// zero where more is lent than used.
MemoryCurve Recomputer::curveOf(const Liveness &liveness) const {
  MemoryCurve curve;
  curve.bytes.assign(liveness.getLiveBytes().begin(), liveness.getLiveBytes().end());
  DenseSet<StringRef> touched;
  for (Operation &op : block) {
    auto write = dyn_cast<gpt::WriteOp>(op);
    StringRef name = write ? write.getVariable() : StringRef();
    if (auto read = dyn_cast<gpt::ReadOp>(op))
      name = read.getVariable();
    if (name.empty() || !touched.insert(name).second || !write || write.getAccumulate())
      continue;
    auto variable = SymbolTable::lookupNearestSymbolFrom<gpt::VariableOp>(
        function, write.getVariableAttr().getAttr());
    Operation *maker = rootOf(write.getValue()).getDefiningOp();
    if (!variable || variable.getKind() != gpt::VariableKind::gradient || !maker)
      continue;
    for (int at = 0, end = liveness.positionOf(maker); at < end; ++at)
      curve.bytes[at] -= bytesOf(write.getValue());
  }
  curve.findPeak();
  // What is kept longer must leave room for what has to go yet: it may go itself in a later round.
  curve.limit = std::max(limit, curve.peakBytes() - std::abs(curve.peakBytes()) / 10);
  return curve;
}

/// The choice that costs least for each byte that is still too many.
RecomputeChoice *Recomputer::findBest(MutableArrayRef<RecomputeChoice> choices,
                                      const MemoryCurve &curve, double &score) const {
  RecomputeChoice *best = nullptr;
  int64_t need = curve.peakBytes() - limit;
  for (RecomputeChoice &choice : choices) {
    if (choice.lastNear >= curve.peak || choice.firstFar <= curve.peak || isChanged(choice) ||
        curve.bytes[choice.firstFar] + choice.working >= curve.peakBytes())
      continue;
    double own = static_cast<double>(choice.work) / std::min(choice.freed, need);
    if (best && own >= score)
      continue;
    best = &choice;
    score = own;
  }
  return best;
}

/// Whether something that the choice was made from is no longer so.
bool Recomputer::isChanged(const RecomputeChoice &choice) const {
  Value original = versions.originalOf(choice.value);
  if (changed.contains(original) || pinned.contains(original))
    return true;
  return llvm::any_of(choice.sources,
                      [&](const auto &source) { return changed.contains(source.first); }) ||
         llvm::any_of(choice.chain, [&](Operation *op) {
           return llvm::any_of(op->getResults(),
                               [&](Value result) { return changed.contains(result); });
         });
}

/// What a copy reads for an operand of its original: a version that is there, or the chain's own,
/// through views that stand before it.
Value Recomputer::place(Value operand, const RecomputeChoice &choice, const Liveness &liveness,
                        const IRMapping &made, OpBuilder &builder) const {
  Operation *op = operand.getDefiningOp();
  if (op && isView(op)) {
    Value source = place(op->getOperand(0), choice, liveness, made, builder);
    int at = liveness.positionOf(op);
    if (source == op->getOperand(0) && at >= 0 && at < choice.firstFar)
      return operand;
    IRMapping mapping;
    mapping.map(op->getOperand(0), source);
    return builder.clone(*op, mapping)->getResult(cast<OpResult>(operand).getResultNumber());
  }
  Value original = versions.originalOf(operand);
  if (Value own = made.lookupOrNull(original))
    return own;
  auto source = choice.sources.find(original);
  return source == choice.sources.end() ? operand : source->second;
}

/// Lets `copy` serve for versions that are computed later, where there is room to keep it.
void Recomputer::serveLaterUses(Operation *original, Operation *copy, int at,
                                const Liveness &liveness, MemoryCurve &curve) {
  for (auto [from, to] : llvm::zip(original->getResults(), copy->getResults()))
    for (Value version : SmallVector<Value>(versions.copiesOf(from))) {
      int again = liveness.positionOf(version.getDefiningOp());
      if (version == to || again <= at || version.use_empty() ||
          curve.mostBetween(at, again) + bytesOf(to) > curve.limit)
        continue;
      for (int position = at + 1; position < again; ++position)
        curve.bytes[position] += bytesOf(to);
      version.replaceAllUsesWith(to);
    }
}

void Recomputer::apply(const RecomputeChoice &choice, const Liveness &liveness,
                       MemoryCurve &curve) {
  OpBuilder builder(liveness.operationAt(choice.firstFar));
  IRMapping made; // from originals
  Operation *last = nullptr;
  int64_t flops = 0;
  for (int at = choice.lastNear + 1; at < choice.firstFar; ++at)
    curve.bytes[at] -= bytesOf(choice.value);
  curve.bytes[choice.firstFar] += choice.working;
  for (auto [version, lastUse] : choice.held)
    for (int at = lastUse + 1; at < choice.firstFar; ++at)
      curve.bytes[at] += bytesOf(version);
  SmallVector<std::pair<Operation *, Operation *>> copies;
  for (Operation *op : choice.chain) {
    IRMapping mapping;
    for (Value operand : op->getOperands())
      mapping.map(operand, place(operand, choice, liveness, made, builder));
    last = builder.clone(*op, mapping);
    markRematerialized(last);
    made.map(op->getResults(), last->getResults());
    copies.push_back({op, last});
    changed.insert(op->result_begin(), op->result_end());
    flops += flopsOf(op);
  }
  SmallVector<Operation *> dead;
  Value original = versions.originalOf(choice.value);
  if (!last) {
    moveUses(choice.value, choice.sources.lookup(original), choice.firstFar, builder, liveness,
             dead);
  } else {
    for (auto [old, again] :
         llvm::zip(choice.value.getDefiningOp()->getResults(), last->getResults()))
      moveUses(old, again, choice.firstFar, builder, liveness, dead);
  }
  for (auto [op, copy] : copies) {
    serveLaterUses(op, copy, choice.firstFar, liveness, curve);
    versions.add(op, copy);
  }
  changed.insert(original);
  for (const auto &source : choice.sources)
    pinned.insert(source.first);
  remark::passed(choice.value.getLoc(), options("Recomputed"))
      << remark::metric("bytes", bytesOf(choice.value))
      << remark::metric("operations", choice.chain.size()) << remark::metric("flops", flops);
}

/// Removes views and copies that nobody uses; with `originals`, all of whose uses copies took over.
void Recomputer::eraseDead(bool originals) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (op.use_empty() &&
        (isView(&op) || isRematerialized(&op) || (originals && isRepeatable(&op)))) {
      versions.remove(&op);
      op.erase();
    }
}

/// One round: choices that do not touch one another. Whether another one may find more.
bool Recomputer::round() {
  Liveness liveness(block);
  MemoryCurve curve = curveOf(liveness);
  constexpr int mostInVain = 4;
  roundsInVain = curve.peakBytes() < lowest ? 0 : roundsInVain + 1;
  lowest = std::min(lowest, curve.peakBytes());
  kept.clear();
  if (curve.peakBytes() <= limit || roundsInVain > mostInVain)
    return false;

  RecomputeChooser chooser(block, versions);
  std::vector<RecomputeChoice> choices;
  for (const Liveness::Stored &stored : liveness.getStored()) {
    // What is smaller than this of the peak is not worth a kernel.
    constexpr int64_t smallestPart = 4096;
    if (bytesOf(stored.value) * smallestPart < liveness.getPeakBytes())
      continue;
    StringRef obstacle;
    if (auto choice = chooser.choose(stored, liveness, curve, obstacle))
      choices.push_back(std::move(*choice));
    else if (!obstacle.empty())
      kept[stored.value] = obstacle;
  }
  changed.clear();
  pinned.clear();
  // What costs much more than the best may look better when that is done.
  constexpr double muchMore = 1.5;
  double first = 0, score = 0;
  bool any = false;
  while (curve.peakBytes() > limit) {
    RecomputeChoice *choice = findBest(choices, curve, score);
    if (!choice || (any && score > muchMore * first))
      break;
    if (!any)
      first = score;
    any = true;
    apply(*choice, liveness, curve);
    curve.findPeak();
  }
  eraseDead(/*originals=*/false);
  return any;
}

void Recomputer::run() {
  int64_t before = flopsWithin(function);
  Liveness liveness(block);
  int64_t most = curveOf(liveness).peakBytes();
  limit = most - save;
  while (round()) {
  }
  eraseDead(/*originals=*/true);
  remark::analysis(function.getLoc(), options("Price"))
      << remark::metric("saved", most - lowest) << remark::metric("asked", save)
      << remark::metric("flops", flopsWithin(function) - before)
      << remark::metric("flops_without", before);
  if (lowest > limit)
    for (auto [value, obstacle] : kept)
      remark::missed(value.getLoc(), options("Kept"))
          << remark::metric("bytes", bytesOf(value)) << remark::reason("{0}", obstacle);
}

namespace {
struct RecomputePass : gptc::impl::RecomputePassBase<RecomputePass> {
  using Base::Base;

  void runOnOperation() override {
    llvm::StringMap<int64_t> bytes;
    for (StringRef text : save) {
      auto [entry, number] = text.rsplit('=');
      if (number.getAsInteger(10, bytes[entry])) {
        emitError(getOperation().getLoc())
            << "save: required ENTRY=BYTES, as accumulate_first=1000000, found " << text;
        return signalPassFailure();
      }
    }
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (auto own = bytes.find(function.getName()); own != bytes.end())
        for (Block &block : function.getBody())
          Recomputer(function, block, own->second).run();
  }
};
} // namespace
