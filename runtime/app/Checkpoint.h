// Checkpoints: one safetensors file each, with weights, states and moments under their logical
// names and the run's progress in its metadata. A file appears whole or not at all.
#ifndef GPTC_RUNTIME_APP_CHECKPOINT_H
#define GPTC_RUNTIME_APP_CHECKPOINT_H

#include "runtime/app/Options.h"
#include "runtime/app/RunMetadata.h"
#include "runtime/app/Weights.h"

namespace gptc::runtime {

/// FOLDER/step-00001234.safetensors.
std::string checkpointPath(const std::string &folder, int64_t step);

/// The highest step of the folder's checkpoints; none if it has none (or does not exist).
std::optional<int64_t> latestCheckpoint(const std::string &folder);

/// The file that a path stands for: itself, or of a folder the latest checkpoint. Error notFound.
Result<std::string> findCheckpoint(const std::string &path);

/// A file of weights, opened.
struct WeightFile {
  std::string path;
  SafetensorsFile file;
  RunMetadata metadata;

  static Result<WeightFile> open(const std::string &path);
  /// The file that the options name.
  static Result<WeightFile> open(const WeightOptions &options);
};

/// Opens what --resume stands for (`resume` is set). Error dataError if it is no checkpoint.
Result<WeightFile> openResume(const TrainOptions &options);

/// The tokenizer that comes with the weights a training run starts from; null if none does.
Result<std::shared_ptr<const Tokenizer>> startingTokenizer(const TrainOptions &options);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_CHECKPOINT_H
