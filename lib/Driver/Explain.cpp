// Kernels, their costs and their times, gathered from the commands of a step.
#include "gptc/Driver/Explain.h"

#include "CommandTimes.h"
#include "OperationTags.h"

#include "gptc/Dialect/GPT/GPTOps.h"
#include "runtime/base/DidYouMean.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <numeric>

using namespace mlir;
using namespace gptc;
using runtime::Code;
using runtime::Plan;
using runtime::Result;
using runtime::Status;

namespace {
/// The commands of a step that run one function.
struct Group {
  KernelReport report;
  plan::KernelOp kernel;
  std::vector<Operation *> commands;
};
} // namespace

static void insert(std::vector<std::string> &list, const std::string &text) {
  if (!text.empty() && !llvm::is_contained(list, text))
    list.push_back(text);
}

/// `generated` says of all products whether they are, where it is not the plan that says it of
/// each.
static std::vector<Group> groupCommands(const StepCost &step, ArrayRef<double> times,
                                        std::optional<bool> generated) {
  llvm::MapVector<StringRef, Group, llvm::StringMap<unsigned>> groups;
  std::vector<std::string> names;
  for (const CommandCost &item : step.commands)
    names.push_back(item.function());
  for (auto [index, item] : llvm::enumerate(step.commands)) {
    Group &group = groups[names[index]];
    KernelReport &report = group.report;
    report.name = names[index];
    group.kernel = item.kernel;
    group.commands.push_back(item.command);
    auto product = dyn_cast<plan::MatmulOp>(item.command);
    report.schedule = group.kernel ? group.kernel.getSchedule().str()
                      : product && generated.value_or(product.getGenerated()) ? "product"
                                                                              : "library";
    report.cost += item.cost;
    ++report.launches;
    auto launch = dyn_cast<plan::LaunchOp>(item.command);
    report.instances += launch ? launch.getInstances().size() : 1;
    insert(report.entries, item.entry);
    insert(report.parts, item.part());
    if (product && group.kernel)
      insert(report.products, nameOf(product));
    if (!times.empty())
      report.milliseconds = report.milliseconds.value_or(0) + times[index];
  }
  std::vector<Group> result;
  for (auto &[name, group] : groups)
    result.push_back(std::move(group));
  return result;
}

/// The group that a user means by a name or a part of one.
static Result<size_t> find(ArrayRef<Group> groups, const std::string &name) {
  std::vector<size_t> found;
  std::vector<std::string> names, matches;
  for (auto [index, group] : llvm::enumerate(groups)) {
    const std::string &own = group.report.name;
    if (own == name)
      return index;
    names.push_back(own);
    if (own.find(name) != own.npos) {
      found.push_back(index);
      matches.push_back(own);
    }
  }
  if (found.size() == 1)
    return found.front();
  if (found.empty())
    return Status(Code::invalidArgument,
                  fmt::format("no kernel is called \"{}\"{}; gptc explain without a name lists all",
                              name, runtime::suggestion(name, names)));
  constexpr size_t most = 8;
  bool cut = matches.size() > most;
  matches.resize(std::min(matches.size(), most));
  return Status(Code::invalidArgument,
                fmt::format("\"{}\" is part of the names of {} kernels: {}{}", name, found.size(),
                            fmt::join(matches, ", "), cut ? ", …" : ""));
}

/// Calls `visit` for a location and all that it is made of.
static void visitLocations(Location location, llvm::function_ref<void(Location)> visit) {
  location->walk([&](Location part) {
    visit(part);
    return WalkResult::advance();
  });
}

/// The operations of a group: those of the kernel, and the products.
static void visitOperations(const Group &group, llvm::function_ref<void(Operation *)> visit) {
  for (Operation *command : group.commands)
    visit(command);
  if (plan::KernelOp kernel = group.kernel)
    for (Operation &op : kernel.getBody().front().without_terminator())
      visit(&op);
}

/// "map(addf, mulf) -> tensor<256x768xf32>"
static std::string describeOperation(Operation &op) {
  std::string text = op.getName().stripDialect().str();
  llvm::raw_string_ostream os(text);
  if (auto map = dyn_cast<gpt::MapOp>(op)) {
    llvm::SetVector<StringRef> scalars;
    for (Operation &scalar : map.getBlock()->without_terminator())
      if (!scalar.hasTrait<OpTrait::ConstantLike>())
        scalars.insert(scalar.getName().stripDialect());
    os << "(";
    llvm::interleaveComma(scalars, os);
    os << ")";
  } else if (auto reduce = dyn_cast<gpt::ReduceOp>(op)) {
    os << " " << gpt::stringifyReduceKind(reduce.getKind());
  }
  os << " -> ";
  llvm::interleaveComma(op.getResultTypes(), os);
  return text;
}

using Place = std::pair<StringRef, unsigned>;

/// The lines that the operations of a group come from: file and number.
static llvm::SetVector<Place> placesOf(const Group &group) {
  llvm::SetVector<Place> places;
  visitOperations(group, [&](Operation *op) {
    visitLocations(op->getLoc(), [&](Location part) {
      if (auto line = dyn_cast<FileLineColLoc>(part))
        places.insert({line.getFilename().getValue(), line.getLine()});
    });
  });
  return places;
}

/// Whether a group works for a part of the model, by whole names of its path, or for a line.
static bool isAt(const Group &group, StringRef at, StringRef model) {
  auto [file, number] = at.contains(':') ? at.rsplit(':') : std::pair(model, at);
  unsigned line = 0;
  if (!number.getAsInteger(10, line))
    return llvm::any_of(placesOf(group), [&, file = file](const Place &place) {
      return place.second == line &&
             (place.first == file || llvm::sys::path::filename(place.first) == file);
    });
  return llvm::any_of(group.report.parts, [&](const std::string &part) {
    return ("." + part + ".").find(("." + at + ".").str()) != std::string::npos;
  });
}

/// What is wrong with a part or line, of which no group knows.
static Status failedAt(ArrayRef<Group> groups, const std::string &at) {
  std::vector<std::string> parts;
  for (const Group &group : groups)
    for (const std::string &part : group.report.parts)
      insert(parts, part);
  llvm::sort(parts);
  std::vector<std::string> names; // of all that is on the way, too
  for (StringRef part : parts)
    for (StringRef rest = part; !rest.empty(); rest = rest.split('.').second) {
      names.push_back(rest.split('.').first.str());
      names.push_back(rest.str());
    }
  return {Code::invalidArgument,
          fmt::format("--at {}: no kernel of a step works for such a part, or comes from such a "
                      "line{}; there are {}",
                      at, runtime::suggestion(at, names), fmt::join(parts, ", "))};
}

static void addLines(Group &group, const Compilation &compilation) {
  SmallVector<Place> sorted = placesOf(group).takeVector();
  llvm::sort(sorted);
  for (auto [file, line] : sorted)
    group.report.lines.push_back({file.str(), line, compilation.sourceLine(file.str(), line)});
}

/// What passes told of the group's operations: by their numbers, or before they had some by the
/// places where they come from, in entries that run them.
static void addReasons(Group &group, ArrayRef<KeptRemark> remarks) {
  DenseSet<int64_t> numbers;
  DenseSet<Location> places;
  for (Operation *command : group.commands)
    visitTags(command->getLoc(), [&](int64_t number) { numbers.insert(number); });
  visitOperations(group, [&](Operation *op) {
    visitLocations(op->getLoc(), [&](Location part) { places.insert(part); });
  });
  auto isHere = [&](const KeptRemark &remark) {
    bool numbered = false, here = false;
    visitTags(remark.location, [&](int64_t number) {
      numbered = true;
      here |= numbers.contains(number);
    });
    bool runs =
        remark.function.empty() || llvm::is_contained(group.report.entries, remark.function);
    return numbered ? here : runs && places.contains(remark.location);
  };
  using Reason = KernelReport::Reason;
  for (const KeptRemark &remark : remarks) {
    if (remark.kind == KeptRemark::Kind::analysis || !isHere(remark))
      continue;
    std::string text = remark.reason;
    if (std::string metrics = remark.metricText(); !metrics.empty())
      text += (text.empty() ? "" : "; ") + metrics;
    auto known = llvm::find_if(group.report.reasons, [&](const Reason &reason) {
      return reason.pass == remark.pass && reason.name == remark.name && reason.text == text;
    });
    if (known != group.report.reasons.end())
      ++known->times;
    else
      group.report.reasons.push_back({remark.pass, remark.name, text, remark.declined(), 1});
  }
}

static Status addDetails(Group &group, Compilation &compilation, bool cuda) {
  addLines(group, compilation);
  addReasons(group, compilation.remarks());
  if (!group.kernel)
    return Status::success();
  for (Operation &op : group.kernel.getBody().front().without_terminator())
    if (!op.hasTrait<OpTrait::ConstantLike>())
      group.report.operations.push_back(describeOperation(op));
  group.report.sourceForm = cuda ? "cuda" : "loops";
  GPTC_ASSIGN(group.report.source,
              compilation.emitSource(group.report.sourceForm, group.report.name));
  return Status::success();
}

static Result<std::vector<double>> measure(Compilation &compilation, const ExplainOptions &options,
                                           size_t commands) {
  GPTC_ASSIGN(Plan plan, compilation.makePlan());
  GPTC_ASSIGN(std::unique_ptr<runtime::StepTimer> timer, startSteps(plan, options.device));
  GPTC_ASSIGN(std::vector<double> times, timeCommands(*timer, options.runs));
  if (times.size() != commands)
    return Status(Code::internal,
                  fmt::format("{} commands were timed, the plan has {}", times.size(), commands));
  return times;
}

Result<ExplainReport> gptc::explain(const ExplainOptions &options) {
  auto say = [&](std::string_view what) {
    if (options.progress)
      options.progress(what);
  };
  bool cuda = options.compile.target != "cpu";
  CompileOptions compile = options.compile;
  compile.keepRemarks = true;
  compile.instrument = tagOperations;
  say("compiling");
  Compilation compilation(compile);
  GPTC_RETURN_IF_ERROR(compilation.runTo(Stage::plan));
  StepCost step = costOfStep(compilation.module(), compile.target);

  // A wrong name is told before anything is measured.
  std::optional<std::string> chosen;
  std::vector<Group> groups = groupCommands(step, {}, {});
  if (!options.kernel.empty()) {
    GPTC_ASSIGN(size_t index, find(groups, options.kernel));
    chosen = groups[index].report.name;
  }
  auto isWanted = [&](const Group &group) {
    return options.at.empty() || isAt(group, options.at, compile.model);
  };
  if (llvm::none_of(groups, isWanted))
    return failedAt(groups, options.at);
  ExplainReport report;
  std::vector<double> times;
  if (options.run) {
    say("measuring this machine");
    GPTC_ASSIGN(report.roof, measureRoofline(options.device, cuda));
    say("measuring steps");
    GPTC_ASSIGN(times, measure(compilation, options, step.launches()));
    report.milliseconds = std::accumulate(times.begin(), times.end(), 0.0);
  }
  report.model = compilation.info().name;
  report.device = options.compile.target;
  report.total = step.total;
  report.functions = step.kernels;
  report.launches = step.launches();
  report.peakMemory = step.peakMemory;
  std::optional<bool> generated;
  if (cuda)
    generated = options.device.matmul == runtime::MatmulChoice::generated;
  for (Group &group : groupCommands(step, times, generated)) {
    if ((chosen && group.report.name != *chosen) || !isWanted(group))
      continue;
    if (chosen)
      GPTC_RETURN_IF_ERROR(addDetails(group, compilation, cuda));
    report.kernels.push_back(std::move(group.report));
  }
  llvm::sort(report.kernels, [](const KernelReport &a, const KernelReport &b) {
    if (a.milliseconds && a.milliseconds != b.milliseconds)
      return *a.milliseconds > *b.milliseconds;
    if (a.cost.bytes() != b.cost.bytes())
      return a.cost.bytes() > b.cost.bytes();
    return a.name < b.name;
  });
  return report;
}
