// A remark streamer that keeps what it is told.
#include "gptc/Driver/RemarkLog.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace gptc;
using remark::detail::Remark;

static KeptRemark::Kind kindOf(llvm::remarks::Type type) {
  switch (type) {
  case llvm::remarks::Type::Passed:
    return KeptRemark::Kind::passed;
  case llvm::remarks::Type::Missed:
    return KeptRemark::Kind::missed;
  case llvm::remarks::Type::Failure:
    return KeptRemark::Kind::failed;
  default:
    return KeptRemark::Kind::analysis;
  }
}

namespace {
class Keeper : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit Keeper(std::vector<KeptRemark> &log) : log(log) {}

  void streamOptimizationRemark(const Remark &remark) override {
    KeptRemark kept{.kind = kindOf(remark.getRemarkType()),
                    .pass = remark.getCategoryName().str(),
                    .name = remark.getRemarkName().str(),
                    .function = {},
                    .location = remark.getLocation(),
                    .reason = {},
                    .metrics = {}};
    if (remark.getFunction() != "<unknown function>")
      kept.function = remark.getFunction().str();
    for (const Remark::Arg &argument : remark.getArgs()) {
      // remark::reason, and the text of remark::add.
      if (argument.key == "Reason" || argument.key == "Remark")
        kept.reason += (kept.reason.empty() ? "" : "; ") + argument.val;
      else
        kept.metrics.emplace_back(argument.key, argument.val);
    }
    log.push_back(std::move(kept));
  }

private:
  std::vector<KeptRemark> &log;
};
} // namespace

uint64_t KeptRemark::bytes() const {
  for (const char *key : {"bytes_to_save", "bytes_saved", "bytes"})
    for (const auto &[name, value] : metrics)
      if (uint64_t bytes = 0; name == key && !StringRef(value).getAsInteger(10, bytes))
        return bytes;
  return 0;
}

std::string KeptRemark::metricText() const {
  std::string text;
  for (const auto &[name, value] : metrics)
    text += (text.empty() ? "" : " ") + name + "=" + value;
  return text;
}

void gptc::keepRemarks(MLIRContext &context, std::vector<KeptRemark> &log) {
  remark::RemarkCategories all;
  all.passed = all.missed = all.failed = all.analysis = ".*";
  LogicalResult enabled =
      remark::enableOptimizationRemarks(context, std::make_unique<Keeper>(log),
                                        std::make_unique<remark::RemarkEmittingPolicyAll>(), all);
  (void)enabled; // fails for contexts that have a streamer
}
