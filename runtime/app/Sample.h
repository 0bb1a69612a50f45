// The command `sample`: prints texts that a trained model continues.
#ifndef GPTC_RUNTIME_APP_SAMPLE_H
#define GPTC_RUNTIME_APP_SAMPLE_H

#include "runtime/app/Console.h"
#include "runtime/app/Options.h"
#include "runtime/plan/Plan.h"

namespace gptc::runtime {

Status sample(const Plan &plan, const SampleOptions &options, const Console &console);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_SAMPLE_H
