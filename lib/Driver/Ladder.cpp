// The ladder: plans of which each has one thing more than the one before.
#include "Benchmark.h"
#include "CommandTimes.h"

using namespace gptc;
using runtime::Plan;
using runtime::Result;
using runtime::Status;
using runtime::StepTimer;

namespace {
/// A rung to be: how it differs from the plan that was asked for.
struct Step {
  std::string name, adds;
  TrainingPrecision precision;
  std::vector<std::string> without; ///< passes
  bool padded = false;
  std::string skipped = {};
};
} // namespace

/// From the bottom: what each rung lacks of the plan that was asked for. The precision of that one
/// is reached first.
static std::vector<Step> rungsOf(const CompileOptions &options) {
  std::vector<std::string> optimizer = {"plan-merge-launches"};
  std::vector<std::string> attention = optimizer;
  attention.push_back("gpt-form-flash-attention");
  std::vector<std::string> fusion = attention;
  for (const char *pass : {"gpt-form-kernels", "gpt-fuse-epilogues", "gpt-split-column-sums",
                           "gpt-inline-scalars", "gpt-inline-conversions", "gpt-remove-roundings",
                           "gpt-rematerialize", "plan-share-operands"})
    fusion.push_back(pass);

  constexpr TrainingPrecision fp32 = TrainingPrecision::fp32, tf32 = TrainingPrecision::tf32,
                              fp16 = TrainingPrecision::fp16;
  TrainingPrecision last = options.precision;
  std::string asked = "the steps are compiled with --precision " + nameOf(last).str();
  Step rounded{"tf32", "products of TensorFloat-32", tf32, fusion};
  if (options.target == "cpu")
    rounded.skipped = "CPUs have no TensorFloat-32";
  else if (last == fp32)
    rounded.skipped = asked + "; tf32, bf16 and fp16 add it";
  Step narrow{"bf16", "products of 16 bits", last, fusion};
  if (last == fp16)
    narrow.name = "fp16";
  else if (last == fp32 || last == tf32)
    narrow.skipped = asked + "; bf16 and fp16 add it";
  return {{"fp32, unfused", "a kernel for each operation", fp32, fusion},
          rounded,
          narrow,
          {"fused", "kernels of many operations, epilogues of products", last, attention},
          {"flash attention", "no matrix of scores", last, optimizer},
          {"padded", "axes of parameters as products like them", last, optimizer, true},
          {"fused optimizer", "one launch updates all parameters", last, {}, true}};
}

Result<std::vector<Rung>> gptc::climbLadder(const BenchmarkOptions &options, const Say &say,
                                            std::string &unit) {
  std::vector<Rung> ladder;
  std::unique_ptr<StepTimer> before;
  for (const Step &step : rungsOf(options.compile)) {
    Rung rung;
    rung.name = step.name;
    rung.adds = step.adds;
    rung.skipped = step.skipped;
    if (!step.skipped.empty()) {
      ladder.push_back(std::move(rung));
      continue;
    }
    say(step.name);
    CompileOptions compile = options.compile;
    compile.precision = step.precision;
    if (step.precision != TrainingPrecision::fp16)
      compile.lossScale.reset(), compile.lossScaleGrowthInterval.reset();
    compile.disabledPasses.insert(compile.disabledPasses.end(), step.without.begin(),
                                  step.without.end());
    if (!step.padded)
      compile.padMultiple = 1;
    Compilation compilation(compile);
    GPTC_RETURN_IF_ERROR(compilation.runTo(Stage::plan));
    StepCost cost = costOfStep(compilation.module(), compile.target);
    rung.launches = cost.launches();
    rung.cost = cost.total;
    rung.peakMemory = cost.peakMemory;
    GPTC_ASSIGN(Plan plan, compilation.makePlan());
    GPTC_ASSIGN(std::unique_ptr<StepTimer> timer, startSteps(plan, options.device));
    StepTimer &against = before ? *before : *timer;
    GPTC_ASSIGN(StepComparison time, compareSteps(*timer, against, options.comparison));
    rung.milliseconds = time.base;
    if (before) {
      rung.ratio = time.ratio;
      rung.low = time.low;
      rung.high = time.high;
    }
    rung.unitsPerSecond =
        1e3 * static_cast<double>(timer->inputs().unitsPerBatch()) / rung.milliseconds;
    unit = timer->inputs().unit();
    before = std::move(timer);
    ladder.push_back(std::move(rung));
  }
  return ladder;
}
