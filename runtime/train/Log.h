// The log of a run, --log FILE: one JSON object a line. Keys: a step has step, loss, lr, norm, ms,
// tokens_per_second, and with loss scaling loss_scale and skipped; an evaluation has step, val_loss
// and, where asked for, hellaswag.
#ifndef GPTC_RUNTIME_TRAIN_LOG_H
#define GPTC_RUNTIME_TRAIN_LOG_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <optional>
#include <string>

namespace gptc::runtime {

struct StepRecord {
  int64_t step = 0; ///< from 0
  double loss = 0;
  double learningRate = 0;
  double norm = 0; ///< of the gradient, before clipping
  double milliseconds = 0;
  double tokensPerSecond = 0;
  std::optional<double> lossScale = {}; ///< behind the step, with dynamic loss scaling
  bool skipped = false; ///< it left everything as it was, since gradients overflowed
};

struct EvaluationRecord {
  int64_t step = 0;
  double validationLoss = 0;
  std::optional<double> hellaswag; ///< accuracy, 0 … 1
};

/// Appends records to a log; a line goes out in one system call, so a reader (tail -f) and a killed
/// run leave whole lines.
class LogWriter {
public:
  /// A new log: an older file of that name is emptied.
  static Result<LogWriter> create(const std::string &path);
  /// For a resumed run: keeps the lines before the first one with "step" >= nextStep, drops the
  /// rest (and a last line that was cut short), and appends. A file that does not exist is made.
  /// Error dataError if a line is not a JSON object: then it is no log, and left as it is.
  static Result<LogWriter> resume(const std::string &path, int64_t nextStep);

  LogWriter(LogWriter &&other) noexcept;
  LogWriter &operator=(LogWriter &&other) noexcept;
  ~LogWriter();

  /// Numbers are written so that reading them back gives the same bits; NaN and infinities, which
  /// JSON lacks, as null.
  Status write(const StepRecord &record);
  Status write(const EvaluationRecord &record);

private:
  LogWriter(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  Status writeLine(std::string line);

  std::string path_;
  int descriptor_ = -1;
};

/// A record as its line, without the newline.
std::string toJsonLine(const StepRecord &record);
std::string toJsonLine(const EvaluationRecord &record);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_TRAIN_LOG_H
