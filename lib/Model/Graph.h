// The graph under construction: tensors with symbolic shapes, built into the gpt dialect.
//
// Nothing here knows of the language's text: it gets shapes that fit and emits operations. An
// elementwise result stays a scalar expression until something other than an elementwise operation
// needs it; then all of it becomes one gpt.map.
#ifndef GPTC_LIB_MODEL_GRAPH_H
#define GPTC_LIB_MODEL_GRAPH_H

#include "Number.h"

#include "gptc/Dialect/GPT/GPTOps.h"

#include "llvm/ADT/StringMap.h"

#include <deque>

namespace gptc::model {

/// Functions of scalars. `Value` is an operand of the map, `Constant` a number.
enum class Scalar : uint8_t {
  Value,
  Constant,
  Add,
  Subtract,
  Multiply,
  Divide,
  Remainder,
  Power,
  Min,
  Max,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Where,
  Negate,
  Exp,
  Log,
  Sqrt,
  Rsqrt,
  Sin,
  Cos,
  Tanh,
  Sigmoid,
  Erf,
  Abs,
};

/// What `scalar` computes of numbers, in double precision; `operands` are as many as it takes.
double compute(Scalar scalar, llvm::ArrayRef<double> operands);

/// A tensor of the graph. Owned by its Graph.
struct Tensor {
  Dims dims;
  bool isInt = false;
  mlir::Value value; ///< null while it is a scalar expression
  Scalar scalar = Scalar::Value;
  double constant = 0;
  llvm::SmallVector<Tensor *, 3> operands; ///< of the scalar expression
  unsigned depth = 0;                      ///< of the scalar expression, in functions
  Tensor *transposed = nullptr;            ///< what this is the transpose of, last two axes swapped
  mlir::Location location;

  explicit Tensor(mlir::Location location) : location(location) {}
  bool isConstant() const { return scalar == Scalar::Constant; }
};

class Graph {
public:
  explicit Graph(mlir::MLIRContext &context);

  mlir::OpBuilder builder;
  /// Where the next operations come from.
  mlir::Location location;

  Tensor *wrap(mlir::Value value, Dims dims);
  Tensor *constant(double value);
  /// The value; emits the map of a scalar expression, once.
  mlir::Value materialize(Tensor *tensor);
  /// The type that a tensor of `dims` has.
  mlir::RankedTensorType type(llvm::ArrayRef<Number> dims, bool isInt = false);

  /// A function of scalars on tensors that all stretch to `dims`. Operands that are smaller are
  /// computed at their own size.
  Tensor *map(Scalar scalar, llvm::ArrayRef<Tensor *> operands, llvm::ArrayRef<Number> dims);
  Tensor *map(Scalar scalar, llvm::ArrayRef<Tensor *> operands);
  Tensor *broadcast(Tensor *tensor, llvm::ArrayRef<Number> dims);
  /// The same values as real numbers.
  Tensor *real(Tensor *tensor);

  Tensor *reshape(Tensor *tensor, Dims dims);
  Tensor *transpose(Tensor *tensor, llvm::ArrayRef<int64_t> permutation);
  /// Swaps the last two axes.
  Tensor *transpose(Tensor *tensor);
  /// Sizes of `dims` from `offsets` on.
  Tensor *slice(Tensor *tensor, llvm::ArrayRef<int64_t> offsets, Dims dims);
  /// Zeros in front of one axis.
  Tensor *padFront(Tensor *tensor, size_t axis, Number count);
  llvm::SmallVector<Tensor *> split(Tensor *tensor, llvm::ArrayRef<Number> sizes);
  Tensor *concat(llvm::ArrayRef<Tensor *> tensors);
  Tensor *iota(Number count);

  Tensor *reduce(gpt::ReduceKind kind, Tensor *tensor, llvm::ArrayRef<int64_t> axes);
  /// [.., M, K] times [.., K, N]; leading axes of either stretch to the other's.
  Tensor *matmul(Tensor *lhs, Tensor *rhs);

  /// Σ x², without axes.
  Tensor *sumOfSquares(Tensor *tensor);

private:
  mlir::Value emitScalar(Tensor *tensor, llvm::DenseMap<Tensor *, mlir::Value> &done);
  mlir::Value emitCondition(Tensor *tensor, llvm::DenseMap<Tensor *, mlir::Value> &done);
  Tensor *make();

  std::deque<Tensor> tensors_;
};

} // namespace gptc::model

#endif // GPTC_LIB_MODEL_GRAPH_H
