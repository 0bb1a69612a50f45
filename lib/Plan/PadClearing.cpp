// Pads behind the rows of variables.
#include "PadClearing.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

PadClearing::PadClearing(ModuleOp module) : module(module), kernels(module) {
  for (auto tensor : module.getOps<TensorOp>())
    tensors[tensor.getPlace().getBuffer().getAttr()] = tensor;
}

std::optional<PaddedRows> PadClearing::findRows(BufferOp variable) const {
  TensorOp tensor = tensors.lookup(variable.getSymNameAttr());
  if (!tensor)
    return std::nullopt;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(tensor.getType()).getShape(),
                    strides = tensor.getStrides();
  if (shape.size() < 2 || tensor.getPlace().getOffset() != 0 || strides.back() != 1)
    return std::nullopt;
  PaddedRows rows{1, shape.back(), strides.end()[-2], variable.getElementType()};
  for (size_t axis = shape.size() - 1; axis-- > 0; rows.count *= shape[axis])
    if (strides[axis] != rows.count * rows.distance)
      return std::nullopt;
  // A single row has no distance to a next one; the last row's pad may reach beyond the memory.
  if (rows.count < 2 || rows.distance < rows.width ||
      rows.elements() * bytesOfElement(variable.getElementType()) >
          static_cast<int64_t>(variable.getBytes()))
    return std::nullopt;
  return rows;
}

void PadClearing::clear(EntryOp entry, ArrayRef<BufferOp> variables) {
  if (variables.empty())
    return;
  Operation *kernel = nullptr;
  SmallVector<int64_t> counts;
  SmallVector<Attribute> instances;
  for (BufferOp variable : variables) {
    PaddedRows rows = *findRows(variable);
    TensorOp tensor = tensors.lookup(variable.getSymNameAttr());
    Block block;
    OpBuilder inner(module.getContext());
    inner.setInsertionPointToStart(&block);
    auto map = gpt::MapOp::create(
        inner, tensor.getLoc(), {rows.count, rows.distance - rows.width}, ValueRange(),
        [&](OpBuilder &b, Location at, ValueRange) {
          return SmallVector<Value>{arith::ConstantOp::create(b, at, b.getZeroAttr(rows.element))};
        });
    gpt::YieldOp::create(inner, tensor.getLoc(), map.getResults());
    KernelUse use = kernels.get(module.getLoc(), "clear_pads", block, {{rows.distance, 1}},
                                ArrayRef<bool>{false}, {-1});
    assert((!kernel || kernel == use.kernel) && "rows that are alike have one kernel");
    kernel = use.kernel;
    counts.push_back(use.rows);
    auto view = ViewAttr::get(module.getContext(), tensor.getPlace().getBuffer(), rows.width);
    instances.push_back(ArrayAttr::get(module.getContext(), {view}));
  }
  OpBuilder builder = OpBuilder::atBlockEnd(&entry.getBody().front());
  LaunchOp::create(builder, entry.getLoc(), cast<KernelOp>(kernel).getSymName(), counts,
                   /*grain=*/256, builder.getArrayAttr(instances));
}
