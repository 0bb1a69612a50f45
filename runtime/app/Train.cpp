// Training.
#include "runtime/app/Train.h"

#include "runtime/app/Checkpoint.h"
#include "runtime/app/Evaluate.h"
#include "runtime/app/Generate.h"
#include "runtime/app/Interrupt.h"
#include "runtime/app/Outputs.h"
#include "runtime/app/Summary.h"
#include "runtime/app/TrainingStep.h"
#include "runtime/train/Log.h"
#include "runtime/train/Progress.h"

#include <cmath>
#include <fmt/format.h>

namespace gptc::runtime {

namespace {

constexpr int64_t defaultEvalEvery = 250;
constexpr int64_t sampleTokens = 100;
constexpr double leastLossScale = 0x1p-16;

/// How many micro-batches make a step.
Result<int64_t> accumulationStepsFor(const TrainOptions &options, const ModelInputs &inputs) {
  int64_t units = inputs.unitsPerBatch();
  if (options.totalBatchSize == 0)
    return int64_t{1};
  if (options.totalBatchSize % units != 0)
    return Status(
        Code::invalidArgument,
        fmt::format("--total-batch-size {}: must be a multiple of the {} {} of a micro-batch",
                    options.totalBatchSize, units, inputs.unit()));
  return options.totalBatchSize / units;
}

/// One run, from its first step to its last.
class Trainer {
public:
  Trainer(const Plan &plan, const TrainOptions &options, Dataset data, const Console &console)
      : plan_(plan), options_(options), data_(std::move(data)), console_(console),
        schedule_(options.schedule()) {}

  /// All that can fail before the first step.
  Status prepare(const std::function<std::string(uint64_t)> &whatWouldFit);
  Status run();

private:
  Status prepareData();
  Status prepareValidation();
  std::vector<std::string> entries() const;
  Status loadStart();
  Status openLog();
  Status startScaler(int64_t step);
  void noteDifferentOptions(const nlohmann::json &earlier) const;

  /// A step that was started and is not in the log yet.
  struct OpenStep {
    PendingStep result;
    int64_t step;
    double rate;
    double start; ///< when it was its turn
  };

  Status trainStep(Progress &progress);
  Status finishStep(Progress &progress);
  Status atStep(Progress &progress);
  Status evaluateNow(Progress &progress);
  Status sampleNow(Progress &progress);
  Status writeCheckpoint();
  Status finish(Progress &progress, bool interrupted);
  bool due(int64_t every) const {
    return every > 0 && (step_ % every == 0 || step_ == options_.steps);
  }
  /// Whether something is done between the last step and the next.
  bool isEventful() const {
    return due(evalEvery_) || due(options_.sampleEvery) || due(options_.checkpointEvery);
  }
  RunMetadata metadata() const { return RunMetadata::of(plan_, data_.tokenizer()); }

  const Plan plan_;
  const TrainOptions &options_;
  Dataset data_;
  const Console &console_;
  const Schedule schedule_;

  ModelInputs inputs_;
  int64_t accumulationSteps_ = 1;
  int64_t evalEvery_ = 0;
  int64_t evalBatches_ = 0;
  std::unique_ptr<BatchSource> batches_;
  std::unique_ptr<BatchSource> validation_;
  std::optional<Session> session_;
  std::optional<LogWriter> log_;
  Profile profile_;

  std::optional<OpenStep> open_; ///< the last one, while a GPU is at it
  int64_t step_ = 0;             ///< steps started
  int64_t checkpointStep_ = -1;  ///< of the last checkpoint written or read
  std::optional<double> lastValidationLoss_;
  std::optional<double> lastLoss_;
  int64_t skipped_ = 0; ///< steps whose gradients overflowed
};

Status Trainer::prepare(const std::function<std::string(uint64_t)> &whatWouldFit) {
  GPTC_RETURN_IF_ERROR(checkWritableFile("--save", options_.save));
  GPTC_RETURN_IF_ERROR(checkWritableFile("--log", options_.log));
  GPTC_RETURN_IF_ERROR(checkWritableFile("--profile", options_.profile));
  GPTC_RETURN_IF_ERROR(checkStepScalars(plan_));
  GPTC_ASSIGN(inputs_, ModelInputs::of(plan_));
  GPTC_RETURN_IF_ERROR(prepareData());

  SessionOptions sessionOptions = runtime::sessionOptions(options_.device, console_);
  sessionOptions.whatWouldFit = whatWouldFit;
  GPTC_ASSIGN(Session session, Session::create(plan_, entries(), sessionOptions));
  session_.emplace(std::move(session));
  if (!options_.profile.empty())
    session_->setProfile(&profile_);
  GPTC_RETURN_IF_ERROR(loadStart());
  if (options_.sampleEvery > 0)
    GPTC_RETURN_IF_ERROR(promptTokens(options_.prompt, data_.tokenizer().get(), false).status());
  // From here on files are written.
  GPTC_RETURN_IF_ERROR(makeWritableFolder("--checkpoint-dir", options_.checkpointDir));
  return openLog();
}

Status Trainer::prepareData() {
  GPTC_RETURN_IF_ERROR(data_.fit(inputs_));
  GPTC_ASSIGN(accumulationSteps_, accumulationStepsFor(options_, inputs_));
  GPTC_ASSIGN(batches_, data_.batches(Split::training, inputs_, options_.shuffle, options_.seed));
  return prepareValidation();
}

Status Trainer::prepareValidation() {
  evalEvery_ = options_.evalEvery.value_or(defaultEvalEvery);
  if (evalEvery_ == 0 || (!options_.evalEvery && plan_.findEntry(evaluateEntry) < 0)) {
    evalEvery_ = 0;
    return {};
  }
  Result<std::unique_ptr<BatchSource>> batches =
      data_.batches(Split::validation, inputs_, Shuffle::none, options_.seed);
  if (!batches.ok()) {
    // Asked for, it is an error; else there is only nothing to evaluate on.
    if (options_.evalEvery)
      return batches.status();
    console_.note(fmt::format("no evaluation: {}", batches.status().message()));
    evalEvery_ = 0;
    return {};
  }
  validation_ = std::move(*batches);
  evalBatches_ = evaluationBatches(*validation_, options_.evalBatches);
  return {};
}

std::vector<std::string> Trainer::entries() const {
  std::vector<std::string> entries = trainingEntries(plan_, accumulationSteps_);
  if (evalEvery_ > 0)
    entries.push_back(evaluateEntry);
  if (options_.sampleEvery > 0)
    entries.push_back(logitsEntry);
  return entries;
}

Status Trainer::loadStart() {
  if (options_.resume) {
    GPTC_ASSIGN(WeightFile file, openResume(options_));
    GPTC_RETURN_IF_ERROR(startScaler(file.metadata.progress->step));
    GPTC_RETURN_IF_ERROR(loadTensors(*session_, file.file, file.path, TensorSet::checkpoint));
    const RunMetadata::Progress &progress = *file.metadata.progress;
    Status restored = batches_->restore(progress.data);
    if (!restored.ok())
      return restored.within(file.path);
    step_ = checkpointStep_ = progress.step;
    if (step_ > options_.steps)
      return {Code::invalidArgument, fmt::format("--steps {}: {} stands at step {} already",
                                                 options_.steps, file.path, step_)};
    console_.note(fmt::format("resuming {} at step {}", file.path, step_));
    noteDifferentOptions(progress.options);
    return {};
  }
  if (std::optional<int64_t> latest = latestCheckpoint(options_.checkpointDir);
      latest && !options_.checkpointDir.empty())
    console_.note(fmt::format("--checkpoint-dir {} holds checkpoints of an earlier run, the last "
                              "at step {}; this run starts "
                              "anew and replaces those with the same step",
                              options_.checkpointDir, *latest));
  GPTC_RETURN_IF_ERROR(session_->initialize(options_.seed));
  if (options_.init.empty())
    return {};
  GPTC_ASSIGN(WeightFile file, WeightFile::open(options_.init));
  return loadTensors(*session_, file.file, file.path, TensorSet::weights);
}

/// Loss scaling as it starts, after so many steps of a run that may have been without it.
Status Trainer::startScaler(int64_t step) {
  for (const TensorInfo &tensor : plan_.tensors())
    if (tensor.name.starts_with(scalerPrefix))
      GPTC_RETURN_IF_ERROR(session_->writeScalar(
          tensor.name, tensor.name == appliedStepsTensor ? static_cast<float>(step)
                                                         : static_cast<float>(tensor.initA)));
  return {};
}

void Trainer::noteDifferentOptions(const nlohmann::json &earlier) const {
  if (!earlier.is_object())
    return;
  const nlohmann::json now = options_.decisive();
  for (const auto &[flag, value] : now.items())
    if (auto found = earlier.find(flag); found != earlier.end() && *found != value)
      console_.note(fmt::format("--{} is {}, in the checkpoint's run it was {}", flag, value.dump(),
                                found->dump()));
}

Status Trainer::openLog() {
  if (options_.log.empty())
    return {};
  if (options_.resume) {
    GPTC_ASSIGN(log_, LogWriter::resume(options_.log, step_));
  } else {
    GPTC_ASSIGN(log_, LogWriter::create(options_.log));
  }
  return {};
}

Status Trainer::run() {
  printSummary(*session_, inputs_, data_, accumulationSteps_, console_);
  InterruptGuard interrupt;
  Progress progress(ProgressOptions::standardError(step_, options_.steps));
  GPTC_RETURN_IF_ERROR(atStep(progress));
  while (step_ < options_.steps && !InterruptGuard::requested()) {
    GPTC_RETURN_IF_ERROR(trainStep(progress));
    // Whatever follows a step in the log or looks at its weights waits for it.
    if (isEventful() || InterruptGuard::requested())
      GPTC_RETURN_IF_ERROR(finishStep(progress));
    if (options_.checkpointEvery > 0 && step_ % options_.checkpointEvery == 0)
      GPTC_RETURN_IF_ERROR(writeCheckpoint());
    if (!InterruptGuard::requested())
      GPTC_RETURN_IF_ERROR(atStep(progress));
  }
  GPTC_RETURN_IF_ERROR(finishStep(progress));
  return finish(progress, step_ < options_.steps);
}

Status Trainer::trainStep(Progress &progress) {
  // The next step is started before the last one is waited for, so that a GPU always has work.
  double start = Profile::now();
  double rate = schedule_.learningRate(step_);
  UpdateScalars scalars{rate,           options_.weightDecay, options_.beta1,
                        options_.beta2, options_.epsilon,     options_.clipNorm,
                        step_ + 1};
  GPTC_ASSIGN(PendingStep started, startTrainingStep(*session_, *batches_, options_.seed, step_,
                                                     accumulationSteps_, scalars));
  if (open_) {
    GPTC_RETURN_IF_ERROR(finishStep(progress));
    start = Profile::now();
  }
  open_.emplace(OpenStep{std::move(started), step_, rate, start});
  ++step_;
  return open_->result.ready() ? finishStep(progress) : Status();
}

Status Trainer::finishStep(Progress &progress) {
  if (!open_)
    return {};
  OpenStep open = std::move(*open_);
  open_.reset();
  GPTC_ASSIGN(StepResult result, open.result.finish());
  double seconds = Profile::now() - open.start;
  double units = static_cast<double>(inputs_.unitsPerBatch() * accumulationSteps_);
  StepRecord record{open.step,     result.loss,     open.rate,        result.norm,
                    1e3 * seconds, units / seconds, result.lossScale, result.skipped()};
  if (log_)
    GPTC_RETURN_IF_ERROR(log_->write(record));
  progress.update(record);
  if (result.skipped()) {
    ++skipped_;
    // What still overflows when it is scaled down does not because it was scaled up.
    if (*result.lossScale < leastLossScale)
      return {Code::failedPrecondition,
              fmt::format("training diverged: at step {} gradients are not finite even with a loss "
                          "scale of {}; a lower --learning-rate or --precision bf16 may help",
                          open.step, 2 * *result.lossScale)}; // it has been halved since
    return {};
  }
  if (!std::isfinite(result.loss) || !std::isfinite(result.norm))
    return {Code::failedPrecondition,
            fmt::format(
                "training diverged: at step {} the loss is {} and the gradient's norm {}; a lower "
                "--learning-rate or more --warmup-steps may help",
                open.step, result.loss, result.norm)};
  lastLoss_ = result.loss;
  return {};
}

Status Trainer::atStep(Progress &progress) {
  if (due(evalEvery_))
    GPTC_RETURN_IF_ERROR(evaluateNow(progress));
  if (due(options_.sampleEvery) && !InterruptGuard::requested())
    GPTC_RETURN_IF_ERROR(sampleNow(progress));
  return {};
}

Status Trainer::evaluateNow(Progress &progress) {
  GPTC_ASSIGN(std::optional<double> loss, meanLoss(*session_, *validation_, evalBatches_));
  if (!loss)
    return {}; // interrupted
  lastValidationLoss_ = loss;
  if (log_)
    GPTC_RETURN_IF_ERROR(log_->write(EvaluationRecord{step_, *loss, {}}));
  progress.message(fmt::format("step {}: validation loss {:.4f}", step_, *loss));
  return {};
}

Status Trainer::sampleNow(Progress &progress) {
  std::shared_ptr<const Tokenizer> tokenizer = data_.tokenizer();
  GPTC_ASSIGN(Sampler sampler, Sampler::create({1, 50, options_.seed}));
  GPTC_ASSIGN(Generator generator, Generator::create(*session_));
  GPTC_ASSIGN(std::vector<int32_t> prompt,
              promptTokens(options_.prompt, tokenizer.get(), generator.startsFromNothing()));
  int64_t limit = tokenizer ? tokenizer->vocabSize() : generator.vocabSize();
  auto samples = generator.generate(prompt, 1, sampleTokens, limit, sampler);
  if (!samples.ok())
    return samples.status();
  progress.message(fmt::format("step {}: sample: {}{}", step_, options_.prompt,
                               tokensText(samples->front(), tokenizer.get())));
  return {};
}

Status Trainer::writeCheckpoint() {
  RunMetadata metadata = this->metadata();
  metadata.progress = RunMetadata::Progress{step_, batches_->state(), options_.decisive()};
  GPTC_RETURN_IF_ERROR(saveTensors(*session_, checkpointPath(options_.checkpointDir, step_),
                                   TensorSet::checkpoint, metadata.toSafetensors()));
  checkpointStep_ = step_;
  return {};
}

Status Trainer::finish(Progress &progress, bool interrupted) {
  progress.finish();
  if (!options_.checkpointDir.empty() && checkpointStep_ != step_)
    GPTC_RETURN_IF_ERROR(writeCheckpoint());
  if (!options_.save.empty())
    GPTC_RETURN_IF_ERROR(
        saveTensors(*session_, options_.save, TensorSet::weights, metadata().toSafetensors()));
  std::string text = interrupted
                         ? fmt::format("interrupted after {} of {} steps", step_, options_.steps)
                         : fmt::format("trained {} steps", step_);
  if (skipped_ > 0)
    text += fmt::format("; {} skipped, as gradients overflowed", skipped_);
  if (lastLoss_)
    text += fmt::format("; loss {:.4f}", *lastLoss_);
  if (lastValidationLoss_)
    text += fmt::format("; validation loss {:.4f}", *lastValidationLoss_);
  console_.out(text + fmt::format("; peak resident memory {}", byteText(peakResidentBytes())));
  if (!options_.save.empty())
    console_.out("weights in " + options_.save);
  if (!options_.checkpointDir.empty())
    console_.out(
        fmt::format("checkpoint in {}{}", checkpointPath(options_.checkpointDir, step_),
                    interrupted ? "; the same command with --resume goes on from it" : ""));
  if (options_.profile.empty())
    return {};
  console_.note(profile_.table());
  return profile_.writeTrace(options_.profile);
}

} // namespace

Result<Dataset> loadTrainingData(const TrainOptions &options) {
  GPTC_RETURN_IF_ERROR(options.validate());
  GPTC_ASSIGN(std::shared_ptr<const Tokenizer> tokenizer, startingTokenizer(options));
  return Dataset::load(options.data, options.tokenizer, std::move(tokenizer));
}

Status train(const Plan &plan, const TrainOptions &options, Dataset data, const Console &console,
             std::function<std::string(uint64_t availableBytes)> whatWouldFit) {
  GPTC_RETURN_IF_ERROR(options.validate());
  Trainer trainer(plan, options, std::move(data), console);
  GPTC_RETURN_IF_ERROR(trainer.prepare(whatWouldFit));
  return trainer.run();
}

Status train(const Plan &plan, const TrainOptions &options, const Console &console) {
  GPTC_ASSIGN(Dataset data, loadTrainingData(options));
  return train(plan, options, std::move(data), console);
}

} // namespace gptc::runtime
