// The least recomputation that meets a budget: by making plans and measuring them.
#include "gptc/Driver/MemoryBudget.h"

#include "gptc/Driver/Memory.h"
#include "gptc/Transforms/Work.h"

#include "runtime/execute/Memory.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringMap.h"

#include <fmt/format.h>

using namespace mlir;
using namespace gptc;
using runtime::byteText;
using runtime::Code;
using runtime::Result;
using runtime::Status;

/// A saving that no entry reaches.
static constexpr int64_t everything = std::numeric_limits<int64_t>::max() / 2;

namespace {
/// What one plan takes.
struct Measured {
  uint64_t fixed = 0;              ///< all of training but the transient segment
  llvm::StringMap<uint64_t> bytes; ///< transient, of each entry
  llvm::StringMap<int64_t> flops;  ///< of each entry
};

/// An entry that takes too much as it is. Of all savings that were tried, the least that is enough
/// and the most that is not; savings are estimates, in bytes.
struct Search {
  std::string name;
  int64_t tooLittle = 0, enough = -1;
  uint64_t bytesTooMany = 0, bytesEnough = 0; ///< what the plan takes with them
  int64_t flops = 0;                          ///< of the entry, with `enough`
  bool settled = false;
};

class BudgetSearch {
public:
  BudgetSearch(ModuleOp training, OptimizeOptions &options, const PlanOptions &plan,
               StringRef target)
      : options(options), plan(plan), target(target), prepared(training.clone()) {}

  Result<Recomputation> run(const MemoryBudget &budget);

private:
  Status prepare();
  Result<Measured> measure(const llvm::StringMap<int64_t> &savings);
  Result<uint64_t> findSmallest();
  uint64_t largestOfLeast() const;
  Status tryOnce(uint64_t allowed, bool last);
  int64_t nextSaving(const Search &search, uint64_t allowed) const;

  OptimizeOptions &options;
  const PlanOptions &plan;
  StringRef target;
  OwningOpRef<ModuleOp> prepared; ///< before recomputation
  Measured without;
  /// The least transient bytes of each entry in any plan, and the saving that was asked for.
  llvm::StringMap<std::pair<uint64_t, int64_t>> least;
  std::vector<Search> searches;
};
} // namespace

static uint64_t largestOf(const llvm::StringMap<uint64_t> &bytes) {
  uint64_t largest = 0;
  for (const auto &entry : bytes)
    largest = std::max(largest, entry.second);
  return largest;
}

Status BudgetSearch::prepare() {
  PassManager manager(prepared->getContext());
  buildGraphPipeline(manager, options);
  if (failed(manager.run(*prepared)))
    return {Code::dataError, ""}; // what passes reported says why
  return Status::success();
}

Result<Measured> BudgetSearch::measure(const llvm::StringMap<int64_t> &savings) {
  OwningOpRef<ModuleOp> module = prepared->clone();
  MLIRContext *context = module->getContext();
  OptimizeOptions trial = options;
  trial.save.clear();
  for (const auto &saving : savings)
    trial.save.push_back(fmt::format("{}={}", saving.first(), saving.second));
  PassManager recompute(context), rest(context);
  buildRecomputePipeline(recompute, trial);
  buildKernelPipeline(rest, options);
  buildPlanPipeline(rest, plan);
  if (failed(recompute.run(*module)))
    return Status(Code::dataError, "");
  Measured measured;
  for (auto function : module->getOps<func::FuncOp>())
    measured.flops[function.getName()] = flopsWithin(function);
  if (failed(rest.run(*module)))
    return Status(Code::dataError, "");
  MemoryReport report = reportMemory(*module, target);
  measured.fixed += report.scratch();
  for (const MemoryReport::Segment &segment : report.segments)
    if (segment.name != "transient" && !StringRef(segment.name).starts_with("io:"))
      measured.fixed += segment.bytes;
  for (const MemoryReport::Segment &entry : report.transient) {
    measured.bytes[entry.name] = entry.bytes;
    std::pair<uint64_t, int64_t> own(entry.bytes, savings.lookup(entry.name));
    auto known = least.insert({entry.name, own}).first;
    known->second = std::min(known->second, own);
  }
  return measured;
}

/// The smallest budget of which a plan is known, when some have been made: with everything computed
/// again that takes less memory for it, and with somewhat less than that asked for, which often
/// finds a better way.
Result<uint64_t> BudgetSearch::findSmallest() {
  llvm::StringMap<int64_t> savings;
  for (const auto &entry : without.bytes)
    savings[entry.first()] = everything;
  GPTC_RETURN_IF_ERROR(measure(savings).status());
  uint64_t aim = largestOfLeast();
  for (int inVain = 0; inVain < 2;) {
    uint64_t before = largestOfLeast();
    aim -= aim / 16;
    for (const auto &entry : without.bytes)
      savings[entry.first()] = static_cast<int64_t>(entry.second) - static_cast<int64_t>(aim);
    GPTC_RETURN_IF_ERROR(measure(savings).status());
    inVain = largestOfLeast() < before ? 0 : inVain + 1;
  }
  return without.fixed + largestOfLeast();
}

uint64_t BudgetSearch::largestOfLeast() const {
  uint64_t largest = 0;
  for (const auto &entry : least)
    largest = std::max(largest, entry.second.first);
  return largest;
}

/// What to try next: as many bytes more as are too many; between what is enough and what is not,
/// about where the limit must be.
int64_t BudgetSearch::nextSaving(const Search &search, uint64_t allowed) const {
  if (search.enough < 0)
    return search.tooLittle + static_cast<int64_t>(search.bytesTooMany - allowed);
  double share = search.bytesTooMany > search.bytesEnough
                     ? static_cast<double>(search.bytesTooMany - allowed) /
                           static_cast<double>(search.bytesTooMany - search.bytesEnough)
                     : 0.5;
  return search.tooLittle +
         static_cast<int64_t>(std::clamp(share, 0.1, 0.9) * (search.enough - search.tooLittle));
}

/// One plan, with another saving for each entry that is not settled.
Status BudgetSearch::tryOnce(uint64_t allowed, bool last) {
  llvm::StringMap<int64_t> savings;
  for (Search &search : searches) {
    if (search.settled)
      continue;
    savings[search.name] = !last                ? nextSaving(search, allowed)
                           : search.enough >= 0 ? search.enough
                                                : least.lookup(search.name).second;
  }
  GPTC_ASSIGN(Measured measured, measure(savings));
  for (Search &search : searches) {
    auto saving = savings.find(search.name);
    if (saving == savings.end())
      continue;
    uint64_t bytes = measured.bytes.lookup(search.name);
    if (bytes <= allowed) {
      search.enough = saving->second;
      search.bytesEnough = bytes;
      search.flops = measured.flops.lookup(search.name);
    } else {
      search.tooLittle = saving->second;
      search.bytesTooMany = bytes;
    }
    // Nothing that is a two-hundredth of the entry's memory is worth another plan.
    uint64_t close = allowed / 200;
    search.settled =
        search.enough >= 0 && (allowed - search.bytesEnough <= close ||
                               search.enough - search.tooLittle <= static_cast<int64_t>(close));
  }
  return Status::success();
}

Result<Recomputation> BudgetSearch::run(const MemoryBudget &budget) {
  GPTC_RETURN_IF_ERROR(prepare());
  GPTC_ASSIGN(without, measure({}));
  Recomputation result;
  result.without = without.fixed + largestOf(without.bytes);
  result.budget = budget.kind == MemoryBudget::Kind::share
                      ? static_cast<uint64_t>(budget.share * static_cast<double>(result.without))
                      : budget.bytes;
  auto failBelow = [&](uint64_t smallest) -> Status {
    return {Code::outOfMemory,
            fmt::format("--memory-budget: {} ({} bytes) is too little: the least that "
                        "was found for training, however much is computed again, is {} ({} "
                        "bytes), of which {} are variables; a smaller --batch-size, "
                        "--sequence-length or --chunk-bytes "
                        "takes less\n",
                        byteText(result.budget), result.budget, byteText(smallest), smallest,
                        byteText(without.fixed))};
  };
  if (budget.kind == MemoryBudget::Kind::smallest) {
    GPTC_ASSIGN(result.budget, findSmallest());
  }
  uint64_t allowed = result.budget > without.fixed ? result.budget - without.fixed : 0;
  for (const auto &entry : without.bytes)
    if (entry.second > allowed)
      searches.push_back({entry.first().str(), 0, -1, entry.second});
  llvm::sort(searches, [](const Search &a, const Search &b) { return a.name < b.name; });

  constexpr int mostPlans = 6;
  for (int plan = 0; plan < mostPlans && allowed > 0 &&
                     !llvm::all_of(searches, [](const Search &search) { return search.settled; });
       ++plan)
    GPTC_RETURN_IF_ERROR(tryOnce(allowed, false));
  auto isMet = [](const Search &search) { return search.enough >= 0; };
  if (!llvm::all_of(searches, isMet)) {
    GPTC_ASSIGN(uint64_t smallest, findSmallest());
    if (smallest > result.budget)
      return failBelow(smallest);
    GPTC_RETURN_IF_ERROR(tryOnce(allowed, true));
    if (!llvm::all_of(searches, isMet))
      return failBelow(smallest);
  }
  options.save.clear();
  uint64_t largest = 0;
  for (const auto &[name, bytes] : without.bytes) {
    auto search = llvm::find_if(searches, [&](const Search &one) { return one.name == name; });
    largest = std::max(largest, search == searches.end() ? bytes : search->bytesEnough);
  }
  for (const Search &search : searches) {
    options.save.push_back(fmt::format("{}={}", search.name, search.enough));
    int64_t flops = without.flops.lookup(search.name);
    result.entries.push_back({search.name, search.bytesEnough, without.bytes.lookup(search.name),
                              search.flops - flops, flops});
  }
  result.total = without.fixed + largest;
  return result;
}

Result<Recomputation> gptc::meetBudget(ModuleOp training, const MemoryBudget &budget,
                                       OptimizeOptions &options, const PlanOptions &plan,
                                       StringRef target) {
  return BudgetSearch(training, options, plan, target).run(budget);
}
