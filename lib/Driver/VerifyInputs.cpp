// Numbers for all variables, such that no term hides: no weight is 1 or bias 0, no two scalars of
// the step are equal, and the norm of the gradients is clipped.
#include "Verification.h"

#include "gptc/Dialect/GPT/LossScaler.h"
#include "gptc/Dialect/GPT/Variables.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>
#include <numeric>
#include <random>

using namespace mlir;
using namespace gptc;
using namespace gptc::verification;

namespace {
/// The same numbers with every standard library.
class Source {
public:
  Source(uint64_t seed, StringRef name) : generator(hash(name) ^ (seed * 0x9E3779B97F4A7C15)) {}

  double uniform(double low, double high) {
    return low + (high - low) * (static_cast<double>(generator() >> 11) * 0x1p-53);
  }
  /// Of mean 0 and variance 1, bounded: a sum of four even ones.
  double bell() {
    double sum = 0;
    for (int i = 0; i < 4; ++i)
      sum += uniform(-1, 1);
    return sum * std::sqrt(3.0) / 2;
  }
  int32_t below(int64_t limit) { return static_cast<int32_t>(generator() % limit); }

private:
  static uint64_t hash(StringRef name) { // FNV-1a
    uint64_t value = 0xcbf29ce484222325;
    for (unsigned char c : name)
      value = (value ^ c) * 0x100000001b3;
    return value;
  }
  std::mt19937_64 generator;
};
} // namespace

/// A scalar of the step by name. Those of the optimizer are far from what they usually are, so that
/// each makes a difference that is seen.
static double stepScalar(StringRef name, Source &source) {
  return llvm::StringSwitch<double>(name.drop_front(gpt::stepPrefix.size()))
      .Case("inverse_accumulation", 0.5)
      .Case("learning_rate", 0.013)
      .Case("clip_norm", 0.31)
      .Case("weight_decay", 0.17)
      .Case("beta1", 0.83)
      .Case("beta2", 0.94)
      .Case("correction1", 1.9)
      .Case("correction2", 2.6)
      .Case("epsilon", 0.004)
      .Default(source.uniform(0.5, 1.5));
}

/// How far parameters are from their mean: as far as they start, or as far as keeps activations of
/// order 1.
static double spread(gpt::VariableOp variable) {
  double first = 0;
  if (auto init = variable.getInit()) {
    if (init->getKind() == gpt::InitKind::normal)
      first = init->getA().convertToDouble();
    else if (init->getKind() == gpt::InitKind::uniform)
      first = (init->getB().convertToDouble() - init->getA().convertToDouble()) / std::sqrt(12.0);
  }
  auto shape = variable.getTensorType().getShape();
  double least = shape.size() < 2 ? 0.3 : std::min(0.3, 1 / std::sqrt(double(shape.front())));
  return std::max(first, least);
}

static double meanOf(gpt::VariableOp variable) {
  auto init = variable.getInit();
  if (!init || init->getKind() == gpt::InitKind::normal)
    return 0;
  double a = init->getA().convertToDouble(), b = init->getB().convertToDouble();
  return init->getKind() == gpt::InitKind::constant ? a : (a + b) / 2;
}

/// Of loss scaling: a scale that overflows nothing, and counts of some steps.
static double scalerNumber(StringRef name) {
  return name == gpt::lossScaleName ? 1024 : name == gpt::goodStepsName ? 3 : 6;
}

static double realElement(gpt::VariableOp variable, StringRef name, Source &source) {
  if (name.starts_with(gpt::scalerPrefix))
    return scalerNumber(name);
  switch (variable.getKind()) {
  case gpt::VariableKind::parameter:
    return meanOf(variable) + spread(variable) * source.bell();
  case gpt::VariableKind::state:
    return source.uniform(0.5, 1.5);
  case gpt::VariableKind::moment:
    return name.starts_with(gpt::secondMomentPrefix) ? source.uniform(0.01, 0.1)
                                                     : 0.1 * source.bell();
  case gpt::VariableKind::gradient:
    return 0.5 * source.bell();
  case gpt::VariableKind::step:
    return stepScalar(name, source);
  case gpt::VariableKind::input:
  case gpt::VariableKind::output:
    break;
  }
  return source.uniform(-1, 1);
}

/// Integers below their limit; one of the targets is left out, as the runtime allows.
static void fillIntegers(gpt::VariableOp variable, StringRef name, Source &source,
                         MutableArrayRef<int32_t> values) {
  auto limit = variable->getAttrOfType<IntegerAttr>("limit");
  for (int32_t &value : values)
    value = source.below(limit ? std::max<int64_t>(limit.getInt(), 1) : 1000);
  if (limit && name == "targets" && values.size() >= 4)
    values[0] = -1;
}

static Tensor makeValue(gpt::VariableOp variable, StringRef name, uint64_t seed) {
  Tensor value = Tensor::zeros(variable.getTensorType());
  Source source(seed, name);
  if (!value.isReal()) {
    fillIntegers(variable, name, source, value.mutableIntegers());
    return value;
  }
  for (double &element : value.mutableReals())
    element = static_cast<float>(realElement(variable, name, source));
  return value;
}

/// The stable permutation that sorts the owner's values.
static Tensor sortedOrder(const Tensor &owner, const Tensor &like) {
  std::vector<int32_t> order(owner.getNumElements());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](int32_t a, int32_t b) {
    return std::pair(owner.integers()[a], a) < std::pair(owner.integers()[b], b);
  });
  return Tensor(like.getShape(), std::move(order));
}

/// The name with each copy's indices in place of its `*`s.
static std::vector<std::string> expand(StringRef name, ArrayRef<int64_t> copies) {
  if (copies.empty())
    return {name.str()};
  std::vector<std::string> names;
  auto [head, tail] = name.split('*');
  for (int64_t copy = 0; copy < copies.front(); ++copy)
    for (const std::string &rest : expand(tail, copies.drop_front()))
      names.push_back(head.str() + std::to_string(copy) + rest);
  return names;
}

void Inputs::add(ModuleOp module, uint64_t seed) {
  for (auto variable : module.getOps<gpt::VariableOp>())
    for (const std::string &name :
         expand(variable.getSymName(), variable.getCopies().value_or(ArrayRef<int64_t>()))) {
      if (values.contains(name))
        continue;
      Tensor value = makeValue(variable, name, seed);
      std::string owner = variable.getOwner().value_or("").str();
      if (variable.getDerived() == "order")
        value = sortedOrder(values[owner], value);
      values[name] = std::move(value);
      about[name] = {variable.getKind(), owner, variable.getDecay()};
    }
}

Environment Inputs::perturbed(double relative, uint64_t seed) const {
  Environment result;
  for (const auto &entry : values) {
    Tensor value = entry.second;
    if (value.isReal() && !entry.first().starts_with(gpt::scalerPrefix)) {
      Source source(seed, entry.first());
      for (double &element : value.mutableReals())
        element *= 1 + relative * source.uniform(-1, 1);
    }
    result[entry.first()] = std::move(value);
  }
  return result;
}

std::vector<UpdateRun> verification::updateRuns(bool scales) {
  if (!scales)
    return {{"update"}};
  return {{"update"}, {"update:overflow", true}, {"update:growth", false, true}};
}

static double scaleIn(const Environment &values) {
  auto scale = values.find(gpt::lossScaleName);
  return scale == values.end() ? 1 : scale->second.reals()[0];
}

Environment UpdateRun::start(const Inputs &inputs, const Environment &values, bool scales) const {
  Environment start = values;
  if (!scales)
    return start;
  bool isFirst = true;
  for (const std::string &name : inputs.ofKind(gpt::VariableKind::gradient)) {
    MutableArrayRef<double> elements = start[name].mutableReals();
    for (double &element : elements)
      element *= scaleIn(values);
    if (overflows && isFirst && !elements.empty())
      elements.back() = std::numeric_limits<double>::infinity();
    isFirst = false;
  }
  if (grows && inputs.scaling)
    start[gpt::goodStepsName].mutableReals()[0] =
        static_cast<double>(inputs.scaling->growthInterval - 1);
  return start;
}

void verification::unscale(Tensor &gradient, const Environment &values) {
  double scale = scaleIn(values);
  for (double &element : gradient.mutableReals())
    element /= scale;
}

std::vector<std::string> Inputs::ofKind(gpt::VariableKind kind) const {
  std::vector<std::string> names;
  for (const auto &[name, properties] : about)
    if (properties.kind == kind)
      names.push_back(name);
  return names;
}
