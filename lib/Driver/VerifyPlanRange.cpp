// Which commands of a plan are to blame: those that use memory wrongly; else the first that makes
// of right values what the tensors' program does not compute; else those that wrong tensors depend
// on and right ones do not.
#include "Verification.h"

#include "gptc/Dialect/Plan/PlanOps.h"
#include "gptc/Plan/Passes.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

#include <cmath>

using namespace mlir;
using namespace gptc;
using namespace gptc::verification;

static constexpr size_t mostLines = 8;

namespace {
struct Access {
  StringRef buffer;
  bool isWrite;
  bool adds; ///< a write to what is there
};
/// A command; of a launch, one instance.
using Part = std::pair<Operation *, unsigned>;
using Parts = llvm::SetVector<Part>;
} // namespace

/// The buffers that a command touches, for each of its instances.
static std::vector<std::vector<Access>> instanceAccesses(Operation *command, ModuleOp module) {
  std::vector<std::vector<Access>> found;
  auto touch = [&](plan::ViewAttr view, bool isWrite, bool adds = false) {
    found.back().push_back({view.getBuffer().getValue(), isWrite, adds});
  };
  auto touchOperands = [&](StringRef symbol, ArrayAttr operands) {
    auto kernel = module.lookupSymbol<plan::KernelOp>(symbol);
    size_t inputs = kernel.getBody().front().getNumArguments();
    for (auto [index, operand] : llvm::enumerate(operands))
      touch(cast<plan::ViewAttr>(operand), index >= inputs,
            index >= inputs && kernel.getAccumulate()[index - inputs]);
  };
  if (auto launch = dyn_cast<plan::LaunchOp>(command)) {
    for (Attribute instance : launch.getInstances()) {
      found.emplace_back();
      touchOperands(launch.getKernel(), cast<ArrayAttr>(instance));
    }
  } else if (auto matmul = dyn_cast<plan::MatmulOp>(command)) {
    found.emplace_back();
    touch(matmul.getLhs(), false);
    touch(matmul.getRhs(), false);
    touch(matmul.getResult(), true, matmul.getAccumulate());
    if (matmul.getEpilogue())
      touchOperands(*matmul.getEpilogue(), *matmul.getEpilogueOperands());
  } else if (auto argsort = dyn_cast<plan::ArgsortOp>(command)) {
    found.emplace_back();
    touch(argsort.getIndices(), false);
    touch(argsort.getOrder(), true);
  }
  return found;
}

static std::vector<Access> accesses(Operation *command, ModuleOp module) {
  std::vector<Access> all;
  for (const std::vector<Access> &instance : instanceAccesses(command, module))
    llvm::append_range(all, instance);
  return all;
}

/// What a tensor's new value depends on, the last first.
static Parts slice(plan::EntryOp entry, ModuleOp module, StringRef buffer) {
  llvm::StringSet<> wanted;
  wanted.insert(buffer);
  Parts found;
  for (Operation &command : llvm::reverse(entry.getBody().front()))
    for (auto [number, touched] : llvm::enumerate(instanceAccesses(&command, module))) {
      if (llvm::none_of(touched, [&](const Access &access) {
            return access.isWrite && wanted.contains(access.buffer);
          }))
        continue;
      found.insert({&command, number});
      for (const Access &access : touched)
        wanted.insert(access.buffer);
    }
  return found;
}

/// What wrong tensors depend on and right ones do not, in order; of the wrong ones, the fewest.
static llvm::SetVector<Operation *> suspects(plan::EntryOp entry, ModuleOp module,
                                             const Findings &findings) {
  llvm::StringMap<StringRef> buffers;
  for (auto tensor : module.getOps<plan::TensorOp>())
    buffers[tensor.getName()] = tensor.getPlace().getBuffer().getValue();
  auto sliceOf = [&](StringRef key) {
    auto [run, name] = key.split('/');
    StringRef from = entryOf(run);
    auto buffer = buffers.find(name);
    return from == entry.getSymName() && buffer != buffers.end()
               ? slice(entry, module, buffer->second)
               : Parts();
  };
  Parts innocent;
  for (const std::string &key : findings.right)
    innocent.set_union(sliceOf(key));
  Parts fewest;
  for (const std::string &key : findings.wrong) {
    Parts own = sliceOf(key);
    own.remove_if([&](Part part) { return innocent.contains(part); });
    if (!own.empty() && (fewest.empty() || own.size() < fewest.size()))
      fewest = own;
  }
  if (fewest.empty())
    fewest = sliceOf(findings.tensor);
  llvm::SetVector<Operation *> commands;
  for (const Part &part : llvm::reverse(fewest))
    commands.insert(part.first);
  return commands;
}

namespace {
/// A buffer during an entry, by the numbers of commands.
struct Life {
  plan::BufferOp buffer;
  int first, last; ///< that it has to hold something
  int lastUse;     ///< that touches it: an output lives on
};
} // namespace

/// What an entry needs to itself: transient buffers and those in lent memory while they are in use,
/// and gradients, from the first write, or from the start if that adds. Says in `lines` what is
/// read before anything is written to it.
static SmallVector<Life> findLives(plan::EntryOp entry, ModuleOp module,
                                   ArrayRef<Operation *> commands,
                                   std::vector<std::string> &lines) {
  llvm::MapVector<StringRef, Life> lives;
  int end = commands.size();
  for (auto [number, command] : llvm::enumerate(commands))
    for (const Access &access : accesses(command, module)) {
      auto buffer = module.lookupSymbol<plan::BufferOp>(access.buffer);
      bool isLent = buffer && buffer->hasAttr(plan::lentMark);
      bool outlives = buffer && buffer.getSegment() == "gradients" && !isLent;
      if (!buffer || (buffer.getSegment() != "transient" && !isLent && !outlives))
        continue;
      int now = number;
      bool isFresh = access.isWrite && !access.adds;
      auto [life, isNew] = lives.insert(
          {access.buffer, Life{buffer, outlives && !isFresh ? 0 : now, outlives ? end : now, now}});
      life->second.last = outlives ? end : now;
      life->second.lastUse = now;
      if (isNew && !outlives && !access.isWrite && lines.size() < mostLines)
        lines.push_back(("nothing writes @" + access.buffer + " before: ").str() +
                        describe(command));
    }
  return llvm::to_vector(llvm::make_second_range(lives));
}

static bool overlap(plan::BufferOp one, plan::BufferOp two) {
  return one.getSegment() == two.getSegment() && one.getOffset() && two.getOffset() &&
         *one.getOffset() < *two.getOffset() + two.getBytes() &&
         *two.getOffset() < *one.getOffset() + one.getBytes();
}

/// Buffers of an entry that are read before anything is written to them, and living ones that share
/// memory: with the command that starts to use it while it is taken, and the last one of who had
/// it.
static std::vector<std::string> misuse(plan::EntryOp entry, ModuleOp module) {
  std::vector<std::string> lines;
  auto commands = llvm::map_to_vector(entry.getBody().front(), [](Operation &op) { return &op; });
  SmallVector<Life> lives = findLives(entry, module, commands, lines);
  llvm::stable_sort(lives, [](const Life &a, const Life &b) { return a.first < b.first; });
  for (auto later = lives.begin(); later != lives.end(); ++later)
    for (auto earlier = lives.begin(); earlier != later; ++earlier) {
      if (later->first > earlier->last || !overlap(earlier->buffer, later->buffer) ||
          lines.size() >= mostLines)
        continue;
      // Variables have memory of their own; overlaps() compares them.
      if (earlier->last == later->last && later->last == static_cast<int>(commands.size()))
        continue;
      std::string line = ("@" + earlier->buffer.getSymName() + " and @" +
                          later->buffer.getSymName() + " live at once in the same memory: ")
                             .str() +
                         describe(commands[later->first]);
      if (earlier->lastUse != later->first)
        line += ", and " + describe(commands[earlier->lastUse]);
      lines.push_back(line);
    }
  return lines;
}

/// Buffers that outlive entries and share memory.
static std::vector<std::string> overlaps(ModuleOp module) {
  std::vector<std::string> lines;
  for (auto one : module.getOps<plan::BufferOp>())
    for (auto two : module.getOps<plan::BufferOp>())
      if (one->isBeforeInBlock(two) && one.getSegment() != "transient" &&
          !one->hasAttr(plan::lentMark) && !two->hasAttr(plan::lentMark) && overlap(one, two) &&
          lines.size() < mostLines)
        lines.push_back("in the same memory: " + describe(one) + " and " + describe(two));
  return lines;
}

/// Numbers as a bag: sorted, without zeros, which padding is.
static std::vector<double> bagOf(auto &&values) {
  std::vector<double> bag;
  for (double value : values)
    if (value != 0)
      bag.push_back(value);
  llvm::sort(bag);
  return bag;
}

/// The same numbers as float32 knows them, in any order and layout. Numbers close to 0 may be 0,
/// and missing, on the other side.
static bool alike(ArrayRef<double> left, ArrayRef<double> right) {
  double scale = 0;
  for (double value : left)
    scale = std::max(scale, std::fabs(value));
  auto isClose = [&](double x, double y) { return x == y || std::fabs(x - y) <= 1e-4 * scale; };
  while (!left.empty() || !right.empty()) {
    if (!left.empty() && !right.empty() && isClose(left.front(), right.front())) {
      left = left.drop_front();
      right = right.drop_front();
    } else if (!left.empty() && isClose(left.front(), 0)) {
      left = left.drop_front();
    } else if (!right.empty() && isClose(right.front(), 0)) {
      right = right.drop_front();
    } else {
      return false;
    }
  }
  return true;
}

/// The first command that reads what the tensors' program computes too and writes what it does not.
static Operation *parting(plan::EntryOp entry, ModuleOp module, ModuleOp tensors,
                          const Inputs &inputs, const PlanRunner::Contents &contents) {
  std::vector<std::vector<double>> known;
  auto function = tensors.lookupSymbol<func::FuncOp>(entry.getSymName());
  auto keep = [&](Operation *op, ArrayRef<Tensor>, ArrayRef<Tensor> results) {
    if (op->getParentOfType<func::FuncOp>() == function)
      for (const Tensor &tensor : results)
        if (tensor.isReal())
          known.push_back(bagOf(tensor.reals()));
  };
  (void)observe(tensors, inputs, inputs.values, Precision::float64, keep);
  llvm::StringMap<bool> explained;
  auto isExplained = [&](StringRef buffer) {
    auto held = contents.find(buffer);
    if (held == contents.end())
      return true; // what outlives the entry is compared by itself
    auto [entry, isNew] = explained.try_emplace(buffer, true);
    if (isNew) {
      std::vector<double> bag = bagOf(held->second);
      // Integers look like numbers close to 0.
      bool isInteger = llvm::all_of(bag, [](double value) { return std::fabs(value) < 1e-30; });
      entry->second = isInteger || llvm::any_of(known, [&](ArrayRef<double> other) {
                        return alike(bag, other);
                      });
    }
    return entry->second;
  };
  for (Operation &command : entry.getBody().front()) {
    bool reads = true, writes = true;
    for (const Access &access : accesses(&command, module))
      (access.isWrite ? writes : reads) &= isExplained(access.buffer);
    if (reads && !writes)
      return &command;
  }
  return nullptr;
}

std::vector<std::string> verification::findPlanRange(ModuleOp tensors, ModuleOp module,
                                                     const Inputs &inputs, const Findings &findings,
                                                     PlanRunner &runner) {
  std::string entryName = entryOf(StringRef(findings.tensor).split('/').first).str();
  auto entry = module.lookupSymbol<plan::EntryOp>(entryName);
  if (!entry)
    return {};
  std::vector<std::string> lines = overlaps(module);
  if (lines.empty())
    lines = misuse(entry, module);
  if (!lines.empty())
    return lines;
  // With buffers apart, each still holds what was written to it when the entry is over.
  OwningOpRef<ModuleOp> apart = module.clone();
  if (!entry->hasAttr("transient_bytes") && separateBuffers(*apart).ok())
    if (auto contents = runner.inspect(*apart, inputs, entryName); contents.ok())
      if (Operation *command = parting(apart->lookupSymbol<plan::EntryOp>(entryName), *apart,
                                       tensors, inputs, *contents))
        return {describe(command)};
  llvm::SetVector<Operation *> suspected = suspects(entry, module, findings);
  for (Operation *command : suspected)
    if (lines.size() < mostLines)
      lines.push_back(describe(command));
  return lines;
}
