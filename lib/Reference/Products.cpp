// Matrix products.
#include "Kernels.h"
#include "Strides.h"

using namespace gptc;
using namespace gptc::reference;

/// `rows` × `columns` elements at `start`, in order, or those of the transposed matrix.
template <typename Real>
static std::vector<Real> getMatrix(llvm::ArrayRef<double> values, int64_t start, int64_t rows,
                                   int64_t columns, bool transposed) {
  std::vector<Real> result;
  result.reserve(rows * columns);
  int64_t rowStride = transposed ? 1 : columns, columnStride = transposed ? rows : 1;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      result.push_back(static_cast<Real>(values[start + i * rowStride + j * columnStride]));
  return result;
}

Results reference::run(gpt::MatmulOp op, Operands operands, Precision precision) {
  Sizes shape = getShape(op.getResult()), lhsShape = operands[0].getShape();
  int64_t m = shape[shape.size() - 2], n = shape.back();
  int64_t k = op.getTransposeLhs() ? lhsShape[lhsShape.size() - 2] : lhsShape.back();
  int64_t batches = countElements(shape.drop_back(2));
  bool shared = operands[1].getShape().size() == 2;
  if (shared) { // one matrix serves all: its rows are those of one tall matrix
    m *= batches;
    batches = 1;
  }
  Tensor result = Tensor::filled(shape, 0);
  withReal(precision, [&](auto zero) {
    using Real = decltype(zero);
    double *out = result.mutableReals().data();
    std::vector<Real> row(n);
    for (int64_t batch = 0; batch < batches; ++batch) {
      auto lhs = getMatrix<Real>(operands[0].reals(), batch * m * k, m, k, op.getTransposeLhs());
      auto rhs = getMatrix<Real>(operands[1].reals(), batch * k * n, k, n, op.getTransposeRhs());
      roundFactors(lhs, op.getTf32());
      roundFactors(rhs, op.getTf32());
      for (int64_t i = 0; i < m; ++i) {
        std::fill(row.begin(), row.end(), Real{0});
        for (int64_t p = 0; p < k; ++p) {
          Real a = lhs[i * k + p];
          const Real *b = rhs.data() + p * n;
          for (int64_t j = 0; j < n; ++j)
            row[j] += a * b[j];
        }
        out = std::copy(row.begin(), row.end(), out);
      }
    }
  });
  return Tensors{result};
}
