// What a file of weights says about the run that wrote it: the model, its settings and tokenizer,
// and, in a checkpoint, where the run stood.
#ifndef GPTC_RUNTIME_APP_RUNMETADATA_H
#define GPTC_RUNTIME_APP_RUNMETADATA_H

#include "runtime/data/Safetensors.h"
#include "runtime/data/Tokenizer.h"
#include "runtime/plan/Plan.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace gptc::runtime {

struct RunMetadata {
  std::string model;
  std::string description;                            ///< the text of the model's description
  nlohmann::json settings = nlohmann::json::object(); ///< what the plan was compiled for
  std::shared_ptr<const Tokenizer> tokenizer;         ///< may be null

  struct Progress {
    int64_t step = 0;       ///< steps done
    nlohmann::json data;    ///< where the training batches stand
    nlohmann::json options; ///< TrainOptions::decisive()
  };
  std::optional<Progress> progress; ///< in checkpoints

  static RunMetadata of(const Plan &plan, std::shared_ptr<const Tokenizer> tokenizer);

  /// For a safetensors header: our own object as text under "gptc", and the "format" that other
  /// readers ask for.
  SafetensorsMetadata toSafetensors() const;
  /// Empty metadata for a file that another program wrote. Error dataError, naming the file, if
  /// what stands under "gptc" is not what toSafetensors writes.
  static Result<RunMetadata> read(const SafetensorsFile &file, const std::string &path);
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_RUNMETADATA_H
