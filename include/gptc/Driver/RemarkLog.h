// What passes tell of themselves during a compilation, kept.
#ifndef GPTC_DRIVER_REMARKLOG_H
#define GPTC_DRIVER_REMARKLOG_H

#include "mlir/IR/Location.h"
#include "mlir/IR/MLIRContext.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gptc {

struct KeptRemark {
  enum class Kind { passed, missed, failed, analysis };
  Kind kind = Kind::passed;
  std::string pass;     ///< its argument name: the remark's category
  std::string name;     ///< what it is about, as "Fused"
  std::string function; ///< "" if the remark names none
  mlir::Location location;
  std::string reason; ///< of what was missed; may be empty
  /// Everything else that the remark says, as ("bytes", "4096").
  std::vector<std::pair<std::string, std::string>> metrics;

  bool declined() const { return kind == Kind::missed || kind == Kind::failed; }
  /// What it says of bytes: those that were saved, or that declining costs; 0 if it says nothing.
  uint64_t bytes() const;
  /// "operations=3 bytes=4096".
  std::string metricText() const;
};

/// Makes all remarks of passes in `context` appear in `log`, which must outlive it. Once for each
/// context.
void keepRemarks(mlir::MLIRContext &context, std::vector<KeptRemark> &log);

} // namespace gptc

#endif // GPTC_DRIVER_REMARKLOG_H
