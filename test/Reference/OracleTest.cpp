// The interpreter against PyTorch: the values of test/oracle/ops.
//
// Both compute in float64 with at most 24 terms a sum and a few functions in a row, so they differ
// by some tens of roundings of the largest element; in far-from-zero softmaxes the rounding of an
// exponent near 1000 counts 1000-fold. 1e-13 is 450 roundings. In float32 the same count of
// roundings is 5e-5.
#include "test/Reference/ReferenceTesting.h"
#include "test/lib/Oracle/OpCases.h"

using namespace gptc;
using namespace gptc::test;

static void checkCase(const OpCase &opCase, reference::Precision precision, double tolerance,
                      bool decompose) {
  std::string where = opCase.file + ": " + opCase.op + ", " + opCase.name;
  std::string text = getModuleText(opCase);
  ASSERT_FALSE(text.empty()) << where << " has no MLIR text";
  reference::Tensors arguments;
  for (const NamedTensor &input : opCase.inputs)
    arguments.push_back(input.value);
  reference::Tensors results = runText(text, arguments, precision, decompose);
  ASSERT_EQ(results.size(), opCase.outputs.size()) << where;
  for (auto [result, output] : llvm::zip(results, opCase.outputs))
    expectNear(result, output.value, tolerance, where + ", " + output.name);
}

static void checkAll(reference::Precision precision, double tolerance, bool decompose) {
  std::vector<OpCase> cases = readOpCases(GPTC_ORACLE "/ops");
  ASSERT_GE(cases.size(), 100u);
  for (const OpCase &opCase : cases)
    checkCase(opCase, precision, tolerance, decompose);
}

TEST(Oracle, ValuesInFloat64) { checkAll(reference::Precision::float64, 1e-13, false); }
TEST(Oracle, DecomposedValuesInFloat64) { checkAll(reference::Precision::float64, 1e-13, true); }
TEST(Oracle, ValuesInFloat32) { checkAll(reference::Precision::float32, 5e-5, false); }
TEST(Oracle, DecomposedValuesInFloat32) { checkAll(reference::Precision::float32, 5e-5, true); }
