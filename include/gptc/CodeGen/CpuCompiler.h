// Kernels of a plan as machine code for a processor.
#ifndef GPTC_CODEGEN_CPUCOMPILER_H
#define GPTC_CODEGEN_CPUCOMPILER_H

#include "gptc/Plan/CpuCode.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>
#include <string>
#include <vector>

namespace gptc {

/// What machine code is made for.
struct CpuTarget {
  std::string triple;
  std::string cpu;         ///< what may be used, as LLVM names it: "x86-64-v4"
  std::string features;    ///< beyond what `cpu` has, as LLVM lists them: "+avx2,-sse4a"
  std::string tune;        ///< whose timings to schedule for; empty: those of `cpu`
  unsigned vectorBits = 0; ///< the width of vectors; 0: LLVM chooses
  std::vector<std::string>
      required; ///< what a processor must have to run the code: "avx2", "fma", …

  /// The processor this runs on: x86-64-v4 where it has AVX-512 (F, BW, DQ, VL, CD), x86-64-v3
  /// where it has AVX2 and FMA, else what it is.
  static CpuTarget host();
  /// "x86-64-v3" or "x86-64-v4", tuned for this machine's processor if that has it; none of another
  /// name.
  static std::optional<CpuTarget> level(llvm::StringRef name);
};

struct CpuCompileOptions {
  std::vector<std::string> kernels; ///< compile these only; all if empty
  bool keepLoops = false;           ///< keep each kernel's loops as MLIR text
  bool keepLlvm = false;            ///< … its LLVM IR after optimisation
  bool keepAssembly = false;        ///< … its assembly
};

struct KernelText {
  std::string symbol, loops, llvm, assembly;
};

struct CompiledKernels {
  /// An ELF shared object that exports, for each kernel,
  /// `void symbol(void *const *operands, int64_t begin, int64_t end)`: `operands` are pointers to
  /// the inputs, then the outputs. It needs no library but the C library's memset, memcpy and
  /// memmove.
  std::vector<char> object;
  std::vector<std::string> requiredFeatures;
  MatmulTile matmulTile;         ///< of the functions for generated products, which it exports too
  std::vector<KernelText> texts; ///< in the plan's order, if texts were asked for
};

/// Compiles the kernels of `plan`, a module of the plan dialect. The same plan and target give the
/// same bytes. Emits errors at the kernels, and fails.
llvm::FailureOr<CompiledKernels> compileKernels(mlir::ModuleOp plan, const CpuTarget &target,
                                                const CpuCompileOptions &options = {});

/// The tile of the functions for generated products that compileKernels() will make; no rows if
/// `plan` has no such product.
MatmulTile matmulTileOf(mlir::ModuleOp plan, const CpuTarget &target);

} // namespace gptc

#endif // GPTC_CODEGEN_CPUCOMPILER_H
