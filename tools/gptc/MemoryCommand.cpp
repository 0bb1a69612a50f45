// gptc memory: what a run will allocate, exactly, before it runs.
#include "gptc/Driver/Memory.h"

#include "runtime/execute/Memory.h"
#include "tools/gptc/Commands.h"
#include "tools/gptc/ModelOptions.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gptc::tools {

using runtime::Status;

namespace {
struct MemoryOptions {
  bool json = false;
  uint64_t limit = 0;
};
} // namespace

static Status memory(const CompileOptions &compile, const MemoryOptions &options) {
  Compilation compilation(compile);
  GPTC_RETURN_IF_ERROR(compilation.runTo(Stage::plan));
  std::fputs(compilation.warnings().c_str(), stderr);
  MemoryReport report = reportMemory(compilation.module());
  std::optional<int64_t> fits;
  if (options.limit) {
    GPTC_ASSIGN(int64_t batch, largestBatch(compile, options.limit));
    fits = batch;
  }
  if (options.json) {
    nlohmann::ordered_json json = {{"total", report.total}};
    for (const auto &segment : report.segments)
      json["segments"][segment.name] = segment.bytes;
    for (const auto &entry : report.transient)
      json["transient"][entry.name] = entry.bytes;
    if (fits)
      json["largest_batch"] = *fits;
    fmt::print("{}\n", json.dump(2));
    return Status::success();
  }
  auto line = [](const std::string &name, uint64_t bytes) {
    fmt::print("{:<22}{:>16} bytes  {}\n", name, bytes, runtime::byteText(bytes));
  };
  for (const auto &segment : report.segments)
    line(segment.name, segment.bytes);
  line("total", report.total);
  fmt::print("\ntransient, by entry:\n");
  for (const auto &entry : report.transient)
    line("  " + entry.name, entry.bytes);
  if (fits && *fits > 0)
    fmt::print("\nlargest batch in {}: --batch-size {}\n", runtime::byteText(options.limit), *fits);
  else if (fits)
    fmt::print("\nnot even --batch-size 1 fits into {}\n", runtime::byteText(options.limit));
  return Status::success();
}

Command addMemory(CLI::App &app) {
  auto compile = std::make_shared<CompileOptions>();
  auto options = std::make_shared<MemoryOptions>();
  CLI::App *command =
      app.add_subcommand("memory", "the memory that training will take, before it starts");
  addModelOptions(*command, *compile);
  addOptimizerOption(*command, *compile);
  command->add_flag("--json", options->json, "print JSON");
  command
      ->add_option("--fit", options->limit, "also the largest batch that fits into this, as 16GiB")
      ->transform(CLI::AsSizeValue(false));
  command->footer("Examples:\n"
                  "  gptc memory models/gpt2.gpt --batch-size 4 --sequence-length 1024\n"
                  "  gptc memory models/gpt2.gpt --sequence-length 64 --fit 8GiB");
  return {command, [=] { return reportFailure(memory(*compile, *options)); }};
}

} // namespace gptc::tools
