// Opening cuBLASLt.
#include "runtime/device/cuda/CublasLt.h"

#include "runtime/device/cuda/Library.h"

#include <fmt/format.h>

namespace gptc::runtime::cuda {

namespace {

constexpr cublasStatus_t allocationFailed = 3;
constexpr cublasStatus_t executionFailed = 13;

Status openTable(CublasLt &table) {
  std::vector<std::string> names = toolkitNames("libcublasLt.so", openDriverVersion());
  Result<Library> library = Library::open(names, "libcublasLt.so");
  if (!library.ok())
    return {Code::unavailable,
            fmt::format("cuBLASLt cannot be opened: {} (install NVIDIA's package libcublas, or put "
                        "its folder into LD_LIBRARY_PATH)",
                        library.status().message())};
  library->find("cublasLtCreate", table.create);
  library->find("cublasLtDestroy", table.destroy);
  library->find("cublasLtGetVersion", table.getVersion);
  library->find("cublasLtGetStatusString", table.getStatusString);
  library->find("cublasLtMatmulDescCreate", table.descCreate);
  library->find("cublasLtMatmulDescDestroy", table.descDestroy);
  library->find("cublasLtMatmulDescSetAttribute", table.descSetAttribute);
  library->find("cublasLtMatrixLayoutCreate", table.layoutCreate);
  library->find("cublasLtMatrixLayoutDestroy", table.layoutDestroy);
  library->find("cublasLtMatrixLayoutSetAttribute", table.layoutSetAttribute);
  library->find("cublasLtMatmulPreferenceCreate", table.preferenceCreate);
  library->find("cublasLtMatmulPreferenceDestroy", table.preferenceDestroy);
  library->find("cublasLtMatmulPreferenceSetAttribute", table.preferenceSetAttribute);
  library->find("cublasLtMatmulAlgoGetHeuristic", table.getHeuristic);
  library->find("cublasLtMatmul", table.matmul);
  if (!library->missing().empty())
    return {Code::unavailable,
            fmt::format("cuBLASLt is too old: it has no {}", library->missing())};
  return {};
}

} // namespace

std::string CublasLt::versionText() const {
  size_t version = getVersion(); // 130100 is 13.1.0
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

Status CublasLt::check(cublasStatus_t status, std::string_view call) const {
  if (status == 0)
    return {};
  std::string message = fmt::format("{}: {} ({})", call, getStatusString(status), status);
  // What a kernel did wrong is sticky, as for the driver.
  if (status == executionFailed)
    return {Code::deviceLost, message + "; the GPU's memory is lost and the run has ended"};
  return {status == allocationFailed ? Code::outOfMemory : Code::internal, std::move(message)};
}

Result<const CublasLt *> openCublasLt() { return openOnce(openTable); }

} // namespace gptc::runtime::cuda
