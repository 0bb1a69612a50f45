// Switching between stacks; see Context.h.
#include "test/emulator/cuda/Context.h"

namespace gptc::emulator {

#ifdef GPTC_EMULATOR_X86
void prepare(Context &context, void *stack, size_t bytes, void (*entry)()) {
  // The switch pops the address to jump to. A function begins with its stack 8 bytes off a multiple
  // of 16.
  auto **top = reinterpret_cast<void **>(static_cast<char *>(stack) + bytes / 16 * 16);
  *--top = nullptr;
  *--top = reinterpret_cast<void *>(entry);
  context.stackPointer = top;
}
#else
void prepare(Context &context, void *stack, size_t bytes, void (*entry)()) {
  getcontext(&context.context);
  context.context.uc_stack.ss_sp = stack;
  context.context.uc_stack.ss_size = bytes;
  context.context.uc_link = nullptr;
  makecontext(&context.context, entry, 0);
}
#endif

} // namespace gptc::emulator
