// What a user can ask of a run, with its defaults. The flags that set it are in
// tools/common/RuntimeOptions.h.
#ifndef GPTC_RUNTIME_APP_OPTIONS_H
#define GPTC_RUNTIME_APP_OPTIONS_H

#include "runtime/app/Console.h"
#include "runtime/data/Order.h"
#include "runtime/execute/Session.h"
#include "runtime/train/Schedule.h"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace gptc::runtime {

struct TrainOptions {
  std::string data;
  std::string tokenizer; ///< "": the checkpoint's, else char for text
  int64_t steps = 1000;
  int64_t totalBatchSize = 0; ///< tokens (or examples) in a step; 0: one micro-batch
  double learningRate = 6e-4;
  std::optional<double> minLearningRate; ///< default: a tenth of learningRate
  int64_t warmupSteps = 0;
  std::optional<int64_t> decaySteps; ///< default: steps
  double weightDecay = 0.1;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double clipNorm = 1; ///< 0: no clipping
  uint64_t seed = 42;
  Shuffle shuffle = Shuffle::none;
  std::string init;                  ///< weights to start from
  std::string save;                  ///< where to write the weights at the end
  std::string checkpointDir;         ///< "": no checkpoints
  int64_t checkpointEvery = 0;       ///< steps; 0: at the end only
  std::optional<std::string> resume; ///< a checkpoint, or a folder of them; "": checkpointDir
  std::optional<int64_t> evalEvery;  ///< steps; 0: never; default 250
  int64_t evalBatches = 20;          ///< 0: the whole split
  int64_t sampleEvery = 0;           ///< steps; 0: never
  std::string prompt;
  std::string log;
  DeviceOptions device;
  std::string profile;

  Schedule schedule() const;
  /// invalidArgument, naming the flag, for what makes no sense.
  Status validate() const;
  /// Those that decide what a run computes, by the names of their flags; a checkpoint keeps them.
  nlohmann::json decisive() const;
};

/// Where weights come from: at most one of the two.
struct WeightOptions {
  std::string checkpoint; ///< a checkpoint, or a folder of them
  std::string init;       ///< a safetensors file with the weights
};

struct SampleOptions {
  WeightOptions weights;
  std::string tokenizer; ///< "": that of the weights' file
  std::string prompt;
  int64_t count = 5;
  int64_t maxTokens = 30;
  int64_t topK = 50;
  double temperature = 1;
  uint64_t seed = 42;
  DeviceOptions device;

  Status validate() const;
};

struct EvalOptions {
  WeightOptions weights;
  std::string data;
  std::string tokenizer;   ///< "": that of the weights' file, else char for text
  int64_t evalBatches = 0; ///< 0: the whole split
  DeviceOptions device;
  std::string profile;

  Status validate() const;
};

struct BenchOptions {
  std::string data; ///< "": random inputs
  std::string tokenizer;
  int64_t steps = 20;
  int64_t warmup = 3; ///< steps that are run first and not counted
  uint64_t seed = 42;
  bool serve = false;
  bool json = false;
  DeviceOptions device;
  std::string profile;

  Status validate() const;
};

struct ReplayOptions {
  std::vector<std::string> entries; ///< empty: those of a step of one micro-batch
  int64_t steps = 10;
  int64_t warmup = 2; ///< replays that are run first and not counted
  int threads = 0;    ///< 0: the pool's own choice
  bool serve = false;
  bool json = false;

  Status validate() const;
};

struct InfoOptions {
  bool json = false;
  bool commands = false; ///< also list the commands of each entry
};

struct ConformanceOptions {
  std::string cases;  ///< a file of values before and after each entry
  int64_t repeat = 1; ///< runs of each case; all must give the same bits
  bool json = false;
  DeviceOptions device;

  Status validate() const;
};

/// Those of a session on that device, whose notes go to the console.
SessionOptions sessionOptions(const DeviceOptions &device, const Console &console);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_OPTIONS_H
