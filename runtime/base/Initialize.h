// The initial values of parameters, drawn on the host so that every device starts from the same
// ones.
//
// The value of an element depends on the seed, the parameter's path and the element's logical index
// only: not on threads, on padding, or on which other parameters the model has.
#ifndef GPTC_RUNTIME_BASE_INITIALIZE_H
#define GPTC_RUNTIME_BASE_INITIALIZE_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <string_view>

namespace gptc::runtime {

enum class InitializerKind { zeros, ones, constant, normal, uniform };

struct Initializer {
  InitializerKind kind = InitializerKind::zeros;
  double first = 0;  ///< constant: the value; normal: the standard deviation; uniform: low
  double second = 0; ///< uniform: high

  static Initializer zeros() { return {}; }
  static Initializer ones() { return {InitializerKind::ones}; }
  static Initializer constant(double value) { return {InitializerKind::constant, value}; }
  static Initializer normal(double standardDeviation) {
    return {InitializerKind::normal, standardDeviation};
  }
  static Initializer uniform(double low, double high) {
    return {InitializerKind::uniform, low, high};
  }
};

/// A float32 matrix in memory: element (r, c) stands at data[r * rowStride + c]. A tensor with more
/// axes is seen as a matrix with its last axis as columns; what lies between the columns and the
/// row stride is padding.
struct RowStridedMatrix {
  float *data = nullptr;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t rowStride = 0; ///< in elements, at least `columns`
};

/// Fills all rows and columns of `matrix`, in parallel; padding is not touched. Normal values are
/// drawn in double precision and rounded once; uniform ones lie in [low, high). Error
/// invalidArgument (naming `path`) if a number of the initialiser is not finite, a standard
/// deviation is negative, low > high, or the strides make no sense.
Status initialize(RowStridedMatrix matrix, Initializer initializer, uint64_t seed,
                  std::string_view path);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_BASE_INITIALIZE_H
