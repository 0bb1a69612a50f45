// Sampling.
#include "runtime/app/Sample.h"

#include "runtime/app/Checkpoint.h"
#include "runtime/app/Generate.h"
#include "runtime/execute/StepScalars.h"

#include <fmt/format.h>

namespace gptc::runtime {

namespace {

/// --tokenizer, else what came with the weights; null if there is none.
Result<std::shared_ptr<const Tokenizer>> chooseTokenizer(const SampleOptions &options,
                                                         const RunMetadata &metadata) {
  if (options.tokenizer.empty())
    return metadata.tokenizer;
  if (options.tokenizer == "char" && !metadata.tokenizer)
    return Status(Code::invalidArgument,
                  "--tokenizer char: its characters are those of a text; give the FILE that "
                  "holds them, or weights that were saved with it");
  if (options.tokenizer == "char")
    return metadata.tokenizer;
  return makeTokenizer(options.tokenizer, {});
}

} // namespace

Status sample(const Plan &plan, const SampleOptions &options, const Console &console) {
  GPTC_RETURN_IF_ERROR(options.validate());
  GPTC_RETURN_IF_ERROR(checkStepScalars(plan));
  GPTC_ASSIGN(Sampler sampler, Sampler::create({options.temperature, options.topK, options.seed}));
  GPTC_ASSIGN(WeightFile weights, WeightFile::open(options.weights));
  GPTC_ASSIGN(std::shared_ptr<const Tokenizer> tokenizer,
              chooseTokenizer(options, weights.metadata));

  std::vector<std::string> entries = {logitsEntry};
  GPTC_ASSIGN(Session session,
              Session::create(plan, entries, sessionOptions(options.device, console)));
  GPTC_ASSIGN(Generator generator, Generator::create(session));
  GPTC_ASSIGN(std::vector<int32_t> prompt,
              promptTokens(options.prompt, tokenizer.get(), generator.startsFromNothing()));
  GPTC_RETURN_IF_ERROR(loadTensors(session, weights.file, weights.path, TensorSet::weights));

  int64_t limit = tokenizer ? tokenizer->vocabSize() : generator.vocabSize();
  auto samples = generator.generate(prompt, options.count, options.maxTokens, limit, sampler);
  if (!samples.ok())
    return samples.status();
  for (size_t i = 0; i < samples->size(); ++i) {
    std::string text = options.prompt + tokensText((*samples)[i], tokenizer.get());
    console.out(options.count == 1
                    ? text
                    : fmt::format("--- sample {} of {} ---\n{}", i + 1, options.count, text));
  }
  return {};
}

} // namespace gptc::runtime
