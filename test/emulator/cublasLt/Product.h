// The products behind the cuBLASLt stand-in.
#ifndef GPTC_TEST_EMULATOR_CUBLASLT_PRODUCT_H
#define GPTC_TEST_EMULATOR_CUBLASLT_PRODUCT_H

#include <cstdint>

namespace gptc::emulator {

/// Strides are in elements.
struct Matrix {
  float *data = nullptr;
  uint64_t rows = 0, columns = 0;
  int64_t rowStride = 0, columnStride = 0, batchStride = 0;
};

/// d = alpha · a · b + beta · c, for each of a batch; c is not read where beta is 0.
struct Product {
  Matrix a, b, c, d;
  int64_t batches = 1;
  float alpha = 1, beta = 0;
};

/// Sums in float64 in the order of the inner axis, rounding once.
void multiply(const Product &product);

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_CUBLASLT_PRODUCT_H
