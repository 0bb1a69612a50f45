// Data races of kernels that were compiled with ThreadSanitizer's instrumentation
// (GPTC_EMULATOR_RACES).
//
// The rules are the device's rather than ThreadSanitizer's: accesses of two threads are ordered if
// a barrier of their block lies between them, or, within a warp, gptc_sync_warp; accesses of two
// blocks of a launch never are. That is known exactly from counts of barriers, in whatever order
// the emulator ran the threads, and for any number of them.
#ifndef GPTC_TEST_EMULATOR_CUDA_RACES_H
#define GPTC_TEST_EMULATOR_CUDA_RACES_H

#include <cstddef>
#include <cstdint>

namespace gptc::emulator {

/// When and by whom an access was made.
struct Moment {
  /// Counts the blocks of all launches, from 1.
  uint64_t block = 0;
  /// Barriers of the block before, and calls of gptc_sync_warp of its warp.
  uint32_t barriers = 0;
  uint32_t warpBarriers = 0;
  uint16_t thread = 0;
  /// The bytes of the word.
  uint8_t mask = 0;
  const void *instruction = nullptr;
};

/// Watches accesses to memory from here on; `shared` memory is another block's before and after.
void watchMemory(const void *memory, size_t bytes, bool shared);
void forgetMemory(const void *memory, size_t bytes);

/// An access at `moment` in a launch whose blocks begin with `firstBlock`; a fault if it races with
/// an earlier one.
void watchAccess(const void *address, size_t bytes, bool write, const Moment &moment,
                 uint64_t firstBlock);

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_CUDA_RACES_H
