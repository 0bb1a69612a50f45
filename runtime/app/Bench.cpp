// Timing steps.
#include "runtime/app/Bench.h"

#include "runtime/app/Outputs.h"
#include "runtime/app/Summary.h"
#include "runtime/app/TrainingStep.h"

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
  struct Measured {
    double milliseconds, loss;
  };
  Result<Measured> step();
  void print(std::vector<double> times, double lastLoss) const;

  const Plan plan_;
  const BenchOptions &options_;
  const Console &console_;
  ModelInputs inputs_;
  std::optional<Dataset> data_;
  std::unique_ptr<BatchSource> batches_;
  std::optional<Session> session_;
  Profile profile_;
  int64_t step_ = 0;
};

Status Bench::prepare() {
  GPTC_RETURN_IF_ERROR(checkWritableFile("--profile", options_.profile));
  GPTC_RETURN_IF_ERROR(checkStepScalars(plan_));
  GPTC_ASSIGN(inputs_, ModelInputs::of(plan_));
  if (options_.data.empty()) {
    batches_ = randomBatches(inputs_, options_.seed);
  } else {
    GPTC_ASSIGN(data_, Dataset::load(options_.data, options_.tokenizer));
    GPTC_RETURN_IF_ERROR(data_->fit(inputs_));
    GPTC_ASSIGN(batches_, data_->batches(Split::training, inputs_, Shuffle::none, options_.seed));
  }
  GPTC_ASSIGN(Session session, Session::create(plan_, trainingEntries(plan_, 1),
                                               sessionOptions(options_.device, console_)));
  session_.emplace(std::move(session));
  return session_->initialize(options_.seed);
}

Result<Bench::Measured> Bench::step() {
  double begin = Profile::now();
  UpdateScalars scalars{1e-4, 0.1, 0.9, 0.95, 1e-8, 1, step_ + 1};
  GPTC_ASSIGN(StepResult result,
              runTrainingStep(*session_, *batches_, options_.seed, step_, 1, scalars));
  ++step_;
  return Measured{1e3 * (Profile::now() - begin), result.loss};
}

Status Bench::measure() {
  std::vector<double> times;
  double loss = 0;
  for (int64_t i = -options_.warmup; i < options_.steps; ++i) {
    if (i == 0 && !options_.profile.empty())
      session_->setProfile(&profile_);
    GPTC_ASSIGN(Measured measured, step());
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
  double perSecond = 1e3 * static_cast<double>(inputs_.unitsPerBatch()) / median;
  if (options_.json) {
    nlohmann::json result = {{"model", plan_.model()},
                             {"device", session_->device().description()},
                             {"steps", times.size()},
                             {"median_ms", median},
                             {"min_ms", times.front()},
                             {"max_ms", times.back()},
                             {std::string(inputs_.unit()) + "_per_second", perSecond},
                             {"loss", lastLoss},
                             {"allocated_bytes", session_->memory().total()},
                             {"peak_resident_bytes", peakResidentBytes()}};
    console_.out(result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  console_.out(fmt::format("{} on {}: {} steps of {} {}", plan_.model(),
                           session_->device().description(), times.size(),
                           groupedNumber(inputs_.unitsPerBatch()), inputs_.unit()));
  console_.out(fmt::format("median {:.3f} ms, fastest {:.3f}, slowest {:.3f}; {:.0f} {}/s", median,
                           times.front(), times.back(), perSecond, inputs_.unit()));
}

Status Bench::serve(const LineReader &requests) {
  while (std::optional<std::string> line = requests()) {
    if (*line == "quit")
      break;
    if (*line != "step")
      return {Code::invalidArgument,
              fmt::format("--serve: \"{}\" is not a request: they are step and quit", *line)};
    GPTC_ASSIGN(Measured measured, step());
    console_.out(fmt::format("{{\"ms\": {:.4f}, \"loss\": {}}}", measured.milliseconds,
                             nlohmann::json(measured.loss).dump()));
  }
  return {};
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

Status bench(const Plan &plan, const BenchOptions &options, const Console &console,
             const LineReader &requests) {
  GPTC_RETURN_IF_ERROR(options.validate());
  Bench bench(plan, options, console);
  GPTC_RETURN_IF_ERROR(bench.prepare());
  return options.serve ? bench.serve(requests) : bench.measure();
}

} // namespace gptc::runtime
