// The matrix products of a plan's entries, as a list of shapes.
#ifndef GPTC_RUNTIME_APP_STEPPRODUCTS_H
#define GPTC_RUNTIME_APP_STEPPRODUCTS_H

#include "runtime/device/DnnlProduct.h"
#include "runtime/plan/Plan.h"

#include <span>
#include <string>
#include <vector>

namespace gptc::runtime {

namespace fb {
struct Matmul;
} // namespace fb

/// A product of an entry.
struct StepProduct {
  const fb::Matmul *matmul; ///< the plan's
  ProductSizes sizes;       ///< over all batch axes
  /// Whether the products of a batch share neither operands nor results.
  bool isIndependent = true;

  /// "12 x 4 x 64 x 64 x 32": batch axes, m, n, k, as `info --commands` says it; then "lhs^T" and
  /// "rhs^T" for those that the plan stores transposed, and "+=" for one that adds to the result.
  std::string text() const;
};

/// The entries that a step of one micro-batch runs, in order. Error failedPrecondition: the plan
/// cannot train.
Result<std::vector<std::string>> stepEntries(const Plan &plan);

/// The products of the entries, in the order in which they run; an entry that is named twice counts
/// twice. Errors: invalidArgument (no such entry); failedPrecondition (not a plan for the CPU, a
/// product of other than float32, no product).
Result<std::vector<StepProduct>> stepProducts(const Plan &plan,
                                              std::span<const std::string> entries);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_STEPPRODUCTS_H
