// oneDNN: the entry points that are used, found at run time, so that the program starts without it.
#ifndef GPTC_RUNTIME_DEVICE_DNNL_H
#define GPTC_RUNTIME_DEVICE_DNNL_H

#include "runtime/base/Status.h"

#include <cstdint>

namespace gptc::runtime {

struct Dnnl {
  /// C = alpha · op(A) op(B) + beta · C, row-major: A as used is m × k, B k × n; 'N' or 'T'; ld*
  /// are the distances between stored rows. Returns 0 for success. It splits its work over the
  /// threads of the pool, and stays on one inside of a parallel loop.
  int (*sgemm)(char transposeA, char transposeB, int64_t m, int64_t n, int64_t k, float alpha,
               const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
               int64_t ldc);
};

/// The table, opened once. Error unavailable: says what to install.
Result<const Dnnl *> openDnnl();
/// The library's handle, opened once behind the thread pool. Errors as above.
Result<void *> openDnnlLibrary();

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_DNNL_H
