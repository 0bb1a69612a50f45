// The commands that take a plan file: of gptc-run, and of `gptc run`.
#ifndef GPTC_TOOLS_COMMON_RUNCOMMANDS_H
#define GPTC_TOOLS_COMMON_RUNCOMMANDS_H

#include "runtime/app/Options.h"
#include "runtime/base/Status.h"

#include <CLI/CLI.hpp>

namespace gptc::tools {

class RunCommands {
public:
  /// Adds train, sample, eval, bench, replay, info and conformance to `app`; `program` is how a
  /// user calls it, for the examples in the help. The object must outlive the app and stay where it
  /// is.
  void addTo(CLI::App &app, const std::string &program);
  /// Runs the command that was parsed.
  runtime::Status run() const;

private:
  CLI::App *add(CLI::App &app, const std::string &name, const std::string &text,
                const std::string &examples);

  std::string plan_;
  runtime::TrainOptions train_;
  runtime::SampleOptions sample_;
  runtime::EvalOptions eval_;
  runtime::BenchOptions bench_;
  runtime::ReplayOptions replay_;
  runtime::InfoOptions info_;
  runtime::ConformanceOptions conformance_;
  std::string chosen_;
};

} // namespace gptc::tools

#endif // GPTC_TOOLS_COMMON_RUNCOMMANDS_H
