// What the tests of the interpreter share: MLIR text in, values out.
#ifndef GPTC_TEST_REFERENCE_REFERENCETESTING_H
#define GPTC_TEST_REFERENCE_REFERENCETESTING_H

#include "gptc/Reference/Interpreter.h"

#include "gtest/gtest.h"

namespace gptc::test {

/// Parses a module and, if asked to, decomposes its named operations; null after a failure, which
/// the test has then.
mlir::OwningOpRef<mlir::ModuleOp> parseModule(const std::string &text, bool decompose = false);

/// Runs @f; no results after a failure, which the test has then.
reference::Tensors runText(const std::string &text, llvm::ArrayRef<reference::Tensor> arguments,
                           reference::Precision precision, bool decompose);

/// Fails unless each element is within `tolerance` times the largest expected magnitude (at least
/// 1).
void expectNear(const reference::Tensor &value, const reference::Tensor &expected, double tolerance,
                const std::string &where);

} // namespace gptc::test

#endif // GPTC_TEST_REFERENCE_REFERENCETESTING_H
