// The plan dialect: its attributes and operations.
#ifndef GPTC_DIALECT_PLAN_PLANOPS_H
#define GPTC_DIALECT_PLAN_PLANOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"

#include "gptc/Dialect/GPT/GPTOps.h"

#include "gptc/Dialect/Plan/PlanDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "gptc/Dialect/Plan/PlanAttributes.h.inc"

namespace gptc::plan {
/// The number of columns that one row of a launch of a `column` kernel stands for.
inline constexpr int64_t columnBlock = 256;

/// The number of queries of one head that one row of a launch of an `attention` kernel stands for.
inline constexpr int64_t attentionBlock = 64;

/// The bytes that an element of a tensor takes in memory: 2 of bf16 and f16, else 4.
int64_t bytesOfElement(mlir::Type element);
} // namespace gptc::plan

#define GET_OP_CLASSES
#include "gptc/Dialect/Plan/PlanOps.h.inc"

#endif // GPTC_DIALECT_PLAN_PLANOPS_H
