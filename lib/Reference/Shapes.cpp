// Rearrangements, and tensors made from nothing.
#include "Kernels.h"
#include "Strides.h"

#include "runtime/base/Hash.h"
#include "runtime/base/Philox.h"

#include <numeric>

using namespace gptc;
using namespace gptc::reference;

Results reference::run(gpt::ReshapeOp op, Operands operands, Precision) {
  return Tensors{operands[0].reshaped(getShape(op.getResult()))};
}

Results reference::run(gpt::TransposeOp op, Operands operands, Precision) {
  Strides own = getStrides(operands[0].getShape()), strides;
  for (int64_t axis : op.getPermutation())
    strides.push_back(own[axis]);
  return Tensors{gather(operands[0], getShape(op.getResult()), strides)};
}

Results reference::run(gpt::SplitOp op, Operands operands, Precision) {
  Strides strides = getStrides(operands[0].getShape());
  Tensors pieces;
  int64_t start = 0;
  for (mlir::Value result : op.getResults()) {
    Sizes shape = getShape(result);
    pieces.push_back(gather(operands[0], shape, strides, start * strides[op.getAxis()]));
    start += shape[op.getAxis()];
  }
  return pieces;
}

Results reference::run(gpt::ConcatOp op, Operands operands, Precision) {
  Tensor result = Tensor::zeros(llvm::cast<mlir::RankedTensorType>(op.getType()));
  Strides strides = getStrides(result.getShape());
  int64_t start = 0;
  for (const Tensor &operand : operands) {
    scatter(operand, result, strides, start * strides[op.getAxis()]);
    start += operand.getShape()[op.getAxis()];
  }
  return Tensors{result};
}

/// The offset of the element with this index.
static int64_t getOffset(Sizes index, Sizes strides) {
  return std::inner_product(index.begin(), index.end(), strides.begin(), int64_t{0});
}

Results reference::run(gpt::SliceOp op, Operands operands, Precision) {
  Strides strides = getStrides(operands[0].getShape());
  return Tensors{gather(operands[0], op.getSizes(), strides, getOffset(op.getOffsets(), strides))};
}

Results reference::run(gpt::PadOp op, Operands operands, Precision) {
  Tensor result = Tensor::zeros(llvm::cast<mlir::RankedTensorType>(op.getType()));
  Strides strides = getStrides(result.getShape());
  scatter(operands[0], result, strides, getOffset(op.getLow(), strides));
  return Tensors{result};
}

Results reference::run(gpt::IotaOp op, Operands, Precision) {
  std::vector<int32_t> values(getShape(op.getResult())[0]);
  std::iota(values.begin(), values.end(), 0);
  return Tensors{Tensor(getShape(op.getResult()), std::move(values))};
}

Results reference::run(gpt::DetachOp, Operands operands, Precision) { return Tensors{operands[0]}; }

Results reference::runRandom(gpt::RandomOp op, Operands operands, llvm::StringRef stream) {
  llvm::ArrayRef<int32_t> words = operands[0].integers();
  auto word = [&](size_t i) { return static_cast<uint32_t>(words[i]); };
  runtime::PhiloxKey key{word(0) ^ word(2) * 0x9E3779B9u, word(1)};
  uint64_t hash = runtime::fnv1a64(std::string_view(stream.data(), stream.size()));
  Tensor result = Tensor::filled(getShape(op.getResult()), 0);
  uint32_t i = 0;
  for (double &element : result.mutableReals())
    element = runtime::uniform01(runtime::philox4x32(
        {i++, static_cast<uint32_t>(hash), static_cast<uint32_t>(hash >> 32), word(3)}, key)[0]);
  return Tensors{result};
}
