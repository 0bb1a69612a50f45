// Flags for running plans.
#include "tools/common/RuntimeOptions.h"

#include <map>

namespace gptc::tools {

using runtime::MatmulChoice;
using runtime::Shuffle;

namespace {

constexpr const char *dataText =
    "text file, directory of texts, .npy/.bin shards of uint16 tokens, or .npz/.safetensors arrays "
    "by input name; "
    "\"train\" and \"val\" in file names pick the split, else the last 10 % is for validation";

void addProfile(CLI::App &app, std::string &profile) {
  app.add_option("--profile", profile,
                 "time every command: prints a table, writes a trace for ui.perfetto.dev")
      ->type_name("FILE");
}

void addWeights(CLI::App &app, runtime::WeightOptions &weights) {
  auto *checkpoint = app.add_option("--checkpoint", weights.checkpoint,
                                    "weights from a checkpoint, or of a directory the latest")
                         ->type_name("PATH");
  app.add_option("--init", weights.init, "weights from a safetensors file")
      ->type_name("FILE")
      ->excludes(checkpoint);
}

void addOptimizer(CLI::App &app, runtime::TrainOptions &options) {
  constexpr const char *group = "Optimization";
  app.add_option("--steps", options.steps, "steps of training")
      ->capture_default_str()
      ->type_name("N")
      ->group(group);
  app.add_option("--total-batch-size", options.totalBatchSize,
                 "tokens (or examples) in a step, a multiple of a micro-batch; gradients "
                 "accumulate (default: one micro-batch)")
      ->type_name("N")
      ->group(group);
  app.add_option("--learning-rate", options.learningRate, "the highest learning rate")
      ->capture_default_str()
      ->type_name("X")
      ->group(group);
  app.add_option("--min-learning-rate", options.minLearningRate,
                 "the lowest, after decay (default: a tenth)")
      ->type_name("X")
      ->group(group);
  app.add_option("--warmup-steps", options.warmupSteps, "steps of linear warm-up")
      ->capture_default_str()
      ->type_name("N")
      ->group(group);
  app.add_option("--decay-steps", options.decaySteps,
                 "the step where the cosine reaches the lowest rate (default: --steps)")
      ->type_name("N")
      ->group(group);
  app.add_option("--weight-decay", options.weightDecay, "of parameters with two or more axes")
      ->capture_default_str()
      ->type_name("X")
      ->group(group);
  app.add_option("--beta1", options.beta1, "AdamW: decay of the first moment")
      ->capture_default_str()
      ->type_name("X")
      ->group(group);
  app.add_option("--beta2", options.beta2, "AdamW: decay of the second moment")
      ->capture_default_str()
      ->type_name("X")
      ->group(group);
  app.add_option("--epsilon", options.epsilon, "AdamW: added to the denominator")
      ->capture_default_str()
      ->type_name("X")
      ->group(group);
  app.add_option("--clip-norm", options.clipNorm, "largest norm of the gradient; 0: no clipping")
      ->capture_default_str()
      ->type_name("X")
      ->group(group);
}

void addOutputs(CLI::App &app, runtime::TrainOptions &options) {
  constexpr const char *group = "Weights, checkpoints, reports";
  app.add_option("--init", options.init, "start from the weights in this safetensors file")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--save", options.save, "write the weights here at the end")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--checkpoint-dir", options.checkpointDir, "write checkpoints into this directory")
      ->type_name("DIR")
      ->group(group);
  app.add_option("--checkpoint-every", options.checkpointEvery,
                 "steps between checkpoints (default: one at the end)")
      ->type_name("N")
      ->group(group);
  // A flag that may have a value: --resume alone stands for --checkpoint-dir.
  app.add_option_function<std::vector<std::string>>(
         "--resume",
         [&options](const std::vector<std::string> &values) {
           options.resume = values.empty() ? "" : values.front();
         },
         "continue from a checkpoint, or from the latest of a directory (default: "
         "--checkpoint-dir)")
      ->expected(0, 1)
      ->type_name("[PATH]")
      ->group(group);
  app.add_option("--eval-every", options.evalEvery,
                 "steps between evaluations; 0: none (default: 250)")
      ->type_name("N")
      ->group(group);
  app.add_option("--eval-batches", options.evalBatches,
                 "batches of an evaluation; 0: the whole split")
      ->capture_default_str()
      ->type_name("N")
      ->group(group);
  app.add_option("--sample-every", options.sampleEvery, "steps between samples; 0: none")
      ->capture_default_str()
      ->type_name("N")
      ->group(group);
  app.add_option("--prompt", options.prompt, "what the samples begin with")
      ->type_name("TEXT")
      ->group(group);
  app.add_option("--log", options.log, "JSON lines: one object for each step and evaluation")
      ->type_name("FILE")
      ->group(group);
  addProfile(app, options.profile);
}

} // namespace

void addDeviceOptions(CLI::App &app, runtime::DeviceOptions &device) {
  static const std::map<std::string, MatmulChoice> matmuls = {
      {"auto", MatmulChoice::automatic},
      {"library", MatmulChoice::library},
      {"generated", MatmulChoice::generated}};
  constexpr const char *group = "Device";
  app.add_option("--device", device.device,
                 "auto (a GPU where there is one; a plan's own target), cpu, cuda, or cuda:N")
      ->capture_default_str()
      ->type_name("NAME")
      ->group(group);
  app.add_option("--threads", device.threads,
                 "threads of the CPU (default: OMP_NUM_THREADS, else one a processor)")
      ->type_name("N")
      ->group(group);
  app.add_flag_callback(
         "--no-graphs", [&device] { device.graphs = false; },
         "launch kernels one by one, not as CUDA graphs")
      ->group(group);
  app.add_option_function<std::string>(
         "--matmul", [&device](const std::string &name) { device.matmul = matmuls.at(name); },
         "matrix products on a GPU: auto (cuBLASLt where it is installed), library (cuBLASLt), "
         "generated (the plan's own kernels)")
      ->check(CLI::IsMember({"auto", "library", "generated"}))
      ->default_str("auto")
      ->type_name("WHO")
      ->group(group);
}

void addTrainOptions(CLI::App &app, runtime::TrainOptions &options) {
  static const std::map<std::string, Shuffle> shuffles = {{"none", Shuffle::none},
                                                          {"windows", Shuffle::windows},
                                                          {"permutation", Shuffle::permutation}};
  app.add_option("--data", options.data, dataText)->type_name("PATH")->required();
  app.add_option("--tokenizer", options.tokenizer,
                 "char, bytes, or a FILE that holds one (default: char for text)")
      ->type_name("SPEC");
  app.add_option_function<std::string>(
         "--shuffle", [&options](const std::string &name) { options.shuffle = shuffles.at(name); },
         "order of the training data: none (as it stands), windows (random places), permutation "
         "(each once an epoch)")
      ->check(CLI::IsMember({"none", "windows", "permutation"}))
      ->default_str("none")
      ->type_name("ORDER");
  app.add_option("--seed", options.seed, "of initial weights, shuffling and dropout")
      ->capture_default_str()
      ->type_name("N");
  addDeviceOptions(app, options.device);
  addOptimizer(app, options);
  addOutputs(app, options);
}

void addSampleOptions(CLI::App &app, runtime::SampleOptions &options) {
  addWeights(app, options.weights);
  app.add_option("--tokenizer", options.tokenizer,
                 "bytes, or a FILE that holds one (default: that of the weights)")
      ->type_name("SPEC");
  app.add_option("--prompt", options.prompt, "the text to continue")->type_name("TEXT");
  app.add_option("--count", options.count, "how many samples")
      ->capture_default_str()
      ->type_name("N");
  app.add_option("--max-tokens", options.maxTokens, "new tokens in each")
      ->capture_default_str()
      ->type_name("N");
  app.add_option("--top-k", options.topK, "draw from the k most likely tokens; 0: from all")
      ->capture_default_str()
      ->type_name("K");
  app.add_option("--temperature", options.temperature,
                 "logits are divided by it; 0 takes the most likely token")
      ->capture_default_str()
      ->type_name("X");
  app.add_option("--seed", options.seed, "of the draws")->capture_default_str()->type_name("N");
  addDeviceOptions(app, options.device);
}

void addEvalOptions(CLI::App &app, runtime::EvalOptions &options) {
  app.add_option("--data", options.data, dataText)->type_name("PATH")->required();
  addWeights(app, options.weights);
  app.add_option("--tokenizer", options.tokenizer,
                 "char, bytes, or a FILE that holds one (default: that of the weights)")
      ->type_name("SPEC");
  app.add_option("--eval-batches", options.evalBatches, "batches; 0: the whole split")
      ->capture_default_str()
      ->type_name("N");
  addDeviceOptions(app, options.device);
  addProfile(app, options.profile);
}

void addBenchOptions(CLI::App &app, runtime::BenchOptions &options) {
  auto *serve =
      app.add_flag("--serve", options.serve,
                   "answer each line \"step\" on standard input with the time of one step");
  app.add_option("--steps", options.steps, "steps to time")
      ->capture_default_str()
      ->type_name("N")
      ->excludes(serve);
  app.add_option("--warmup", options.warmup, "steps before them")
      ->capture_default_str()
      ->type_name("N")
      ->excludes(serve);
  app.add_option("--data", options.data, "as of train (default: random inputs)")->type_name("PATH");
  app.add_option("--tokenizer", options.tokenizer, "char, bytes, or a FILE that holds one")
      ->type_name("SPEC");
  app.add_option("--seed", options.seed, "of weights and random inputs")
      ->capture_default_str()
      ->type_name("N");
  app.add_flag("--json", options.json, "print one JSON object")->excludes(serve);
  addDeviceOptions(app, options.device);
  addProfile(app, options.profile);
}

void addReplayOptions(CLI::App &app, runtime::ReplayOptions &options) {
  auto *serve =
      app.add_flag("--serve", options.serve,
                   "answer each line \"step\" on standard input with the time of one replay");
  app.add_option("--entry", options.entries,
                 "replay these entries' products; those of AdamW's memory if update is among them "
                 "(default: accumulate_first update, a step of one micro-batch)")
      ->type_name("NAME");
  app.add_option("--steps", options.steps, "replays to time")
      ->capture_default_str()
      ->type_name("N")
      ->excludes(serve);
  app.add_option("--warmup", options.warmup, "replays before them")
      ->capture_default_str()
      ->type_name("N")
      ->excludes(serve);
  app.add_option("--threads", options.threads,
                 "threads of the CPU (default: OMP_NUM_THREADS, else one a processor)")
      ->type_name("N");
  app.add_flag("--json", options.json, "print one JSON object")->excludes(serve);
}

void addInfoOptions(CLI::App &app, runtime::InfoOptions &options) {
  app.add_flag("--commands", options.commands,
               "list what each entry runs: kernels with the lines of the description, products");
  app.add_flag("--json", options.json, "print one JSON object");
}

void addConformanceOptions(CLI::App &app, runtime::ConformanceOptions &options) {
  app.add_option("--cases", options.cases,
                 "what tensors hold before and after each entry, with tolerances")
      ->type_name("FILE.safetensors")
      ->required();
  app.add_option("--repeat", options.repeat, "runs of each case, which must give the same bits")
      ->capture_default_str()
      ->type_name("N");
  app.add_flag("--json", options.json, "print one JSON object");
  addDeviceOptions(app, options.device);
}

} // namespace gptc::tools
