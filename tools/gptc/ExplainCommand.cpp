// gptc explain: the kernels of a training step, or one of them.
#include "gptc/Driver/Explain.h"

#include "tools/common/RuntimeOptions.h"
#include "tools/gptc/Commands.h"
#include "tools/gptc/Figures.h"
#include "tools/gptc/ModelOptions.h"

#include "runtime/execute/Memory.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gptc::tools {

using runtime::byteText;
using runtime::Result;

static nlohmann::ordered_json toJson(const KernelReport &kernel, const Roofline &roof) {
  nlohmann::ordered_json json = {{"name", kernel.name},          {"schedule", kernel.schedule},
                                 {"entries", kernel.entries},    {"parts", kernel.parts},
                                 {"products", kernel.products},  {"launches", kernel.launches},
                                 {"instances", kernel.instances}};
  addCost(json, kernel.cost);
  json["ms"] = numberOrNull(kernel.milliseconds);
  json["share_of_roofline"] = numberOrNull(shareOfRoof(roof, kernel.cost, kernel.milliseconds));
  json["bound_by"] = roof.known() ? nlohmann::ordered_json(boundBy(roof, kernel.cost)) : nullptr;
  return json;
}

static nlohmann::ordered_json detailsJson(const KernelReport &kernel) {
  nlohmann::ordered_json json;
  json["lines"] = nlohmann::json::array();
  for (const KernelReport::Line &line : kernel.lines)
    json["lines"].push_back({{"file", line.file}, {"line", line.line}, {"text", line.text}});
  json["operations"] = kernel.operations;
  json["reasons"] = nlohmann::json::array();
  for (const KernelReport::Reason &reason : kernel.reasons)
    json["reasons"].push_back({{"pass", reason.pass},
                               {"remark", reason.name},
                               {"declined", reason.declined},
                               {"text", reason.text},
                               {"times", reason.times}});
  json["source_form"] = kernel.sourceForm;
  json["source"] = kernel.source;
  return json;
}

static void printJson(const ExplainReport &report, bool details) {
  nlohmann::ordered_json json = {{"model", report.model}, {"target", report.device}};
  json["roofline"] = roofJson(report.roof);
  json["kernels"] = nlohmann::json::array();
  for (const KernelReport &kernel : report.kernels) {
    json["kernels"].push_back(toJson(kernel, report.roof));
    if (details)
      json["kernels"].back().update(detailsJson(kernel));
  }
  nlohmann::ordered_json total = {{"kernels", report.functions}, {"launches", report.launches}};
  addCost(total, report.total);
  total["ms"] = numberOrNull(report.milliseconds);
  total["peak_memory"] = report.peakMemory;
  json["step"] = std::move(total);
  printJsonText(json);
}

static std::string shareText(const Roofline &roof, const Cost &cost,
                             std::optional<double> milliseconds) {
  std::optional<double> share = shareOfRoof(roof, cost, milliseconds);
  return share ? fmt::format("{:.0f} % {}", 100 * *share, boundBy(roof, cost)) : "";
}

/// All kernels of a step, or those at one place.
static void printTable(const ExplainReport &report, const std::string &at) {
  size_t width = 6;
  for (const KernelReport &kernel : report.kernels)
    width = std::max(width, kernel.name.size());
  fmt::print("{:<{}}  {:>8}  {:>9}  {:>10}  {:>9}  {:<12}  {}\n", "kernel", width, "launches",
             "bytes", "FLOPs", "ms", "of roofline", "for");
  for (const KernelReport &kernel : report.kernels)
    fmt::print("{:<{}}  {:>8}  {:>9}  {:>10}  {:>9}  {:<12}  {}{}\n", kernel.name, width,
               kernel.launches, byteText(kernel.cost.bytes()), countText(kernel.cost.flops),
               millisecondText(kernel.milliseconds),
               shareText(report.roof, kernel.cost, kernel.milliseconds),
               fmt::join(kernel.parts, ", "), kernel.products.empty() ? "" : ", behind a product");
  auto total = [&](const std::string &name, size_t launches, const Cost &cost,
                   std::optional<double> milliseconds) {
    fmt::print("{:<{}}  {:>8}  {:>9}  {:>10}  {:>9}  {:<12}\n", name, width, launches,
               byteText(cost.bytes()), countText(cost.flops), millisecondText(milliseconds),
               shareText(report.roof, cost, milliseconds));
  };
  if (!at.empty()) {
    size_t launches = 0;
    Cost cost;
    std::optional<double> milliseconds;
    for (const KernelReport &kernel : report.kernels) {
      launches += kernel.launches;
      cost += kernel.cost;
      if (kernel.milliseconds)
        milliseconds = milliseconds.value_or(0) + *kernel.milliseconds;
    }
    total("these", launches, cost, milliseconds);
  }
  total("a step", report.launches, report.total, report.milliseconds);
  fmt::print("\n{} different kernels; {} of memory\n", report.functions,
             byteText(report.peakMemory));
  printRoof(report.roof);
}

static void printKernel(const ExplainReport &report) {
  const KernelReport &kernel = report.kernels.front();
  fmt::print("{}\n", kernel.name);
  auto field = [](const char *name, const std::string &text) {
    if (!text.empty())
      fmt::print("  {:<10} {}\n", name, text);
  };
  field("schedule", kernel.schedule);
  field("for", fmt::format("{}", fmt::join(kernel.parts, ", ")));
  field("in", fmt::format("{}", fmt::join(kernel.entries, ", ")));
  field("behind", fmt::format("{}", fmt::join(kernel.products, ", ")));
  field("launches", fmt::format("{} a step, {} instances", kernel.launches, kernel.instances));
  field("moves", fmt::format("{} bytes read, {} written", kernel.cost.read, kernel.cost.written));
  field("computes", fmt::format("{} FLOPs", kernel.cost.flops));
  if (kernel.milliseconds)
    field("takes",
          fmt::format("{} ms a step{}", millisecondText(kernel.milliseconds),
                      report.roof.known()
                          ? ", at the roof " +
                                millisecondText(report.roof.milliseconds(kernel.cost)) + ": " +
                                shareText(report.roof, kernel.cost, kernel.milliseconds)
                          : ""));
  fmt::print("\nlines of the description:\n");
  for (const KernelReport::Line &line : kernel.lines)
    fmt::print("  {:<28} {}\n", fmt::format("{}:{}", line.file, line.line), line.text);
  if (!kernel.operations.empty()) {
    fmt::print("\noperations:\n");
    for (const std::string &operation : kernel.operations)
      fmt::print("  {}\n", operation);
  }
  fmt::print("\nwhat passes told of them:\n");
  if (kernel.reasons.empty())
    fmt::print("  nothing: no pass had to decide anything here\n");
  for (const KernelReport::Reason &reason : kernel.reasons)
    fmt::print("  {:<24} {}{}{}{}\n", reason.pass, reason.declined ? "declined: " : "", reason.name,
               reason.text.empty() ? "" : ": " + reason.text,
               reason.times > 1 ? fmt::format(" ({} times)", reason.times) : "");
  if (kernel.source.empty())
    fmt::print("\nsource: none, {}\n", kernel.schedule == "product"
                                           ? "tiles that all generated products share compute it"
                                           : "a library computes it");
  else
    fmt::print("\nsource ({}):\n{}", kernel.sourceForm == "cuda" ? "CUDA C++" : "MLIR",
               kernel.source);
  fmt::print("\n");
  printRoof(report.roof);
}

static int runExplain(ExplainOptions options, bool json) {
  if (runtime::Status status = useDevice(options.device, options.compile); !status.ok())
    return reportFailure(status);
  ProgressLine progress;
  options.progress = [&](std::string_view what) { progress.show(what); };
  Result<ExplainReport> report = explain(options);
  progress.clear();
  if (!report.ok())
    return reportFailure(report.status());
  if (json)
    printJson(*report, !options.kernel.empty());
  else if (options.kernel.empty())
    printTable(*report, options.at);
  else
    printKernel(*report);
  return 0;
}

Command addExplain(CLI::App &app) {
  auto options = std::make_shared<ExplainOptions>();
  auto json = std::make_shared<bool>(false);
  CLI::App *command = app.add_subcommand(
      "explain", "the kernels of a training step: what they compute, move and take, and why");
  addModelOptions(*command, options->compile);
  addOptimizerOption(*command, options->compile);
  command
      ->add_option("kernel", options->kernel,
                   "a kernel by its name, or a part of it: its lines in the description, its "
                   "operations, what passes told of them, its source")
      ->type_name("KERNEL");
  command
      ->add_option("--at", options->at,
                   "only kernels that work for this part of the model, as mlp or h.*.mlp, or that "
                   "come from this line of the description, as 42, or of another file, as "
                   "FILE.gpt:42")
      ->check([](const std::string &text) {
        return std::string(text.empty() ? "required a part" : "");
      })
      ->type_name("PART|LINE")
      ->excludes(command->get_option("kernel"));
  command->add_flag_callback(
      "--no-run", [options] { options->run = false; }, "measure nothing");
  command->add_option("--runs", options->runs, "steps, whose median counts (default 5)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  command->add_flag("--json", *json, "print JSON");
  addDeviceOptions(*command, options->device);
  command->footer(
      "Bytes are those of operands that a kernel touches, each once; FLOPs those of float32. The\n"
      "roofline is the time in which this machine's memory moves the bytes, or its units do the\n"
      "arithmetic, whichever is longer; it is measured before. Kernels whose operands lie in the\n"
      "caches can be faster than memory.\n\n"
      "Examples:\n"
      "  gptc explain models/gpt2.gpt --preset small\n"
      "  gptc explain models/gpt2.gpt --preset small --no-run --json\n"
      "  gptc explain models/gpt2.gpt --preset small --at mlp\n"
      "  gptc explain models/gpt2.gpt --preset small \"matmul 128 x 512 x 256\"");
  return {command, [=] { return runExplain(*options, *json); }};
}

} // namespace gptc::tools
