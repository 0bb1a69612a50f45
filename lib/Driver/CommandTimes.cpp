// Profiles of a few steps, command by command.
#include "CommandTimes.h"

#include "Statistics.h"

using namespace gptc;
using runtime::ModelInputs;
using runtime::Profile;
using runtime::Result;
using runtime::Status;
using runtime::StepTimer;

Result<std::unique_ptr<StepTimer>> gptc::startSteps(const runtime::Plan &plan,
                                                    const runtime::DeviceOptions &device) {
  GPTC_ASSIGN(ModelInputs inputs, ModelInputs::of(plan));
  return StepTimer::create(plan, std::move(inputs), nullptr, /*seed=*/42, {.device = device});
}

Result<std::vector<double>> gptc::timeCommands(StepTimer &timer, int steps) {
  std::vector<std::vector<double>> times;
  for (int i = -1; i < steps; ++i) {
    Profile profile;
    GPTC_ASSIGN(StepTimer::Measured measured, timer.step(&profile));
    (void)measured;
    if (i < 0)
      continue;
    std::vector<double> seconds = profile.durations();
    times.resize(seconds.size());
    for (size_t command = 0; command < seconds.size(); ++command)
      times[command].push_back(1e3 * seconds[command]);
  }
  std::vector<double> medians;
  for (std::vector<double> &command : times)
    medians.push_back(medianOf(command));
  return medians;
}
