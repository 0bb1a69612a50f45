// gpt-rematerialize: a cheap value that is used again much later is computed again there.
//
// What it must show: a normalised tensor and the output of an activation function die in the
// forward part and are computed again, with the same operations, where the backward part reads
// them; nothing that would have died lives longer for it; no matmul or reduction runs twice.
#include "Liveness.h"
#include "Rematerialized.h"

#include "gptc/Dialect/GPT/Scalar.h"
#include "gptc/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

namespace gptc {
#define GEN_PASS_DEF_REMATERIALIZEPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

/// What may be computed again: it depends on operands alone, element by element, or by a counter.
/// A rounded parameter is computed once.
static bool isRepeatable(Operation *op) {
  if (op->getNumResults() != 1 || !isa<gpt::MapOp, gpt::RandomOp>(op))
    return false;
  Value source = gpt::getConverted(op->getResult(0));
  return !source || !rootOf(source).getDefiningOp<gpt::ReadOp>();
}

/// What computing `op` again costs, in bytes moved. Scalar operations are counted as the bytes that
/// a processor moves meanwhile, a twentieth of what a mathematical function takes.
static int64_t priceOf(Operation *op) {
  int64_t bytes = bytesOf(op->getResult(0)), tenths = 0;
  for (Value operand : op->getOperands())
    bytes += bytesOf(operand);
  if (isa<gpt::RandomOp>(op))
    tenths = 100; // ten rounds of Philox, four numbers each
  op->walk([&](Operation *inner) {
    if (inner->getParentOp() == op && !inner->hasTrait<OpTrait::ConstantLike>())
      tenths += isa<math::MathDialect>(inner->getDialect()) ? 40 : 2;
  });
  return bytes + cast<RankedTensorType>(op->getResult(0).getType()).getNumElements() * tenths / 10;
}

namespace {
/// A value that lies idle across the moment at which most memory is taken.
struct Candidate {
  Value value;
  int lastNear, firstFar; ///< its uses before and after, by position
};

class Rematerializer {
public:
  Rematerializer(Block &block, StringRef function, unsigned priceLimit, unsigned distanceLimit)
      : block(block), function(function), priceLimit(priceLimit), distanceLimit(distanceLimit) {}

  void run() {
    for (auto write : block.getOps<gpt::WriteOp>())
      written.insert(write.getVariable());
    // Each round takes from the highest peak; it may leave another one highest.
    while (round()) {
    }
    report();
  }

private:
  bool round();
  std::optional<Candidate> candidateAt(const Liveness::Stored &stored, int peak) const;
  bool mayRepeat(const Candidate &candidate, const Liveness &liveness, IRMapping &operands,
                 StringRef &obstacle) const;
  void repeat(const Candidate &candidate, const Liveness &liveness, const IRMapping &operands);
  void report() const;

  Block &block;
  StringRef function;
  unsigned priceLimit, distanceLimit;
  llvm::StringSet<> written;              ///< variables
  DenseSet<Value> copies;                 ///< what was computed again
  SmallVector<Operation *> dead;          ///< views that nobody uses any more
  DenseMap<Value, Value> latest;          ///< a value's last copy
  llvm::MapVector<Value, StringRef> kept; ///< what could not be, and why
};
} // namespace

/// The uses of a stored value around `peak`, if it is not used there.
std::optional<Candidate> Rematerializer::candidateAt(const Liveness::Stored &stored,
                                                     int peak) const {
  if (stored.first >= peak || stored.last <= peak)
    return std::nullopt;
  Candidate candidate{stored.value, stored.first, stored.last};
  for (int use : stored.uses) {
    if (use == peak)
      return std::nullopt;
    int &bound = use < peak ? candidate.lastNear : candidate.firstFar;
    bound = use < peak ? std::max(bound, use) : std::min(bound, use);
  }
  return candidate;
}

/// Whether computing the value again at its first use behind the peak takes less memory. What its
/// copy has to read instead of its operands goes into `operands`.
bool Rematerializer::mayRepeat(const Candidate &candidate, const Liveness &liveness,
                               IRMapping &operands, StringRef &obstacle) const {
  Operation *op = candidate.value.getDefiningOp();
  int64_t bytes = bytesOf(candidate.value), price = priceOf(op), held = 0;
  if (price > priceLimit * bytes) {
    obstacle = "takes longer to compute than to keep";
    return false;
  }
  if (liveness.bytesStoredBetween(candidate.lastNear, candidate.firstFar) < distanceLimit * bytes) {
    obstacle = "is used again soon";
    return false;
  }
  for (Value operand : op->getOperands()) {
    Value root = rootOf(operand);
    Operation *source = root.getDefiningOp();
    if (!source || isa<gpt::IotaOp>(source) || source->hasTrait<OpTrait::ConstantLike>())
      continue;
    if (auto read = dyn_cast<gpt::ReadOp>(source)) {
      if (written.contains(read.getVariable())) {
        obstacle = "reads a variable that is written";
        return false;
      }
      continue;
    }
    if (auto copy = latest.find(root); copy != latest.end() && operand == root) {
      operands.map(operand, copy->second);
      root = copy->second;
    }
    auto [first, last] = liveness.lifeOf(root);
    if (first >= candidate.firstFar) {
      obstacle = "reads what is computed again later";
      return false;
    }
    if (last < candidate.firstFar)
      held += bytesOf(root);
  }
  // A row's statistics may be held for it, or a tensor with half as many bits; one of its own size
  // may not.
  if (held * 2 > bytes + bytes / 4) {
    obstacle = "reads what nobody else keeps";
    return false;
  }
  return true;
}

void Rematerializer::repeat(const Candidate &candidate, const Liveness &liveness,
                            const IRMapping &operands) {
  Operation *op = candidate.value.getDefiningOp();
  OpBuilder builder(liveness.operationAt(candidate.firstFar));
  IRMapping mapping = operands;
  Value copy = builder.clone(*op, mapping)->getResult(0);
  markRematerialized(copy.getDefiningOp());
  moveUses(candidate.value, copy, candidate.firstFar, builder, liveness, dead);
  copies.insert(copy);
  latest[candidate.value] = copy;
  kept.erase(candidate.value);
  remark::passed(
      op->getLoc(),
      remark::RemarkOpts::name("Rematerialized").category("gpt-rematerialize").function(function))
      << remark::metric("bytes", bytesOf(copy)) << remark::metric("price", priceOf(op));
}

/// One round: what lies idle across the highest peak. Whether something changed.
bool Rematerializer::round() {
  Liveness liveness(block);
  int peak = liveness.getPeak();
  bool changed = false;
  for (const Liveness::Stored &stored : liveness.getStored()) {
    std::optional<Candidate> candidate = candidateAt(stored, peak);
    Operation *op = stored.value.getDefiningOp();
    // What is smaller than this of the peak is not worth a kernel.
    constexpr int64_t smallestPart = 4096;
    if (!candidate || !isRepeatable(op) || copies.contains(stored.value) ||
        bytesOf(stored.value) * smallestPart < liveness.getPeakBytes())
      continue;
    // Its operands were computed again in this round: the next one knows where.
    if (llvm::any_of(op->getOperands(), [&](Value operand) {
          auto copy = latest.find(rootOf(operand));
          return copy != latest.end() && liveness.positionOf(copy->second.getDefiningOp()) < 0;
        })) {
      changed = true;
      continue;
    }
    IRMapping operands;
    StringRef obstacle;
    if (!mayRepeat(*candidate, liveness, operands, obstacle)) {
      kept.insert({stored.value, obstacle});
      continue;
    }
    repeat(*candidate, liveness, operands);
    changed = true;
  }
  for (Operation *view : dead) // behind the views of its results
    view->erase();
  dead.clear();
  return changed;
}

void Rematerializer::report() const {
  for (auto [value, obstacle] : kept)
    remark::missed(
        value.getLoc(),
        remark::RemarkOpts::name("Kept").category("gpt-rematerialize").function(function))
        << remark::metric("bytes", bytesOf(value)) << remark::reason("{0}", obstacle);
}

namespace {
struct RematerializePass : gptc::impl::RematerializePassBase<RematerializePass> {
  using Base::Base;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (Block &block : function.getBody())
        Rematerializer(block, function.getName(), priceLimit, distanceLimit).run();
  }
};
} // namespace
