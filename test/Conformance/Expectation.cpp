// First values, and the interpreter's results.
#include "Expectation.h"

#include "gptc/Dialect/GPT/GPTOps.h"
#include "runtime/base/Hash.h"
#include "test/Plan/Tolerance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace mlir;
using namespace gptc;
using namespace gptc::test;
using reference::Environment;
using reference::Precision;
using reference::Tensor;

static llvm::Error failure(const std::string &message) { return llvm::createStringError(message); }

/// Where values of the variable lie: scalars of the optimizer are what they are in training.
static Range rangeOf(StringRef name, const ConformanceModel &model) {
  static const std::map<std::string, Range> known{
      {"step:learning_rate", {0.01, 0.02}}, {"step:beta1", {0.9, 0.91}},
      {"step:beta2", {0.95, 0.96}},         {"step:correction1", {1.5, 2}},
      {"step:correction2", {2, 4}},         {"step:epsilon", {1e-8, 2e-8}},
      {"step:weight_decay", {0.1, 0.2}},    {"step:clip_norm", {0.5, 1}}};
  if (name.starts_with("moment2:")) // squares
    return {0.01, 1};
  if (auto found = known.find(name.str()); found != known.end())
    return found->second;
  auto own = model.ranges.find(name.str());
  return own == model.ranges.end() ? Range() : own->second;
}

/// Near copies of the values (`perturbation` relative) show how much rounding matters.
static Tensor firstValues(gpt::VariableOp variable, const ConformanceModel &model,
                          double perturbation) {
  RankedTensorType type = variable.getTensorType();
  StringRef name = variable.getSymName();
  Range range = rangeOf(name, model);
  // By name, so that a case keeps its values when others come and go. The numbers are made here,
  // for the distributions of the standard library differ from one to the next.
  uint64_t seed = runtime::fnv1a64(std::string_view(name.data(), name.size()));
  std::mt19937_64 random(seed), other(seed + 1);
  auto uniform = [](std::mt19937_64 &source) { return double(source() >> 11) * 0x1p-53; };
  int64_t count = type.getNumElements();
  if (type.getElementType().isInteger(32)) {
    std::vector<int32_t> values(count);
    for (int32_t &value : values)
      value = int32_t(std::floor(range.low + (range.high - range.low) * uniform(random)));
    return Tensor(type.getShape(), std::move(values));
  }
  std::vector<double> values(count);
  for (double &value : values) {
    value = static_cast<float>(range.low + (range.high - range.low) * uniform(random));
    value *= 1 + perturbation * (2 * uniform(other) - 1);
  }
  return Tensor(type.getShape(), std::move(values));
}

static Tensor sortedOrder(const Tensor &indices, ArrayRef<int64_t> shape) {
  std::vector<int32_t> order(indices.getNumElements());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return std::pair(indices.integers()[a], a) < std::pair(indices.integers()[b], b);
  });
  return Tensor(shape, std::move(order));
}

/// Whether numbers of 16 bits, or TF32 products, are in it.
static bool isNarrow(func::FuncOp function) {
  WalkResult walked = function.walk([](Operation *op) {
    bool narrow = op->hasAttr("tf32");
    for (Type type : op->getResultTypes()) {
      auto real = dyn_cast<FloatType>(getElementTypeOrSelf(type));
      narrow |= real && real.getWidth() < 32;
    }
    return narrow ? WalkResult::interrupt() : WalkResult::advance();
  });
  return walked.wasInterrupted();
}

/// Roundings to few bits are the same numbers' on a device and in the interpreter, but where
/// float32 sums in another order tip one over, within attention, and where a device does not round
/// to TF32. An element's error is a sum of many, so as good as normal: the largest over a tensor's
/// elements, some two of its standard deviations, is exceeded by a device that rounds a few times
/// more, never fourfold. (Cases have outputs of a hundred elements, of which one is that far off.)
static double allowedByRoundings(const Tensor &exact, const Tensor &single) {
  double largest = 0;
  for (int64_t i = 0; i < exact.getNumElements(); ++i)
    largest = std::max(largest, std::fabs(single.reals()[i] - exact.reals()[i]));
  return 4 * largest;
}

namespace {
class Evaluation {
public:
  Evaluation(ModuleOp module, const ConformanceModel &model) : module(module), model(model) {}

  llvm::Expected<EntryExpectation> expect(func::FuncOp function) {
    Environment before = environment(0), exact = before, single = before,
                perturbed = environment(0x1p-23);
    for (auto [values, precision] :
         {std::pair(&exact, Precision::float64), std::pair(&single, Precision::float32),
          std::pair(&perturbed, Precision::float64)})
      if (auto done = reference::evaluate(function, *values, {precision, {}}); !done)
        return done.takeError();
    llvm::StringMap<bool> used; // whether it is written
    function.walk([&](Operation *op) {
      if (auto read = dyn_cast<gpt::ReadOp>(op))
        used.try_emplace(read.getVariable(), false);
      if (auto write = dyn_cast<gpt::WriteOp>(op))
        used[write.getVariable()] = true;
    });
    EntryExpectation entry{function.getSymName().str(), {}};
    for (auto variable : module.getOps<gpt::VariableOp>()) {
      StringRef name = variable.getSymName();
      auto found = used.find(name);
      if (found == used.end())
        continue;
      VariableExpectation &expected = entry.variables.emplace_back();
      expected.name = name.str();
      expected.before = before[name];
      if (!found->second)
        continue;
      expected.after = exact[name];
      if (expected.after->isReal() && isNarrow(function))
        expected.tolerance = allowedDifference(exact[name], exact[name], perturbed[name]) +
                             allowedByRoundings(exact[name], single[name]);
      else if (expected.after->isReal())
        expected.tolerance = allowedDifference(exact[name], single[name], perturbed[name]);
      if (!std::isfinite(expected.tolerance))
        return failure(model.name + ": " + name.str() + " is not finite");
    }
    return entry;
  }

private:
  Environment environment(double perturbation) {
    Environment values;
    for (auto variable : module.getOps<gpt::VariableOp>())
      values[variable.getSymName()] = firstValues(variable, model, perturbation);
    for (auto variable : module.getOps<gpt::VariableOp>())
      if (variable.getDerived())
        values[variable.getSymName()] =
            sortedOrder(values[*variable.getOwner()], variable.getTensorType().getShape());
    return values;
  }

  ModuleOp module;
  const ConformanceModel &model;
};
} // namespace

llvm::Expected<std::vector<EntryExpectation>>
gptc::test::expectEntries(ModuleOp module, const ConformanceModel &model) {
  std::vector<EntryExpectation> entries;
  Evaluation evaluation(module, model);
  for (auto function : module.getOps<func::FuncOp>()) {
    llvm::Expected<EntryExpectation> entry = evaluation.expect(function);
    if (!entry)
      return entry.takeError();
    entries.push_back(std::move(*entry));
  }
  return entries;
}
