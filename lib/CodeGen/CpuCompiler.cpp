// LLVM IR to a shared object, and what can be read on the way.
#include "gptc/CodeGen/CpuCompiler.h"

#include "LlvmLowering.h"
#include "MatmulFunctions.h"
#include "SharedObject.h"

#include "gptc/CodeGen/Kernels.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace mlir;
using namespace gptc;

std::unique_ptr<llvm::TargetMachine> codegen::createTargetMachine(const CpuTarget &target,
                                                                  std::string &error) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::Triple triple(target.triple);
  const llvm::Target *found = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!found)
    return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(found->createTargetMachine(
      triple, target.cpu, target.features, llvm::TargetOptions(), llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}

void codegen::optimizeKernels(llvm::Module &module, llvm::TargetMachine &machine,
                              const CpuTarget &target) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.cpu);
    function.addFnAttr("target-features", target.features);
    if (!target.tune.empty())
      function.addFnAttr("tune-cpu", target.tune);
    if (target.vectorBits != 0) {
      function.addFnAttr("prefer-vector-width", llvm::utostr(target.vectorBits));
      function.addFnAttr("min-legal-vector-width", llvm::utostr(target.vectorBits));
    }
    function.addFnAttr("frame-pointer", "none");
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = true;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling =
      false; // beyond what vectorising interleaves, unrolling only costs time to compile
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

llvm::SmallVector<char, 0> codegen::emitCode(llvm::Module &module, llvm::TargetMachine &machine,
                                             bool assembly) {
  llvm::SmallVector<char, 0> code;
  llvm::raw_svector_ostream stream(code);
  llvm::legacy::PassManager manager;
  auto kind = assembly ? llvm::CodeGenFileType::AssemblyFile : llvm::CodeGenFileType::ObjectFile;
  machine.addPassesToEmitFile(manager, stream, nullptr, kind);
  manager.run(module);
  return code;
}

/// The kernels call no function but those that every process has. Asked of the object, since code
/// generation turns what has no instruction into calls.
static LogicalResult checkCalls(ModuleOp plan, StringRef object) {
  static constexpr StringLiteral known[] = {"memset", "memcpy", "memmove", "malloc", "free"};
  auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "kernels"));
  if (!file)
    return plan.emitError(llvm::toString(file.takeError()));
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    StringRef name = llvm::cantFail(symbol.getName());
    bool isMissing = llvm::cantFail(symbol.getFlags()) & llvm::object::BasicSymbolRef::SF_Undefined;
    if (isMissing && !name.empty() && !llvm::is_contained(known, name))
      return plan.emitError("has no code for the function ") << name;
  }
  return success();
}

/// Cuts assembly into functions, each from its label on.
static std::string getFunctionText(StringRef assembly, StringRef symbol) {
  size_t begin = assembly.find(("\n" + symbol + ":").str());
  size_t end = assembly.find((".size\t" + symbol + ",").str());
  if (begin == StringRef::npos || end == StringRef::npos)
    return "";
  return assembly.slice(begin + 1, assembly.rfind('\n', end) + 1).str();
}

MatmulTile gptc::matmulTileOf(ModuleOp plan, const CpuTarget &target) {
  plan.getContext()
      ->loadDialect<arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                    scf::SCFDialect, vector::VectorDialect>();
  OwningOpRef<ModuleOp> unused = ModuleOp::create(plan.getLoc());
  return codegen::emitMatmulFunctions(plan, *unused, target.vectorBits);
}

FailureOr<CompiledKernels> gptc::compileKernels(ModuleOp plan, const CpuTarget &target,
                                                const CpuCompileOptions &options) {
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = codegen::createTargetMachine(target, error);
  if (!machine)
    return plan.emitError(error);
  SmallVector<StringRef> names(options.kernels.begin(), options.kernels.end());
  OwningOpRef<ModuleOp> loops = lowerKernels(plan, names, target.vectorBits);
  if (!loops)
    return failure();

  CompiledKernels result;
  result.requiredFeatures = target.required;
  if (names.empty())
    result.matmulTile = codegen::emitMatmulFunctions(plan, *loops, target.vectorBits);
  bool keepTexts = options.keepLoops || options.keepLlvm || options.keepAssembly;
  for (auto function : loops->getOps<func::FuncOp>()) {
    if (!keepTexts)
      break;
    KernelText &text = result.texts.emplace_back();
    text.symbol = function.getSymName();
    if (options.keepLoops)
      llvm::raw_string_ostream(text.loops) << function << "\n";
  }

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = codegen::translateKernels(*loops, context);
  if (!module)
    return failure();
  codegen::optimizeKernels(*module, *machine, target);
  for (KernelText &text : result.texts)
    if (options.keepLlvm)
      llvm::raw_string_ostream(text.llvm) << *module->getFunction(text.symbol);
  if (options.keepAssembly) {
    llvm::SmallVector<char, 0> assembly =
        codegen::emitCode(*llvm::CloneModule(*module), *machine, true);
    for (KernelText &text : result.texts)
      text.assembly = getFunctionText(StringRef(assembly.data(), assembly.size()), text.symbol);
  }
  llvm::SmallVector<char, 0> code = codegen::emitCode(*module, *machine, /*assembly=*/false);
  if (failed(checkCalls(plan, StringRef(code.data(), code.size()))))
    return failure();
  llvm::Expected<std::vector<char>> object = codegen::linkSharedObject(code);
  if (!object)
    return plan.emitError(llvm::toString(object.takeError()));
  result.object = std::move(*object);
  return result;
}
