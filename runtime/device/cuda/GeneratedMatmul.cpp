// Launching generated matrix products.
#include "runtime/device/cuda/GeneratedMatmul.h"

#include <algorithm>
#include <fmt/format.h>

namespace gptc::runtime::cuda {

namespace {

/// Of a grid's second and third axis.
constexpr int64_t largestGrid = 65535;

} // namespace

void GeneratedMatmul::takeAxes(std::vector<BatchAxis> &axes) {
  // From the innermost out, so that the launches that remain go through memory in order. Sums over
  // an axis are launches that follow each other.
  std::vector<BatchAxis> taken;
  int64_t items = 1;
  for (size_t i = axes.size(); i-- > 0;) {
    if (axes[i].result == 0 || taken.size() == batchAxes || axes[i].size > largestGrid / items)
      continue;
    items *= axes[i].size;
    taken.insert(taken.begin(), axes[i]);
    axes.erase(axes.begin() + static_cast<ptrdiff_t>(i));
  }
  for (size_t i = 0; i < taken.size(); ++i) {
    batch_.size[i] = static_cast<int32_t>(taken[i].size);
    batch_.lhs[i] = taken[i].lhs;
    batch_.rhs[i] = taken[i].rhs;
    batch_.result[i] = taken[i].result;
  }
  batch_.count = static_cast<int32_t>(taken.size());
  gridZ_ = static_cast<unsigned>(items);
}

Result<GeneratedMatmul> GeneratedMatmul::prepareWithEpilogue(const CudaMatmul &matmul,
                                                             const MatmulKernel &kernel,
                                                             std::vector<CUdeviceptr> operands) {
  GPTC_ASSIGN(GeneratedMatmul made, sized(matmul, kernel));
  made.items_ = {{matmul.lhs, matmul.rhs, matmul.result}};
  made.epilogueOperands_ = std::move(operands);
  return made;
}

Result<GeneratedMatmul> GeneratedMatmul::prepare(const CudaMatmul &matmul,
                                                 const CudaKernels &kernels) {
  const MatmulKernel *kernel = kernels.matmul(matmul);
  if (!kernel)
    return Status(Code::failedPrecondition,
                  fmt::format("the plan has no kernel of its own for a product of {}{}{}",
                              matmul.text(), matmul.transposeLhs ? ", left transposed" : "",
                              matmul.transposeRhs ? ", right transposed" : ""));
  GPTC_ASSIGN(GeneratedMatmul made, sized(matmul, *kernel));
  std::vector<BatchAxis> outer = matmul.batch;
  made.takeAxes(outer);
  made.items_ = itemsOf(matmul, outer);
  return made;
}

Result<GeneratedMatmul> GeneratedMatmul::sized(const CudaMatmul &matmul,
                                               const MatmulKernel &kernel) {
  GeneratedMatmul made;
  int64_t gridX = (matmul.n + kernel.tileN - 1) / kernel.tileN;
  int64_t gridY = (matmul.m + kernel.tileM - 1) / kernel.tileM;
  if (std::max({matmul.m, matmul.n, matmul.k, gridX}) > INT32_MAX || gridY > largestGrid)
    return Status(
        Code::failedPrecondition,
        fmt::format("a product of {} is too large for the plan's own kernel", matmul.text()));
  made.function_ = kernel.function;
  made.threads_ = kernel.threads;
  made.gridX_ = static_cast<unsigned>(gridX);
  made.gridY_ = static_cast<unsigned>(gridY);
  made.m_ = static_cast<int32_t>(matmul.m);
  made.n_ = static_cast<int32_t>(matmul.n);
  made.k_ = static_cast<int32_t>(matmul.k);
  made.accumulate_ = matmul.accumulate ? 1 : 0;
  made.lhsStride_ = matmul.lhsStride;
  made.rhsStride_ = matmul.rhsStride;
  made.resultStride_ = matmul.resultStride;
  return made;
}

Status GeneratedMatmul::run(const Driver &driver, CUstream stream) const {
  for (const MatmulItem &item : items_) {
    std::vector<void *> parameters;
    if (epilogueOperands_.empty()) {
      parameters = {argumentOf(item.lhs),    argumentOf(item.rhs),   argumentOf(item.result),
                    argumentOf(m_),          argumentOf(n_),         argumentOf(k_),
                    argumentOf(lhsStride_),  argumentOf(rhsStride_), argumentOf(resultStride_),
                    argumentOf(accumulate_), argumentOf(batch_)};
    } else {
      parameters = {argumentOf(item.lhs),  argumentOf(item.rhs), argumentOf(m_),
                    argumentOf(n_),        argumentOf(k_),       argumentOf(lhsStride_),
                    argumentOf(rhsStride_)};
      for (const CUdeviceptr &operand : epilogueOperands_)
        parameters.push_back(argumentOf(operand));
    }
    GPTC_RETURN_IF_ERROR(
        driver.check(driver.launchKernel(function_, gridX_, gridY_, gridZ_, threads_, 1, 1, 0,
                                         stream, parameters.data(), nullptr),
                     "cuLaunchKernel"));
  }
  return {};
}

} // namespace gptc::runtime::cuda
