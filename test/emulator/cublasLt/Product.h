// The products behind the cuBLASLt stand-in.
#ifndef GPTC_TEST_EMULATOR_CUBLASLT_PRODUCT_H
#define GPTC_TEST_EMULATOR_CUBLASLT_PRODUCT_H

#include <cstdint>

namespace gptc::emulator {

/// What elements are; CUDA's numbers of these types.
enum class Element : int32_t { float32 = 0, float16 = 2, bfloat16 = 14 };

/// Strides are in elements.
struct Matrix {
  void *data = nullptr;
  Element element = Element::float32;
  uint64_t rows = 0, columns = 0;
  int64_t rowStride = 0, columnStride = 0, batchStride = 0;
};

/// d = alpha · a · b + beta · c, for each of a batch; c is not read where beta is 0.
struct Product {
  Matrix a, b, c, d;
  int64_t batches = 1;
  float alpha = 1, beta = 0;
  bool tf32 = false; ///< factors of float32 are rounded to 10 bits of fraction first
};

/// Sums in float64 in the order of the inner axis, rounding once to float32, and once more to a
/// result of 16 bits.
void multiply(const Product &product);

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_CUBLASLT_PRODUCT_H
