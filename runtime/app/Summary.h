// What is printed about a run before its first step.
#ifndef GPTC_RUNTIME_APP_SUMMARY_H
#define GPTC_RUNTIME_APP_SUMMARY_H

#include "runtime/app/Console.h"
#include "runtime/app/Dataset.h"
#include "runtime/app/ModelInputs.h"

namespace gptc::runtime {

/// Model and parameters; memory by segment, in bytes as allocated; device and threads; what a step
/// consumes; data, and for tokens the entropies that a loss is to be held against.
void printSummary(const Session &session, const ModelInputs &inputs, const Dataset &data,
                  int64_t accumulationSteps, const Console &console);

/// The most memory that this process has had resident, in bytes.
uint64_t peakResidentBytes();

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_SUMMARY_H
