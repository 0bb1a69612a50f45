// From loops over memrefs to LLVM IR.
#include "LlvmLowering.h"
#include "MatmulFunctions.h"

#include "gptc/CodeGen/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/IRBuilder.h"

using namespace mlir;
using namespace gptc;

static void addLowering(PassManager &manager) {
  manager.addPass(createExpandMathPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createLoopInvariantCodeMotionPass());
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createConvertVectorToLLVMPass());
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createLowerAffinePass());
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(createUBToLLVMConversionPass());
  manager.addPass(createFinalizeMemRefToLLVMConversionPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createConvertIndexToLLVMPass());
  ConvertFuncToLLVMPassOptions functions;
  functions.useBarePtrCallConv = true;
  manager.addPass(createConvertFuncToLLVMPass(functions));
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
}

/// Makes the annotations of loops, which come along as any attribute does, part of the branches:
/// only there are they translated.
static void adoptLoopAnnotations(ModuleOp module) {
  module.walk([](Operation *op) {
    auto annotation = dyn_cast_or_null<LLVM::LoopAnnotationAttr>(
        op->removeDiscardableAttr("llvm.loop_annotation"));
    if (!annotation)
      return;
    if (auto branch = dyn_cast<LLVM::BrOp>(op))
      branch.setLoopAnnotationAttr(annotation);
    else
      cast<LLVM::CondBrOp>(op).setLoopAnnotationAttr(annotation);
  });
}

/// Puts the loads and stores of loops that say so into the access group that the loop declares
/// parallel. Attributes of memref.load do not survive the way to LLVM, those of loops do.
static void markParallelAccesses(llvm::Function &function) {
  llvm::DominatorTree dominators(function);
  llvm::LoopInfo loops(dominators);
  for (llvm::Loop *loop : loops.getLoopsInPreorder()) {
    llvm::MDNode *id = loop->getLoopID();
    llvm::MDNode *parallel =
        id ? llvm::findOptionMDForLoopID(id, "llvm.loop.parallel_accesses") : nullptr;
    if (!parallel)
      continue;
    auto *group = llvm::cast<llvm::MDNode>(parallel->getOperand(1));
    for (llvm::BasicBlock *block : loop->blocks())
      for (llvm::Instruction &instruction : *block)
        if (instruction.mayReadOrWriteMemory())
          instruction.setMetadata(llvm::LLVMContext::MD_access_group, group);
  }
}

// define void @symbol(ptr %operands, i64 %begin, i64 %end) {
//   … %operand0 = load ptr, ptr %operands …
//   call void @symbol.rows(ptr %operand0, …, i64 %begin, i64 %end)
// }
static void exportKernel(llvm::Function &body) {
  llvm::LLVMContext &context = body.getContext();
  std::string symbol = body.getName().str();
  body.setName(codegen::bodyName(symbol));
  body.setLinkage(llvm::GlobalValue::InternalLinkage);
  body.addFnAttr(llvm::Attribute::AlwaysInline);
  auto *pointer = llvm::PointerType::get(context, 0);
  auto *number = llvm::Type::getInt64Ty(context);
  auto *type =
      llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, number, number}, false);
  auto *function =
      llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, symbol, body.getParent());
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", function));
  std::vector<llvm::Value *> arguments;
  for (unsigned i = 0; i + 2 < body.arg_size(); ++i)
    arguments.push_back(builder.CreateLoad(
        pointer, builder.CreateConstInBoundsGEP1_64(pointer, function->getArg(0), i)));
  arguments.push_back(function->getArg(1));
  arguments.push_back(function->getArg(2));
  builder.CreateCall(&body, arguments);
  builder.CreateRetVoid();
}

std::string codegen::bodyName(llvm::StringRef symbol) { return (symbol + ".rows").str(); }

std::unique_ptr<llvm::Module> codegen::translateKernels(ModuleOp loops,
                                                        llvm::LLVMContext &context) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  loops.getContext()->appendDialectRegistry(registry);
  PassManager manager(loops.getContext());
  manager.enableVerifier(false);
  addLowering(manager);
  if (failed(manager.run(loops)))
    return nullptr;
  adoptLoopAnnotations(loops);
  std::unique_ptr<llvm::Module> module = translateModuleToLLVMIR(loops, context, "kernels");
  if (!module)
    return nullptr;
  std::vector<llvm::Function *> bodies;
  for (llvm::Function &function : *module)
    if (!function.isDeclaration() && !function.hasFnAttribute(codegen::wholeFunction))
      bodies.push_back(&function);
  for (llvm::Function *body : bodies) {
    markParallelAccesses(*body);
    exportKernel(*body);
  }
  return module;
}
