// What the gradient tests share.
#include "GradientHarness.h"

#include "gptc/Autodiff/Passes.h"
#include "gptc/Transforms/Passes.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>

using namespace gptc;
using namespace gptc::test;

mlir::MLIRContext &test::getContext() {
  static mlir::MLIRContext *context = [] {
    registerGptcTransformsPasses();
    registerGptcAutodiffPasses();
    mlir::registerTransformsPasses();
    mlir::DialectRegistry registry;
    registry.insert<gpt::GPTDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect,
                    mlir::math::MathDialect>();
    auto *made = new mlir::MLIRContext(registry, mlir::MLIRContext::Threading::DISABLED);
    made->allowUnregisteredDialects();
    return made;
  }();
  return *context;
}

mlir::OwningOpRef<mlir::ModuleOp> test::parse(const std::string &text) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &getContext());
  EXPECT_TRUE(module) << text;
  return module;
}

bool test::run(mlir::ModuleOp module, const std::string &pipeline) {
  mlir::PassManager manager = mlir::PassManager::on<mlir::ModuleOp>(&getContext());
  bool passed =
      succeeded(mlir::parsePassPipeline(pipeline, manager)) && succeeded(manager.run(module));
  EXPECT_TRUE(passed) << pipeline;
  return passed;
}

static Tensor toTensor(mlir::DenseElementsAttr attribute) {
  auto type = llvm::cast<mlir::RankedTensorType>(attribute.getType());
  if (llvm::isa<mlir::FloatType>(type.getElementType())) {
    std::vector<double> values;
    for (const llvm::APFloat &value : attribute.getValues<llvm::APFloat>())
      values.push_back(value.convertToDouble());
    return Tensor(type.getShape(), std::move(values));
  }
  auto values = attribute.getValues<int32_t>();
  return Tensor(type.getShape(), std::vector<int32_t>(values.begin(), values.end()));
}

namespace {
/// Evenly distributed numbers, the same with every standard library.
class Uniform {
public:
  explicit Uniform(unsigned seed) : generator(seed) {}
  double operator()(double low, double high) {
    return low + (high - low) * (static_cast<double>(generator() >> 11) * 0x1p-53);
  }

private:
  std::mt19937_64 generator;
};
} // namespace

static Tensor makeValue(gpt::VariableOp variable, Uniform &uniform) {
  if (auto given = variable->getAttrOfType<mlir::DenseElementsAttr>("test.values"))
    return toTensor(given);
  Tensor value = Tensor::zeros(variable.getTensorType());
  if (!value.isReal())
    return value;
  double low = -1, high = 1;
  if (auto init = variable.getInit()) {
    low = init->getA().convertToDouble(), high = init->getB().convertToDouble();
    if (init->getKind() == gpt::InitKind::constant)
      high = low;
    else if (init->getKind() == gpt::InitKind::normal)
      high = std::sqrt(3.0) * low, low = -high;
  }
  for (double &element : value.mutableReals())
    element = uniform(low, high);
  return value;
}

Environment test::makeValues(mlir::ModuleOp module, unsigned seed) {
  // The copies of a repeat are named by the pass that expands them: the interpreter agrees with it.
  mlir::OwningOpRef<mlir::ModuleOp> expanded = module.clone();
  run(*expanded, "gpt-expand-repeats");
  Uniform uniform(seed);
  Environment values;
  for (auto variable : expanded->getOps<gpt::VariableOp>())
    values.try_emplace(variable.getSymName(), makeValue(variable, uniform));
  return values;
}

std::vector<Tensor> test::runFunction(mlir::ModuleOp module, llvm::StringRef function,
                                      Environment &values) {
  auto results = reference::evaluate(module, function, values);
  if (!results) {
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }
  return {results->begin(), results->end()};
}

// Attention has no adjoint of its own. The other two routes go through the decompositions.
const std::vector<Route> test::routes = {
    {"named", "gpt-expand-repeats,gpt-decompose{ops=attention}", ""},
    {"decomposed before", "gpt-expand-repeats,gpt-decompose", ""},
    {"decomposed after", "gpt-expand-repeats,gpt-decompose{ops=attention}",
     ",gpt-decompose,canonicalize,cse"},
};

/// The scale of loss and gradients that the test sets: one over a number of micro-batches.
static constexpr double scale = 0.25;

/// Gradients of all parameters by one route.
static Environment differentiate(mlir::ModuleOp module, const Route &route, Environment values) {
  mlir::OwningOpRef<mlir::ModuleOp> copy = module.clone();
  if (!run(*copy, fmt::format("{},gpt-differentiate{}", route.before, route.after)))
    return {};
  // What is not written stays NaN and is noticed.
  for (auto variable : copy->getOps<gpt::VariableOp>())
    if (llvm::is_contained({gpt::VariableKind::gradient, gpt::VariableKind::output},
                           variable.getKind()))
      values[variable.getSymName()] =
          Tensor::filled(variable.getTensorType().getShape(), std::nan(""));
  values["step:inverse_accumulation"] = Tensor::scalar(scale);
  runFunction(*copy, "accumulate_first", values);
  return values;
}

/// The central difference of fourth order in one element, which reaches 2·step. Truncation is
/// step⁴ f⁽⁵⁾ / 30, rounding about 1.5 · 2⁻⁵³ |f| / step. With step = 1e-4, |f| ≤ 100 and f⁽⁵⁾ up
/// to 5e7 (a layer norm over four numbers next to each other has that) either is below 2e-10.
static double getDifference(mlir::ModuleOp module, const Environment &values,
                            llvm::StringRef parameter, int64_t element) {
  constexpr double step = 1e-4;
  auto loss = [&](double offset) {
    Environment moved = values;
    moved[parameter].mutableReals()[element] += offset;
    std::vector<Tensor> results = runFunction(module, "train", moved);
    return results.size() == 1 ? results[0].reals()[0] : std::nan("");
  };
  return scale * (8 * (loss(step) - loss(-step)) - (loss(2 * step) - loss(-2 * step))) /
         (12 * step);
}

void test::expectGradientsOfDifferences(const std::string &text, unsigned seed) {
  mlir::OwningOpRef<mlir::ModuleOp> module = parse(text);
  if (!module)
    return;
  Environment values = makeValues(*module, seed);
  mlir::OwningOpRef<mlir::ModuleOp> expanded = module->clone();
  run(*expanded, "gpt-expand-repeats");
  Environment unchanged = values;
  std::vector<Tensor> loss = runFunction(*module, "train", unchanged);
  ASSERT_EQ(loss.size(), 1u);

  std::vector<Environment> found;
  for (const Route &route : routes) {
    found.push_back(differentiate(*module, route, values));
    EXPECT_NEAR(found.back()["output:loss"].reals()[0], scale * loss[0].reals()[0],
                1e-12 * std::abs(loss[0].reals()[0]))
        << route.name;
  }
  for (auto variable : expanded->getOps<gpt::VariableOp>()) {
    if (variable.getKind() != gpt::VariableKind::parameter)
      continue;
    std::string name = variable.getSymName().str();
    auto given = variable->getAttrOfType<mlir::DenseElementsAttr>("test.gradient");
    for (int64_t i = 0, count = values[name].getNumElements(); i < count; ++i) {
      double expected =
          given ? scale * toTensor(given).reals()[i] : getDifference(*module, values, name, i);
      for (auto [route, gradients] : llvm::zip(routes, found))
        EXPECT_NEAR(gradients["gradient:" + name].reals()[i], expected,
                    1e-6 * std::abs(expected) + 2e-10)
            << route.name << ": " << name << "[" << i << "]\n"
            << text;
    }
  }
}

std::string test::makeRealType(const std::string &shape) {
  return shape.empty() ? "tensor<f64>" : fmt::format("tensor<{}xf64>", shape);
}

std::string test::makeTrain(const std::string &declarations, const std::string &body,
                            const std::string &shape) {
  std::string axes;
  for (long i = 0, rank = shape.empty() ? 0 : std::count(shape.begin(), shape.end(), 'x') + 1;
       i < rank; ++i)
    axes += (i ? ", " : "") + std::to_string(i);
  return fmt::format(R"(
{0}
gpt.variable @"test weights" input : {2}
func.func @train() -> tensor<f64> {{
  {1}
  %test_weights = gpt.read @"test weights" : {2}
  %test_product = gpt.map(%y, %test_weights) : ({2}, {2}) -> {2} {{
  ^bb0(%test_a: f64, %test_b: f64):
    %test_ab = arith.mulf %test_a, %test_b : f64
    gpt.yield %test_ab : f64
  }}
  %test_loss = gpt.reduce sum %test_product [{3}] : {2} -> tensor<f64>
  return %test_loss : tensor<f64>
}})",
                     declarations, body, makeRealType(shape), axes);
}

std::string test::declare(const std::string &name, const std::string &shape, double low,
                          double high) {
  return fmt::format("gpt.variable @{} parameter init(<uniform, {:f}, {:f}>) : {}\n", name, low,
                     high, makeRealType(shape));
}

std::string test::read(const std::string &name, const std::string &shape) {
  return fmt::format("%{0} = gpt.read @{0} : {1}\n", name, makeRealType(shape));
}

std::string test::declareIndices(const std::string &name, const std::string &shape,
                                 const std::string &values) {
  return fmt::format(
      "gpt.variable @{0} input {{test.values = dense<{2}> : tensor<{1}xi32>}} : tensor<{1}xi32>\n",
      name, shape, values);
}

std::string test::readIndices(const std::string &name, const std::string &shape) {
  return fmt::format("%{0} = gpt.read @{0} : tensor<{1}xi32>\n", name, shape);
}

std::string test::makeMap(const std::string &lines, bool isBinary) {
  return fmt::format("%y = gpt.map(%A{}) : (tensor<5xf64>{}) -> tensor<5xf64> {{\n"
                     "^bb0(%a: f64{}):\n{}\n  gpt.yield %r : f64\n}}\n",
                     isBinary ? ", %B" : "", isBinary ? ", tensor<5xf64>" : "",
                     isBinary ? ", %b: f64" : "", lines);
}

void test::expectUnary(const std::string &shape, const std::string &op, const std::string &result,
                       double low, double high) {
  expectGradientsOfDifferences(
      makeTrain(declare("X", shape, low, high), read("X", shape) + op, result));
}
