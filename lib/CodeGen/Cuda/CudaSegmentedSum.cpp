// The segmented sum on a GPU: a block takes a row of the table, finds by bisection where its index
// begins among the sorted ones, and adds the adjoint's rows that have it, in their order.
#include "CudaEmitter.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

static constexpr unsigned sumThreads = 128;

namespace {
/// How an operand's rows (all axes but the last, or all of them) lie in memory.
struct RowLayout {
  SmallVector<int64_t> sizes, strides; ///< outermost first; merged where they can be
  int64_t columnStride = 1;

  RowLayout(MemRefType layout, bool columns) {
    SmallVector<int64_t> all;
    int64_t offset;
    (void)layout.getStridesAndOffset(all, offset);
    ArrayRef<int64_t> shape = layout.getShape();
    if (columns) {
      shape = shape.drop_back();
      columnStride = all.pop_back_val();
    }
    for (auto [size, stride] : llvm::zip(shape, all)) {
      if (size == 1)
        continue;
      if (!sizes.empty() && strides.back() == size * stride) {
        sizes.back() *= size;
        strides.back() = stride;
      } else {
        sizes.push_back(size);
        strides.push_back(stride);
      }
    }
  }

  /// Where row `row` begins, as C++. It is computed in 64 bits where `isWide`.
  std::string offset(StringRef row, bool isWide) const {
    if (sizes.empty())
      return "0";
    std::string text, rest = isWide ? ("(int64_t)" + row).str() : row.str();
    for (size_t axis = sizes.size(); axis-- > 1;) {
      text += rest + " % " + std::to_string(sizes[axis]) + times(strides[axis]) + " + ";
      rest += " / " + std::to_string(sizes[axis]);
    }
    return text + rest + times(strides.front());
  }

  static std::string times(int64_t stride) {
    return stride == 1 ? std::string() : " * " + std::to_string(stride);
  }
};
} // namespace

FailureOr<CudaGeometry> gptc::codegen::emitCudaSegmentedSum(plan::KernelOp kernel,
                                                            const KernelUse &use, ModuleOp module) {
  FailureOr<SegmentedSumOperands> operands = findSegmentedSumOperands(kernel);
  if (failed(operands))
    return failure();
  auto layout = [&](unsigned operand) {
    return cast<MemRefType>(cast<TypeAttr>(kernel.getLayouts()[operand]).getValue());
  };
  unsigned out = kernel.getBody().getNumArguments();
  RowLayout indices(layout(operands->indices), false), order(layout(operands->order), false),
      adjoint(layout(operands->adjoint), true), sum(layout(out), true);

  KernelGraph none;
  CudaEmitter emit(kernel, none, use, module);
  bool isWide = emit.getIndexName() == "int64_t";
  const std::string &orderName = emit.operand(operands->order);
  auto rowAt = [&](StringRef position) {
    return orderName + "[" + order.offset(position, isWide) + "]";
  };
  auto indexAt = [&](StringRef position) {
    return emit.operand(operands->indices) + "[" + indices.offset(rowAt(position), isWide) + "]";
  };
  std::string last = std::to_string(layout(operands->order).getNumElements());
  std::string target = emit.operand(out) + "[" + sum.offset("v", isWide) + " + c" +
                       RowLayout::times(sum.columnStride) + "]";
  emit.declareBlock();
  emit.line("const " + emit.getIndexName() + " v = block;");
  emit.line("int first = 0; // the first position whose index is not below v");
  emit.open("for (int end = " + last + "; first < end;)");
  emit.line("const int middle = (first + end) / 2;");
  emit.open("if (" + indexAt("middle") + " < v)");
  emit.line("first = middle + 1;");
  emit.close();
  emit.open("else");
  emit.line("end = middle;");
  emit.close();
  emit.close();
  emit.open("for (int c = gptc_thread(); c < " + Twine(layout(out).getShape().back()) +
            "; c += " + Twine(sumThreads) + ")");
  // Numbers of 16 bits are added up as floats, and the sum is rounded once.
  auto widened = [&](unsigned operand, const std::string &text) {
    return isHalf(elementOf(kernel, operand)) ? "gptc_to_float(" + text + ")" : text;
  };
  std::string before = kernel.getAccumulate()[0] ? widened(out, target) : "0.0f";
  emit.line("float total = " + before + ";");
  emit.open("for (int p = first; p < " + last + " && " + indexAt("p") + " == v; ++p)");
  std::string term = emit.operand(operands->adjoint) + "[" + adjoint.offset(rowAt("p"), isWide) +
                     " + c" + RowLayout::times(adjoint.columnStride) + "]";
  emit.line("total += " + widened(operands->adjoint, term) + ";");
  emit.close();
  Type result = elementOf(kernel, out);
  emit.line(target + " = {};", emit.nameFloat("total", result));
  emit.close();
  return CudaGeometry{sumThreads, 1, 1};
}
