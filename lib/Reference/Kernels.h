// What each operation does with its operands' values. Shapes are those that the verifiers and type
// inference have let through, so nothing is checked again but what depends on values.
#ifndef GPTC_REFERENCE_KERNELS_H
#define GPTC_REFERENCE_KERNELS_H

#include "ScalarFunctions.h"
#include "gptc/Dialect/GPT/GPTOps.h"
#include "gptc/Reference/Interpreter.h"

namespace gptc::reference {

using Operands = llvm::ArrayRef<Tensor>;
using Results = llvm::Expected<Tensors>;

// Shapes.cpp
Results run(gpt::ReshapeOp op, Operands operands, Precision precision);
Results run(gpt::TransposeOp op, Operands operands, Precision precision);
Results run(gpt::SplitOp op, Operands operands, Precision precision);
Results run(gpt::ConcatOp op, Operands operands, Precision precision);
Results run(gpt::SliceOp op, Operands operands, Precision precision);
Results run(gpt::PadOp op, Operands operands, Precision precision);
Results run(gpt::IotaOp op, Operands operands, Precision precision);
Results run(gpt::DetachOp op, Operands operands, Precision precision);

/// `stream` is the operation's, with the indices of the copies it stands in.
Results runRandom(gpt::RandomOp op, Operands operands, llvm::StringRef stream);

// Reductions.cpp, Products.cpp, Gathers.cpp
Results run(gpt::ReduceOp op, Operands operands, Precision precision);
Results run(gpt::MatmulOp op, Operands operands, Precision precision);
Results run(gpt::EmbeddingOp op, Operands operands, Precision precision);
Results run(gpt::EmbeddingGradOp op, Operands operands, Precision precision);
Results run(gpt::ArgsortOp op, Operands operands, Precision precision);
Results run(gpt::PickOp op, Operands operands, Precision precision);

// Rows.cpp, Attention.cpp, Optimizer.cpp
Results run(gpt::SoftmaxOp op, Operands operands, Precision precision);
Results run(gpt::LogsumexpOp op, Operands operands, Precision precision);
Results run(gpt::LayerNormOp op, Operands operands, Precision precision);
Results run(gpt::CrossEntropyOp op, Operands operands, Precision precision);
Results run(gpt::AttentionOp op, Operands operands, Precision precision);
Results run(gpt::FlashAttentionOp op, Operands operands, Precision precision);
Results run(gpt::FlashAttentionGradOp op, Operands operands, Precision precision);
Results run(gpt::GlobalNormOp op, Operands operands, Precision precision);
Results run(gpt::AdamWOp op, Operands operands, Precision precision);

// Pads.cpp
/// `tensor` with zeros behind its axes, up to `shape`; `tensor` without what lies beyond `shape`;
/// whether all of that is 0.
Tensor withPads(const Tensor &tensor, llvm::ArrayRef<int64_t> shape);
Tensor withoutPads(const Tensor &tensor, llvm::ArrayRef<int64_t> shape);
bool hasZeroPads(const Tensor &tensor, llvm::ArrayRef<int64_t> shape);

/// The number of an attribute of an operation on `value`: one of the value's element type, as the
/// constant that it becomes in a decomposition.
double getNumber(const llvm::APFloat &attribute, mlir::Value value);

/// Calls `function` with a zero of the type that `precision` computes in.
template <typename Function> auto withReal(Precision precision, Function function) {
  return precision == Precision::float64 ? function(double{}) : function(float{});
}

/// Rounds the factors of products in TensorFloat-32, where `tf32` and roundings are shown.
template <typename Real> void roundFactors(std::vector<Real> &factors, bool tf32) {
  if constexpr (std::is_same_v<Real, float>)
    if (tf32)
      for (float &x : factors)
        x = static_cast<float>(roundTo(llvm::APFloat::FloatTF32(), x));
}

/// The operands' elements in the type they are computed in.
template <typename Real> std::vector<Real> toReal(llvm::ArrayRef<double> values) {
  return std::vector<Real>(values.begin(), values.end());
}
template <typename Real> std::vector<double> fromReal(const std::vector<Real> &values) {
  return std::vector<double>(values.begin(), values.end());
}

inline llvm::ArrayRef<int64_t> getShape(mlir::Value value) {
  return llvm::cast<mlir::ShapedType>(value.getType()).getShape();
}

} // namespace gptc::reference

#endif // GPTC_REFERENCE_KERNELS_H
