// Where maps give zero for zeros: what lets pads stay 0 without being masked.
#ifndef GPTC_DIALECT_GPT_ZEROS_H
#define GPTC_DIALECT_GPT_ZEROS_H

#include "gptc/Dialect/GPT/GPTOps.h"

namespace gptc::gpt {

/// Whether result number `result` of a map is exactly 0 wherever its operands have the values of
/// `known` (null: any). Numbers that are not known are taken to be finite, and those that a zero is
/// divided by not to be 0: where they are not, the model's own elements are NaN, too.
bool givesZero(MapOp map, unsigned result, llvm::ArrayRef<mlir::TypedAttr> known);

/// The zero of a type of numbers.
mlir::TypedAttr zeroOf(mlir::Type type);

} // namespace gptc::gpt

#endif // GPTC_DIALECT_GPT_ZEROS_H
