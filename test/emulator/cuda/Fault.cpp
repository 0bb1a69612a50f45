// The end of a process whose kernel did what it must not do.
#include "test/emulator/cuda/Fault.h"

#include "test/emulator/cuda/Memory.h"
#include "test/emulator/cuda/Worker.h"

#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace gptc::emulator {

void fault(const char *format, ...) {
  std::fprintf(stderr, "emulator: ");
  Worker *worker = Worker::find();
  if (worker && worker->launch()) {
    const gptc_emulator_position &here = gptc_emulator_here;
    std::fprintf(stderr,
                 "kernel %s, block (%u, %u, %u), thread %u: ", worker->launch()->name.c_str(),
                 here.block, here.block_y, here.block_z, here.thread);
  }
  va_list arguments;
  va_start(arguments, format);
  std::vfprintf(stderr, format, arguments);
  va_end(arguments);
  std::fprintf(stderr, "\n");
  std::fflush(stderr);
  std::abort();
}

static struct sigaction before[2]; // of SIGSEGV and SIGBUS

static void onWildAccess(int signal, siginfo_t *info, void *context) {
  Worker *worker = Worker::find();
  if (worker && worker->launch())
    fault("an access to address %p%s", info->si_addr, describe(info->si_addr));
  // Not a kernel's: whoever handled it before does so when the access is tried again.
  sigaction(signal, &before[signal == SIGBUS], nullptr);
}

void catchWildAccesses() {
  // The stack that overflowed cannot run the handler.
  stack_t stack = {};
  stack.ss_size = 64 * 1024;
  stack.ss_sp = std::malloc(stack.ss_size);
  sigaltstack(&stack, nullptr);
  static bool once = [] {
    struct sigaction action = {};
    action.sa_sigaction = onWildAccess;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, &before[0]);
    // What an address outside of all that a processor can address gives on some machines.
    sigaction(SIGBUS, &action, &before[1]);
    return true;
  }();
  (void)once;
}

} // namespace gptc::emulator
