// gptc verify: each pass, proved numerically on this model.
#include "gptc/Driver/Verify.h"

#include "tools/common/ExitCode.h"
#include "tools/gptc/Commands.h"
#include "tools/gptc/ModelOptions.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <unistd.h>

namespace gptc::tools {

using runtime::Result;
using runtime::Status;

static void printTable(const VerifyReport &report) {
  fmt::print("{}: {}\n{} parameters\n\n", report.model, report.configuration, report.parameters);
  size_t passWidth = 4, worstWidth = 12;
  for (const VerifyReport::Row &row : report.rows) {
    passWidth = std::max(passWidth, row.pass.size());
    worstWidth = std::max(worstWidth, row.worst.size());
  }
  fmt::print("{:<{}}  {:>7}  {:<{}}  {:>12}\n", "pass", passWidth, "tensors", "worst tensor",
             worstWidth, "error/budget");
  for (const VerifyReport::Row &row : report.rows) {
    if (!row.changed) {
      fmt::print("{:<{}}  {:>7}  {:<{}}  {:>12}  unchanged\n", row.pass, passWidth, "", "",
                 worstWidth, "");
      continue;
    }
    fmt::print("{:<{}}  {:>7}  {:<{}}  {:>12}  {}\n", row.pass, passWidth, row.tensors,
               row.error == 0 ? "" : row.worst, worstWidth,
               row.bits && row.ok() ? "same bits" : fmt::format("{:.2g}", row.ratio()),
               row.ok() ? "ok" : "FAILED");
  }
}

static void printFailure(const VerifyReport::Failure &failure) {
  std::string text =
      failure.tensor.empty()
          ? fmt::format("\n{}: what it leaves does not run: {}\n", failure.pass, failure.reason)
          : fmt::format("\n{}: {} is off by {:.3g}, allowed is {:.3g}\n", failure.pass,
                        failure.tensor, failure.error, failure.budget);
  for (const std::string &line : failure.range)
    text += "  " + line + "\n";
  std::fflush(stdout);
  std::fputs(text.c_str(), stderr);
}

static nlohmann::ordered_json toJson(const VerifyReport &report) {
  nlohmann::ordered_json json = {{"model", report.model},
                                 {"configuration", report.configuration},
                                 {"parameters", report.parameters},
                                 {"ok", !report.failure},
                                 {"seconds", report.seconds}};
  for (const VerifyReport::Row &row : report.rows)
    json["passes"].push_back({{"pass", row.pass},
                              {"changed", row.changed},
                              {"tensors", row.tensors},
                              {"worst", row.worst},
                              {"error", row.error},
                              {"budget", row.budget},
                              {"bits", row.bits},
                              {"ok", row.ok()}});
  if (report.failure)
    json["failure"] = {{"pass", report.failure->pass},     {"tensor", report.failure->tensor},
                       {"error", report.failure->error},   {"budget", report.failure->budget},
                       {"reason", report.failure->reason}, {"range", report.failure->range}};
  return json;
}

/// Redraws one line on a terminal; in a pipe there is none.
static std::function<void(std::string_view, size_t, size_t)> progressLine() {
  if (!isatty(STDERR_FILENO))
    return {};
  return [](std::string_view what, size_t done, size_t total) {
    constexpr size_t width = 30;
    size_t filled = width * done / total;
    fmt::print(stderr, "\r\033[K[{:=<{}}{:<{}}] {}/{} {}", "", filled, "", width - filled, done + 1,
               total, what);
    std::fflush(stderr);
  };
}

static int runVerify(VerifyOptions options, bool json) {
  if (options.device.starts_with("cuda"))
    options.compile.target = "cuda"; // what is compiled for a GPU differs: widths, tf32
  const auto &budget = options.compile.memoryBudget;
  if (budget && budget->kind == MemoryBudget::Kind::bytes && !options.full)
    return reportFailure({runtime::Code::invalidArgument,
                          "--memory-budget: of the small configuration that is verified required "
                          "a share, as 75%, or min; or --full"});
  options.progress = progressLine();
  Result<VerifyReport> report = verify(options);
  if (options.progress)
    std::fputs("\r\033[K", stderr);
  if (!report.ok())
    return reportFailure(report.status());
  if (json)
    fmt::print("{}\n", toJson(*report).dump(2));
  else
    printTable(*report);
  if (report->failure) {
    printFailure(*report->failure);
    return 1;
  }
  if (!json)
    fmt::print("\nall passes verified in {:.1f} s\n", report->seconds);
  return 0;
}

Command addVerify(CLI::App &app) {
  auto options = std::make_shared<VerifyOptions>();
  auto json = std::make_shared<bool>(false);
  CLI::App *command = app.add_subcommand(
      "verify", "prove each pass of the compiler on a model, by numbers: exit code 1 names the "
                "pass, the tensor and the operations");
  addModelOptions(*command, options->compile);
  addOptimizerOption(*command, options->compile);
  addMemoryBudgetOption(*command, options->compile);
  command->add_flag("--full", options->full,
                    "the configuration as it is; else a small one of the same model is found");
  command->add_option("--seed", options->seed, "of the numbers that all is run on (default 1)");
  command
      ->add_option("--device", options->device,
                   "where the plan runs: cpu, cuda or cuda:N (default cpu)")
      ->type_name("NAME");
  command->add_option("--threads", options->threads, "of the CPU (default: all)")
      ->check(CLI::PositiveNumber);
  command->add_flag("--json", *json, "print JSON");
  command->footer("Examples:\n"
                  "  gptc verify models/gpt2.gpt\n"
                  "  gptc verify models/gpt2.gpt --set dropout=0.1 --seed 2\n"
                  "  gptc verify models/mlp.gpt --full --optimizer sgd --json\n"
                  "  gptc verify models/modern_gpt.gpt --device cuda");
  return {command, [=] { return runVerify(*options, *json); }};
}

} // namespace gptc::tools
