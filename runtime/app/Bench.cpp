// Timing steps.
#include "runtime/app/Bench.h"

#include "runtime/app/Outputs.h"
#include "runtime/app/StepTimer.h"
#include "runtime/app/Summary.h"

#include <algorithm>
#include <fmt/format.h>
#include <iostream>

namespace gptc::runtime {

namespace {

class Bench {
public:
  Bench(const Plan &plan, const BenchOptions &options, const Console &console)
      : plan_(plan), options_(options), console_(console) {}

  Status prepare();
  Status measure();
  Status serve(const LineReader &requests);

private:
  void print(std::vector<double> times, double lastLoss) const;

  const Plan plan_;
  const BenchOptions &options_;
  const Console &console_;
  std::optional<Dataset> data_;
  std::unique_ptr<StepTimer> timer_;
  Profile profile_;
};

Status Bench::prepare() {
  GPTC_RETURN_IF_ERROR(checkWritableFile("--profile", options_.profile));
  GPTC_ASSIGN(ModelInputs inputs, ModelInputs::of(plan_));
  std::unique_ptr<BatchSource> batches;
  if (!options_.data.empty()) {
    GPTC_ASSIGN(data_, Dataset::load(options_.data, options_.tokenizer));
    GPTC_RETURN_IF_ERROR(data_->fit(inputs));
    GPTC_ASSIGN(batches, data_->batches(Split::training, inputs, Shuffle::none, options_.seed));
  }
  GPTC_ASSIGN(timer_, StepTimer::create(plan_, std::move(inputs), std::move(batches), options_.seed,
                                        sessionOptions(options_.device, console_)));
  return {};
}

Status Bench::measure() {
  std::vector<double> times;
  double loss = 0;
  for (int64_t i = -options_.warmup; i < options_.steps; ++i) {
    bool profiled = i >= 0 && !options_.profile.empty();
    GPTC_ASSIGN(StepTimer::Measured measured, timer_->step(profiled ? &profile_ : nullptr));
    loss = measured.loss;
    if (i >= 0)
      times.push_back(measured.milliseconds);
  }
  print(std::move(times), loss);
  if (options_.profile.empty())
    return {};
  console_.note(profile_.table());
  return profile_.writeTrace(options_.profile);
}

void Bench::print(std::vector<double> times, double lastLoss) const {
  std::sort(times.begin(), times.end());
  size_t half = times.size() / 2;
  double median = times.size() % 2 == 1 ? times[half] : (times[half - 1] + times[half]) / 2;
  const ModelInputs &inputs = timer_->inputs();
  const Session &session = timer_->session();
  double perSecond = 1e3 * static_cast<double>(inputs.unitsPerBatch()) / median;
  if (options_.json) {
    nlohmann::json result = {{"model", plan_.model()},
                             {"device", session.device().description()},
                             {"steps", times.size()},
                             {"median_ms", median},
                             {"min_ms", times.front()},
                             {"max_ms", times.back()},
                             {std::string(inputs.unit()) + "_per_second", perSecond},
                             {"loss", lastLoss},
                             {"allocated_bytes", session.memory().total()},
                             {"peak_resident_bytes", peakResidentBytes()}};
    console_.out(result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  console_.out(fmt::format("{} on {}: {} steps of {} {}", plan_.model(),
                           session.device().description(), times.size(),
                           groupedNumber(inputs.unitsPerBatch()), inputs.unit()));
  console_.out(fmt::format("median {:.3f} ms, fastest {:.3f}, slowest {:.3f}; {:.0f} {}/s", median,
                           times.front(), times.back(), perSecond, inputs.unit()));
}

Status Bench::serve(const LineReader &requests) {
  return serveSteps(requests, console_, [&]() -> Result<std::string> {
    GPTC_ASSIGN(StepTimer::Measured measured, timer_->step());
    return fmt::format("{{\"ms\": {:.4f}, \"loss\": {}}}", measured.milliseconds,
                       nlohmann::json(measured.loss).dump());
  });
}

} // namespace

LineReader standardInputLines() {
  return []() -> std::optional<std::string> {
    std::string line;
    if (!std::getline(std::cin, line))
      return std::nullopt;
    return line;
  };
}

Status serveSteps(const LineReader &requests, const Console &console,
                  const std::function<Result<std::string>()> &step) {
  while (std::optional<std::string> line = requests()) {
    if (*line == "quit")
      break;
    if (*line != "step")
      return {Code::invalidArgument,
              fmt::format("--serve: \"{}\" is not a request: they are step and quit", *line)};
    GPTC_ASSIGN(std::string answer, step());
    console.out(answer);
  }
  return {};
}

Status bench(const Plan &plan, const BenchOptions &options, const Console &console,
             const LineReader &requests) {
  GPTC_RETURN_IF_ERROR(options.validate());
  Bench bench(plan, options, console);
  GPTC_RETURN_IF_ERROR(bench.prepare());
  return options.serve ? bench.serve(requests) : bench.measure();
}

} // namespace gptc::runtime
