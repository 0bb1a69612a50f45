// What the entries of a case do, as the reference interpreter says.
#ifndef GPTC_TEST_CONFORMANCE_EXPECTATION_H
#define GPTC_TEST_CONFORMANCE_EXPECTATION_H

#include "CaseText.h"

#include "gptc/Reference/Interpreter.h"

namespace gptc::test {

/// A variable of an entry: what it holds before, and afterwards if the entry writes it.
struct VariableExpectation {
  std::string name;
  reference::Tensor before;
  std::optional<reference::Tensor> after;
  double tolerance = 0; ///< see allowedDifference
};

struct EntryExpectation {
  std::string entry;
  std::vector<VariableExpectation> variables;
};

/// For each function of `module`, by the interpreter in float64. Values are drawn by the names of
/// the variables, from the ranges that the model gives; those of a step's scalars are such as AdamW
/// has, those that are derived follow from their owners.
llvm::Expected<std::vector<EntryExpectation>> expectEntries(mlir::ModuleOp module,
                                                            const ConformanceModel &model);

} // namespace gptc::test

#endif // GPTC_TEST_CONFORMANCE_EXPECTATION_H
