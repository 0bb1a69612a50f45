// Fused kernels against the kernels of their operations.
//
// Operations are numbered before kernels are formed (OperationTags), alike in both compilations. A
// group is what hangs together by commands that share operations: as a rule one fused kernel and a
// launch for each of its operations. Groups of the same fused kernels, one for each layer, are one
// row.
#include "Benchmark.h"
#include "CommandTimes.h"
#include "OperationTags.h"
#include "Statistics.h"

#include "llvm/ADT/EquivalenceClasses.h"

#include <fmt/format.h>

#include <map>
#include <set>

using namespace mlir;
using namespace gptc;
using runtime::Code;
using runtime::Plan;
using runtime::Profile;
using runtime::Result;
using runtime::Status;
using runtime::StepTimer;

namespace {
/// One of the two compilations, ready to run.
struct Variant {
  std::unique_ptr<Compilation> compilation;
  StepCost step;
  std::unique_ptr<StepTimer> timer;
  std::vector<std::vector<double>> times; ///< of each command

  Status prepare(CompileOptions options, const runtime::DeviceOptions &device);
  Status profile();
};

/// Commands of both variants that hang together.
struct Component {
  std::set<std::string> functions, parts;
  std::set<int64_t> operations;
  FusionReport::Side sides[2];
};
} // namespace

Status Variant::prepare(CompileOptions options, const runtime::DeviceOptions &device) {
  options.instrument = tagOperations;
  std::string target = options.target;
  compilation = std::make_unique<Compilation>(std::move(options));
  GPTC_RETURN_IF_ERROR(compilation->runTo(Stage::plan));
  step = costOfStep(compilation->module(), target);
  GPTC_ASSIGN(Plan plan, compilation->makePlan());
  GPTC_ASSIGN(timer, startSteps(plan, device));
  return Status::success();
}

Status Variant::profile() {
  Profile profile;
  GPTC_ASSIGN(StepTimer::Measured measured, timer->step(&profile));
  (void)measured;
  std::vector<double> seconds = profile.durations();
  if (seconds.size() != step.launches())
    return {Code::internal, fmt::format("{} commands were timed, the plan has {}", seconds.size(),
                                        step.launches())};
  times.resize(seconds.size());
  for (size_t i = 0; i < seconds.size(); ++i)
    times[i].push_back(1e3 * seconds[i]);
  return Status::success();
}

static std::set<int64_t> tagsOf(Operation *command) {
  std::set<int64_t> tags;
  visitTags(command->getLoc(), [&](int64_t tag) { tags.insert(tag); });
  return tags;
}

static void add(FusionReport::Side &side, const FusionReport::Side &other) {
  side.launches += other.launches;
  side.cost += other.cost;
  side.milliseconds += other.milliseconds;
}

static std::vector<Component> findComponents(const Variant (&variants)[2]) {
  llvm::EquivalenceClasses<int64_t> classes;
  for (const Variant &variant : variants)
    for (const CommandCost &item : variant.step.commands) {
      std::set<int64_t> tags = tagsOf(item.command);
      for (int64_t tag : tags)
        classes.unionSets(*tags.begin(), tag);
    }
  std::map<int64_t, Component> components;
  for (size_t v = 0; v < 2; ++v)
    for (auto [index, item] : llvm::enumerate(variants[v].step.commands)) {
      std::set<int64_t> tags = tagsOf(item.command);
      // What no operation stands for, as clearing pads, is one component.
      Component &component = components[tags.empty() ? -1 : classes.getLeaderValue(*tags.begin())];
      add(component.sides[v], {1, item.cost, medianOf(variants[v].times[index])});
      component.operations.insert(tags.begin(), tags.end());
      if (v == 0)
        component.functions.insert(item.function());
      if (std::string part = item.part(); !part.empty())
        component.parts.insert(part);
    }
  std::vector<Component> result;
  for (auto &[leader, component] : components)
    result.push_back(std::move(component));
  return result;
}

static std::vector<FusionReport::Group> groupByFunctions(std::vector<Component> components) {
  std::map<std::set<std::string>, FusionReport::Group> groups;
  for (Component &component : components) {
    FusionReport::Group &group = groups[component.functions];
    group.functions.assign(component.functions.begin(), component.functions.end());
    for (const std::string &part : component.parts)
      if (!llvm::is_contained(group.parts, part))
        group.parts.push_back(part);
    group.operations += component.operations.size();
    add(group.fused, component.sides[0]);
    add(group.unfused, component.sides[1]);
  }
  std::vector<FusionReport::Group> result;
  for (auto &[functions, group] : groups)
    result.push_back(std::move(group));
  llvm::sort(result, [](const FusionReport::Group &a, const FusionReport::Group &b) {
    if (a.unfused.milliseconds != b.unfused.milliseconds)
      return a.unfused.milliseconds > b.unfused.milliseconds;
    return a.functions < b.functions;
  });
  return result;
}

Result<FusionReport> gptc::compareFusion(const BenchmarkOptions &options, const Say &say) {
  Variant variants[2];
  say("compiling the step as it is");
  GPTC_RETURN_IF_ERROR(variants[0].prepare(options.compile, options.device));
  say("compiling a kernel for each operation");
  CompileOptions apart = options.compile;
  for (const char *pass : {"gpt-form-kernels", "gpt-fuse-epilogues", "plan-merge-launches"})
    apart.disabledPasses.push_back(pass);
  GPTC_RETURN_IF_ERROR(variants[1].prepare(apart, options.device));
  say("fused against unfused");
  FusionReport report;
  GPTC_ASSIGN(report.step,
              compareSteps(*variants[0].timer, *variants[1].timer, options.comparison));
  say("kernel by kernel");
  for (int i = 0; i < options.comparison.pairs; ++i)
    for (Variant &variant : variants)
      GPTC_RETURN_IF_ERROR(variant.profile());
  report.groups = groupByFunctions(findComponents(variants));
  for (const FusionReport::Group &group : report.groups) {
    add(report.fused, group.fused);
    add(report.unfused, group.unfused);
  }
  return report;
}
