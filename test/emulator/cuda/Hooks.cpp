// The functions through which kernels call the emulator, but for those that switch, which are in
// Worker.cpp.
#include "test/emulator/cuda/Hooks.h"

#include "test/emulator/cuda/Fault.h"
#include "test/emulator/cuda/Settings.h"
#include "test/emulator/cuda/Worker.h"

#include <cstring>

using namespace gptc::emulator;

__attribute__((visibility("default"),
               tls_model("initial-exec"))) __thread gptc_emulator_position gptc_emulator_here;

void *gptc_emulator_shared(const void *site, gptc_u64 bytes, gptc_u64 alignment) {
  return Worker::get().shared(site, bytes, alignment);
}

/// Copies 4 or 16 bytes, by instructions rather than calls.
static void copyWords(void *to, const void *from, int bytes) {
  if (bytes == 4)
    std::memcpy(to, from, 4);
  else
    std::memcpy(to, from, 16);
}

void gptc_emulator_copy_async(void *shared, const void *global, int bytes, bool valid) {
  static constexpr unsigned char nan[16] = {255, 255, 255, 255, 255, 255, 255, 255,
                                            255, 255, 255, 255, 255, 255, 255, 255};
  Worker &worker = Worker::get();
  uintptr_t mask = bytes - 1;
  if (((uintptr_t)shared | (uintptr_t)global) & mask)
    gptc_emulator_misaligned("an asynchronous copy", (uintptr_t)shared & mask ? shared : global,
                             bytes);
  if (!worker.isShared(shared, bytes))
    fault("an asynchronous copy to %p, which is no shared memory of the block", shared);
  if (Settings::get().races)
    worker.access(shared, bytes, /*write=*/true, __builtin_return_address(0));
  copyWords(shared, nan, bytes);
  worker.running().copies.push_back(
      {static_cast<char *>(shared), static_cast<const char *>(global), bytes, valid});
}

void gptc_emulator_copy_commit(void) {
  Fiber &fiber = Worker::get().running();
  fiber.groups.push_back(fiber.copies.size());
}

/// Copies not yet committed stay under way, as on the device.
void gptc_emulator_copy_wait(int pending) {
  Worker &worker = Worker::get();
  Fiber &fiber = worker.running();
  if (fiber.groups.size() <= (size_t)pending)
    return;
  size_t groups = fiber.groups.size() - pending, copies = fiber.groups[groups - 1];
  for (size_t i = 0; i < copies; ++i) {
    const AsyncCopy &copy = fiber.copies[i];
    static constexpr unsigned char zeros[16] = {};
    if (Settings::get().races) {
      worker.access(copy.to, copy.bytes, /*write=*/true, __builtin_return_address(0));
      if (copy.valid)
        worker.access(copy.from, copy.bytes, /*write=*/false, __builtin_return_address(0));
    }
    copyWords(copy.to, copy.valid ? (const void *)copy.from : zeros, copy.bytes);
  }
  fiber.copies.erase(fiber.copies.begin(), fiber.copies.begin() + copies);
  fiber.groups.erase(fiber.groups.begin(), fiber.groups.begin() + groups);
  for (size_t &group : fiber.groups)
    group -= copies;
}

/// What instrumented kernels call at every access; see nvrtc/RaceHooks.h.
extern "C" __attribute__((visibility("default"))) void
gptc_emulator_access(const void *address, unsigned long bytes, bool write,
                     const void *instruction) {
  Worker *worker = Worker::find();
  if (worker && worker->launch())
    worker->access(address, bytes, write, instruction);
}

void gptc_emulator_out_of_bounds(const char *what, gptc_i64 index, gptc_i64 extent) {
  fault("index %lld of %s of %lld elements", index, what, extent);
}

void gptc_emulator_misaligned(const char *what, const void *address, int alignment) {
  fault("%s at %p, which is not aligned to %d bytes", what, address, alignment);
}
