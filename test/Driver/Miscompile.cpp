// Runs gptc verify with a miscompile planted.
#include "Miscompile.h"

#include "gptc/Pipelines/PassTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace gptc;
using namespace gptc::test;

void gptc::test::PrintTo(const Miscompile &miscompile, std::ostream *stream) {
  *stream << miscompile.name;
}

/// Small, with sizes that agree where a wrong program could hide behind a wrong shape: square
/// weights, as many heads as positions and elements of a head.
static CompileOptions smallConfiguration(const Miscompile &miscompile) {
  CompileOptions options;
  std::string model = miscompile.model;
  options.model = std::string(GPTC_MODELS) + "/" + model + ".gpt";
  options.optimizer = miscompile.optimizer;
  options.padMultiple = miscompile.padMultiple;
  options.chunkBytes = miscompile.chunkBytes;
  options.precision = miscompile.precision;
  options.disabledPasses = miscompile.disabledPasses;
  // A pass that is off can only be wrong where it is on.
  if (const OptimizationPass *pass = findOptimization(miscompile.pass);
      pass && !pass->isOn(Target::cpu))
    options.enabledPasses = {miscompile.pass};
  if (miscompile.smallest)
    options.memoryBudget = MemoryBudget{MemoryBudget::Kind::smallest};
  options.load.batchSize = 2;
  if (model == "gpt2" || model == "modern_gpt") {
    options.load.sequenceLength = 4;
    options.load.overrides = {"n_embd=16", "n_head=4", "vocab_size=13", "block_size=8"};
    if (model == "gpt2")
      options.load.overrides.push_back("n_layer=2");
    else
      options.load.overrides.insert(options.load.overrides.end(),
                                    {"n_layer=1", "n_kv=2", "n_hidden=16"});
  } else if (model == "mlp" || model == "mlp_batchnorm") {
    options.load.overrides = {"n_hidden=20"};
  } else if (model == "bigram") {
    options.load.sequenceLength = 4;
  }
  if (miscompile.sequenceLength > 0)
    options.load.sequenceLength = miscompile.sequenceLength;
  options.load.overrides.insert(options.load.overrides.end(), miscompile.overrides.begin(),
                                miscompile.overrides.end());
  return options;
}

void gptc::test::expectCaught(const Miscompile &miscompile) {
  VerifyOptions options;
  options.compile = smallConfiguration(miscompile);
  options.full = true;
  options.threads = 2;
  bool planted = false;
  options.afterPass = [&](llvm::StringRef pass, mlir::Operation *module) {
    if (pass == miscompile.pass && !planted)
      planted = miscompile.plant(llvm::cast<mlir::ModuleOp>(module));
  };
  runtime::Result<VerifyReport> report = verify(options);
  ASSERT_TRUE(planted) << "there was nothing to change";
  ASSERT_TRUE(report.ok()) << report.status().message();
  ASSERT_TRUE(report->failure) << "not caught";
  const VerifyReport::Failure &failure = *report->failure;
  EXPECT_EQ(failure.pass, miscompile.pass);
  std::string range;
  for (const std::string &line : failure.range)
    range += line + "\n";
  EXPECT_TRUE(!failure.range.empty() || !failure.reason.empty());
  EXPECT_LE(failure.range.size(), 8u);
  EXPECT_NE((range + failure.reason).find(miscompile.shows), std::string::npos)
      << failure.tensor << "\n"
      << range << failure.reason;
}

gpt::WriteOp gptc::test::findWrite(mlir::ModuleOp module, llvm::StringRef entry,
                                   llvm::StringRef variable, int number) {
  return find<gpt::WriteOp>(module, entry, number,
                            [&](gpt::WriteOp write) { return write.getVariable() == variable; });
}

bool gptc::test::readInstead(mlir::ModuleOp module, llvm::StringRef entry, llvm::StringRef variable,
                             llvm::StringRef other) {
  bool changed = false;
  if (mlir::Operation *function = module.lookupSymbol(entry))
    function->walk([&](gpt::ReadOp read) {
      if (read.getVariable() != variable)
        return;
      read.setVariable(other);
      changed = true;
    });
  return changed;
}

bool gptc::test::swapOperands(mlir::Operation *op, unsigned first, unsigned second) {
  if (!op)
    return false;
  mlir::Value value = op->getOperand(first);
  op->setOperand(first, op->getOperand(second));
  op->setOperand(second, value);
  return true;
}

bool gptc::test::becomeOperand(mlir::Operation *op, unsigned operand) {
  if (!op)
    return false;
  op->getResult(0).replaceAllUsesWith(op->getOperand(operand));
  op->erase();
  return true;
}

bool gptc::test::changeConstant(mlir::ModuleOp module, llvm::StringRef entry, double from,
                                double to, int number) {
  auto constant =
      find<mlir::arith::ConstantOp>(module, entry, number, [&](mlir::arith::ConstantOp op) {
        auto value = llvm::dyn_cast<mlir::FloatAttr>(op.getValue());
        return value && std::fabs(value.getValueAsDouble() - from) <= 1e-6 * std::fabs(from);
      });
  if (!constant)
    return false;
  constant.setValueAttr(mlir::FloatAttr::get(constant.getType(), to));
  return true;
}

mlir::Value gptc::test::makeOne(mlir::Operation *op) {
  mlir::OpBuilder builder(op);
  auto type = mlir::RankedTensorType::get({}, builder.getF32Type());
  return mlir::arith::ConstantOp::create(builder, op->getLoc(),
                                         mlir::DenseElementsAttr::get(type, 1.0f));
}

bool gptc::test::setFlag(mlir::Operation *op, llvm::StringRef name, bool value) {
  if (!op)
    return false;
  if (value)
    op->setAttr(name, mlir::UnitAttr::get(op->getContext()));
  else
    op->removeAttr(name);
  return true;
}
