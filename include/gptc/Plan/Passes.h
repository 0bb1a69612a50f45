// The passes of lib/Plan; declared in Passes.td.
#ifndef GPTC_PLAN_PASSES_H
#define GPTC_PLAN_PASSES_H

#include "mlir/Pass/Pass.h"

#include "gptc/Dialect/Plan/PlanOps.h"

namespace gptc {
/// On a transient buffer that lies in memory of variables whose values are not needed meanwhile:
/// its segment is theirs.
namespace plan {
inline constexpr llvm::StringLiteral lentMark = "plan.lent";
}

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "gptc/Plan/Passes.h.inc"
} // namespace gptc

#endif // GPTC_PLAN_PASSES_H
