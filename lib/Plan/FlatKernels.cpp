// Bodies of kernels over flat memory.
//
//   map(p, g, rate) : [768, 3072], [768, 3072], []   =>   map(p, g, rate) : [R, 1024], [R, 1024],
//   []
#include "FlatKernels.h"

#include "gptc/Dialect/GPT/Scalar.h"
#include "gptc/Dialect/GPT/Zeros.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

RankedTensorType gptc::plan::flatType(Type element) {
  return RankedTensorType::get({2, flatRow}, element);
}

/// Whether zeros in all tensors with axes give zeros in all results.
static bool keepsZeros(gpt::MapOp map) {
  SmallVector<TypedAttr> known;
  for (Value operand : map.getOperands()) {
    DenseElementsAttr constant;
    if (matchPattern(operand, m_Constant(&constant)) && constant.isSplat())
      known.push_back(constant.getSplatValue<TypedAttr>());
    else if (typeOf(operand).getRank() > 0)
      known.push_back(gpt::zeroOf(typeOf(operand).getElementType()));
    else
      known.push_back({});
  }
  return llvm::all_of(llvm::seq(map.getNumResults()),
                      [&](unsigned result) { return gpt::givesZero(map, result, known); });
}

std::unique_ptr<Block> gptc::plan::flattenBody(gpt::FusedOp op) {
  Block &body = op.getBody().front();
  ArrayRef<int64_t> shape = typeOf(op.getResult(0)).getShape();
  auto fits = [&](Value value) {
    return typeOf(value).getRank() == 0 || typeOf(value).getShape() == shape;
  };
  for (Operation &inner : body.without_terminator()) {
    auto map = dyn_cast<gpt::MapOp>(inner);
    if (!map && !matchPattern(&inner, m_Constant()))
      return nullptr;
    if (!llvm::all_of(inner.getResults(), fits))
      return nullptr;
    if (map && (map.getShape() != shape || !keepsZeros(map)))
      return nullptr;
  }
  if (shape.empty() || !llvm::all_of(body.getArguments(), fits))
    return nullptr;
  auto flat = std::make_unique<Block>();
  IRMapping mapping;
  auto flatten = [&](Value value) {
    RankedTensorType type = typeOf(value);
    return type.getRank() == 0 ? type : flatType(type.getElementType());
  };
  for (BlockArgument argument : body.getArguments())
    mapping.map(argument, flat->addArgument(flatten(argument), argument.getLoc()));
  OpBuilder builder(op.getContext());
  builder.setInsertionPointToStart(flat.get());
  for (Operation &inner : body) {
    Operation *copy = builder.clone(inner, mapping);
    for (Value result : copy->getResults())
      result.setType(flatten(result));
    if (auto constant = dyn_cast<arith::ConstantOp>(copy)) {
      auto splat = dyn_cast<SplatElementsAttr>(constant.getValue());
      if (!splat)
        return nullptr;
      constant.setValueAttr(splat.resizeSplat(cast<ShapedType>(constant.getType())));
    }
  }
  return flat;
}

/// A body that yields what `compute` makes of its one argument, of that type.
static std::unique_ptr<Block> makeBody(Location location, RankedTensorType type,
                                       llvm::function_ref<Value(OpBuilder &, Value)> compute) {
  auto block = std::make_unique<Block>();
  Value x = block->addArgument(type, location);
  OpBuilder builder(location.getContext());
  builder.setInsertionPointToStart(block.get());
  gpt::YieldOp::create(builder, location, compute(builder, x));
  return block;
}

/// Sums along the last axis.
static Value sumRows(OpBuilder &builder, Location location, Value x) {
  return gpt::ReduceOp::create(builder, location, gpt::ReduceKind::sum, x,
                               ArrayRef<int64_t>{typeOf(x).getRank() - 1});
}

std::unique_ptr<Block> gptc::plan::makeSumOfSquares(Location location, RankedTensorType type) {
  return makeBody(location, type, [&](OpBuilder &builder, Value x) {
    Value squares = gpt::createMap1(builder, location, type.getShape(), {x},
                                    [](ArrayRef<gpt::Scalar> s) { return s[0] * s[0]; });
    return sumRows(builder, location, squares);
  });
}

std::unique_ptr<Block> gptc::plan::makeRootOfSum(Location location, RankedTensorType type) {
  return makeBody(location, type, [&](OpBuilder &builder, Value x) {
    Value sum = sumRows(builder, location, x);
    return gpt::createMap1(builder, location, typeOf(sum).getShape(), {sum},
                           [](ArrayRef<gpt::Scalar> s) { return s[0].apply<math::SqrtOp>(); });
  });
}
