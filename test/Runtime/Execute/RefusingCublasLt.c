// A cuBLASLt that does nothing: it does not start (GPTC_TEST_REFUSED=create), or has no algorithm
// for any product, which it says by a status (=heuristic) or by giving none.
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int refuses(const char *what) {
  const char *refused = getenv("GPTC_TEST_REFUSED");
  return refused && strcmp(refused, what) == 0;
}

size_t cublasLtGetVersion(void) { return 130000; }
const char *cublasLtGetStatusString(int status) { return status ? "refused" : "success"; }

int cublasLtCreate(void **handle) {
  *handle = handle;
  return refuses("create") ? 1 : 0;
}
int cublasLtDestroy(void *handle) { return 0; }

int cublasLtMatmulDescCreate(void **desc, int compute, int scale) { return 0; }
int cublasLtMatmulDescDestroy(void *desc) { return 0; }
int cublasLtMatmulDescSetAttribute(void *desc, int name, const void *value, size_t n) { return 0; }
int cublasLtMatrixLayoutCreate(void **layout, int type, size_t rows, size_t columns, long leading) {
  return 0;
}
int cublasLtMatrixLayoutDestroy(void *layout) { return 0; }
int cublasLtMatrixLayoutSetAttribute(void *layout, int name, const void *value, size_t n) {
  return 0;
}
int cublasLtMatmulPreferenceCreate(void **preference) { return 0; }
int cublasLtMatmulPreferenceDestroy(void *preference) { return 0; }
int cublasLtMatmulPreferenceSetAttribute(void *preference, int name, const void *value, size_t n) {
  return 0;
}

int cublasLtMatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c, void *d,
                                   void *preference, int requested, void *results, int *returned) {
  *returned = 0;
  return refuses("heuristic") ? 15 : 0;
}

/// Never called.
int cublasLtMatmul(void) { return 1; }
