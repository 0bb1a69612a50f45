// gptc verify: compiles once, then compares what each pass left.
#include "gptc/Driver/Verify.h"

#include "Verification.h"
#include "gptc/Dialect/Plan/PlanOps.h"

#include <chrono>
#include <cmath>
#include <fmt/format.h>

using namespace mlir;
using namespace gptc;
using namespace gptc::verification;
using runtime::Code;
using runtime::Result;
using runtime::Status;

static constexpr double infinite = std::numeric_limits<double>::infinity();

namespace {
class Verifier {
public:
  Verifier(const VerifyOptions &options, CompileOptions compile, VerifyReport &report)
      : options(options), compileOptions(std::move(compile)), report(report),
        runner(options, compileOptions.model) {
    recorder.afterPass = options.afterPass;
  }

  Status run();

private:
  Status compile();
  Status checkAll();
  Result<Checks> checkTensors(ModuleOp before, ModuleOp after);
  Status checkRoundings(ModuleOp after, Checks &checks);
  Status makeFloatBudgets();
  Result<Checks> checkNew(ModuleOp before, ModuleOp after, const Observations &found);
  Result<Checks> checkPlan(ModuleOp plan);
  bool conclude(const Snapshot &snapshot, ModuleOp before, Result<Checks> checks);

  const VerifyOptions &options;
  CompileOptions compileOptions;
  std::unique_ptr<Compilation> compilation; ///< whose context the snapshots live in
  VerifyReport &report;
  Recorder recorder;
  PlanRunner runner;
  Inputs inputs;
  Observations exact; ///< by float64
  Budgets budgets;    ///< of tensor programs in float64
  Budgets planBudgets;
  const llvm::fltSemantics *narrow = nullptr; ///< the narrowest type, once it is assigned
  Budgets roundingBudgets;                    ///< of programs with roundings
  llvm::StringSet<> wide;                     ///< variables that must not be rounded
  ModuleOp graph;                             ///< the last that holds @train
  ModuleOp unoptimized;                       ///< the first that holds all entries
  ModuleOp tensors;                           ///< the last in tensors
  std::optional<Observations> planned;        ///< what the first plan gave
};
} // namespace

/// "n_layer=2 n_embd=48 B=2 T=16"
static std::string configurationOf(const ModelInfo &info) {
  std::string text;
  for (const ModelInfo::ConfigValue &value : info.config)
    if (value.value)
      text += fmt::format("{}{}={:g}", text.empty() ? "" : " ", value.name, *value.value);
  for (const ModelInfo::FreeSize &size : info.freeSizes)
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", size.name, size.value);
  return text;
}

Status Verifier::compile() {
  Status status = recorder.run(*compilation);
  if (!recorder.snapshots.empty()) {
    report.model = compilation->info().name;
    report.configuration = configurationOf(compilation->info());
    report.parameters = compilation->info().parameterCount();
  }
  return status;
}

Status Verifier::run() {
  inputs.scaling = compileOptions.trains ? compileOptions.lossScaling() : std::nullopt;
  compileOptions.instrument = [this](PassManager &manager) { recorder.watch(manager); };
  compilation = std::make_unique<Compilation>(compileOptions);
  Status compiled = compile();
  if (recorder.snapshots.empty())
    return compiled;
  for (const Snapshot &snapshot : recorder.snapshots)
    if (snapshot.changed && !isPlan(*snapshot.module))
      inputs.add(*snapshot.module, options.seed);
  // A pass may have left what a later one stumbles over: then the earlier one is to blame.
  GPTC_RETURN_IF_ERROR(checkAll());
  return report.failure ? Status::success() : compiled;
}

Status Verifier::checkAll() {
  ModuleOp before;
  for (auto [index, snapshot] : llvm::enumerate(recorder.snapshots)) {
    if (options.progress)
      options.progress(snapshot.pass.empty() ? "the graph" : snapshot.pass, index,
                       recorder.snapshots.size());
    if (!snapshot.changed) {
      VerifyReport::Row row;
      row.pass = snapshot.pass;
      report.rows.push_back(row);
      continue;
    }
    ModuleOp after = *snapshot.module;
    Result<Checks> checks = isPlan(after) ? checkPlan(after) : checkTensors(before, after);
    if (snapshot.pass.empty()) {
      if (!checks.ok())
        return checks.status();
    } else if (!conclude(snapshot, before, std::move(checks))) {
      return Status::success();
    }
    if (after.lookupSymbol("train"))
      graph = after;
    if (!isPlan(after))
      tensors = after;
    before = after;
  }
  return Status::success();
}

/// Makes the row of a pass. False, with the report's failure, if something is wrong.
bool Verifier::conclude(const Snapshot &snapshot, ModuleOp before, Result<Checks> checks) {
  VerifyReport::Row row;
  row.pass = snapshot.pass;
  row.changed = true;
  row.bits = isPlan(*snapshot.module) && before && isPlan(before);
  if (!checks.ok()) {
    row.error = infinite;
    report.rows.push_back(row);
    report.failure = {row.pass, "", infinite, 0, checks.status().message(), {}};
    return false;
  }
  Findings findings;
  for (const auto &[key, check] : *checks) {
    if (!check.ok())
      findings.wrong.push_back(key);
    else if (check.error <= 0.05 * check.budget)
      findings.right.push_back(key);
    VerifyReport::Row candidate = row;
    candidate.error = std::isnan(check.error) ? infinite : check.error;
    candidate.budget = check.budget;
    candidate.worst = key;
    if (row.worst.empty() || candidate.ratio() > row.ratio())
      row = candidate;
  }
  row.tensors = checks->size();
  report.rows.push_back(row);
  if (findings.wrong.empty())
    return true;
  findings.tensor = row.worst;
  report.failure = {row.pass, row.worst, row.error, row.budget, "", {}};
  ModuleOp after = *snapshot.module;
  report.failure->range = isPlan(after) ? findPlanRange(tensors, after, inputs, findings, runner)
                                        : findRange(before, after, inputs, findings);
  return false;
}

/// Tensors that earlier modules do not compute, by what they must be; later ones are compared with
/// them.
Result<Checks> Verifier::checkNew(ModuleOp before, ModuleOp after, const Observations &found) {
  Checks checks;
  if (exact.empty()) { // the description's own graph defines what is right
    exact = found;
    GPTC_ASSIGN(Observations moved,
                observe(after, inputs, inputs.perturbed(0x1p-52), Precision::float64));
    budgets = makeBudgets(exact, moved, 1e-9, 1e-13);
    return checks;
  }
  Observations news;
  for (const auto &[key, tensor] : found)
    if (!exact.contains(key))
      news.emplace(key, tensor);
  if (news.empty())
    return checks;
  auto holds = [&](StringRef prefix) {
    return llvm::any_of(news,
                        [&](auto &entry) { return StringRef(entry.first).starts_with(prefix); });
  };
  if (holds("accumulate_first/gradient:")) {
    GPTC_ASSIGN(checks, checkGradients(graph, inputs, found, options.seed));
  }
  Observations expected;
  if (holds("update/"))
    expected =
        expectUpdate(inputs, inputs.values, compileOptions.optimizer, inputs.scaling.has_value());
  if (holds("accumulate_middle/")) {
    GPTC_ASSIGN(Observations sums, expectAccumulation(before, inputs, inputs.values));
    expected.merge(sums);
  }
  GPTC_ASSIGN(Observations moved,
              observe(after, inputs, inputs.perturbed(0x1p-52), Precision::float64));
  for (auto &[key, budget] : makeBudgets(found, moved, 1e-9, 1e-13))
    if (news.contains(key))
      budgets[key] = budget;
  for (auto &[key, tensor] : expected) {
    auto here = news.find(key);
    if (here == news.end())
      checks[key] = {infinite, 0};
    else
      checks[key] = {largestDifference(here->second, tensor), budgets[key]};
    news[key] = tensor;
  }
  exact.merge(news);
  unoptimized = after;
  return checks;
}

Result<Checks> Verifier::checkTensors(ModuleOp before, ModuleOp after) {
  GPTC_ASSIGN(Observations found, observe(after, inputs, inputs.values, Precision::float64));
  if (!unoptimized)
    unoptimized = after;
  Checks checks;
  for (const auto &[key, tensor] : exact) {
    auto here = found.find(key);
    checks[key] = here == found.end()
                      ? Check{infinite, 0}
                      : Check{largestDifference(here->second, tensor), budgets[key]};
  }
  GPTC_ASSIGN(Checks news, checkNew(before, after, found));
  checks.merge(news);
  if (llvm::all_of(checks, [](auto &entry) { return entry.second.ok(); }))
    GPTC_RETURN_IF_ERROR(checkRoundings(after, checks));
  return checks;
}

/// Runs a module with 16-bit numbers as it is meant, roundings included. In place of a tensor's
/// check stands that of its roundings where that is the tighter one.
Status Verifier::checkRoundings(ModuleOp after, Checks &checks) {
  const llvm::fltSemantics *here = narrowestIn(after);
  if (!here)
    return Status::success();
  if (!narrow) {
    narrow = here;
    wide = wideVariables(after, inputs);
    GPTC_RETURN_IF_ERROR(makeFloatBudgets());
    GPTC_ASSIGN(roundingBudgets, makeRoundingBudgets(after, inputs, *narrow));
    for (auto &[key, budget] : roundingBudgets)
      budget += planBudgets[key];
  }
  GPTC_ASSIGN(Observations found, observeRounded(after, inputs, *narrow));
  for (const auto &[key, tensor] : found) {
    Check check{largestDifference(tensor, exact[key]), roundingBudgets[key]};
    if (Check &old = checks[key];
        check.error * old.budget > old.error * check.budget || !check.ok())
      old = check;
  }
  return Status::success();
}

Status Verifier::makeFloatBudgets() {
  GPTC_ASSIGN(Observations single, observe(unoptimized, inputs, inputs.values, Precision::float32));
  GPTC_ASSIGN(Observations moved,
              observe(unoptimized, inputs, inputs.perturbed(0x1p-23), Precision::float64));
  constexpr double ulp = 0x1p-23;
  Budgets bySingle = makeBudgets(exact, single, 0, 0), byMoved = makeBudgets(exact, moved, 0, 0);
  for (auto &[key, least] : makeBudgets(exact, exact, 64 * 4 * ulp, 4 * ulp))
    planBudgets[key] = std::max({bySingle[key], byMoved[key], least});
  return Status::success();
}

Result<Checks> Verifier::checkPlan(ModuleOp plan) {
  if (!planned && planBudgets.empty())
    GPTC_RETURN_IF_ERROR(makeFloatBudgets());
  const Budgets &allowed = narrow ? roundingBudgets : planBudgets;
  OwningOpRef<ModuleOp> copy = plan.clone();
  if (!(*plan.getOps<plan::EntryOp>().begin())->hasAttr("transient_bytes"))
    GPTC_RETURN_IF_ERROR(separateBuffers(*copy));
  GPTC_ASSIGN(Observations found, runner.run(*copy, inputs));
  Checks checks;
  for (const auto &[key, tensor] : planned ? *planned : exact) {
    auto here = found.find(key);
    double error = here == found.end() ? infinite : largestDifference(here->second, tensor);
    auto budget = allowed.find(key);
    checks[key] = {error, planned || budget == allowed.end() ? 0 : budget->second};
  }
  if (!planned) {
    if (narrow)
      GPTC_RETURN_IF_ERROR(checkResolution(found, exact, wide, *narrow));
    planned = std::move(found);
  }
  return checks;
}

Result<VerifyReport> gptc::verify(const VerifyOptions &options) {
  auto start = std::chrono::steady_clock::now();
  CompileOptions compile = options.compile;
  // On sizes as small as the ones verified the plan's own functions are to be seen too.
  compile.leastGenerated = 0;
  {
    // A model without a loss has the entries that do without.
    CompileOptions graph = compile;
    graph.trains = false;
    Compilation probe(graph);
    GPTC_RETURN_IF_ERROR(probe.runTo(Stage::graph));
    compile.trains = probe.info().hasLoss;
  }
  if (!options.full) {
    GPTC_ASSIGN(compile, shrinkConfiguration(compile));
  }
  VerifyReport report;
  GPTC_RETURN_IF_ERROR(Verifier(options, compile, report).run());
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}
