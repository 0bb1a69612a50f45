// Attention and its adjoint on a GPU: calls of the templates in Attention.cuh and AttentionGrad.cuh
// with the kernel's sizes and strides.
#include "CudaEmitter.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

static constexpr unsigned attentionThreads = 128;

namespace {
class AttentionEmitter {
public:
  AttentionEmitter(plan::KernelOp kernel, const KernelUse &use, ModuleOp module)
      : kernel(kernel), emit(kernel, none, use, module) {}

  /// Says where the rows of the next operands, [batch, head, row, column] or [batch, head, row],
  /// lie.
  void describe(ArrayRef<StringRef> names) {
    for (StringRef name : names) {
      SmallVector<int64_t> strides;
      int64_t offset;
      unsigned operand = arguments.size();
      (void)layout(operand).getStridesAndOffset(strides, offset);
      arguments.push_back(emit.freshName(name));
      emit.line("const auto " + arguments.back() + " = gptc_attention_operand<" +
                Twine(strides[0]) + ", " + Twine(strides[1]) + ", " + Twine(strides[2]) + ">(" +
                emit.operand(operand) + ");");
    }
  }

  /// An output that the kernel does not have.
  void leaveOut() { arguments.push_back("gptc_attention_unused()"); }

  /// The call of `function` on what was described, by the sizes of the operands.
  void call(StringRef function, bool causal, bool tf32, const APFloat &scale,
            const Twine &check = "") {
    ArrayRef<int64_t> query = layout(0).getShape(), key = layout(1).getShape();
    OpBuilder &builder = emit.getBuilder();
    APFloat single = scale;
    bool losesInfo;
    single.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &losesInfo);
    Value factor =
        emitCudaConstant(builder, FloatAttr::get(builder.getF32Type(), single), emit.getLoc());
    emit.declareBlock();
    emit.line("typedef gptc_attention_shape<gptc_" + getProducts(tf32) + "_products, " +
              Twine(query[1]) + ", " + Twine(key[1]) + ", " + Twine(query[2]) + ", " +
              Twine(key[2]) + ", " + Twine(query[3]) + ", " + Twine(layout(2).getShape()[3]) +
              ", " + (causal ? "true" : "false") + "> shape;");
    if (!check.isTriviallyEmpty())
      emit.line(check);
    emit.line(function + "<shape>(" + llvm::join(arguments, ", ") + ", {}, block);", factor);
  }

  /// Of 16 bits: half of the registers that float32 takes, so that blocks more are within reach.
  bool isOfHalves() { return isHalf(layout(0).getElementType()); }

  /// How Products.cuh multiplies such operands.
  StringRef getProducts(bool tf32) {
    Type type = layout(0).getElementType();
    return type.isBF16() ? "bf16" : type.isF16() ? "f16" : tf32 ? "tf32" : "fp32";
  }

  MemRefType layout(unsigned operand) {
    return cast<MemRefType>(cast<TypeAttr>(kernel.getLayouts()[operand]).getValue());
  }

private:
  plan::KernelOp kernel;
  KernelGraph none;
  CudaEmitter emit;
  SmallVector<std::string> arguments;
};
} // namespace

FailureOr<CudaGeometry> gptc::codegen::emitCudaAttention(plan::KernelOp kernel,
                                                         const KernelUse &use, ModuleOp module) {
  auto attention = cast<gpt::FlashAttentionOp>(kernel.getBody().front().front());
  AttentionEmitter emit(kernel, use, module);
  emit.describe({"q", "k", "v", "o"});
  if (kernel.getLayouts().size() > 4)
    emit.describe({"lse"});
  else
    emit.leaveOut();
  emit.call("gptc_attention", attention.getCausal(), attention.getTf32(), attention.getScale());
  return CudaGeometry{attentionThreads, 1, 1, emit.isOfHalves()};
}

FailureOr<CudaGeometry>
gptc::codegen::emitCudaAttentionGrad(plan::KernelOp kernel, const KernelUse &use, ModuleOp module) {
  auto grad = cast<gpt::FlashAttentionGradOp>(kernel.getBody().front().front());
  AttentionEmitter emit(kernel, use, module);
  emit.describe({"q", "k", "v", "o", "lse", "d_o", "d_q", "d_k", "d_v"});

  // Blocks of keys, and of each head's queries, for every row. A block takes fewer where they have
  // many columns.
  ArrayRef<int64_t> query = emit.layout(0).getShape(), key = emit.layout(1).getShape();
  int64_t columns = llvm::alignTo(key[3], 16) + llvm::alignTo(emit.layout(2).getShape()[3], 16);
  int64_t block = columns <= 128 ? 64 : 32, heads = query[1] / key[1];
  int64_t items = llvm::divideCeil(key[2], block) + heads * llvm::divideCeil(query[2], block);
  emit.call("gptc_attention_grad", grad.getCausal(), grad.getTf32(), grad.getScale(),
            "static_assert(gptc_attention_grad_tile<shape>::items == " + Twine(items) +
                ", \"as many blocks a row as are launched\");");
  return CudaGeometry{attentionThreads, items, 1, emit.isOfHalves()};
}
