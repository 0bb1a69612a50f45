// Rows and elements by index.
#include "Kernels.h"

#include <algorithm>
#include <numeric>

using namespace gptc;
using namespace gptc::reference;

static llvm::Error outOfRange(const char *what, int64_t index, int64_t size) {
  return llvm::createStringError("requires %s from 0 to %lld, found %lld", what,
                                 static_cast<long long>(size - 1), static_cast<long long>(index));
}

Results reference::run(gpt::EmbeddingOp op, Operands operands, Precision) {
  llvm::ArrayRef<double> table = operands[1].reals();
  int64_t rows = operands[1].getShape()[0], width = operands[1].getShape()[1];
  std::vector<double> values;
  values.reserve(countElements(getShape(op.getResult())));
  for (int64_t index : operands[0].integers()) {
    if (index < 0 || index >= rows)
      return outOfRange("indices", index, rows);
    llvm::ArrayRef<double> row = table.slice(index * width, width);
    values.insert(values.end(), row.begin(), row.end());
  }
  return Tensors{Tensor(getShape(op.getResult()), std::move(values))};
}

Results reference::run(gpt::EmbeddingGradOp op, Operands operands, Precision precision) {
  llvm::ArrayRef<int32_t> indices = operands[0].integers(), order = operands[1].integers();
  llvm::ArrayRef<double> adjoint = operands[2].reals();
  Tensor result = Tensor::filled(getShape(op.getResult()), 0);
  llvm::MutableArrayRef<double> table = result.mutableReals();
  int64_t rows = result.getShape()[0], width = result.getShape()[1];
  for (int64_t n : order) {
    if (n < 0 || n >= static_cast<int64_t>(indices.size()))
      return outOfRange("an order of positions", n, indices.size());
    int64_t index = indices[n];
    if (index < 0 || index >= rows)
      return outOfRange("indices", index, rows);
    for (int64_t c = 0; c < width; ++c) {
      double sum = table[index * width + c] + adjoint[n * width + c];
      table[index * width + c] = precision == Precision::float64 ? sum : static_cast<float>(sum);
    }
  }
  return Tensors{result};
}

Results reference::run(gpt::ArgsortOp op, Operands operands, Precision) {
  llvm::ArrayRef<int32_t> indices = operands[0].integers();
  std::vector<int32_t> order(indices.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return std::pair(indices[a], a) < std::pair(indices[b], b);
  });
  return Tensors{Tensor(getShape(op.getResult()), std::move(order))};
}

Results reference::run(gpt::PickOp op, Operands operands, Precision) {
  llvm::ArrayRef<double> rows = operands[0].reals();
  int64_t width = operands[0].getShape().back(), row = 0;
  std::vector<double> values;
  for (int64_t index : operands[1].integers()) {
    values.push_back(index >= 0 && index < width ? rows[row * width + index] : 0);
    ++row;
  }
  return Tensors{Tensor(getShape(op.getResult()), std::move(values))};
}
