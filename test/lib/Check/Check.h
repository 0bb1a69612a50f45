// The check dialect: numeric tests as plain .mlir files. Only test tools register it.
#ifndef GPTC_TEST_CHECK_CHECK_H
#define GPTC_TEST_CHECK_CHECK_H

#include "gptc/Reference/Interpreter.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"

#include "test/lib/Check/CheckDialect.h.inc"

#define GET_OP_CLASSES
#include "test/lib/Check/CheckOps.h.inc"

namespace gptc::check {

/// Where `value` is not near the expected elements, an error that names the first such element.
/// `allowed` is in units of `epsilon · max(1, |expected|)`.
llvm::Error compare(const reference::Tensor &value, const reference::Tensor &expected,
                    double allowed, double epsilon);

/// The interpreter's fallback that runs check operations.
std::optional<llvm::Expected<reference::Tensors>>
evaluate(mlir::Operation *op, llvm::ArrayRef<reference::Tensor> operands,
         reference::Precision precision);

} // namespace gptc::check

#endif // GPTC_TEST_CHECK_CHECK_H
