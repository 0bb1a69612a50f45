// cuBLASLt's matrix products.
#include "runtime/device/cuda/LibraryMatmul.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace gptc::runtime::cuda {

namespace {

constexpr uint64_t largestAlignment = 256;

int libraryType(DataType type) {
  return type == DataType::bfloat16  ? cublasReal16BF
         : type == DataType::float16 ? cublasReal16F
                                     : cublasReal32F;
}

/// The widest axis that one call can take whole: its items write to different results.
BatchAxis takeInnerAxis(std::vector<BatchAxis> &axes) {
  size_t best = axes.size();
  for (size_t i = axes.size(); i-- > 0;)
    if (axes[i].result != 0 && axes[i].size <= INT32_MAX &&
        (best == axes.size() || axes[i].size > axes[best].size))
      best = i;
  if (best == axes.size())
    return {1, 0, 0, 0};
  BatchAxis axis = axes[best];
  axes.erase(axes.begin() + static_cast<ptrdiff_t>(best));
  return axis;
}

/// The largest power of two that divides every operand's address.
uint64_t alignmentOf(std::span<const MatmulItem> items) {
  uint64_t bits = largestAlignment;
  for (const MatmulItem &item : items)
    bits |= item.lhs | item.rhs | item.result;
  return bits & (~bits + 1);
}

} // namespace

struct LibraryMatmuls::Shape {
  explicit Shape(const CublasLt &library) : library(library) {}
  Shape(const Shape &) = delete;
  Shape &operator=(const Shape &) = delete;
  ~Shape() {
    for (cublasLtMatrixLayout_t layout : {a, b, c})
      if (layout)
        library.layoutDestroy(layout);
    if (desc)
      library.descDestroy(desc);
  }

  Status describe(const CudaMatmul &matmul, const BatchAxis &inner) {
    // Whatever the types, sums are float32.
    const MatmulTypes &types = matmul.types;
    int compute = types.tf32 ? cublasCompute32FTf32 : cublasCompute32F;
    GPTC_RETURN_IF_ERROR(library.check(library.descCreate(&desc, compute, cublasReal32F),
                                       "cublasLtMatmulDescCreate"));
    GPTC_RETURN_IF_ERROR(setTranspose(cublasDescTransA, matmul.transposeRhs));
    GPTC_RETURN_IF_ERROR(setTranspose(cublasDescTransB, matmul.transposeLhs));
    int64_t m = matmul.m, n = matmul.n, k = matmul.k;
    GPTC_RETURN_IF_ERROR(layout(a, types.rhs, matmul.transposeRhs ? k : n,
                                matmul.transposeRhs ? n : k, matmul.rhsStride, inner.size,
                                inner.rhs));
    GPTC_RETURN_IF_ERROR(layout(b, types.lhs, matmul.transposeLhs ? m : k,
                                matmul.transposeLhs ? k : m, matmul.lhsStride, inner.size,
                                inner.lhs));
    return layout(c, types.result, n, m, matmul.resultStride, inner.size, inner.result);
  }

  Status chooseAlgorithm(cublasLtHandle_t handle, uint64_t alignment) {
    cublasLtMatmulPreference_t preference = nullptr;
    GPTC_RETURN_IF_ERROR(
        library.check(library.preferenceCreate(&preference), "cublasLtMatmulPreferenceCreate"));
    cublasLtMatmulHeuristicResult_t result = {};
    int found = 0;
    cublasStatus_t answer = 0;
    Status status = setPreferences(preference, alignment);
    if (status.ok())
      answer = library.getHeuristic(handle, desc, a, b, c, c, preference, 1, &result, &found);
    library.preferenceDestroy(preference);
    GPTC_RETURN_IF_ERROR(status);
    if (answer != cublasNotSupported)
      GPTC_RETURN_IF_ERROR(library.check(answer, "cublasLtMatmulAlgoGetHeuristic"));
    if (answer != 0 || found == 0 || result.state != 0)
      return {Code::unavailable, "cuBLASLt has no algorithm for it"};
    algorithm = result.algo;
    return {};
  }

  const CublasLt &library;
  cublasLtMatmulDesc_t desc = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
  cublasLtMatmulAlgo_t algorithm = {};

private:
  Status setTranspose(int attribute, bool transpose) {
    int32_t operation = transpose ? cublasOpT : cublasOpN;
    return library.check(library.descSetAttribute(desc, attribute, &operation, sizeof operation),
                         "cublasLtMatmulDescSetAttribute");
  }

  Status layout(cublasLtMatrixLayout_t &made, DataType type, int64_t rows, int64_t columns,
                int64_t stride, int64_t count, int64_t batchStride) {
    GPTC_RETURN_IF_ERROR(
        library.check(library.layoutCreate(&made, libraryType(type), static_cast<uint64_t>(rows),
                                           static_cast<uint64_t>(columns), stride),
                      "cublasLtMatrixLayoutCreate"));
    if (count == 1)
      return {};
    int32_t batch = static_cast<int32_t>(count);
    GPTC_RETURN_IF_ERROR(library.check(
        library.layoutSetAttribute(made, cublasLayoutBatchCount, &batch, sizeof batch),
        "cublasLtMatrixLayoutSetAttribute"));
    return library.check(
        library.layoutSetAttribute(made, cublasLayoutBatchOffset, &batchStride, sizeof batchStride),
        "cublasLtMatrixLayoutSetAttribute");
  }

  Status setPreferences(cublasLtMatmulPreference_t preference, uint64_t alignment) {
    size_t workspace = workspaceBytes;
    GPTC_RETURN_IF_ERROR(
        library.check(library.preferenceSetAttribute(preference, cublasPreferenceWorkspace,
                                                     &workspace, sizeof workspace),
                      "cublasLtMatmulPreferenceSetAttribute"));
    uint32_t bytes = static_cast<uint32_t>(alignment);
    for (int operand = 0; operand < 4; ++operand)
      GPTC_RETURN_IF_ERROR(
          library.check(library.preferenceSetAttribute(
                            preference, cublasPreferenceAlignmentA + operand, &bytes, sizeof bytes),
                        "cublasLtMatmulPreferenceSetAttribute"));
    return {};
  }
};

LibraryMatmuls::LibraryMatmuls(const CublasLt &library) : library_(library) {}

Result<std::unique_ptr<LibraryMatmuls>>
LibraryMatmuls::create(const Driver &driver, const CublasLt &library, CUstream stream) {
  std::unique_ptr<LibraryMatmuls> made(new LibraryMatmuls(library));
  if (Status status = library.check(library.create(&made->handle_), "cublasLtCreate"); !status.ok())
    return Status(
        status.code() == Code::deviceLost ? Code::deviceLost : Code::unavailable,
        fmt::format("cuBLASLt {} does not start: {}", library.versionText(), status.message()));
  Result<DeviceMemory> workspace = allocateDevice(driver, workspaceBytes, stream);
  if (!workspace.ok())
    return workspace.status().within("the workspace of cuBLASLt");
  made->workspace_ = std::move(*workspace);
  return made;
}

LibraryMatmuls::~LibraryMatmuls() {
  shapes_.clear();
  if (handle_)
    library_.destroy(handle_);
}

Result<const LibraryMatmuls::Shape *>
LibraryMatmuls::shapeOf(const CudaMatmul &matmul, const BatchAxis &inner, uint64_t alignment) {
  std::string key = fmt::format(
      "{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", int(matmul.types.lhs),
      int(matmul.types.rhs), int(matmul.types.result), matmul.types.tf32, matmul.m, matmul.n,
      matmul.k, matmul.transposeLhs, matmul.transposeRhs, matmul.lhsStride, matmul.rhsStride,
      matmul.resultStride, inner.size, inner.lhs, inner.rhs, inner.result, alignment);
  auto found = shapes_.find(key);
  if (found == shapes_.end()) {
    auto shape = std::make_unique<Shape>(library_);
    GPTC_RETURN_IF_ERROR(shape->describe(matmul, inner));
    GPTC_RETURN_IF_ERROR(shape->chooseAlgorithm(handle_, alignment));
    found = shapes_.emplace(std::move(key), std::move(shape)).first;
  }
  return found->second.get();
}

Result<LibraryMatmuls::Prepared> LibraryMatmuls::prepare(const CudaMatmul &matmul) {
  std::vector<BatchAxis> outer = matmul.batch;
  BatchAxis inner = takeInnerAxis(outer);
  std::vector<MatmulItem> items = itemsOf(matmul, outer);
  Result<const Shape *> shape = shapeOf(matmul, inner, alignmentOf(items));
  if (!shape.ok())
    return shape.status().within(fmt::format("a product of {}", matmul.text()));
  return Prepared{*shape, std::move(items), matmul.accumulate};
}

Status LibraryMatmuls::run(const Prepared &prepared, CUstream stream) const {
  const Shape &shape = *prepared.shape;
  float alpha = 1, beta = prepared.accumulate ? 1 : 0;
  for (const MatmulItem &item : prepared.items) {
    auto pointer = [](CUdeviceptr address) { return reinterpret_cast<void *>(address); };
    GPTC_RETURN_IF_ERROR(
        library_.check(library_.matmul(handle_, shape.desc, &alpha, pointer(item.rhs), shape.a,
                                       pointer(item.lhs), shape.b, &beta, pointer(item.result),
                                       shape.c, pointer(item.result), shape.c, &shape.algorithm,
                                       pointer(workspace_.get()), workspaceBytes, stream),
                       "cublasLtMatmul"));
  }
  return {};
}

} // namespace gptc::runtime::cuda
