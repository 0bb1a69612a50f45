// The passes of lib/Autodiff; declared in Passes.td.
#ifndef GPTC_AUTODIFF_PASSES_H
#define GPTC_AUTODIFF_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Pass/Pass.h"

#include "gptc/Dialect/GPT/GPTOps.h"

namespace gptc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "gptc/Autodiff/Passes.h.inc"
} // namespace gptc

#endif // GPTC_AUTODIFF_PASSES_H
