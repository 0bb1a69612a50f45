// Signal handling.
#include "runtime/app/Interrupt.h"

namespace gptc::runtime {

namespace {

volatile std::sig_atomic_t interrupted = 0;

void remember(int) { interrupted = 1; }

} // namespace

InterruptGuard::InterruptGuard() {
  interrupted = 0;
  struct sigaction action = {};
  action.sa_handler = remember;
  // Once: the handler is taken away as it is called. Reads and writes under way go on.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &previousInterrupt_);
  sigaction(SIGTERM, &action, &previousTerminate_);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &previousInterrupt_, nullptr);
  sigaction(SIGTERM, &previousTerminate_, nullptr);
  interrupted = 0;
}

bool InterruptGuard::requested() { return interrupted != 0; }

} // namespace gptc::runtime
