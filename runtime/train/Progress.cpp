// Progress on a terminal and in a pipe.
#include "runtime/train/Progress.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace gptc::runtime {

namespace {

constexpr int barCells = 20;

/// The figures that both forms share; their width hardly changes, so the bar does not jump.
std::string figures(const StepRecord &record) {
  std::string norm = record.skipped ? "overflow, skipped" : fmt::format("norm {:.2f}", record.norm);
  if (record.lossScale)
    norm += fmt::format("  scale {:.10g}", *record.lossScale);
  return fmt::format("loss {:.4f}  lr {:.2e}  {}  {:.0f} ms  {:.0f} tok/s", record.loss,
                     record.learningRate, norm, record.milliseconds, record.tokensPerSecond);
}

std::string bar(double fraction) {
  int full = std::clamp(static_cast<int>(fraction * barCells), 0, barCells);
  return '[' + std::string(static_cast<size_t>(full), '#') +
         std::string(static_cast<size_t>(barCells - full), '.') + ']';
}

} // namespace

std::string durationText(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e10)
    return "?";
  int64_t whole = std::llround(seconds);
  int64_t minutes = whole / 60, hours = minutes / 60, days = hours / 24;
  if (days > 0)
    return fmt::format("{} d {:02} h", days, hours % 24);
  if (hours > 0)
    return fmt::format("{} h {:02} min", hours, minutes % 60);
  if (minutes > 0)
    return fmt::format("{} min {:02} s", minutes, whole % 60);
  return fmt::format("{} s", whole);
}

ProgressOptions ProgressOptions::standardError(int64_t firstStep, int64_t steps) {
  ProgressOptions options;
  options.firstStep = firstStep;
  options.steps = steps;
  options.terminal = ::isatty(STDERR_FILENO) == 1;
  winsize size = {};
  if (options.terminal && ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    options.width = size.ws_col;
  options.output = [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
  };
  options.clock = [] {
    auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count();
  };
  return options;
}

Progress::Progress(ProgressOptions options)
    : options_(std::move(options)), start_(options_.clock()), lastShown_(start_) {}

Progress::~Progress() { finish(); }

void Progress::update(const StepRecord &record) {
  double now = options_.clock();
  double pause = options_.terminal ? options_.redrawSeconds : options_.lineSeconds;
  bool last = record.step + 1 >= options_.steps;
  if (shownAny_ && !last && now - lastShown_ < pause)
    return;
  shownAny_ = true;
  lastShown_ = now;
  if (options_.terminal)
    return drawBar(record);
  options_.output(fmt::format("step {}/{}  {}  ETA {}\n", record.step + 1, options_.steps,
                              figures(record), etaText(record.step)));
}

void Progress::message(std::string_view text) {
  if (!bar_.empty())
    options_.output("\r\x1b[K");
  options_.output(fmt::format("{}\n", text));
  options_.output(bar_);
}

void Progress::finish() {
  if (!bar_.empty())
    options_.output("\n");
  bar_.clear();
}

void Progress::drawBar(const StepRecord &record) {
  double done = static_cast<double>(record.step + 1);
  bar_ = fmt::format("{} {}/{}  {}  ETA {}",
                     bar(done / static_cast<double>(std::max<int64_t>(1, options_.steps))),
                     record.step + 1, options_.steps, figures(record), etaText(record.step));
  // A line that wraps could not be redrawn; the last column stays free, since some terminals wrap
  // there.
  bar_.resize(std::min(bar_.size(), static_cast<size_t>(std::max(1, options_.width - 1))));
  options_.output("\r\x1b[K" + bar_);
}

/// From the mean pace of this run, with whatever else happened between the steps.
std::string Progress::etaText(int64_t step) const {
  double done = static_cast<double>(step + 1 - options_.firstStep);
  double left = static_cast<double>(options_.steps - step - 1);
  return durationText((options_.clock() - start_) / done * left);
}

} // namespace gptc::runtime
