// How long each command of a step takes.
#ifndef GPTC_LIB_DRIVER_COMMANDTIMES_H
#define GPTC_LIB_DRIVER_COMMANDTIMES_H

#include "runtime/app/StepTimer.h"

#include <vector>

namespace gptc {

/// A plan that is ready to train on random data.
runtime::Result<std::unique_ptr<runtime::StepTimer>>
startSteps(const runtime::Plan &plan, const runtime::DeviceOptions &device);

/// Milliseconds of each command, in order: medians of `steps` steps behind one that is not counted.
runtime::Result<std::vector<double>> timeCommands(runtime::StepTimer &timer, int steps);

} // namespace gptc

#endif // GPTC_LIB_DRIVER_COMMANDTIMES_H
