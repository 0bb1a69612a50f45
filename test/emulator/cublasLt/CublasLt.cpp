// The cuBLASLt stand-in: products of strided batches with any orders and transposes, summed in
// float64, of float32, perhaps rounded to TF32 first, bfloat16 or float16. Whatever else is asked
// for is refused with CUBLAS_STATUS_NOT_SUPPORTED.
#include "test/emulator/cublasLt/Product.h"

#include <dlfcn.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>

using namespace gptc::emulator;

#define GPTC_EXPORT extern "C" __attribute__((visibility("default")))

enum cublasStatus_t : int {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_NOT_INITIALIZED = 1,
  CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_EXECUTION_FAILED = 13,
  CUBLAS_STATUS_NOT_SUPPORTED = 15,
};

namespace {

constexpr int float32 = int(Element::float32);
constexpr int compute32 = 68, computeTf32 = 77; // CUBLAS_COMPUTE_32F, …_FAST_TF32

struct Handle {};

struct Descriptor {
  int32_t computeType, scaleType;
  int32_t transposes[3] = {0, 0, 0};
  bool supported = true;
};

struct Layout {
  int32_t type;
  int32_t order = 0; // CUBLASLT_ORDER_COL
  uint64_t rows, columns;
  int64_t leading;
  int32_t batches = 1;
  int64_t batchStride = 0;
  bool supported = true;
};

struct Preference {};

struct Algorithm {
  uint64_t data[8];
};

struct HeuristicResult {
  Algorithm algorithm;
  size_t workspaceBytes;
  cublasStatus_t state;
  float waves;
  int reserved[4];
};

/// Marks algorithms as ours.
constexpr uint64_t algorithmMark = 0x67707463;

/// Copies an attribute of the right size.
template <typename T> cublasStatus_t set(T &to, const void *from, size_t bytes) {
  if (!from || bytes != sizeof(T))
    return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&to, from, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

Matrix matrixOf(const Layout &layout, bool transposed) {
  Matrix matrix;
  matrix.element = Element(layout.type);
  matrix.rows = transposed ? layout.columns : layout.rows;
  matrix.columns = transposed ? layout.rows : layout.columns;
  bool rowMajor = (layout.order == 1) != transposed;
  matrix.rowStride = rowMajor ? layout.leading : 1;
  matrix.columnStride = rowMajor ? 1 : layout.leading;
  matrix.batchStride = layout.batchStride;
  return matrix;
}

/// Whether the leading dimension leaves room for a row or column.
bool isLayout(const Layout &layout) {
  uint64_t inner = layout.order == 1 ? layout.columns : layout.rows;
  return layout.rows && layout.columns && layout.batches >= 1 && layout.leading >= 0 &&
         (uint64_t)layout.leading >= inner;
}

/// Fills the product but for its data.
cublasStatus_t productOf(const Descriptor *descriptor, const Layout *a, const Layout *b,
                         const Layout *c, const Layout *d, Product &product) {
  if (!descriptor || !a || !b || !c || !d)
    return CUBLAS_STATUS_INVALID_VALUE;
  bool supported = descriptor->supported && descriptor->scaleType == float32 &&
                   descriptor->transposes[2] == 0 &&
                   (descriptor->computeType == compute32 || descriptor->computeType == computeTf32);
  for (const Layout *layout : {a, b, c, d}) {
    if (!isLayout(*layout))
      return CUBLAS_STATUS_INVALID_VALUE;
    bool known = layout->type == int(Element::float32) || layout->type == int(Element::float16) ||
                 layout->type == int(Element::bfloat16);
    supported &= layout->supported && known && (layout->order == 0 || layout->order == 1);
  }
  // Operands are of one type, a result of that or float32, as of the library.
  supported &= a->type == b->type && c->type == d->type &&
               (d->type == a->type || d->type == int(Element::float32)) &&
               (descriptor->computeType != computeTf32 || a->type == int(Element::float32));
  for (int i = 0; i < 2; ++i)
    supported &= descriptor->transposes[i] == 0 || descriptor->transposes[i] == 1;
  if (!supported)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  product.a = matrixOf(*a, descriptor->transposes[0] == 1);
  product.b = matrixOf(*b, descriptor->transposes[1] == 1);
  product.c = matrixOf(*c, false);
  product.d = matrixOf(*d, false);
  product.batches = d->batches;
  product.tf32 = descriptor->computeType == computeTf32;
  bool fits = product.a.columns == product.b.rows && product.a.rows == product.d.rows &&
              product.b.columns == product.d.columns && c->rows == d->rows &&
              c->columns == d->columns && a->batches == d->batches && b->batches == d->batches &&
              c->batches == d->batches;
  return fits ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

} // namespace

GPTC_EXPORT size_t cublasLtGetVersion() { return 130000; }

GPTC_EXPORT const char *cublasLtGetStatusString(cublasStatus_t status) {
  switch (status) {
  case CUBLAS_STATUS_SUCCESS:
    return "CUBLAS_STATUS_SUCCESS";
  case CUBLAS_STATUS_NOT_INITIALIZED:
    return "CUBLAS_STATUS_NOT_INITIALIZED";
  case CUBLAS_STATUS_INVALID_VALUE:
    return "CUBLAS_STATUS_INVALID_VALUE";
  case CUBLAS_STATUS_EXECUTION_FAILED:
    return "CUBLAS_STATUS_EXECUTION_FAILED";
  case CUBLAS_STATUS_NOT_SUPPORTED:
    return "CUBLAS_STATUS_NOT_SUPPORTED";
  }
  return "unknown status";
}

GPTC_EXPORT cublasStatus_t cublasLtCreate(Handle **handle) {
  *handle = new Handle();
  return CUBLAS_STATUS_SUCCESS;
}
GPTC_EXPORT cublasStatus_t cublasLtDestroy(Handle *handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

GPTC_EXPORT cublasStatus_t cublasLtMatmulDescCreate(Descriptor **descriptor, int computeType,
                                                    int scaleType) {
  *descriptor = new Descriptor{computeType, scaleType};
  return CUBLAS_STATUS_SUCCESS;
}
GPTC_EXPORT cublasStatus_t cublasLtMatmulDescDestroy(Descriptor *descriptor) {
  delete descriptor;
  return CUBLAS_STATUS_SUCCESS;
}
GPTC_EXPORT cublasStatus_t cublasLtMatmulDescSetAttribute(Descriptor *descriptor, int attribute,
                                                          const void *value, size_t bytes) {
  int32_t word = 0;
  switch (attribute) {
  case 0:
    return set(descriptor->computeType, value, bytes);
  case 1:
    return set(descriptor->scaleType, value, bytes);
  case 3: // TRANSA
  case 4: // TRANSB
  case 5: // TRANSC
    return set(descriptor->transposes[attribute - 3], value, bytes);
  case 2: // POINTER_MODE: alpha and beta on the host
  case 7: // EPILOGUE: none
    if (cublasStatus_t status = set(word, value, bytes))
      return status;
    descriptor->supported &= word == (attribute == 2 ? 0 : 1);
    return CUBLAS_STATUS_SUCCESS;
  }
  descriptor->supported = false;
  return CUBLAS_STATUS_SUCCESS;
}

GPTC_EXPORT cublasStatus_t cublasLtMatrixLayoutCreate(Layout **layout, int type, uint64_t rows,
                                                      uint64_t columns, int64_t leading) {
  *layout = new Layout{type, 0, rows, columns, leading};
  return CUBLAS_STATUS_SUCCESS;
}
GPTC_EXPORT cublasStatus_t cublasLtMatrixLayoutDestroy(Layout *layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}
GPTC_EXPORT cublasStatus_t cublasLtMatrixLayoutSetAttribute(Layout *layout, int attribute,
                                                            const void *value, size_t bytes) {
  switch (attribute) {
  case 0:
    return set(layout->type, value, bytes);
  case 1:
    return set(layout->order, value, bytes);
  case 2:
    return set(layout->rows, value, bytes);
  case 3:
    return set(layout->columns, value, bytes);
  case 4:
    return set(layout->leading, value, bytes);
  case 5:
    return set(layout->batches, value, bytes);
  case 6:
    return set(layout->batchStride, value, bytes);
  }
  layout->supported = false;
  return CUBLAS_STATUS_SUCCESS;
}

GPTC_EXPORT cublasStatus_t cublasLtMatmulPreferenceCreate(Preference **preference) {
  *preference = new Preference();
  return CUBLAS_STATUS_SUCCESS;
}
GPTC_EXPORT cublasStatus_t cublasLtMatmulPreferenceDestroy(Preference *preference) {
  delete preference;
  return CUBLAS_STATUS_SUCCESS;
}
/// No preference matters: there is one algorithm, and it needs no workspace.
GPTC_EXPORT cublasStatus_t cublasLtMatmulPreferenceSetAttribute(Preference *, int,
                                                                const void *value, size_t) {
  return value ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

GPTC_EXPORT cublasStatus_t cublasLtMatmulAlgoGetHeuristic(Handle *handle, Descriptor *descriptor,
                                                          Layout *a, Layout *b, Layout *c,
                                                          Layout *d, Preference *, int requested,
                                                          HeuristicResult *results, int *returned) {
  if (!handle)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!results || !returned || requested < 1)
    return CUBLAS_STATUS_INVALID_VALUE;
  *returned = 0;
  Product product;
  if (cublasStatus_t status = productOf(descriptor, a, b, c, d, product))
    return status;
  results[0] = {{{algorithmMark}}, 0, CUBLAS_STATUS_SUCCESS, 1.0f, {}};
  *returned = 1;
  return CUBLAS_STATUS_SUCCESS;
}

/// The product is done when the emulated device comes to it; libcuda's stand-in must be loaded.
GPTC_EXPORT cublasStatus_t cublasLtMatmul(Handle *handle, Descriptor *descriptor, const void *alpha,
                                          const void *aData, Layout *a, const void *bData,
                                          Layout *b, const void *beta, const void *cData, Layout *c,
                                          void *dData, Layout *d, const Algorithm *algorithm,
                                          void *, size_t, void *stream) {
  using Enqueue = int(void *stream, void (*work)(const void *), const void *data, size_t bytes);
  auto *enqueue = reinterpret_cast<Enqueue *>(dlsym(RTLD_DEFAULT, "gptc_emulator_enqueue"));
  if (!handle || !enqueue)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!alpha || !beta || !aData || !bData || !dData ||
      (algorithm && algorithm->data[0] != algorithmMark))
    return CUBLAS_STATUS_INVALID_VALUE;
  Product product;
  if (cublasStatus_t status = productOf(descriptor, a, b, c, d, product))
    return status;
  product.alpha = *static_cast<const float *>(alpha);
  product.beta = *static_cast<const float *>(beta);
  product.a.data = const_cast<void *>(aData);
  product.b.data = const_cast<void *>(bData);
  product.c.data = const_cast<void *>(cData);
  product.d.data = dData;
  if (product.beta != 0 && !cData)
    return CUBLAS_STATUS_INVALID_VALUE;
  auto work = [](const void *data) {
    Product copy;
    std::memcpy(static_cast<void *>(&copy), data, sizeof copy);
    multiply(copy);
  };
  return enqueue(stream, work, &product, sizeof product) ? CUBLAS_STATUS_EXECUTION_FAILED
                                                         : CUBLAS_STATUS_SUCCESS;
}
