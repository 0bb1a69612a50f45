// What a user sees while a model trains: a bar that is redrawn on a terminal, plain lines now and
// then in a pipe.
#ifndef GPTC_RUNTIME_TRAIN_PROGRESS_H
#define GPTC_RUNTIME_TRAIN_PROGRESS_H

#include "runtime/train/Log.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gptc::runtime {

struct ProgressOptions {
  int64_t firstStep = 0; ///< where this run begins (not 0 when resumed)
  int64_t steps = 0;     ///< steps [firstStep, steps) will be run
  bool terminal = false;
  int width = 80;                               ///< columns of the terminal
  double redrawSeconds = 0.1;                   ///< a bar is drawn at most so often
  double lineSeconds = 5;                       ///< a plain line is printed at most so often
  std::function<void(std::string_view)> output; ///< where text goes
  std::function<double()> clock;                ///< seconds, monotonic

  /// Standard error, its width if it is a terminal, and the system's clock.
  static ProgressOptions standardError(int64_t firstStep, int64_t steps);
};

class Progress {
public:
  explicit Progress(ProgressOptions options);
  /// Ends the bar's line.
  ~Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  /// After each step. The first and the last step are always shown.
  void update(const StepRecord &record);
  /// Prints a line of its own (an evaluation, a sample) above the bar.
  void message(std::string_view text);
  /// Ends the bar's line; nothing is drawn afterwards until the next update.
  void finish();

private:
  void drawBar(const StepRecord &record);
  std::string etaText(int64_t step) const;

  ProgressOptions options_;
  double start_;
  double lastShown_;
  bool shownAny_ = false;
  std::string bar_; ///< what stands on the terminal's current line
};

/// Seconds as people say them: "42 s", "3 min 07 s", "2 h 05 min", "3 d 04 h".
std::string durationText(double seconds);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_TRAIN_PROGRESS_H
