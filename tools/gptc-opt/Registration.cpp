// The dialects and passes of gptc's MLIR tools.
#include "Registration.h"

#include "gptc/Autodiff/Passes.h"
#include "gptc/CodeGen/Passes.h"
#include "gptc/Dialect/GPT/GPTOps.h"
#include "gptc/Dialect/Plan/PlanOps.h"
#include "gptc/Pipelines/Pipelines.h"
#include "gptc/Plan/Passes.h"
#include "gptc/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/Passes.h"

void gptc::registerDialects(mlir::DialectRegistry &registry) {
  registry.insert<gpt::GPTDialect, plan::PlanDialect, mlir::arith::ArithDialect,
                  mlir::bufferization::BufferizationDialect, mlir::func::FuncDialect,
                  mlir::linalg::LinalgDialect, mlir::LLVM::LLVMDialect, mlir::math::MathDialect,
                  mlir::memref::MemRefDialect, mlir::scf::SCFDialect, mlir::tensor::TensorDialect,
                  mlir::vector::VectorDialect>();
}

void gptc::registerPasses() {
  registerGptcTransformsPasses();
  registerGptcAutodiffPasses();
  registerGptcPlanPasses();
  registerGptcCodeGenPasses();
  registerPipelines();
  mlir::registerTransformsPasses();
  mlir::registerLinalgPasses();
  mlir::bufferization::registerBufferizationPasses();
}
