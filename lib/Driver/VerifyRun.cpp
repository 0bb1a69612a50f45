// Runs the entries of a module of tensors by the interpreter, and says what came out.
#include "Verification.h"

#include "gptc/Dialect/GPT/LossScaler.h"
#include "gptc/Dialect/GPT/Variables.h"

#include "llvm/ADT/StringSet.h"

#include <cmath>

using namespace mlir;
using namespace gptc;
using namespace gptc::verification;
using runtime::Code;
using runtime::Result;
using runtime::Status;

static constexpr llvm::StringLiteral accumulations[] = {"accumulate_first", "accumulate_middle",
                                                        "accumulate_last"};

static Status failed(llvm::Error error) {
  return {Code::dataError, llvm::toString(std::move(error))};
}

/// Which variables are looked at after an entry: the outputs that it writes, and all that it might.
static std::vector<std::string> observedVariables(func::FuncOp entry, StringRef name,
                                                  const Inputs &inputs) {
  llvm::StringSet<> outputs;
  entry.walk([&](gpt::WriteOp write) { outputs.insert(write.getVariable()); });
  bool accumulates = name.starts_with("accumulate_"), updates = entryOf(name) == "update";
  std::vector<std::string> names;
  for (const auto &[variable, properties] : inputs.about) {
    bool wanted = false;
    switch (properties.kind) {
    case gpt::VariableKind::output:
      wanted = outputs.contains(variable);
      break;
    case gpt::VariableKind::state:
      wanted = accumulates || updates;
      break;
    case gpt::VariableKind::gradient:
      wanted = accumulates && entry.getSymName() != "train";
      break;
    case gpt::VariableKind::parameter:
    case gpt::VariableKind::moment:
      wanted = updates;
      break;
    case gpt::VariableKind::input:
    case gpt::VariableKind::step:
      break;
    }
    if (wanted)
      names.push_back(variable);
  }
  return names;
}

/// Whether `order` is a permutation that sorts `indices`: gpt.embedding_grad relies on it, and the
/// interpreter does without.
static bool sorts(const Tensor &order, const Tensor &indices) {
  ArrayRef<int32_t> positions = order.integers(), values = indices.integers();
  std::vector<bool> seen(values.size());
  for (auto [number, position] : llvm::enumerate(positions)) {
    if (position < 0 || static_cast<size_t>(position) >= values.size() || seen[position])
      return false;
    seen[position] = true;
    if (number != 0 && values[positions[number - 1]] > values[position])
      return false;
  }
  return positions.size() == values.size();
}

/// Whether the module's gradients are multiplied by the loss scale.
static bool scalesGradients(ModuleOp module) {
  return module.lookupSymbol(gpt::lossScaleName) != nullptr;
}

namespace {
/// A run of entries one after another.
class Sequence {
public:
  Sequence(ModuleOp module, const Inputs &inputs, Environment values, Precision precision,
           const Observer &observer, Observations &found)
      : module(module), inputs(inputs), values(std::move(values)), found(found) {
    options.precision = precision;
    options.observe = [this, observer](Operation *op, ArrayRef<Tensor> operands,
                                       ArrayRef<Tensor> results) {
      if (isa<gpt::EmbeddingGradOp>(op) && !sorts(operands[1], operands[0]))
        broken = "the order does not sort the indices: " + describe(op);
      if (observer)
        observer(op, operands, results);
    };
  }

  /// Runs @entry if there is one, and takes what it gave as of `name`.
  Status run(StringRef entry, StringRef name) {
    auto function = module.lookupSymbol<func::FuncOp>(entry);
    if (!function)
      return Status::success();
    auto results = reference::evaluate(function, values, options);
    if (!results)
      return failed(results.takeError());
    if (!broken.empty())
      return {Code::dataError, broken};
    for (auto [index, tensor] : llvm::enumerate(*results)) {
      auto output = function.getResultAttrOfType<StringAttr>(index, "gpt.output");
      if (!output)
        continue;
      std::string key = (name + "/" + gpt::outputPrefix + output.getValue()).str();
      found[key] = entry == "train" ? scaled(tensor) : tensor;
    }
    for (const std::string &variable : observedVariables(function, name, inputs)) {
      Tensor value = values.lookup(variable);
      if (inputs.about.at(variable).kind == gpt::VariableKind::gradient && scalesGradients(module))
        unscale(value, values);
      found[(name + "/" + variable).str()] = std::move(value);
    }
    return Status::success();
  }

private:
  /// The loss as accumulation writes it.
  Tensor scaled(Tensor loss) {
    auto factor = values.find("step:inverse_accumulation");
    if (factor != values.end() && loss.isReal())
      for (double &element : loss.mutableReals())
        element *= factor->second.reals()[0];
    return loss;
  }

  ModuleOp module;
  const Inputs &inputs;
  Environment values;
  reference::Options options;
  std::string broken; ///< what an operation takes for granted and does not hold
  Observations &found;
};
} // namespace

Result<Observations> verification::observe(ModuleOp module, const Inputs &inputs,
                                           const Environment &values, Precision precision,
                                           const Observer &observer) {
  Observations found;
  Sequence training(module, inputs, values, precision, observer, found);
  GPTC_RETURN_IF_ERROR(training.run("train", "accumulate_first"));
  for (StringRef name : accumulations)
    GPTC_RETURN_IF_ERROR(training.run(name, name));
  bool scales = scalesGradients(module);
  for (const UpdateRun &run : updateRuns(scales)) {
    Sequence update(module, inputs, run.start(inputs, values, scales), precision, observer, found);
    GPTC_RETURN_IF_ERROR(update.run("update", run.name));
  }
  for (StringRef name : {"evaluate", "logits"}) {
    Sequence alone(module, inputs, values, precision, observer, found);
    GPTC_RETURN_IF_ERROR(alone.run(name, name));
  }
  return found;
}

Result<Observations> verification::expectAccumulation(ModuleOp module, const Inputs &inputs,
                                                      const Environment &values) {
  // Each time from zero; the states go on from run to run.
  Observations total, next;
  Sequence training(module, inputs, values, Precision::float64, {}, next);
  GPTC_RETURN_IF_ERROR(training.run("accumulate_first", "accumulate_first"));
  Observations sum = next;
  for (StringRef name : ArrayRef(accumulations).drop_front()) {
    GPTC_RETURN_IF_ERROR(training.run("accumulate_first", "accumulate_first"));
    for (auto &[key, tensor] : next) {
      std::string variable = StringRef(key).split('/').second.str();
      Tensor &expected = sum[key];
      if (inputs.about.at(variable).kind == gpt::VariableKind::state)
        expected = tensor;
      else if (tensor.isReal())
        for (auto [element, term] : llvm::zip(expected.mutableReals(), tensor.reals()))
          element += term;
      total[(name + "/" + variable).str()] = expected;
    }
  }
  return total;
}

double verification::largest(const Tensor &tensor) {
  if (!tensor.isReal())
    return 0;
  double most = 0;
  for (double element : tensor.reals())
    most = std::max(most, std::isfinite(element) ? std::fabs(element) : 0);
  return most;
}

double verification::largestDifference(const Tensor &left, const Tensor &right) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (left.isReal() != right.isReal() || left.getNumElements() != right.getNumElements())
    return infinite;
  if (!left.isReal())
    return left.integers() == right.integers() ? 0 : infinite;
  double most = 0;
  for (auto [x, y] : llvm::zip(left.reals(), right.reals())) {
    if (x == y || (std::isnan(x) && std::isnan(y)))
      continue;
    double difference = std::fabs(x - y);
    most = std::isfinite(difference) ? std::max(most, difference) : infinite;
  }
  return most;
}

std::string verification::kindOf(StringRef key) {
  auto [entry, variable] = key.split('/');
  auto [prefix, name] = variable.split(':');
  return (entry + "/" +
          (name.empty()         ? "parameter"
           : prefix == "output" ? variable
                                : prefix))
      .str();
}

Budgets verification::makeBudgets(const Observations &exact, const Observations &disturbed,
                                  double relative, double ofKind) {
  std::map<std::string, double> scales;
  for (const auto &[key, tensor] : exact) {
    double &scale = scales[kindOf(key)];
    scale = std::max(scale, largest(tensor));
  }
  Budgets budgets;
  for (const auto &[key, tensor] : exact) {
    auto other = disturbed.find(key);
    double change = other == disturbed.end() ? 0 : largestDifference(tensor, other->second);
    budgets[key] = 64 * (std::isfinite(change) ? change : 0) + relative * largest(tensor) +
                   ofKind * scales[kindOf(key)];
  }
  return budgets;
}
