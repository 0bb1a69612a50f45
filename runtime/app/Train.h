// The command `train`.
//
// Evaluations, samples and checkpoints belong to a number of steps done: at n, before step n is
// run, a due checkpoint has been written (after step n - 1), then the model is evaluated and
// sampled. A run that is resumed at n therefore begins with the same evaluation, and its log
// continues as if it had never ended.
#ifndef GPTC_RUNTIME_APP_TRAIN_H
#define GPTC_RUNTIME_APP_TRAIN_H

#include "runtime/app/Console.h"
#include "runtime/app/Dataset.h"
#include "runtime/app/Options.h"

namespace gptc::runtime {

/// Loads the data that the options name, with the tokenizer of the weights that they start from if
/// there is one.
Result<Dataset> loadTrainingData(const TrainOptions &options);

/// Trains. `whatWouldFit` as in SessionOptions. Whatever can be wrong with options, files and
/// outputs is found before the first step. An interrupted run (Ctrl-C) ends well after the step it
/// is in.
Status train(const Plan &plan, const TrainOptions &options, Dataset data, const Console &console,
             std::function<std::string(uint64_t availableBytes)> whatWouldFit = {});

/// The same with data loaded here.
Status train(const Plan &plan, const TrainOptions &options, const Console &console);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_TRAIN_H
