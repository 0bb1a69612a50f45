// What 16-bit numbers and TensorFloat-32 make of a program's results, and what they may not.
//
// Let x be a tensor by float64 and x̂ what a program with roundings gives. To first order x̂ − x is a
// sum of terms c·δ, one for each number that is rounded, where δ is the relative error, below u =
// 2⁻⁸ for bfloat16 and 2⁻¹¹ for float16 and TensorFloat-32, and c does not depend on it. The δ of
// different numbers are as good as independent, so an element's error is close to normal, of a
// standard deviation σ that is a property of the program. A bound of the sum of all |c|·u would be
// √n times larger and hide any mistake.
//
// σ is sampled: the interpreter runs the program with roundings, and without, on inputs moved by u
// at random, which changes every δ. The largest difference over four samples and all elements is E.
// What a plan computes is one more sample: it rounds the same numbers, but where float32 sums in
// another order tip one over, and within attention the probabilities (or their adjoint) besides, a
// factor of products whose other factor is rounded already: at most √2 σ. So its largest error is
// beyond 8·E if all four samples are within σ/8·z of 0 where it is z·√2·σ. For one number that is a
// chance of (0.8·z·√2/8)⁴·P(z), below 2·10⁻⁴; for a tensor of n elements of one σ its nth power.
// Scalars get 16·E, for 10⁻⁵. To that comes the budget of float32.
#include "Verification.h"

#include "gptc/Dialect/GPT/GPTOps.h"

#include "llvm/ADT/SetVector.h"

#include <cmath>
#include <fmt/format.h>

using namespace mlir;
using namespace gptc;
using namespace gptc::verification;
using runtime::Code;
using runtime::Result;
using runtime::Status;

const llvm::fltSemantics *verification::narrowestIn(ModuleOp module) {
  const llvm::fltSemantics *narrowest = nullptr;
  auto consider = [&](const llvm::fltSemantics &format) {
    if (!narrowest || APFloat::semanticsPrecision(format) < APFloat::semanticsPrecision(*narrowest))
      narrowest = &format;
  };
  module.walk([&](Operation *op) {
    if (op->hasAttr("tf32"))
      consider(APFloat::FloatTF32());
    for (Type type : op->getResultTypes())
      if (auto real = dyn_cast<FloatType>(getElementTypeOrSelf(type)); real && real.getWidth() < 32)
        consider(real.getFloatSemantics());
  });
  return narrowest;
}

/// Half a unit in the last place of 1.
static double unitOf(const llvm::fltSemantics &format) {
  return std::ldexp(1.0, -static_cast<int>(APFloat::semanticsPrecision(format)));
}

Result<Budgets> verification::makeRoundingBudgets(ModuleOp module, const Inputs &inputs,
                                                  const llvm::fltSemantics &narrow) {
  Budgets budgets;
  for (uint64_t sample = 1; sample <= 4; ++sample) {
    Environment values = inputs.perturbed(unitOf(narrow), sample);
    GPTC_ASSIGN(Observations exact, observe(module, inputs, values, Precision::float64));
    GPTC_ASSIGN(Observations rounded, observe(module, inputs, values, Precision::float32));
    for (const auto &[key, tensor] : exact) {
      double error = largestDifference(rounded[key], tensor);
      double factor = tensor.getNumElements() == 1 ? 16 : 8;
      if (std::isfinite(error))
        budgets[key] = std::max(budgets[key], factor * error);
    }
  }
  return budgets;
}

/// Whether there are many numbers, all of which the format holds.
static bool isNarrow(const Tensor &tensor, const llvm::fltSemantics &format) {
  int64_t count = 0;
  for (double element : tensor.reals()) {
    if (element == 0 || !std::isfinite(element))
      continue;
    // By their digits alone: what is below the smallest normal number has fewer.
    int exponent = 0;
    double digits = std::ldexp(std::frexp(element, &exponent),
                               static_cast<int>(APFloat::semanticsPrecision(format)));
    if (digits != std::trunc(digits))
      return false;
    ++count;
  }
  return count >= 16;
}

/// The variables whose new values depend on `op`.
static void addWritten(Operation *op, llvm::SmallPtrSetImpl<Operation *> &seen,
                       llvm::StringSet<> &variables) {
  if (!seen.insert(op).second)
    return;
  if (auto write = dyn_cast<gpt::WriteOp>(op))
    variables.insert(write.getVariable());
  for (Operation *user : op->getUsers())
    addWritten(user, seen, variables);
}

static bool mustBeWide(const Inputs &inputs, StringRef variable) {
  auto about = inputs.about.find(variable.str());
  return about != inputs.about.end() &&
         llvm::is_contained(
             {gpt::VariableKind::gradient, gpt::VariableKind::parameter, gpt::VariableKind::moment},
             about->second.kind);
}

static Status roundedError(StringRef what, const llvm::fltSemantics &narrow) {
  return {Code::dataError,
          fmt::format("{} has {} significant bits in every element, where float32 has 24: it was "
                      "rounded, which gradients, parameters and moments must not be",
                      what.str(), APFloat::semanticsPrecision(narrow))};
}

/// Whether gpt.embedding_grad computes the value, but for maps and rearrangements behind it.
static bool isGathered(Value value, llvm::SmallPtrSetImpl<Operation *> &seen) {
  Operation *op = value.getDefiningOp();
  if (!op || !seen.insert(op).second)
    return false;
  if (auto fused = dyn_cast<gpt::FusedOp>(op))
    return !fused.getBody().front().getOps<gpt::EmbeddingGradOp>().empty();
  if (isa<gpt::EmbeddingGradOp>(op))
    return true;
  return isa<gpt::MapOp, gpt::ReshapeOp, gpt::TransposeOp, gpt::SliceOp, gpt::PadOp, gpt::ConcatOp,
             gpt::SplitOp>(op) &&
         llvm::any_of(op->getOperands(), [&](Value operand) { return isGathered(operand, seen); });
}

Result<Observations> verification::observeRounded(ModuleOp module, const Inputs &inputs,
                                                  const llvm::fltSemantics &narrow) {
  using Writes = llvm::SetVector<Operation *>;
  auto collect = [&](Writes &writes) {
    return [&](Operation *op, ArrayRef<Tensor> operands, ArrayRef<Tensor>) {
      auto write = dyn_cast<gpt::WriteOp>(op);
      if (write && mustBeWide(inputs, write.getVariable()) && operands[0].isReal() &&
          isNarrow(operands[0], narrow))
        writes.insert(op);
    };
  };
  Writes rounded, exact;
  GPTC_ASSIGN(Observations found,
              observe(module, inputs, inputs.values, Precision::float32, collect(rounded)));
  rounded.remove_if([](Operation *op) {
    llvm::SmallPtrSet<Operation *, 8> seen;
    return isGathered(cast<gpt::WriteOp>(op).getValue(), seen);
  });
  if (rounded.empty())
    return found;
  GPTC_RETURN_IF_ERROR(
      observe(module, inputs, inputs.values, Precision::float64, collect(exact)).status());
  for (Operation *op : rounded)
    if (!exact.contains(op))
      return roundedError(describe(op), narrow);
  return found;
}

llvm::StringSet<> verification::wideVariables(ModuleOp module, const Inputs &inputs) {
  llvm::StringSet<> gathered, wide;
  llvm::SmallPtrSet<Operation *, 32> seen;
  module.walk([&](gpt::EmbeddingGradOp op) { addWritten(op, seen, gathered); });
  for (const auto &[name, about] : inputs.about)
    if (mustBeWide(inputs, name) && !gathered.contains(name))
      wide.insert(name);
  return wide;
}

Status verification::checkResolution(const Observations &found, const Observations &exact,
                                     const llvm::StringSet<> &wide,
                                     const llvm::fltSemantics &narrow) {
  for (const auto &[key, tensor] : found) {
    auto other = exact.find(key);
    if (other != exact.end() && tensor.isReal() &&
        wide.contains(StringRef(key).split('/').second) && isNarrow(tensor, narrow) &&
        !isNarrow(other->second, narrow))
      return roundedError(key, narrow);
  }
  return Status::success();
}
