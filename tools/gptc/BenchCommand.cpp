// gptc bench: fused against unfused, and the ladder of optimisations.
#include "gptc/Driver/Bench.h"

#include "tools/common/RuntimeOptions.h"
#include "tools/gptc/BenchPage.h"
#include "tools/gptc/Commands.h"
#include "tools/gptc/Figures.h"
#include "tools/gptc/ModelOptions.h"

#include "runtime/app/Outputs.h"
#include "runtime/base/File.h"
#include "runtime/execute/Memory.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gptc::tools {

using runtime::byteText;
using runtime::Result;
using runtime::Status;
using Side = FusionReport::Side;

namespace {
struct Output {
  bool json = false;
  std::string html;
  std::string only;
};
} // namespace

static nlohmann::ordered_json sideJson(const Side &side) {
  nlohmann::ordered_json json = {{"launches", side.launches}};
  addCost(json, side.cost);
  json["ms"] = side.milliseconds;
  return json;
}

static nlohmann::ordered_json fusionJson(const FusionReport &fusion) {
  nlohmann::ordered_json json;
  json["groups"] = nlohmann::json::array();
  for (const FusionReport::Group &group : fusion.groups)
    json["groups"].push_back({{"kernels", group.functions},
                              {"parts", group.parts},
                              {"operations", group.operations},
                              {"fused", sideJson(group.fused)},
                              {"unfused", sideJson(group.unfused)}});
  json["fused"] = sideJson(fusion.fused);
  json["unfused"] = sideJson(fusion.unfused);
  json["step"] = {{"fused_ms", fusion.step.base}, {"unfused_ms", fusion.step.other},
                  {"ratio", fusion.step.ratio},   {"low", fusion.step.low},
                  {"high", fusion.step.high},     {"pairs", fusion.step.pairs}};
  return json;
}

static nlohmann::ordered_json rungJson(const Rung &rung, const std::string &unit, bool first) {
  nlohmann::ordered_json json = {{"rung", rung.name}, {"adds", rung.adds}};
  if (!rung.skipped.empty()) {
    json["skipped"] = rung.skipped;
    return json;
  }
  json["ms"] = rung.milliseconds;
  json[unit + "_per_second"] = rung.unitsPerSecond;
  json["ratio"] = nullptr;
  if (!first)
    json["ratio"] = {{"faster", rung.ratio}, {"low", rung.low}, {"high", rung.high}};
  json["launches"] = rung.launches;
  addCost(json, rung.cost);
  json["peak_memory"] = rung.peakMemory;
  return json;
}

static void printJson(const BenchmarkReport &report) {
  nlohmann::ordered_json json = {{"model", report.model},
                                 {"target", report.target},
                                 {"configuration", report.configuration},
                                 {"roofline", roofJson(report.roof)}};
  if (report.fusion)
    json["fusion"] = fusionJson(*report.fusion);
  if (!report.ladder.empty()) {
    json["ladder"] = nlohmann::json::array();
    bool first = true;
    for (const Rung &rung : report.ladder) {
      json["ladder"].push_back(rungJson(rung, report.unit, first));
      first &= !rung.skipped.empty();
    }
  }
  printJsonText(json);
}

static std::string ratioText(const Side &fused, const Side &unfused) {
  return fused.milliseconds > 0 ? fmt::format("{:.2f}", unfused.milliseconds / fused.milliseconds)
                                : "";
}

static void printFusion(const FusionReport &fusion) {
  auto line = [](const std::string &ratio, const Side &fused, const Side &unfused,
                 size_t operations, const std::string &name) {
    fmt::print("{:>6}  {:>8}  {:>9}  {:>9}  {:>8}  {:>9}  {:>9}  {:>10}  {}\n", ratio,
               fused.launches, byteText(fused.cost.bytes()), millisecondText(fused.milliseconds),
               unfused.launches, byteText(unfused.cost.bytes()),
               millisecondText(unfused.milliseconds), operations ? std::to_string(operations) : "",
               name);
  };
  fmt::print("fused against a kernel for each operation\n");
  fmt::print("{:>6}  {:>8}  {:>9}  {:>9}  {:>8}  {:>9}  {:>9}  {:>10}  {}\n", "ratio", "launches",
             "bytes", "ms", "unfused:", "bytes", "ms", "operations", "kernels, and what for");
  for (const FusionReport::Group &group : fusion.groups) {
    std::string parts = fmt::format("{}", fmt::join(group.parts, ", "));
    line(ratioText(group.fused, group.unfused), group.fused, group.unfused, group.operations,
         fmt::format("{}{}", fmt::join(group.functions, " + "),
                     parts.empty() ? "" : " (" + parts + ")"));
  }
  line(ratioText(fusion.fused, fusion.unfused), fusion.fused, fusion.unfused, 0, "all commands");
  fmt::print(
      "a step: {} ms, unfused {} ms: {:.3f} times as long (90 % interval {:.3f} to {:.3f}, {} "
      "pairs)\n",
      millisecondText(fusion.step.base), millisecondText(fusion.step.other), fusion.step.ratio,
      fusion.step.low, fusion.step.high, fusion.step.pairs);
}

static void printLadder(const BenchmarkReport &report) {
  fmt::print("the ladder\n{:<20}  {:>9}  {:>10}  {:<24}  {:>8}  {:>9}  {:>8}  {:>11}  {}\n", "rung",
             "ms", report.unit + "/s", "faster (90 % interval)", "launches", "bytes", "FLOPs",
             "peak memory", "it adds");
  bool first = true;
  for (const Rung &rung : report.ladder) {
    if (!rung.skipped.empty()) {
      fmt::print("{:<20}  skipped: {}\n", rung.name, rung.skipped);
      continue;
    }
    fmt::print("{:<20}  {:>9}  {:>10.0f}  {:<24}  {:>8}  {:>9}  {:>8}  {:>11}  {}\n", rung.name,
               millisecondText(rung.milliseconds), rung.unitsPerSecond,
               first ? ""
                     : fmt::format("{:.3f} ({:.3f} to {:.3f})", rung.ratio, rung.low, rung.high),
               rung.launches, byteText(rung.cost.bytes()), countText(rung.cost.flops),
               byteText(rung.peakMemory), rung.adds);
    first = false;
  }
}

static void printText(const BenchmarkReport &report) {
  fmt::print("{} for {}: {}\n\n", report.model, report.target, report.configuration);
  if (report.fusion) {
    printFusion(*report.fusion);
    fmt::print("\n");
  }
  if (!report.ladder.empty()) {
    printLadder(report);
    fmt::print("\n");
  }
  printRoof(report.roof);
}

static Status bench(BenchmarkOptions options, const Output &output) {
  GPTC_RETURN_IF_ERROR(runtime::checkWritableFile("--html", output.html));
  GPTC_RETURN_IF_ERROR(useDevice(options.device, options.compile));
  options.kernels = output.only != "ladder";
  options.ladder = output.only != "kernels";
  ProgressLine progress;
  options.progress = [&](std::string_view what, size_t done, size_t total) {
    progress.show(what, done, total);
  };
  Result<BenchmarkReport> report = runBenchmark(options);
  progress.clear();
  if (!report.ok())
    return report.status();
  if (!output.html.empty())
    GPTC_RETURN_IF_ERROR(runtime::writeFileAtomically(output.html, benchPage(*report)));
  if (output.json)
    printJson(*report);
  else
    printText(*report);
  return Status::success();
}

Command addBench(CLI::App &app) {
  auto options = std::make_shared<BenchmarkOptions>();
  auto output = std::make_shared<Output>();
  CLI::App *command = app.add_subcommand(
      "bench", "fused against unfused, kernel by kernel and step by step, and the ladder of "
               "optimisations");
  addModelOptions(*command, options->compile);
  addOptimizerOption(*command, options->compile);
  command->add_option("--only", output->only, "kernels or ladder (default: both)")
      ->check(CLI::IsMember({"kernels", "ladder"}));
  command
      ->add_option("--runs", options->comparison.pairs,
                   "pairs of steps for each comparison (default 7)")
      ->check(CLI::Range(3, 1000))
      ->type_name("N");
  command
      ->add_option(
          "--time-limit", options->comparison.seconds,
          "seconds of timing for each comparison of steps: fewer pairs, though at least 3, if "
          "they take longer (default: no limit)")
      ->check(CLI::PositiveNumber)
      ->type_name("SECONDS");
  command->add_flag("--json", output->json, "print JSON");
  command->add_option("--html", output->html, "write a page with charts that stands alone")
      ->type_name("FILE");
  addDeviceOptions(*command, options->device);
  command->footer(
      "Each rung of the ladder adds to the one before: fp32 unfused, tf32, bf16, fused, flash\n"
      "attention, padded, fused optimizer; those of lower precision only up to --precision. Steps "
      "that\n"
      "are compared take turns; ratios are of medians. A group of kernels is what computes the "
      "same\n"
      "operations in both plans, over all layers.\n\n"
      "Examples:\n"
      "  gptc bench models/gpt2.gpt --preset small\n"
      "  gptc bench models/gpt2.gpt --batch-size 4 --sequence-length 64 --html bench.html\n"
      "  gptc bench models/mlp.gpt --only kernels --json");
  return {command, [=] { return reportFailure(bench(*options, *output)); }};
}

} // namespace gptc::tools
