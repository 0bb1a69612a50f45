// The scalar operations of a map's region, as functions on columns: runs of elements that are
// computed together, so that the cost of choosing the operation is paid once a column and not once
// an element.
#ifndef GPTC_REFERENCE_SCALARFUNCTIONS_H
#define GPTC_REFERENCE_SCALARFUNCTIONS_H

#include "gptc/Reference/Interpreter.h"

#include "mlir/IR/Operation.h"

namespace gptc::reference {

/// How many elements are computed together.
inline constexpr int64_t columnLength = 256;

/// One column for each value of the region. Real values are doubles (that are floats where the
/// precision is float32); integers are sign-extended from their width, so that a true i1 is -1.
struct Columns {
  std::vector<double> reals;
  std::vector<int64_t> integers;
  double *real(unsigned i) { return reals.data() + i * columnLength; }
  int64_t *integer(unsigned i) { return integers.data() + i * columnLength; }
};

/// One scalar operation on the first `count` elements of its columns.
struct Instruction;
using ScalarFunction = void (*)(const Instruction &, Columns &, int64_t count);

struct Instruction {
  ScalarFunction function = nullptr;
  unsigned result = 0;
  std::array<unsigned, 3> operands{};
  unsigned width = 64; ///< of the result, or of a comparison's operands, where they are integers
  unsigned operandWidth = 64; ///< of the first operand, where it is an integer
  int64_t predicate = 0;      ///< of a comparison
  /// Where the result is narrower than float: the format that it is rounded to.
  const llvm::fltSemantics *rounding = nullptr;
};

/// What `op` does in this precision; null where the interpreter does not know the operation.
ScalarFunction getScalarFunction(mlir::Operation *op, Precision precision);

/// The format that values of `type` are rounded to: none where it is float or wider, or in float64.
const llvm::fltSemantics *getRounding(mlir::Type type, Precision precision);

/// `value` rounded to the nearest number of a format.
double roundTo(const llvm::fltSemantics &format, double value);

} // namespace gptc::reference

#endif // GPTC_REFERENCE_SCALARFUNCTIONS_H
