// Chains of operations that compute a value again.
#include "RecomputeChoice.h"

#include "gptc/Transforms/Work.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace gptc;

/// FLOPs that a processor does while it moves a byte.
static constexpr int64_t flopsPerByte = 10;
/// Longer chains are not looked for: what they need is itself worth keeping.
static constexpr size_t longestChain = 64;

bool gptc::isRepeatable(Operation *op) {
  return isPure(op) && op->getNumResults() > 0 && !isView(op) && !isa<gpt::ReadOp>(op);
}

static bool isGenerator(Operation *op) {
  return isa<gpt::IotaOp>(op) || op->hasTrait<OpTrait::ConstantLike>();
}

static int64_t workOf(Operation *op) {
  int64_t bytes = 0;
  for (Value value : llvm::concat<Value>(op->getOperands(), op->getResults()))
    bytes += bytesOf(value);
  return flopsOf(op) + flopsPerByte * bytes;
}

void MemoryCurve::findPeak() { peak = llvm::max_element(bytes) - bytes.begin(); }

int64_t MemoryCurve::mostBetween(int after, int before) const {
  int64_t most = 0;
  for (int at = after + 1; at < before; ++at)
    most = std::max(most, bytes[at]);
  return most;
}

RecomputeChooser::RecomputeChooser(Block &block, const Versions &versions) : versions(versions) {
  for (auto write : block.getOps<gpt::WriteOp>())
    written.insert(write.getVariable());
}

struct RecomputeChooser::Search {
  RecomputeChoice &choice;
  const Liveness &liveness;
  const MemoryCurve &curve;
  StringRef &obstacle;
  DenseSet<Value> planned; ///< originals that the chain computes

  bool fail(StringRef why) {
    obstacle = why;
    return false;
  }
};

/// Plans how the value of `operand` comes to where the chain runs.
bool RecomputeChooser::gather(Value operand, Search &search) const {
  Value root = rootOf(operand);
  Operation *source = root.getDefiningOp();
  if (!source || isGenerator(source))
    return true;
  if (auto read = dyn_cast<gpt::ReadOp>(source))
    return !written.contains(read.getVariable()) || search.fail("reads a variable that is written");
  Value original = versions.originalOf(root);
  RecomputeChoice &choice = search.choice;
  if (search.planned.contains(original) || choice.sources.contains(original))
    return true;

  int at = choice.firstFar;
  Value latest;
  int lastUse = -1;
  for (Value version : llvm::concat<const Value>(ArrayRef(original), versions.copiesOf(original))) {
    if (version == choice.value)
      continue;
    if (search.liveness.positionOf(version.getDefiningOp()) < 0)
      return search.fail("waits for what was chosen before");
    auto [first, last] = search.liveness.lifeOf(version);
    if (first >= at)
      continue;
    if (last >= at) {
      choice.sources[original] = version;
      return true;
    }
    if (last > lastUse)
      std::tie(latest, lastUse) = std::pair(version, last);
  }
  // It is not there. A row's statistics may be kept for longer; anything may be where there is
  // room.
  if (latest && original != versions.originalOf(choice.value)) {
    int64_t bytes = bytesOf(latest);
    bool fits = search.curve.mostBetween(lastUse, at) + bytes <= search.curve.limit;
    if (fits || bytes * 8 <= bytesOf(choice.value)) {
      if (lastUse < search.curve.peak)
        choice.freed -= bytes;
      choice.sources[original] = latest;
      choice.held.push_back({latest, lastUse});
      return true;
    }
  }
  Operation *op = original.getDefiningOp();
  if (!isRepeatable(op))
    return search.fail("cannot be computed again");
  if (choice.chain.size() >= longestChain)
    return search.fail("takes too many operations");
  search.planned.insert(op->result_begin(), op->result_end());
  for (Value inner : op->getOperands())
    if (!gather(inner, search))
      return false;
  choice.chain.push_back(op);
  choice.work += workOf(op);
  return true;
}

/// The chain's results that lie in memory together: all but those that one kernel passes on.
int64_t RecomputeChooser::workingBytes(const RecomputeChoice &choice) {
  DenseMap<Operation *, size_t> position;
  for (auto [index, op] : llvm::enumerate(choice.chain))
    position[op] = index;
  SmallVector<int64_t> change(choice.chain.size() + 1, 0);
  for (auto [index, op] : llvm::enumerate(ArrayRef(choice.chain).drop_back())) {
    for (Value result : op->getResults()) {
      size_t last = index;
      bool stored = false;
      SmallVector<Value> views{result};
      while (!views.empty())
        for (Operation *user : views.pop_back_val().getUsers()) {
          if (isView(user))
            llvm::append_range(views, user->getResults());
          if (auto it = position.find(user); it != position.end()) {
            last = std::max(last, it->second);
            stored |= !isa<gpt::MapOp>(user);
          }
        }
      if (!stored || last == index)
        continue;
      change[index] += bytesOf(result);
      change[last + 1] -= bytesOf(result);
    }
  }
  int64_t live = 0, most = 0;
  for (int64_t bytes : change)
    most = std::max(most, live += bytes);
  return most;
}

std::optional<RecomputeChoice> RecomputeChooser::choose(const Liveness::Stored &stored,
                                                        const Liveness &liveness,
                                                        const MemoryCurve &curve,
                                                        StringRef &obstacle) const {
  if (stored.first >= curve.peak || stored.last <= curve.peak ||
      llvm::is_contained(stored.uses, curve.peak))
    return std::nullopt;
  RecomputeChoice choice;
  choice.value = stored.value;
  choice.lastNear = stored.first;
  choice.firstFar = stored.last;
  for (int use : stored.uses) {
    int &bound = use < curve.peak ? choice.lastNear : choice.firstFar;
    bound = use < curve.peak ? std::max(bound, use) : std::min(bound, use);
  }
  choice.freed = bytesOf(stored.value);
  Operation *op = versions.originalOf(stored.value).getDefiningOp();
  Search search{choice, liveness, curve, obstacle, {}};
  if (!isRepeatable(op) || isGenerator(op)) {
    obstacle = "cannot be computed again";
    return std::nullopt;
  }
  if (!gather(stored.value, search))
    return std::nullopt;
  choice.working = workingBytes(choice);
  if (choice.freed <= 0)
    obstacle = "would keep as much for it";
  else if (curve.bytes[choice.firstFar] + choice.working >= curve.peakBytes())
    obstacle = "there is no room for what it is computed from";
  else
    return choice;
  return std::nullopt;
}
