// What every fuzz target does with an array that a reader let through.
#ifndef GPTC_TEST_FUZZ_FUZZARRAY_H
#define GPTC_TEST_FUZZ_FUZZARRAY_H

#include "runtime/data/HostArray.h"

#include <algorithm>

namespace gptc::runtime::test {

/// Traps if shape, type and bytes do not agree; reads every element, so that the sanitizers see
/// each byte.
inline void useArray(const HostArray &array) {
  auto count = elementCount(array.shape, array.type);
  if (!count || static_cast<uint64_t>(*count * elementSize(array.type)) != array.bytes.size())
    __builtin_trap();
  std::vector<float> floats(static_cast<size_t>(*count));
  copyAsFloat32(array, 0, floats);
  std::vector<int32_t> ints(floats.size());
  (void)copyAsInt32(array, 0, ints).ok();
}

} // namespace gptc::runtime::test

#endif // GPTC_TEST_FUZZ_FUZZARRAY_H
