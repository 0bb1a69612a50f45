// The passes of lib/CodeGen; declared in Passes.td.
#ifndef GPTC_CODEGEN_PASSES_H
#define GPTC_CODEGEN_PASSES_H

#include "gptc/Dialect/Plan/PlanOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/EmitC/IR/EmitC.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace gptc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "gptc/CodeGen/Passes.h.inc"
} // namespace gptc

#endif // GPTC_CODEGEN_PASSES_H
