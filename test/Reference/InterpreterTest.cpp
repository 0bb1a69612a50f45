// The interpreter's interface: arguments, environments, fallbacks and errors.
#include "test/Reference/ReferenceTesting.h"

using namespace gptc;
using namespace gptc::test;
using namespace gptc::reference;

static std::string getError(llvm::Expected<Tensors> results) {
  return results ? "" : llvm::toString(results.takeError());
}

TEST(Tensor, CopiesShareElementsUntilOneChanges) {
  Tensor first({2}, std::vector<double>{1, 2});
  Tensor second = first;
  EXPECT_EQ(first.reals().data(), second.reals().data());
  second.mutableReals()[0] = 5;
  EXPECT_EQ(first.reals()[0], 1);
  EXPECT_EQ(second.reals()[0], 5);
  Tensor third = second.reshaped({1, 2});
  EXPECT_EQ(third.getShape(), (llvm::ArrayRef<int64_t>{1, 2}));
  EXPECT_EQ(third.reals().data(), second.reals().data());
}

TEST(Interpreter, ReturnsResultsAndChangesTheEnvironment) {
  auto module = parseModule(R"(
    gpt.variable @w state init(#gpt.init<constant, 0.0, 0.0>) : tensor<2xf32>
    func.func @f(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
      %w = gpt.read @w : tensor<2xf32>
      gpt.write @w, %x : tensor<2xf32>
      return %x, %w : tensor<2xf32>, tensor<2xf32>
    })");
  Environment environment;
  environment["w"] = Tensor({2}, std::vector<double>{1, 2});
  Tensor argument({2}, std::vector<double>{3, 4});
  llvm::Expected<Tensors> results = evaluate(*module, "f", environment, {}, argument);
  ASSERT_TRUE(static_cast<bool>(results));
  ASSERT_EQ(results->size(), 2u);
  EXPECT_EQ((*results)[0].reals()[1], 4);
  EXPECT_EQ((*results)[1].reals()[1], 2);
  EXPECT_EQ(environment["w"].reals()[1], 4);
}

TEST(Interpreter, NamesWhatIsWrongWithItsInput) {
  auto module = parseModule(R"(
    gpt.variable @w state init(#gpt.init<constant, 0.0, 0.0>) : tensor<2xf32>
    func.func private @declared()
    func.func @read() {
      %w = gpt.read @w : tensor<2xf32>
      return
    }
    func.func @add(%x: tensor<2xf32>) {
      gpt.write @w, %x accumulate : tensor<2xf32>
      return
    })");
  Environment environment;
  Tensor pair = Tensor::filled({2}, 1);
  EXPECT_EQ(getError(evaluate(*module, "g", environment)), "there is no function 'g'");
  EXPECT_NE(
      getError(evaluate(*module, "declared", environment)).find("requires a body of one block"),
      std::string::npos);
  EXPECT_NE(getError(evaluate(*module, "read", environment)).find("variable 'w' has no value"),
            std::string::npos);
  EXPECT_NE(getError(evaluate(*module, "add", environment)).find("requires 1 arguments, found 0"),
            std::string::npos);
  EXPECT_NE(getError(evaluate(*module, "add", environment, {}, Tensor::filled({3}, 1)))
                .find("an argument has another type"),
            std::string::npos);
  environment["w"] = Tensor::filled({3}, 1);
  for (const char *function : {"read", "add"}) {
    llvm::ArrayRef<Tensor> arguments;
    if (function == std::string("add"))
      arguments = pair;
    EXPECT_NE(getError(evaluate(*module, function, environment, {}, arguments))
                  .find("variable 'w' has a value of another type"),
              std::string::npos);
  }
}

TEST(Interpreter, AsksTheFallbackForOtherOperations) {
  auto module = parseModule(R"(
    func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
      %0 = math.exp %x : tensor<2xf32>
      return %0 : tensor<2xf32>
    })");
  Environment environment;
  Options options;
  options.fallback = [](mlir::Operation *op,
                        llvm::ArrayRef<Tensor> operands) -> std::optional<llvm::Expected<Tensors>> {
    if (op->getName().getStringRef() != "math.exp")
      return std::nullopt;
    return Tensors{operands[0]};
  };
  Tensor argument({2}, std::vector<double>{3, 4});
  llvm::Expected<Tensors> results = evaluate(*module, "f", environment, options, argument);
  ASSERT_TRUE(static_cast<bool>(results));
  EXPECT_EQ((*results)[0].reals()[0], 3);
  EXPECT_NE(getError(evaluate(*module, "f", environment, {}, argument))
                .find("is not an operation that the interpreter knows"),
            std::string::npos);
}

/// A float32 run is what float arithmetic gives, bit by bit.
TEST(Interpreter, ComputesFloat32InFloat) {
  std::string text = R"(
    func.func @f(%x: tensor<3xf32>, %y: tensor<3xf32>) -> (tensor<3xf32>, tensor<f32>) {
      %0 = gpt.map(%x, %y) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32> {
      ^bb0(%a: f32, %b: f32):
        %1 = arith.mulf %a, %b : f32
        %2 = arith.addf %1, %b : f32
        %3 = arith.divf %2, %a : f32
        gpt.yield %3 : f32
      }
      %4 = gpt.reduce sum %0 [0] : tensor<3xf32> -> tensor<f32>
      return %0, %4 : tensor<3xf32>, tensor<f32>
    })";
  std::vector<float> x{0.1f, -3.7f, 1e10f}, y{1.3f, 0.7f, -2.9f};
  Tensors arguments{Tensor({3}, std::vector<double>(x.begin(), x.end())),
                    Tensor({3}, std::vector<double>(y.begin(), y.end()))};
  Tensors results = runText(text, arguments, Precision::float32, false);
  ASSERT_EQ(results.size(), 2u);
  float sum = 0;
  for (int i = 0; i < 3; ++i) {
    volatile float product = x[i] * y[i]; // keeps the compiler from fusing the sum into it
    float expected = (product + y[i]) / x[i];
    EXPECT_EQ(results[0].reals()[i], expected);
    sum += expected;
  }
  EXPECT_EQ(results[1].reals()[0], sum);
}
