// Leaving one pass out at a time.
#include "gptc/Driver/Ledger.h"
#include "gptc/Driver/Bench.h"

#include "CommandTimes.h"
#include "PassChoice.h"
#include "Statistics.h"

#include "gptc/Pipelines/PassTable.h"
#include "runtime/base/DidYouMean.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

using namespace mlir;
using namespace gptc;
using runtime::Code;
using runtime::Plan;
using runtime::Result;
using runtime::Status;
using runtime::StepTimer;

PlanFigures PlanFigures::of(const StepCost &step) {
  return {step.kernels, step.launches(), step.total, step.peakMemory};
}

/// The passes that were asked for; else all that the target has.
static Result<std::vector<const OptimizationPass *>> choose(const LedgerOptions &options) {
  std::vector<const OptimizationPass *> chosen;
  std::vector<std::string> names;
  for (const OptimizationPass &pass : optimizationPasses()) {
    names.push_back(pass.name);
    bool named = llvm::is_contained(options.passes, pass.name);
    std::string why = whyNotFor(options.compile.target, pass.name);
    if (named && !why.empty())
      return Status(Code::invalidArgument, fmt::format("--pass {}: {}", pass.name, why));
    if (named || (options.passes.empty() && why.empty()))
      chosen.push_back(&pass);
  }
  for (const std::string &name : options.passes)
    if (!findOptimization(name))
      return Status(Code::invalidArgument,
                    fmt::format("--pass {}: it is no optimisation{}; there are {}", name,
                                runtime::suggestion(name, names), fmt::join(names, ", ")));
  return chosen;
}

/// Whether a remark is about what a step runs: @train becomes its accumulation.
static bool isOfStep(const KeptRemark &remark) {
  return remark.function.empty() || remark.function == "train" ||
         remark.function == "accumulate_first" || remark.function == "update";
}

/// What a pass declined, by reason; what costs most first.
static std::vector<LedgerReport::Declined> declinedBy(StringRef pass, ArrayRef<KeptRemark> remarks,
                                                      const Roofline &roof) {
  llvm::MapVector<std::pair<StringRef, StringRef>, LedgerReport::Declined> byReason;
  for (const KeptRemark &remark : remarks) {
    if (remark.pass != pass || !remark.declined() || !isOfStep(remark))
      continue;
    LedgerReport::Declined &declined = byReason[{remark.name, remark.reason}];
    declined.what = remark.name;
    declined.reason = remark.reason;
    declined.bytes += remark.bytes();
    ++declined.times;
  }
  std::vector<LedgerReport::Declined> result;
  for (auto &[key, declined] : byReason) {
    if (declined.bytes && roof.known())
      declined.milliseconds = 1e3 * static_cast<double>(declined.bytes) / roof.bytesPerSecond;
    result.push_back(std::move(declined));
  }
  llvm::sort(result, [](const LedgerReport::Declined &a, const LedgerReport::Declined &b) {
    return std::tie(b.bytes, b.times, a.reason) < std::tie(a.bytes, a.times, b.reason);
  });
  return result;
}

static std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text;
}

namespace {
class Ledger {
public:
  explicit Ledger(const LedgerOptions &options) : options(options) {}
  Result<LedgerReport> make();

private:
  Status prepare();
  Status add(const OptimizationPass &pass);
  Result<StepComparison> compare(Compilation &compilation);
  void say(const std::string &what) const {
    if (options.progress)
      options.progress(what, report.rows.size(), passes);
  }

  const LedgerOptions &options;
  size_t passes = 0;
  LedgerReport report;
  std::unique_ptr<Compilation> compilation; ///< of the plan as it is
  std::string text;                         ///< the plan
  std::unique_ptr<StepTimer> timer;
};
} // namespace

/// The plan as it is.
Status Ledger::prepare() {
  CompileOptions compile = options.compile;
  compile.keepRemarks = true;
  say("compiling");
  compilation = std::make_unique<Compilation>(compile);
  GPTC_RETURN_IF_ERROR(compilation->runTo(Stage::plan));
  report.model = compilation->info().name;
  report.target = compile.target;
  report.configuration = configurationOf(compilation->info());
  report.plan = PlanFigures::of(costOfStep(compilation->module(), compile.target));
  text = textOf(compilation->module());
  if (!options.run)
    return Status::success();
  say("measuring this machine");
  GPTC_ASSIGN(report.roof, measureRoofline(options.device, compile.target != "cpu"));
  say("loading");
  GPTC_ASSIGN(Plan plan, compilation->makePlan());
  GPTC_ASSIGN(timer, startSteps(plan, options.device));
  return Status::success();
}

Result<StepComparison> Ledger::compare(Compilation &other) {
  GPTC_ASSIGN(Plan plan, other.makePlan());
  GPTC_ASSIGN(std::unique_ptr<StepTimer> steps, startSteps(plan, options.device));
  return compareSteps(*timer, *steps, options.comparison);
}

/// One row: the same compilation but for `pass`.
Status Ledger::add(const OptimizationPass &pass) {
  LedgerReport::Row row;
  row.pass = pass.name;
  row.buys = pass.buys;
  CompileOptions compile = options.compile;
  row.on = (pass.isOn(compile.target == "cpu" ? Target::cpu : Target::cuda) ||
            llvm::is_contained(compile.enabledPasses, row.pass)) &&
           !llvm::is_contained(compile.disabledPasses, row.pass);
  if (row.on) {
    compile.disabledPasses.push_back(row.pass);
  } else {
    row.why = llvm::is_contained(compile.disabledPasses, row.pass) ? "--disable-pass" : pass.why;
    llvm::erase(compile.disabledPasses, row.pass);
    compile.enabledPasses.push_back(row.pass);
  }
  row.declined = declinedBy(row.pass, compilation->remarks(), report.roof);
  say(row.pass);
  Compilation other(compile);
  if (Status status = other.runTo(Stage::plan); !status.ok()) {
    row.problem = StringRef(status.message()).trim().str();
  } else {
    row.other = PlanFigures::of(costOfStep(other.module(), compile.target));
    row.changes = textOf(other.module()) != text;
    if (row.changes && options.run) {
      GPTC_ASSIGN(StepComparison time, compare(other));
      row.time = time;
    }
  }
  report.rows.push_back(std::move(row));
  return Status::success();
}

Result<LedgerReport> Ledger::make() {
  GPTC_ASSIGN(std::vector<const OptimizationPass *> chosen, choose(options));
  passes = chosen.size();
  GPTC_RETURN_IF_ERROR(prepare());
  for (const OptimizationPass *pass : chosen)
    GPTC_RETURN_IF_ERROR(add(*pass));
  std::vector<double> times;
  for (const LedgerReport::Row &row : report.rows)
    if (row.time)
      times.push_back(row.time->base);
  if (!times.empty())
    report.milliseconds = medianOf(times);
  return std::move(report);
}

Result<LedgerReport> gptc::makeLedger(const LedgerOptions &options) {
  return Ledger(options).make();
}
