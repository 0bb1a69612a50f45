// Switching between stacks on one thread of the host: a few instructions on x86-64, ucontext
// elsewhere.
#ifndef GPTC_TEST_EMULATOR_CUDA_CONTEXT_H
#define GPTC_TEST_EMULATOR_CUDA_CONTEXT_H

#include <cstddef>

// GPTC_EMULATOR_UCONTEXT tries the other way on a processor that does not need it.
#if defined(__x86_64__) && !defined(GPTC_EMULATOR_UCONTEXT)
#define GPTC_EMULATOR_X86
#endif
#ifndef GPTC_EMULATOR_X86
#include <ucontext.h>
#endif

namespace gptc::emulator {

/// Where a suspended stack goes on.
struct Context {
#ifdef GPTC_EMULATOR_X86
  void *stackPointer = nullptr;
#else
  ucontext_t context;
#endif
};

/// Makes `context` begin with `entry`, which must never return, on the stack of `bytes` at `stack`.
void prepare(Context &context, void *stack, size_t bytes, void (*entry)());

/// Goes on with `to` until something goes on with `from`.
#ifdef GPTC_EMULATOR_X86
// Inline and with a jump rather than a return: a processor predicts returns by the calls before
// them, which were another stack's. The System V ABI's registers are saved by the compiler, which
// is told that all change, but for the two that it may not give away. The first 128 bytes below the
// stack's pointer belong to the function.
inline __attribute__((always_inline)) void switchContext(Context &from, Context &to) {
  void **save = &from.stackPointer;
  void *target = to.stackPointer;
  asm volatile("leaq -128(%%rsp), %%rsp\n\t"
               "pushq %%rbp\n\t"
               "pushq %%rbx\n\t"
               "leaq 1f(%%rip), %%rax\n\t"
               "pushq %%rax\n\t"
               "movq %%rsp, (%0)\n\t"
               "movq %1, %%rsp\n\t"
               "popq %%rax\n\t"
               "jmpq *%%rax\n"
               "1:\n\t"
               "popq %%rbx\n\t"
               "popq %%rbp\n\t"
               "leaq 128(%%rsp), %%rsp"
               : "+D"(save), "+S"(target)
               :
               : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0",
                 "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                 "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");
}
#else
inline void switchContext(Context &from, Context &to) { swapcontext(&from.context, &to.context); }
#endif

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_CUDA_CONTEXT_H
