// gptc explain: what each kernel of a training step is for, what it costs, and why it is one.
#ifndef GPTC_DRIVER_EXPLAIN_H
#define GPTC_DRIVER_EXPLAIN_H

#include "gptc/Driver/Compile.h"
#include "gptc/Driver/Costs.h"
#include "gptc/Driver/Roofline.h"

#include <optional>

namespace gptc {

struct ExplainOptions {
  CompileOptions compile;
  runtime::DeviceOptions device;
  std::string kernel; ///< the one to look at, by its name or a part that no other has; "": all
  /// Only kernels that work for it: a part of the model, "mlp" or "h.*.mlp", or a line, "42" of the
  /// description or "NAME.gpt:42"; "": all.
  std::string at;
  bool run = true; ///< measure it
  int runs = 5;    ///< steps, of which the median counts
  /// Told what is being done.
  std::function<void(std::string_view what)> progress;
};

/// All commands of a training step that run one function: a kernel, alone or behind products, or a
/// product of one size that the library computes.
struct KernelReport {
  std::string name; ///< of the kernel; "matmul 256 x 3072 x 768", "argsort 256"
  std::string schedule;
  std::vector<std::string> entries;  ///< that run it
  std::vector<std::string> parts;    ///< of the model, as "transformer.h.*.mlp"
  std::vector<std::string> products; ///< that it is the epilogue of, by size
  size_t launches = 0;               ///< commands
  size_t instances = 0;              ///< independent uses in them
  Cost cost;
  std::optional<double> milliseconds; ///< in a step, if it was measured

  /// Only of the one kernel that was asked for:
  struct Line {
    std::string file;
    unsigned line;
    std::string text; ///< of the description
  };
  std::vector<Line> lines;
  std::vector<std::string> operations;
  /// What passes told of its operations.
  struct Reason {
    std::string pass, name, text;
    bool declined = false;
    size_t times = 0;
  };
  std::vector<Reason> reasons;
  std::string source, sourceForm; ///< "loops" (MLIR) or "cuda"; empty for a library's
};

struct ExplainReport {
  std::string model;
  std::string device;
  Roofline roof;
  std::vector<KernelReport> kernels;  ///< those that take longest first
  Cost total;                         ///< of the step, whatever was asked for
  std::optional<double> milliseconds; ///< of all its commands
  size_t functions = 0, launches = 0;
  uint64_t peakMemory = 0;
};

/// Compiles, and runs a few steps. Error invalidArgument: no kernel, or several, have that name;
/// none works for that part or line.
runtime::Result<ExplainReport> explain(const ExplainOptions &options);

} // namespace gptc

#endif // GPTC_DRIVER_EXPLAIN_H
