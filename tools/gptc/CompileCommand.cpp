// gptc compile: a description becomes a plan file.
#include "runtime/base/File.h"
#include "tools/gptc/Commands.h"
#include "tools/gptc/ModelOptions.h"

namespace gptc::tools {

using runtime::Status;

static Status compile(const CompileOptions &options, const std::string &output) {
  Compilation compilation(options);
  GPTC_RETURN_IF_ERROR(compilation.runTo(Stage::plan));
  std::fputs(compilation.warnings().c_str(), stderr);
  GPTC_ASSIGN(std::vector<char> bytes, compilation.emitPlan());
  return runtime::writeFileAtomically(output, std::as_bytes(std::span<const char>(bytes)));
}

Command addCompile(CLI::App &app) {
  auto options = std::make_shared<CompileOptions>();
  auto output = std::make_shared<std::string>();
  auto target = std::make_shared<std::string>("cpu");
  CLI::App *command = app.add_subcommand("compile", "compile a model into a plan file");
  addModelOptions(*command, *options);
  addOptimizerOption(*command, *options);
  command->add_option("-o,--output", *output, "the plan file to write")
      ->type_name("FILE.plan")
      ->required();
  command
      ->add_option("--target", *target,
                   "what the plan runs on: cpu, this machine's processor (default cpu)")
      ->check(CLI::IsMember({"cpu"}));
  command->footer(
      "Examples:\n"
      "  gptc compile models/gpt2.gpt --batch-size 4 --sequence-length 64 -o gpt2.plan\n"
      "  gptc run train gpt2.plan --data shards/ --steps 100");
  return {command, [=] { return reportFailure(compile(*options, *output)); }};
}

} // namespace gptc::tools
