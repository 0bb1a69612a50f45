// From the plan dialect to the bytes of a plan file.
#ifndef GPTC_PLAN_PLANWRITER_H
#define GPTC_PLAN_PLANWRITER_H

#include "gptc/Plan/CpuCode.h"
#include "gptc/Plan/CudaCode.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace gptc {

/// What a plan carries besides what the plan dialect says.
struct PlanMetadata {
  std::string model;       ///< the model's name
  std::string description; ///< the text of its description
  std::string settings;    ///< JSON: what it was compiled for
  std::string target = "cpu";
  std::vector<std::string> cpuFeatures; ///< what the object needs of the processor
  std::vector<char> object;             ///< the kernels, an ELF shared object
  MatmulTile matmulTile;                ///< of its functions for generated products
  // Of target "cuda" instead:
  std::optional<CudaSource> cuda;
  std::string cudaArchitecture;              ///< of the images: "sm_90a"
  std::vector<std::vector<char>> cudaImages; ///< a cubin for each module, or none at all
};

/// Serialises `module`, in the plan dialect with assigned buffers. The same module and metadata
/// give the same bytes.
std::vector<char> serializePlan(mlir::ModuleOp module, const PlanMetadata &metadata);

} // namespace gptc

#endif // GPTC_PLAN_PLANWRITER_H
