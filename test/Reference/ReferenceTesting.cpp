// MLIR text in, values out.
#include "test/Reference/ReferenceTesting.h"

#include "gptc/Dialect/GPT/GPTOps.h"
#include "gptc/Transforms/Passes.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cmath>

using namespace gptc;
using namespace gptc::reference;

static mlir::MLIRContext &getContext() {
  static mlir::MLIRContext context;
  context.loadDialect<gpt::GPTDialect, mlir::func::FuncDialect>();
  return context;
}

mlir::OwningOpRef<mlir::ModuleOp> test::parseModule(const std::string &text, bool decompose) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &getContext());
  EXPECT_TRUE(module) << text;
  if (!module || !decompose)
    return module;
  mlir::PassManager manager(&getContext());
  DecomposePassOptions kernels; // those with a kernel of their own are left unless they are named
  kernels.ops = {"flash_attention", "flash_attention_grad"};
  manager.addPass(createDecomposePass(kernels));
  manager.addPass(createDecomposePass());
  if (failed(manager.run(*module))) {
    ADD_FAILURE() << "cannot decompose " << text;
    return nullptr;
  }
  return module;
}

Tensors test::runText(const std::string &text, llvm::ArrayRef<Tensor> arguments,
                      Precision precision, bool decompose) {
  mlir::OwningOpRef<mlir::ModuleOp> module = parseModule(text, decompose);
  if (!module)
    return {};
  Environment environment;
  llvm::Expected<Tensors> results =
      evaluate(*module, "f", environment, {.precision = precision, .fallback = {}}, arguments);
  if (!results) {
    ADD_FAILURE() << llvm::toString(results.takeError()) << "\n" << text;
    return {};
  }
  return std::move(*results);
}

void test::expectNear(const Tensor &value, const Tensor &expected, double tolerance,
                      const std::string &where) {
  ASSERT_EQ(value.getShape(), expected.getShape()) << where;
  ASSERT_EQ(value.isReal(), expected.isReal()) << where;
  if (!value.isReal()) {
    EXPECT_EQ(value.integers(), expected.integers()) << where;
    return;
  }
  double scale = 1;
  for (double element : expected.reals())
    scale = std::max(scale, std::fabs(element));
  for (int64_t i = 0; i < value.getNumElements(); ++i)
    EXPECT_NEAR(value.reals()[i], expected.reals()[i], tolerance * scale)
        << where << ", element " << i;
}
