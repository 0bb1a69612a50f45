// gptc compile: a description becomes a plan file.
#include "runtime/base/File.h"
#include "tools/gptc/Commands.h"
#include "tools/gptc/ModelOptions.h"

#include <fmt/format.h>

namespace gptc::tools {

using runtime::Code;
using runtime::Status;

static void printResources(const Compilation &compilation) {
  fmt::print("{:>9}  {:>12}  {:>11}  {}\n", "registers", "shared bytes", "spill bytes", "kernel");
  for (const runtime::cuda::KernelResources &kernel : compilation.resources())
    fmt::print("{:>9}  {:>12}  {:>11}  {}\n", kernel.registers, kernel.sharedBytes,
               kernel.spillStoreBytes + kernel.spillLoadBytes, kernel.kernel);
}

static Status compile(CompileOptions options, const std::string &output, bool resources) {
  if (resources && !options.target.starts_with("cuda:"))
    return {Code::invalidArgument,
            "--resources: required an architecture to compile for, as --target cuda:sm_90a"};
  options.note = [](std::string_view text) { fmt::print(stderr, "{}\n", text); };
  Compilation compilation(options);
  GPTC_RETURN_IF_ERROR(compilation.runTo(Stage::plan));
  std::fputs(compilation.warnings().c_str(), stderr);
  GPTC_ASSIGN(std::vector<char> bytes, compilation.emitPlan());
  GPTC_RETURN_IF_ERROR(
      runtime::writeFileAtomically(output, std::as_bytes(std::span<const char>(bytes))));
  if (resources)
    printResources(compilation);
  return Status::success();
}

Command addCompile(CLI::App &app) {
  auto options = std::make_shared<CompileOptions>();
  auto output = std::make_shared<std::string>();
  auto verbose = std::make_shared<bool>(false);
  CLI::App *command = app.add_subcommand("compile", "compile a model into a plan file");
  addModelOptions(*command, *options);
  addOptimizerOption(*command, *options);
  addMemoryBudgetOption(*command, *options);
  command->add_option("-o,--output", *output, "the plan file to write")
      ->type_name("FILE.plan")
      ->required();
  addTargetOption(*command, *options);
  command->add_flag(
      "--resources", *verbose,
      "with --target cuda:sm_...: print the registers, shared memory and spilled bytes "
      "of each kernel");
  command->footer(
      "Examples:\n"
      "  gptc compile models/gpt2.gpt --batch-size 4 --sequence-length 64 -o gpt2.plan\n"
      "  gptc compile models/gpt2.gpt --batch-size 64 --target cuda:sm_90a -o gpt2.plan\n"
      "  gptc run train gpt2.plan --data shards/ --steps 100");
  return {command, [=] { return reportFailure(compile(*options, *output, *verbose)); }};
}

} // namespace gptc::tools
