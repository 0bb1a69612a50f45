// From a plan's CUDA C++ to machine code for one architecture: what the plan holds compiled, what
// the cache holds, and the rest by NVRTC, modules side by side. No GPU and no driver is needed.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_MODULECOMPILER_H
#define GPTC_RUNTIME_DEVICE_CUDA_MODULECOMPILER_H

#include "runtime/device/cuda/CompileLog.h"
#include "runtime/device/cuda/CubinCache.h"
#include "runtime/plan/Plan.h"

namespace gptc::runtime::cuda {

/// One source, and what messages should say of it.
struct ModuleSource {
  std::string source;
  struct Kernel {
    std::string symbol;
    std::string location; ///< the lines of the description that it computes; may be empty
  };
  std::vector<Kernel> kernels;
  /// Compiled ahead of time for an architecture that suits; else empty.
  std::string_view image;
};

struct CompiledModule {
  enum class Origin { plan, cache, compiled };
  std::string cubin; ///< of `Origin::plan` a copy of the image
  std::string log;   ///< of the compiler, verbose; empty for `Origin::plan`
  Origin origin = Origin::compiled;

  std::vector<KernelResources> resources() const { return kernelResources(log); }
};

struct CompileCounts {
  size_t modules = 0, fromPlan = 0, fromCache = 0, compiled = 0;
  double seconds = 0; ///< of the clock

  /// "12 modules, 12 from the cache".
  std::string text() const;
};

struct CompileSettings {
  std::string architecture;    ///< "sm_90a"
  CubinCache *cache = nullptr; ///< null: none
  int driverVersion = 0;       ///< of the driver that will load them; 0: not known
  size_t threads = 0;          ///< 0: one a processor
  /// Where progress and warnings go, in whole lines; empty: nowhere. A bar is drawn on the standard
  /// error stream if that is a terminal.
  CubinCache::Note note;
};

/// Compiles the sources, each with `header` as its "gptc_device.h"; the results are in their order.
/// NVRTC is opened only if it is needed. Errors: unavailable (no NVRTC), dataError (a source does
/// not compile: the message has the compiler's log, the path of the source, and the lines of the
/// description), failedPrecondition (NVRTC does not know the architecture).
Result<std::vector<CompiledModule>> compileModules(const std::string &header,
                                                   std::span<const ModuleSource> sources,
                                                   const CompileSettings &settings,
                                                   CompileCounts *counts = nullptr);

/// The sources of a plan's modules, each with the image that suits `architecture` best; `modules`
/// are their numbers. The plan must outlive them.
std::vector<ModuleSource> moduleSources(const Plan &plan, std::span<const uint32_t> modules,
                                        std::string_view architecture);

/// The PTX of one source, to read. Errors as of compileModules.
Result<std::string> compileToPtx(const std::string &header, const ModuleSource &source,
                                 const std::string &architecture);

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_MODULECOMPILER_H
