// Gradients against differences of the loss.
//
// For each parameter w and a random direction d of length 1: ⟨gradient, d⟩ against the central
// difference of fourth order of loss(w + h·d), with h tried from large to small and the difference
// for h/2 telling how good it is. Everything counts that an adjoint gets wrong, in any element.
#include "Verification.h"

#include "gptc/Dialect/GPT/Variables.h"

#include <cmath>
#include <random>

using namespace mlir;
using namespace gptc;
using namespace gptc::verification;
using runtime::Code;
using runtime::Result;
using runtime::Status;

namespace {
/// The loss of a graph as a function of one parameter.
class Loss {
public:
  Loss(ModuleOp graph, const Inputs &inputs) : graph(graph), values(inputs.values) {}

  /// Values that gradients do not flow through are held fixed.
  Status freezeDetached();
  /// At `offset` from where it is, along `direction`.
  Result<double> at(StringRef parameter, ArrayRef<double> direction, double offset);

  double magnitude = 0; ///< the largest loss so far

private:
  ModuleOp graph;
  OwningOpRef<ModuleOp> frozen;
  Environment values;
};
} // namespace

Status Loss::freezeDetached() {
  SmallVector<gpt::DetachOp> detached;
  frozen = graph.clone();
  auto train = frozen->lookupSymbol<func::FuncOp>("train");
  train.walk([&](gpt::DetachOp op) { detached.push_back(op); });
  if (detached.empty())
    return Status::success();
  llvm::DenseMap<Operation *, Tensor> found;
  reference::Options options;
  options.observe = [&](Operation *op, ArrayRef<Tensor>, ArrayRef<Tensor> results) {
    if (isa<gpt::DetachOp>(op))
      found[op] = results[0];
  };
  Environment copy = values;
  if (auto results = reference::evaluate(train, copy, options); !results)
    return {Code::dataError, llvm::toString(results.takeError())};
  gpt::Variables variables(*frozen);
  for (auto [index, op] : llvm::enumerate(detached)) {
    std::string name = "detached:" + std::to_string(index);
    auto variable =
        variables.declare(op.getLoc(), name, gpt::VariableKind::input, op.getResult().getType());
    if (mlir::failed(variable))
      return {Code::internal, "the name " + name + " is taken"};
    values[name] = found[op];
    OpBuilder builder(op);
    op.replaceAllUsesWith(gpt::createRead(builder, op.getLoc(), *variable));
    op.erase();
  }
  graph = *frozen;
  return Status::success();
}

Result<double> Loss::at(StringRef parameter, ArrayRef<double> direction, double offset) {
  Environment moved = values;
  for (auto [element, part] : llvm::zip(moved[parameter].mutableReals(), direction))
    element += offset * part;
  auto results = reference::evaluate(graph, "train", moved);
  if (!results)
    return Status(Code::dataError, llvm::toString(results.takeError()));
  double loss = results->front().reals()[0];
  magnitude = std::max(magnitude, std::fabs(loss));
  return loss;
}

namespace {
struct Slope {
  double value = 0, uncertainty = std::numeric_limits<double>::infinity();
};
} // namespace

/// The derivative along `direction`, by the h that two steps agree best at.
static Result<Slope> slope(Loss &loss, StringRef parameter, ArrayRef<double> direction) {
  Slope best;
  for (double h : {1e-2, 1e-3, 1e-4, 1e-5}) {
    auto difference = [&](double offset) -> Result<double> {
      GPTC_ASSIGN(double right, loss.at(parameter, direction, offset));
      GPTC_ASSIGN(double left, loss.at(parameter, direction, -offset));
      return right - left;
    };
    GPTC_ASSIGN(double twice, difference(2 * h));
    GPTC_ASSIGN(double once, difference(h));
    GPTC_ASSIGN(double half, difference(h / 2));
    double coarse = (8 * once - twice) / (12 * h), fine = (8 * half - once) / (6 * h);
    double rounding = 64 * 0x1p-53 * loss.magnitude / h;
    double uncertainty = std::fabs(fine - coarse) + rounding;
    if (uncertainty < best.uncertainty)
      best = {fine, uncertainty};
    if (best.uncertainty < 1e-8 * std::fabs(fine) || rounding > std::fabs(fine - coarse))
      break;
  }
  return best;
}

/// A random direction of length 1.
static std::vector<double> randomDirection(int64_t size, std::mt19937_64 &random) {
  std::vector<double> direction(size);
  double square = 0;
  for (double &part : direction) {
    part = static_cast<double>(random() >> 11) * 0x1p-52 - 1;
    square += part * part;
  }
  for (double &part : direction)
    part /= std::sqrt(square);
  return direction;
}

Result<Checks> verification::checkGradients(ModuleOp graph, const Inputs &inputs,
                                            const Observations &found, uint64_t seed) {
  Checks checks;
  Loss loss(graph, inputs);
  GPTC_RETURN_IF_ERROR(loss.freezeDetached());
  auto factor = inputs.values.find("step:inverse_accumulation");
  double scale = factor == inputs.values.end() ? 1 : factor->second.reals()[0];
  std::mt19937_64 random(seed);
  for (const std::string &parameter : inputs.ofKind(gpt::VariableKind::parameter)) {
    std::string key = "accumulate_first/" + (gpt::gradientPrefix + parameter).str();
    auto gradient = found.find(key);
    int64_t size = inputs.values.find(parameter)->second.getNumElements();
    if (gradient == found.end() || gradient->second.getNumElements() != size) {
      checks[key] = {std::numeric_limits<double>::infinity(), 0};
      continue;
    }
    if (size == 0)
      continue;
    std::vector<double> direction = randomDirection(size, random);
    GPTC_ASSIGN(Slope expected, slope(loss, parameter, direction));
    double product = 0, length = 0;
    for (auto [part, element] : llvm::zip(direction, gradient->second.reals())) {
      product += part * element;
      length += element * element;
    }
    // Constants of adjoints, as one over a row's length, are rounded to float32.
    double budget = 16 * scale * expected.uncertainty +
                    0x1p-21 * (std::fabs(scale * expected.value) + std::sqrt(length / size));
    checks[key] = {std::fabs(product - scale * expected.value), budget};
  }
  return checks;
}
