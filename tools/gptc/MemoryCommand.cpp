// gptc memory: what a run will allocate, exactly, before it runs.
#include "gptc/Driver/Memory.h"

#include "runtime/base/File.h"
#include "runtime/base/Parallel.h"
#include "runtime/execute/Memory.h"
#include "tools/gptc/Commands.h"
#include "tools/gptc/MemoryPage.h"
#include "tools/gptc/ModelOptions.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <tuple>

namespace gptc::tools {

using runtime::byteText;
using runtime::Status;

namespace {
struct MemoryOptions {
  bool json = false;
  uint64_t limit = 0;
  int threads = 0;
  std::string html;
};

using Block = MemoryReport::Block;
} // namespace

/// The largest transient buffers of those that live at the peak.
static std::vector<const Block *> ownersOfPeak(const MemoryReport::Timeline &timeline) {
  constexpr size_t most = 8;
  std::vector<const Block *> owners;
  for (const Block &block : timeline.blocks)
    if (block.first <= timeline.peak && timeline.peak <= block.last &&
        block.category != MemoryCategory::gradients)
      owners.push_back(&block);
  std::sort(owners.begin(), owners.end(), [](const Block *a, const Block *b) {
    return std::tie(b->bytes, a) < std::tie(a->bytes, b);
  });
  owners.resize(std::min(owners.size(), most));
  return owners;
}

static void printPrice(const Recomputation &recomputation) {
  fmt::print("\nto take {} instead of {}, {} is allowed:\n", byteText(recomputation.total),
             byteText(recomputation.without), byteText(recomputation.budget));
  if (recomputation.entries.empty())
    fmt::print("  nothing has to be computed again\n");
  for (const Recomputation::Entry &entry : recomputation.entries)
    fmt::print("  {:<20}{:>10.1f} GFLOP again, {:.1f} % more than the {:.1f} without, saving {}\n",
               entry.name, static_cast<double>(entry.flops) / 1e9,
               100.0 * static_cast<double>(entry.flops) /
                   static_cast<double>(std::max<int64_t>(1, entry.flopsWithout)),
               static_cast<double>(entry.flopsWithout) / 1e9,
               byteText(entry.bytesWithout - entry.bytes));
}

static nlohmann::ordered_json priceJson(const Recomputation &recomputation) {
  nlohmann::ordered_json entries = nlohmann::json::object();
  for (const Recomputation::Entry &entry : recomputation.entries)
    entries[entry.name] = {{"bytes", entry.bytes},
                           {"bytes_without", entry.bytesWithout},
                           {"flops", entry.flops},
                           {"flops_without", entry.flopsWithout}};
  return {{"budget", recomputation.budget},
          {"bytes", recomputation.total},
          {"bytes_without", recomputation.without},
          {"entries", entries}};
}

static void printJson(const MemoryReport &report, const std::optional<BatchFit> &fit,
                      const std::optional<Recomputation> &recomputation) {
  nlohmann::ordered_json json = {{"total", report.total},
                                 {"train", report.train},
                                 {"train_accumulate", report.trainAccumulate}};
  for (const auto &segment : report.segments)
    json["segments"][segment.name] = segment.bytes;
  json["scratch"] = {{"bytes", report.scratch()},
                     {"per_thread", report.scratchPerThread},
                     {"threads", report.threads}};
  for (const auto &entry : report.transient)
    json["transient"][entry.name] = entry.bytes;
  for (const auto &category : report.categories)
    json["categories"][category.name] = category.bytes;
  const MemoryReport::Timeline &timeline = report.largest;
  nlohmann::ordered_json owners = nlohmann::json::array();
  for (const Block *block : ownersOfPeak(timeline))
    owners.push_back({{"buffer", block->name},
                      {"category", nameOf(block->category)},
                      {"bytes", block->bytes},
                      {"commands", {block->first, block->last}},
                      {"written_by", timeline.commands[block->first]},
                      {"part", block->part},
                      {"lines", block->lines}});
  json["peak"] = {{"entry", timeline.entry},
                  {"command", timeline.peak},
                  {"name", timeline.commands.empty() ? "" : timeline.commands[timeline.peak]},
                  {"live", timeline.peakBytes},
                  {"borrowed", timeline.borrowedBytes},
                  {"buffers", owners}};
  if (recomputation)
    json["recomputation"] = priceJson(*recomputation);
  if (fit) {
    json["largest_batch"] = fit->batch;
    json["bytes_at_largest_batch"] = fit->bytes;
    json["bytes_at_next_batch"] = nullptr; // with a budget that it cannot meet
    if (fit->bytesOfNext)
      json["bytes_at_next_batch"] = fit->bytesOfNext;
  }
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

static void printText(const MemoryReport &report) {
  auto line = [](const std::string &name, uint64_t bytes) {
    fmt::print("{:<22}{:>16} bytes  {}\n", name, bytes, byteText(bytes));
  };
  for (const auto &segment : report.segments)
    line(segment.name, segment.bytes);
  if (report.scratch() > 0)
    fmt::print("{:<22}{:>16} bytes  {}, {} for each of {} threads (--threads)\n",
               "scratch of products", report.scratch(), byteText(report.scratch()),
               byteText(report.scratchPerThread), report.threads);
  line("total", report.total);
  fmt::print("\nof which training alone takes:\n");
  line("  one micro-batch", report.train);
  line("  several", report.trainAccumulate);
  fmt::print("\ntransient, by entry:\n");
  for (const auto &entry : report.transient)
    line("  " + entry.name, entry.bytes);
  fmt::print("\nwhen most is in use, by purpose:\n");
  for (const auto &category : report.categories)
    line("  " + category.name, category.bytes);
  const MemoryReport::Timeline &timeline = report.largest;
  if (timeline.commands.empty())
    return;
  fmt::print("\nthe peak: {} at command {} of {}, {}{}\n", timeline.entry, timeline.peak,
             timeline.commands.size(), timeline.commands[timeline.peak],
             timeline.borrowedBytes ? fmt::format("; {} more in the gradients' memory",
                                                  byteText(timeline.borrowedBytes))
                                    : "");
  for (const Block *block : ownersOfPeak(timeline))
    fmt::print("  {:>9}  {:<9}  {}{}{}\n", byteText(block->bytes), nameOf(block->category),
               timeline.commands[block->first], block->part.empty() ? "" : ", " + block->part,
               block->lines.empty() ? "" : ", " + block->lines);
}

static void printFit(const BatchFit &fit, uint64_t limit) {
  std::string next = fit.bytesOfNext ? fmt::format("takes {} ({} bytes)", byteText(fit.bytesOfNext),
                                                   fit.bytesOfNext)
                                     : "takes more, however much is computed again";
  if (fit.batch > 0)
    fmt::print("\nlargest batch in {}: --batch-size {} takes {} ({} bytes), one more {}\n",
               byteText(limit), fit.batch, byteText(fit.bytes), fit.bytes, next);
  else
    fmt::print("\nnot even --batch-size 1 fits into {}: it {}\n", byteText(limit), next);
}

static Status memory(const CompileOptions &compile, const MemoryOptions &options) {
  runtime::setThreadCount(options.threads);
  Compilation compilation(compile);
  GPTC_RETURN_IF_ERROR(compilation.runTo(Stage::plan));
  std::fputs(compilation.warnings().c_str(), stderr);
  MemoryReport report = reportMemory(compilation.module(), compile.target);
  if (!options.html.empty())
    GPTC_RETURN_IF_ERROR(
        runtime::writeFileAtomically(options.html, memoryPage(report, compilation.info().name)));
  std::optional<BatchFit> fit;
  if (options.limit) {
    GPTC_ASSIGN(BatchFit found, largestBatch(compile, options.limit));
    fit = found;
  }
  if (options.json) {
    printJson(report, fit, compilation.recomputation());
    return Status::success();
  }
  printText(report);
  if (compilation.recomputation())
    printPrice(*compilation.recomputation());
  if (fit)
    printFit(*fit, options.limit);
  return Status::success();
}

Command addMemory(CLI::App &app) {
  auto compile = std::make_shared<CompileOptions>();
  auto options = std::make_shared<MemoryOptions>();
  CLI::App *command =
      app.add_subcommand("memory", "the memory that training will take, before it starts");
  addModelOptions(*command, *compile);
  addOptimizerOption(*command, *compile);
  addMemoryBudgetOption(*command, *compile);
  addTargetOption(*command, *compile);
  command
      ->add_option("--threads", options->threads,
                   "threads that the run will have on a CPU, each of which computes products with "
                   "memory of its own where the plan's functions do (default: OMP_NUM_THREADS, "
                   "else one a processor)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  command->add_flag("--json", options->json, "print JSON");
  command
      ->add_option("--fit,--fits", options->limit,
                   "also the largest batch that fits into this, as 16GiB; with --memory-budget, "
                   "whatever it is, as much is computed again as that takes")
      ->transform(CLI::AsSizeValue(false));
  command
      ->add_option("--html", options->html,
                   "write a page that shows which buffer lies where, and when")
      ->type_name("FILE");
  command->footer("Examples:\n"
                  "  gptc memory models/gpt2.gpt --batch-size 4 --sequence-length 1024\n"
                  "  gptc memory models/gpt2.gpt --sequence-length 64 --fit 8GiB\n"
                  "  gptc memory models/gpt2.gpt --chunk-bytes 64MiB --html memory.html\n"
                  "  gptc memory models/gpt2.gpt --memory-budget min\n"
                  "  gptc memory models/gpt2.gpt --precision bf16 --target cuda");
  return {command, [=] { return reportFailure(memory(*compile, *options)); }};
}

} // namespace gptc::tools
