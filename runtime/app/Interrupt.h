// Ctrl-C: a run ends after the step it is in.
#ifndef GPTC_RUNTIME_APP_INTERRUPT_H
#define GPTC_RUNTIME_APP_INTERRUPT_H

#include <csignal>

namespace gptc::runtime {

/// While it lives, the first SIGINT or SIGTERM is remembered instead of ending the process; a
/// second one ends it as usual.
class InterruptGuard {
public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard &) = delete;
  InterruptGuard &operator=(const InterruptGuard &) = delete;

  static bool requested();

private:
  struct sigaction previousInterrupt_;
  struct sigaction previousTerminate_;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_INTERRUPT_H
