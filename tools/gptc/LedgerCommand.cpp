// gptc ledger: what each pass buys, as a table, Markdown or JSON.
#include "gptc/Driver/Ledger.h"
#include "gptc/Pipelines/PassTable.h"

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

namespace {
enum class Form { text, markdown, json };
using Row = LedgerReport::Row;
using Declined = LedgerReport::Declined;
} // namespace

static nlohmann::ordered_json figuresJson(const PlanFigures &figures) {
  nlohmann::ordered_json json = {{"kernels", figures.kernels}, {"launches", figures.launches}};
  addCost(json, figures.cost);
  json["peak_memory"] = figures.peakMemory;
  return json;
}

static nlohmann::ordered_json declinedJson(const Row &row) {
  nlohmann::ordered_json list = nlohmann::json::array();
  for (const Declined &declined : row.declined)
    list.push_back({{"what", declined.what},
                    {"reason", declined.reason},
                    {"times", declined.times},
                    {"bytes", declined.bytes},
                    {"ms", numberOrNull(declined.milliseconds)}});
  return list;
}

static void printJson(const LedgerReport &report) {
  nlohmann::ordered_json json = {{"model", report.model},
                                 {"target", report.target},
                                 {"configuration", report.configuration},
                                 {"roofline", roofJson(report.roof)}};
  json["plan"] = figuresJson(report.plan);
  json["plan"]["ms"] = numberOrNull(report.milliseconds);
  json["passes"] = nlohmann::json::array();
  for (const Row &row : report.rows) {
    nlohmann::ordered_json pass = {{"pass", row.pass}, {"buys", row.buys}, {"on", row.on}};
    if (!row.on)
      pass["why_off"] = row.why;
    if (!row.problem.empty()) {
      pass["problem"] = row.problem;
    } else {
      pass["changes"] = row.changes;
      pass[row.on ? "without" : "with"] = figuresJson(row.other);
    }
    pass["time"] = nullptr;
    if (row.time)
      pass["time"] = {{"ms", row.time->other},    {"plan_ms", row.time->base},
                      {"ratio", row.time->ratio}, {"low", row.time->low},
                      {"high", row.time->high},   {"pairs", row.time->pairs}};
    pass["declined"] = declinedJson(row);
    json["passes"].push_back(std::move(pass));
  }
  printJsonText(json);
}

namespace {
/// Rows of cells, printed as text in columns or as Markdown.
class Table {
public:
  Table(Form form, std::vector<std::string> heads) : form(form) {
    rows.push_back(std::move(heads));
  }
  void add(std::vector<std::string> cells) { rows.push_back(std::move(cells)); }
  void print() const;

private:
  Form form;
  std::vector<std::vector<std::string>> rows;
};
} // namespace

void Table::print() const {
  std::vector<size_t> widths(rows.front().size());
  for (const std::vector<std::string> &row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  for (size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (size_t i = 0; i < rows[r].size(); ++i)
      line += form == Form::markdown    ? fmt::format("| {} ", rows[r][i])
              : i + 1 == rows[r].size() ? rows[r][i]
                                        : fmt::format("{:<{}}  ", rows[r][i], widths[i]);
    if (form == Form::markdown)
      line += "|";
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
    if (r == 0 && form == Form::markdown) {
      for (size_t i = 0; i < rows[r].size(); ++i)
        fmt::print("| --- ");
      fmt::print("|\n");
    }
  }
}

static std::string ratioText(const std::optional<StepComparison> &time) {
  return time ? fmt::format("{:.3f} ({:.3f} to {:.3f})", time->ratio, time->low, time->high) : "";
}

static std::vector<std::string> figureCells(const PlanFigures &figures) {
  return {std::to_string(figures.kernels), std::to_string(figures.launches),
          byteText(figures.cost.bytes()), countText(figures.cost.flops),
          byteText(figures.peakMemory)};
}

static void printPasses(const LedgerReport &report, Form form) {
  Table table(form, {"pass", "kernels", "launches", "bytes", "FLOPs", "peak memory", "ms",
                     "ratio (90 % interval)", "it buys"});
  auto add = [&](const std::string &name, std::vector<std::string> figures, const std::string &ms,
                 const std::string &ratio, const std::string &note) {
    figures.insert(figures.begin(), name);
    figures.insert(figures.end(), {ms, ratio, note});
    table.add(std::move(figures));
  };
  add("the plan as it is", figureCells(report.plan), millisecondText(report.milliseconds), "", "");
  for (const Row &row : report.rows) {
    std::string name = row.on ? "without " + row.pass : "with " + row.pass;
    std::string note = row.buys;
    if (!row.on)
      note += "; off: " + row.why;
    if (!row.problem.empty())
      add(name, std::vector<std::string>(5), "", "", "cannot be compiled: " + row.problem);
    else if (!row.changes)
      add(name, std::vector<std::string>(5), "", "", note + "; the same plan");
    else
      add(name, figureCells(row.other), row.time ? millisecondText(row.time->other) : std::string(),
          ratioText(row.time), note);
  }
  table.print();
}

static void printDeclined(const LedgerReport &report, Form form) {
  Table table(form, {"pass", "declined", "times", "bytes", "ms at most", "because"});
  bool any = false;
  for (const Row &row : report.rows)
    for (const Declined &declined : row.declined) {
      any = true;
      table.add({row.pass, declined.what, std::to_string(declined.times),
                 declined.bytes ? byteText(declined.bytes) : "",
                 millisecondText(declined.milliseconds), declined.reason});
    }
  fmt::print("\nWhat passes declined to do in a step{}\n\n",
             any ? ", and the bytes that it would save:" : ": nothing.");
  if (any)
    table.print();
}

static void printTables(const LedgerReport &report, Form form) {
  fmt::print("{} for {}: {}\n\n", report.model, report.target, report.configuration);
  printPasses(report, form);
  printDeclined(report, form);
  if (!report.roof.machine.empty()) {
    fmt::print("\n");
    printRoof(report.roof);
  }
}

static int runLedger(LedgerOptions options, Form form) {
  if (runtime::Status status = useDevice(options.device, options.compile); !status.ok())
    return reportFailure(status);
  ProgressLine progress;
  options.progress = [&](std::string_view what, size_t done, size_t total) {
    progress.show(what, done, total);
  };
  Result<LedgerReport> report = makeLedger(options);
  progress.clear();
  if (!report.ok())
    return reportFailure(report.status());
  if (form == Form::json)
    printJson(*report);
  else
    printTables(*report, form);
  return 0;
}

/// The static table, for the help.
static std::string passTable() {
  std::string text = "Optimisations, and the targets for which they are on:\n";
  for (const OptimizationPass &pass : optimizationPasses()) {
    std::string on = pass.cpu && pass.cuda ? "cpu cuda"
                     : pass.cpu            ? "cpu"
                     : pass.cuda           ? "cuda"
                                           : "off";
    text += fmt::format("  {:<26} {:<10} {}{}\n", pass.name, on, pass.buys,
                        *pass.why ? fmt::format("; {}", pass.why) : "");
  }
  return text;
}

Command addLedger(CLI::App &app) {
  auto options = std::make_shared<LedgerOptions>();
  auto form = std::make_shared<Form>(Form::text);
  CLI::App *command = app.add_subcommand(
      "ledger", "what each optimisation buys: the plan without it, and what it declined to do");
  addModelOptions(*command, options->compile);
  addOptimizerOption(*command, options->compile);
  command->add_option("--pass", options->passes, "look at this optimisation only; may be repeated")
      ->type_name("PASS")
      ->allow_extra_args(false);
  command->add_flag_callback(
      "--no-run", [options] { options->run = false; }, "measure nothing");
  command
      ->add_option("--runs", options->comparison.pairs,
                   "pairs of steps for each pass, one with it and one without (default 7)")
      ->check(CLI::Range(3, 1000))
      ->type_name("N");
  command
      ->add_option("--time-limit", options->comparison.seconds,
                   "seconds of timing for each pass: fewer pairs, though at least 3, if they take "
                   "longer (default: no limit)")
      ->check(CLI::PositiveNumber)
      ->type_name("SECONDS");
  CLI::Option *json = command->add_flag_callback(
      "--json", [form] { *form = Form::json; }, "print JSON");
  command
      ->add_flag_callback(
          "--markdown", [form] { *form = Form::markdown; }, "print tables in Markdown")
      ->excludes(json);
  addDeviceOptions(*command, options->device);
  command->footer(
      passTable() +
      "\nA ratio above 1 says how much longer a step takes without the pass. Bytes are those of\n"
      "operands that commands touch; those of declined work are what passes say themselves, and\n"
      "the time at most what memory takes to move them.\n\n"
      "Examples:\n"
      "  gptc ledger models/gpt2.gpt --preset small\n"
      "  gptc ledger models/gpt2.gpt --batch-size 4 --sequence-length 64 --markdown\n"
      "  gptc ledger models/mlp.gpt --pass gpt-form-kernels --no-run --json");
  return {command, [=] { return runLedger(*options, *form); }};
}

} // namespace gptc::tools
