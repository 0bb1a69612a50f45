// plan-merge-launches: independent launches of one kernel become one launch of many instances.
//
// What it must show: an optimizer step over all parameters takes a launch for each kernel, not for
// each parameter; launches that depend on each other stay in order; nothing large is computed long
// before it is needed.
#include "Accesses.h"

#include "gptc/Plan/Passes.h"

#include "llvm/ADT/DenseSet.h"

namespace gptc {
#define GEN_PASS_DEF_MERGELAUNCHESPASS
#include "gptc/Plan/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

namespace {
/// The commands since a launch that later launches of its kernel may join: what they read and
/// write.
struct Candidate {
  LaunchOp launch;
  DenseSet<StringAttr> read, written; ///< by the launch and by every command after it
};

struct MergeLaunchesPass : gptc::impl::MergeLaunchesPassBase<MergeLaunchesPass> {
  void runOnOperation() override {
    for (auto entry : getOperation().getOps<EntryOp>())
      merge(entry);
  }

  void merge(EntryOp entry) {
    SymbolTableCollection tables;
    SmallVector<Candidate> candidates; // at most one a kernel
    for (Operation &op : llvm::make_early_inc_range(entry.getBody().front())) {
      DenseSet<StringAttr> read, written;
      visitAccesses(&op, tables, [&](StringAttr buffer, bool isWrite) {
        (isWrite ? written : read).insert(buffer);
      });
      auto launch = dyn_cast<LaunchOp>(op);
      Candidate *found = nullptr;
      if (launch)
        for (Candidate &candidate : candidates)
          if (candidate.launch.getKernel() == launch.getKernel())
            found = &candidate;
      if (found && independent(*found, read, written) &&
          (found->launch->getNextNode() == launch.getOperation() ||
           transientBytes(written, tables, entry) <= largestHeld))
        join(found->launch, launch);
      else if (found)
        *found = {launch, {}, {}};
      else if (launch)
        candidates.push_back({launch, {}, {}});
      for (Candidate &candidate : candidates) {
        candidate.read.insert_range(read);
        candidate.written.insert_range(written);
      }
      // Candidates further back than this are rarely joined and cost time.
      if (candidates.size() > maximumCandidates)
        candidates.erase(candidates.begin());
    }
  }

  static bool independent(const Candidate &candidate, const DenseSet<StringAttr> &read,
                          const DenseSet<StringAttr> &written) {
    auto in = [](const DenseSet<StringAttr> &set) {
      return [&](StringAttr buffer) { return set.contains(buffer); };
    };
    return llvm::none_of(read, in(candidate.written)) &&
           llvm::none_of(written, in(candidate.written)) &&
           llvm::none_of(written, in(candidate.read));
  }

  /// The memory that a launch which runs earlier takes for longer.
  static int64_t transientBytes(const DenseSet<StringAttr> &written, SymbolTableCollection &tables,
                                EntryOp entry) {
    int64_t bytes = 0;
    for (StringAttr name : written)
      if (auto buffer = tables.lookupNearestSymbolFrom<BufferOp>(entry, name);
          buffer.getSegment() == "transient")
        bytes += buffer.getBytes();
    return bytes;
  }

  static void join(LaunchOp first, LaunchOp second) {
    SmallVector<int64_t> rows(first.getRows());
    llvm::append_range(rows, second.getRows());
    SmallVector<Attribute> instances(first.getInstances().getValue());
    llvm::append_range(instances, second.getInstances().getValue());
    first->setLoc(FusedLoc::get(first.getContext(), {first.getLoc(), second.getLoc()}));
    first.setRows(rows);
    first.setInstancesAttr(ArrayAttr::get(first.getContext(), instances));
    second.erase();
  }

  static constexpr size_t maximumCandidates = 16;
  static constexpr int64_t largestHeld = 1 << 20; // bytes, for a launch less
};
} // namespace
