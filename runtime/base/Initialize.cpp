// Initial values of parameters: Philox blocks cut into parallel parts.
#include "runtime/base/Initialize.h"

#include "runtime/base/Parallel.h"
#include "runtime/base/Philox.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace gptc::runtime {

namespace {

/// The four values that one block of random words gives: elements 4 · block … 4 · block + 3.
using FourValues = std::array<float, 4>;

FourValues normalValues(const PhiloxCounter &words, double standardDeviation) {
  auto [a, b] = normalPair(words[0], words[1]);
  auto [c, d] = normalPair(words[2], words[3]);
  return {static_cast<float>(standardDeviation * a), static_cast<float>(standardDeviation * b),
          static_cast<float>(standardDeviation * c), static_cast<float>(standardDeviation * d)};
}

FourValues uniformValues(const PhiloxCounter &words, float low, float high) {
  // Rounding to float may reach `high`, which the interval leaves out.
  float largest = low < high ? std::nextafter(high, low) : low;
  FourValues values;
  for (size_t i = 0; i < 4; ++i) {
    double value = low + (double{high} - low) * (words[i] * 0x1p-32);
    values[i] = std::min(static_cast<float>(value), largest);
  }
  return values;
}

/// Fills the elements with logical indices [begin, end); draw(i) gives elements 4 i … 4 i + 3.
template <typename Draw>
void fillElements(const RowStridedMatrix &matrix, int64_t begin, int64_t end, Draw draw) {
  int64_t row = begin / matrix.columns, column = begin % matrix.columns;
  for (int64_t element = begin; element < end;) {
    FourValues values = draw(static_cast<uint64_t>(element / 4));
    for (int64_t lane = element % 4; lane < 4 && element < end; ++lane, ++element) {
      matrix.data[row * matrix.rowStride + column] = values[static_cast<size_t>(lane)];
      if (++column == matrix.columns) {
        column = 0;
        ++row;
      }
    }
  }
}

Status check(const RowStridedMatrix &matrix, const Initializer &initializer,
             std::string_view path) {
  if (matrix.rows < 0 || matrix.columns < 0 || matrix.rowStride < matrix.columns ||
      (matrix.data == nullptr && matrix.rows > 0 && matrix.columns > 0))
    return {Code::invalidArgument,
            fmt::format("{}: cannot fill {} x {} elements with row stride {}", path, matrix.rows,
                        matrix.columns, matrix.rowStride)};
  float first = static_cast<float>(initializer.first);
  float second = static_cast<float>(initializer.second);
  if (!std::isfinite(first) || !std::isfinite(second))
    return {Code::invalidArgument,
            fmt::format("{}: the initializer's numbers must be finite float32 values, found {}",
                        path, std::isfinite(first) ? initializer.second : initializer.first)};
  if (initializer.kind == InitializerKind::normal && first < 0)
    return {Code::invalidArgument,
            fmt::format("{}: a standard deviation must not be negative, found {}", path,
                        initializer.first)};
  if (initializer.kind == InitializerKind::uniform && first > second)
    return {Code::invalidArgument,
            fmt::format("{}: uniform(low, high) needs low <= high, found {} and {}", path,
                        initializer.first, initializer.second)};
  return {};
}

} // namespace

Status initialize(RowStridedMatrix matrix, Initializer initializer, uint64_t seed,
                  std::string_view path) {
  GPTC_RETURN_IF_ERROR(check(matrix, initializer, path));
  if (matrix.rows == 0 || matrix.columns == 0)
    return {};

  // "initial " keeps these streams apart from others that are named by the same path.
  PhiloxStream stream(seed, fnv1a64(path, fnv1a64("initial ")));
  float first = static_cast<float>(initializer.first);
  float second = static_cast<float>(initializer.second);
  constexpr int64_t grain = 1 << 14;
  auto fillRandom = [&](auto draw) {
    parallelFor(matrix.rows * matrix.columns, grain,
                [&](int64_t begin, int64_t end, int) { fillElements(matrix, begin, end, draw); });
  };

  switch (initializer.kind) {
  case InitializerKind::normal:
    fillRandom(
        [&](uint64_t block) { return normalValues(stream.block(block), initializer.first); });
    return {};
  case InitializerKind::uniform:
    fillRandom([&](uint64_t block) { return uniformValues(stream.block(block), first, second); });
    return {};
  case InitializerKind::zeros:
  case InitializerKind::ones:
  case InitializerKind::constant:
    break;
  }
  float value = initializer.kind == InitializerKind::zeros  ? 0.0f
                : initializer.kind == InitializerKind::ones ? 1.0f
                                                            : first;
  int64_t rowGrain = std::max<int64_t>(1, grain / matrix.columns);
  parallelFor(matrix.rows, rowGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row)
      std::fill_n(matrix.data + row * matrix.rowStride, matrix.columns, value);
  });
  return {};
}

} // namespace gptc::runtime
