// What ThreadSanitizer's instrumentation calls, for kernels whose races are watched: it goes into
// every module, whose own these functions are, so that no runtime of a sanitizer is needed, nor
// disturbed where there is one.
#ifndef GPTC_TEST_EMULATOR_NVRTC_RACE_HOOKS_H
#define GPTC_TEST_EMULATOR_NVRTC_RACE_HOOKS_H

namespace gptc::emulator {

inline constexpr const char *raceHooks = R"(
#define GPTC_HOOK extern "C" __attribute__((visibility("hidden"), no_sanitize("thread"))) void
extern "C" void gptc_emulator_access(const void *, unsigned long, bool, const void *);
#define GPTC_ACCESS(name, bytes, write)                                                            \
  GPTC_HOOK __tsan_##name##bytes(void *address) {                                                  \
    gptc_emulator_access(address, bytes, write, __builtin_return_address(0));                      \
  }
#define GPTC_ACCESSES(bytes)                                                                       \
  GPTC_ACCESS(read, bytes, false)                                                                  \
  GPTC_ACCESS(write, bytes, true)                                                                  \
  GPTC_ACCESS(unaligned_read, bytes, false)                                                        \
  GPTC_ACCESS(unaligned_write, bytes, true)
GPTC_ACCESSES(1)
GPTC_ACCESSES(2)
GPTC_ACCESSES(4)
GPTC_ACCESSES(8)
GPTC_ACCESSES(16)
GPTC_HOOK __tsan_init() {}
GPTC_HOOK __tsan_func_entry(void *) {}
GPTC_HOOK __tsan_func_exit() {}
GPTC_HOOK __tsan_read_range(void *address, unsigned long bytes) {
  gptc_emulator_access(address, bytes, false, __builtin_return_address(0));
}
GPTC_HOOK __tsan_write_range(void *address, unsigned long bytes) {
  gptc_emulator_access(address, bytes, true, __builtin_return_address(0));
}
extern "C" __attribute__((visibility("hidden"), no_sanitize("thread"))) void *
__tsan_memset(void *to, int value, unsigned long bytes) {
  gptc_emulator_access(to, bytes, true, __builtin_return_address(0));
  return __builtin_memset(to, value, bytes);
}
#define GPTC_COPY(name)                                                                            \
  extern "C" __attribute__((visibility("hidden"), no_sanitize("thread"))) void *__tsan_##name(     \
      void *to, const void *from, unsigned long bytes) {                                           \
    gptc_emulator_access(from, bytes, false, __builtin_return_address(0));                         \
    gptc_emulator_access(to, bytes, true, __builtin_return_address(0));                            \
    return __builtin_##name(to, from, bytes);                                                      \
  }
GPTC_COPY(memcpy)
GPTC_COPY(memmove)
)";

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_NVRTC_RACE_HOOKS_H
