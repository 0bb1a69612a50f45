// Where a pass went wrong: the first operations whose results are found on one side of it alone.
//
// A value of one module is *explained* if the other module computes an equal one. An operation
// whose operands are all explained and whose result is not is where the two part. Where the other
// module does not compute the tensor at all (a gradient behind differentiation), operations that
// only wrong tensors depend on are suspected instead.
#include "Verification.h"

#include "gptc/Dialect/GPT/Variables.h"
#include "gptc/Dialect/Plan/Locations.h"

#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;
using namespace gptc;
using namespace gptc::verification;

static constexpr size_t mostLines = 8;

/// What a map computes, as the names of its scalar operations and the values of its constants.
static std::string bodyOf(gpt::MapOp map) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (Operation &op : map->getRegion(0).front().without_terminator()) {
    stream << (text.empty() ? "" : " ");
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      constant.getValue().print(stream, /*elideType=*/true);
    else
      stream << op.getName().stripDialect();
  }
  return text;
}

std::string verification::describe(Operation *op) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  op->print(stream, OpPrintingFlags().skipRegions().elideLargeElementsAttrs(4));
  constexpr size_t longest = 140;
  if (text.size() > longest)
    text = text.substr(0, longest - 3) + "...";
  if (auto map = dyn_cast<gpt::MapOp>(op))
    text += " [" + bodyOf(map) + "]";
  // The innermost place alone: callers only repeat.
  std::string places = plan::sourceLines(op->getLoc());
  std::string place = StringRef(places).split(',').first.str();
  return place.empty() ? text : text + "  (" + place + ")";
}

namespace {
/// One entry of a module, with the values that its operations have.
class Trace {
public:
  Trace(ModuleOp module, StringRef entry, const Inputs &inputs);

  func::FuncOp function;
  /// What each operation gave, for each copy that ran.
  llvm::MapVector<Operation *, SmallVector<reference::Tensors, 1>> results;

  /// What a variable's new value depends on.
  struct Slice {
    llvm::SetVector<Operation *> operations; ///< of the function's own block, in order
    llvm::DenseSet<Value> values;
  };
  Slice slice(StringRef variable) const;
  /// The writes of a variable.
  std::vector<Operation *> writes(StringRef variable) const;
  /// Whether some value here equals `tensor`.
  bool computes(const Tensor &tensor) const;
};
} // namespace

Trace::Trace(ModuleOp module, StringRef entry, const Inputs &inputs) {
  if (!module)
    return;
  entry = entryOf(entry);
  function = module.lookupSymbol<func::FuncOp>(entry);
  if (!function && entry == "accumulate_first")
    function = module.lookupSymbol<func::FuncOp>("train");
  if (!function)
    return;
  auto keep = [&](Operation *op, ArrayRef<Tensor>, ArrayRef<Tensor> tensors) {
    if (op->getParentOfType<func::FuncOp>() == function && op->getNumResults() != 0)
      results[op].emplace_back(tensors);
  };
  (void)observe(module, inputs, inputs.values, Precision::float64, keep);
}

std::vector<Operation *> Trace::writes(StringRef variable) const {
  std::vector<Operation *> found;
  if (!function)
    return found;
  const_cast<func::FuncOp &>(function).walk([&](gpt::WriteOp write) {
    if (write.getVariable() == variable)
      found.push_back(write);
  });
  return found;
}

Trace::Slice Trace::slice(StringRef variable) const {
  Slice slice;
  if (!function)
    return slice;
  func::FuncOp entry = function;
  Block &block = entry.getBody().front();
  SmallVector<Operation *> worklist;
  for (Operation *write : writes(variable))
    worklist.push_back(block.findAncestorOpInBlock(*write));
  if (worklist.empty() && entry.getNumResults() != 0)
    worklist.push_back(block.getTerminator());
  llvm::SmallPtrSet<Operation *, 32> seen;
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val();
    if (!seen.insert(op).second)
      continue;
    llvm::SetVector<Value> used(op->operand_begin(), op->operand_end());
    getUsedValuesDefinedAbove(op->getRegions(), used);
    slice.values.insert(used.begin(), used.end());
    for (Value value : used)
      if (Operation *definition = value.getDefiningOp())
        worklist.push_back(block.findAncestorOpInBlock(*definition));
  }
  for (Operation &op : block)
    if (seen.contains(&op))
      slice.operations.insert(&op);
  return slice;
}

/// Equal as rearranged arithmetic is, whatever the shape.
static bool equal(const Tensor &left, const Tensor &right) {
  if (left.getNumElements() != right.getNumElements() || left.isReal() != right.isReal())
    return false;
  if (!left.isReal())
    return left.integers() == right.integers();
  double tolerance = 1e-10 * std::max(largest(left), largest(right)) + 1e-300;
  return largestDifference(left, right) <= tolerance;
}

bool Trace::computes(const Tensor &tensor) const {
  for (const auto &[op, copies] : results)
    for (const reference::Tensors &own : copies)
      for (const Tensor &other : own)
        if (equal(tensor, other))
          return true;
  return false;
}

namespace {
/// Which operations of one trace the other explains.
class Explained {
public:
  /// Looks at so many copies of what stands in a gpt.repeat.
  Explained(const Trace &own, const Trace &other, size_t copies = SIZE_MAX)
      : own(own), other(other), copies(copies) {}

  /// Whether all results of an operation are; generators and reads are as they are.
  bool operator()(Operation *op) {
    if (!op || op->getNumOperands() == 0)
      return true;
    auto [entry, isNew] = known.try_emplace(op, true);
    if (isNew)
      if (auto found = own.results.find(op); found != own.results.end())
        known[op] = llvm::all_of(
            ArrayRef(found->second).take_front(copies), [&](const reference::Tensors &tensors) {
              return llvm::all_of(tensors,
                                  [&](const Tensor &tensor) { return other.computes(tensor); });
            });
    return known[op];
  }
  /// Whether all that it is computed from is.
  bool operands(Operation *op) {
    return llvm::all_of(op->getOperands(), [&](Value operand) {
      if (auto argument = dyn_cast<BlockArgument>(operand)) {
        auto fused = dyn_cast_or_null<gpt::FusedOp>(argument.getOwner()->getParentOp());
        return !fused || (*this)(fused.getOperands()[argument.getArgNumber()].getDefiningOp());
      }
      return (*this)(operand.getDefiningOp());
    });
  }

private:
  const Trace &own, &other;
  size_t copies;
  llvm::DenseMap<Operation *, bool> known;
};
} // namespace

/// Tensor operations in the order in which they run, those in regions one by one.
static std::vector<Operation *> flatten(const llvm::SetVector<Operation *> &slice) {
  std::vector<Operation *> flat;
  for (Operation *top : slice)
    top->walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa<gpt::FusedOp, gpt::RepeatOp>(op))
        return WalkResult::advance();
      flat.push_back(op);
      return WalkResult::skip(); // what is in a map is no operation on tensors
    });
  return flat;
}

/// The operations where the two part: the first that nothing explains though its operands are, and
/// those behind it that nothing explains either.
static std::vector<Operation *> parting(const Trace &own, const Trace &other, StringRef variable) {
  std::vector<Operation *> found, all = flatten(own.slice(variable).operations);
  // Where the first copy of a block is wrong, so are operations in front of the culprit in later
  // ones: the first copy is looked at by itself.
  for (size_t copies : {size_t(1), SIZE_MAX}) {
    Explained explained(own, other, copies);
    for (Operation *op : all)
      if (op->getNumResults() != 0 && !explained(op) && (!found.empty() || explained.operands(op)))
        found.push_back(op);
    if (!found.empty())
      break;
  }
  return found;
}

/// Of what the two part in, what stands for `before` behind the pass: an operation of its kind, or
/// all that come from its place in the description.
static std::vector<Operation *> standingFor(Operation *before, std::vector<Operation *> after) {
  std::string place = plan::sourceLines(before->getLoc());
  auto isThere = [&](Operation *op) { return plan::sourceLines(op->getLoc()) == place; };
  for (Operation *op : after)
    if (op->getName() == before->getName() && op->getResultTypes() == before->getResultTypes() &&
        isThere(op))
      return {op};
  std::vector<Operation *> same;
  llvm::copy_if(after, std::back_inserter(same), isThere);
  return same.empty() ? after : same;
}

/// Operations with results that the wrong tensor depends on and no right one does; of the wrong
/// tensors, the one with the fewest.
static std::vector<Operation *> suspects(const Trace &trace, const Trace &before, StringRef entry,
                                         const Findings &findings) {
  Explained explained(trace, before);
  auto variableOf = [&](StringRef key) {
    auto [from, name] = key.split('/');
    return from == entry ? name : StringRef();
  };
  llvm::DenseSet<Value> innocent;
  for (const std::string &key : findings.right)
    if (StringRef name = variableOf(key); !name.empty() && !trace.writes(name).empty()) {
      Trace::Slice right = trace.slice(name);
      innocent.insert(right.values.begin(), right.values.end());
    }
  std::vector<Operation *> fewest;
  for (const std::string &key : findings.wrong) {
    StringRef name = variableOf(key);
    if (name.empty())
      continue;
    Trace::Slice wrong = trace.slice(name);
    std::vector<Operation *> own;
    for (Operation *op : wrong.operations) {
      bool suspected = op->getNumResults() == 0;
      for (Value result : op->getResults())
        suspected |= wrong.values.contains(result) && !innocent.contains(result);
      bool isKnown = op->getNumResults() != 0 && explained(op);
      if (suspected && !isKnown && op->getNumOperands() != 0)
        own.push_back(op);
    }
    if (!own.empty() && (fewest.empty() || own.size() < fewest.size()))
      fewest = own;
  }
  return fewest;
}

static void append(std::vector<std::string> &lines, StringRef title,
                   ArrayRef<Operation *> operations) {
  for (Operation *op : operations) {
    if (lines.size() >= mostLines)
      break;
    lines.push_back((title + describe(op)).str());
  }
}

std::vector<std::string> verification::findRange(ModuleOp before, ModuleOp after,
                                                 const Inputs &inputs, const Findings &findings) {
  auto [entry, variable] = StringRef(findings.tensor).split('/');
  Trace left(before, entry, inputs), right(after, entry, inputs);
  std::vector<std::string> lines;
  bool isReturned = right.function && right.function.getNumResults() != 0;
  if (right.writes(variable).empty() && !isReturned) {
    append(lines, "before: ", left.writes(variable));
    lines.push_back(("after: nothing in @" + entry + " writes @" + variable).str());
    return lines;
  }
  bool wasComputed =
      left.function && (!left.writes(variable).empty() || variable.starts_with(gpt::outputPrefix));
  if (!wasComputed || left.slice(variable).operations.empty()) {
    append(lines, "after: ", suspects(right, left, entry, findings));
    return lines;
  }
  std::vector<Operation *> old = parting(left, right, variable),
                           made = parting(right, left, variable);
  if (!old.empty()) {
    append(lines, "before: ", old.front());
    made = standingFor(old.front(), made);
  }
  append(lines, "after: ", made);
  if (lines.empty()) {
    // All values are there: it is how they are written.
    append(lines, "before: ", left.writes(variable));
    append(lines, "after: ", right.writes(variable));
  }
  return lines;
}
