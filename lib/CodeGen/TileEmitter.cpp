// Vectors, loops over them, and products of tiles.
#include "TileEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

using LoopKind = ScalarEmitter::LoopKind;

// A processor that starts two fused products a cycle, each of which takes four cycles, wants eight
// sums or more, and no more loads than products.
TileShape TileShape::of(unsigned vectorBits) {
  if (vectorBits >= 512) // with 32 registers
    return {16, 8, 2};
  return {vectorBits == 256 ? 8 : 4, 6, 2}; // with 16
}

TileEmitter::TileEmitter(plan::KernelOp kernel, ModuleOp module, TileShape shape)
    : emit(kernel, none, module), shape(shape), builder(emit.getBuilder()), loc(emit.getLoc()),
      scalars(builder, loc, builder.getF32Type()),
      vectors(builder, loc, VectorType::get(shape.lanes, builder.getF32Type())) {}

Value TileEmitter::getOperand(unsigned operand) {
  return emit.getBegin().getParentBlock()->getArgument(operand);
}

Index TileEmitter::hide(Index number) {
  Type word = builder.getI64Type();
  Value value = arith::IndexCastOp::create(builder, loc, word, number.value());
  value = LLVM::InlineAsmOp::create(builder, loc, word, value, /*asm_string=*/"",
                                    /*constraints=*/"=r,0", /*has_side_effects=*/false,
                                    /*is_align_stack=*/false, LLVM::TailCallKind::None,
                                    /*asm_dialect=*/{}, /*operand_attrs=*/{})
              .getResult(0);
  return wrap(arith::IndexCastOp::create(builder, loc, builder.getIndexType(), value));
}

Value TileEmitter::createScratch(int64_t rows, int64_t columns) {
  Value memory;
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(emit.getBegin().getParentBlock());
    memory = memref::AllocaOp::create(builder, loc,
                                      MemRefType::get({rows, columns}, builder.getF32Type()),
                                      builder.getI64IntegerAttr(64));
  }
  loop(index(0), index(rows), 1, [&](Index row) {
    elements(columns, [&](Index column) { store(number(0), memory, {row, column}); });
  });
  return memory;
}

Value TileEmitter::createHeapMemory(ArrayRef<int64_t> sizes) {
  assert(builder.getInsertionBlock() == emit.getBegin().getParentBlock() &&
         "what is written behind this must come before the end");
  auto type = MemRefType::get(sizes, builder.getF32Type());
  Value memory =
      memref::AllocOp::create(builder, loc, type, builder.getI64IntegerAttr(/*alignment=*/64));
  builder.setInsertionPoint(memref::DeallocOp::create(builder, loc, memory));
  return memory;
}

Value TileEmitter::getBlock(Value memory, Index number, int64_t rows) {
  int64_t columns = cast<MemRefType>(memory.getType()).getShape()[1];
  Value first = (number * rows).value();
  OpFoldResult zero = builder.getIndexAttr(0), one = builder.getIndexAttr(1);
  return memref::SubViewOp::create(
      builder, loc, memory, ArrayRef<OpFoldResult>{first, zero},
      ArrayRef<OpFoldResult>{builder.getIndexAttr(rows), builder.getIndexAttr(columns)},
      ArrayRef<OpFoldResult>{one, one});
}

void TileEmitter::loop(Index begin, Index end, int64_t step, llvm::function_ref<void(Index)> body) {
  auto loop = scf::ForOp::create(builder, loc, begin.value(), end.value(), index(step).value());
  loop->setAttr("llvm.loop_annotation", emit.getAnnotation(LoopKind::rows));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(loop.getBody()->getTerminator());
  body(wrap(loop.getInductionVar()));
}

SmallVector<Value>
TileEmitter::loop(Index begin, Index end, ValueRange start,
                  llvm::function_ref<SmallVector<Value>(Index, ValueRange)> body) {
  return emit.createLoop(
      LoopKind::rows, begin.value(), end.value(), std::nullopt, start,
      [&](Value index, ValueRange carried) { return body(wrap(index), carried); });
}

void TileEmitter::loopTogether(int64_t period, int64_t limit,
                               llvm::function_ref<void(Index, Index)> body) {
  OpBuilder::InsertionGuard guard(builder);
  auto enter = [&](OpBuilder &inner) {
    builder.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
  };
  auto hasMore = [&](OpBuilder &inner, Location, ValueRange row) {
    enter(inner);
    Value isBefore =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, row[0], getEnd().value());
    scf::ConditionOp::create(builder, loc, isBefore, row);
  };
  auto step = [&](OpBuilder &inner, Location, ValueRange row) {
    enter(inner);
    Index first = wrap(row[0]);
    Index count = (index(period) - first % period).min(getEnd() - first).min(limit);
    body(first, count);
    scf::YieldOp::create(builder, loc, (first + count).value());
  };
  scf::WhileOp::create(builder, loc, builder.getIndexType(), getBegin().value(), hasMore, step);
}

void TileEmitter::elements(int64_t count, bool wide, llvm::function_ref<void(Index)> body) {
  llvm::SaveAndRestore mode(isWide, wide);
  emit.createLoop(LoopKind::elements, index(0).value(),
                  index(wide ? count / shape.lanes : count).value(), std::nullopt,
                  [&](Value index) { body(wide ? wrap(index) * shape.lanes : wrap(index)); });
}

Scalar TileEmitter::sum(int64_t count, bool wide, llvm::function_ref<Scalar(Index)> body) {
  auto flags =
      arith::FastMathFlags::contract | arith::FastMathFlags::reassoc | arith::FastMathFlags::nsz;
  llvm::SaveAndRestore mode(isWide, wide);
  Value total = emit.createLoop(
      LoopKind::elements, index(0).value(), index(wide ? count / shape.lanes : count).value(),
      std::nullopt, number(0).value(), [&](Value index, ValueRange before) -> SmallVector<Value> {
        Value term = body(wide ? wrap(index) * shape.lanes : wrap(index)).value();
        return {arith::AddFOp::create(builder, loc, before[0], term, flags)};
      })[0];
  if (wide)
    total = vector::ReductionOp::create(builder, loc, vector::CombiningKind::ADD, total, flags);
  return scalars.wrap(total);
}

static Type elementOf(Value memory) { return cast<MemRefType>(memory.getType()).getElementType(); }

static SmallVector<Value> getValues(ArrayRef<Index> indices) {
  return llvm::map_to_vector(indices, [](Index index) { return index.value(); });
}

Scalar TileEmitter::loadScalar(Value memory, ArrayRef<Index> indices) {
  Value value = memref::LoadOp::create(builder, loc, memory, getValues(indices));
  return scalars.wrap(widened(builder, loc, value));
}

void TileEmitter::store(Scalar value, Value memory, ArrayRef<Index> indices) {
  if (isWide)
    return storeVector(value, memory, indices);
  Value stored = narrowed(builder, loc, value.value(), elementOf(memory));
  memref::StoreOp::create(builder, loc, stored, memory, getValues(indices));
}

Scalar TileEmitter::loadVector(Value memory, ArrayRef<Index> indices) {
  auto type = cast<VectorType>(vectors.type).clone(elementOf(memory));
  Value value =
      vector::LoadOp::create(builder, loc, cast<VectorType>(type), memory, getValues(indices));
  return vectors.wrap(widened(builder, loc, value));
}

void TileEmitter::storeVector(Scalar value, Value memory, ArrayRef<Index> indices) {
  Type type = cast<VectorType>(vectors.type).clone(elementOf(memory));
  vector::StoreOp::create(builder, loc, narrowed(builder, loc, value.value(), type), memory,
                          getValues(indices));
}

Scalar TileEmitter::broadcast(Scalar value) {
  return vectors.wrap(vector::BroadcastOp::create(builder, loc, vectors.type, value.value()));
}

Scalar TileEmitter::broadcast(Index index) {
  Value number = arith::IndexCastOp::create(builder, loc, builder.getI32Type(), index.value());
  return vectors.wrap(vector::BroadcastOp::create(builder, loc, vectors.bitsType, number));
}

Scalar TileEmitter::countLanes() {
  SmallVector<int32_t> lanes(shape.lanes);
  std::iota(lanes.begin(), lanes.end(), 0);
  auto type = cast<VectorType>(vectors.bitsType);
  return vectors.wrap(arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(type, ArrayRef<int32_t>(lanes))));
}

// Exchanges, for each bit of a lane's number, the halves of pairs of rows that differ in this bit
// (Eklundh: "A fast computer method for matrix transposing", 1972):
//
//   a0 a1 a2 a3        a0 b0 a2 b2        a0 b0 c0 d0
//   b0 b1 b2 b3   =>   a1 b1 a3 b3   =>   a1 b1 c1 d1
//   c0 c1 c2 c3        c0 d0 c2 d2        a2 b2 c2 d2
//   d0 d1 d2 d3        c1 d1 c3 d3        a3 b3 c3 d3
void codegen::transposeSquares(OpBuilder &builder, Location loc, MutableArrayRef<Value> rows) {
  int64_t size = rows.size(), lanes = cast<VectorType>(rows[0].getType()).getNumElements();
  for (int64_t bit = 1; bit < size; bit *= 2) {
    SmallVector<int64_t> upper, lower;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      upper.push_back(lane & bit ? lanes + lane - bit : lane);
      lower.push_back(lane & bit ? lanes + lane : lane + bit);
    }
    for (int64_t row = 0; row < size; ++row) {
      if (row & bit)
        continue;
      Value a = rows[row], b = rows[row + bit];
      rows[row] = vector::ShuffleOp::create(builder, loc, a, b, upper);
      rows[row + bit] = vector::ShuffleOp::create(builder, loc, a, b, lower);
    }
  }
}

void TileEmitter::transpose(Value from, Index rows, int64_t columns, Value to) {
  loop(index(0), rows, shape.lanes, [&](Index row) {
    loop(index(0), index(columns), shape.lanes, [&](Index column) {
      SmallVector<Value> square;
      for (int64_t i = 0; i < shape.lanes; ++i)
        square.push_back(loadVector(from, {row + i, column}).value());
      transposeSquares(builder, loc, square);
      for (int64_t i = 0; i < shape.lanes; ++i)
        storeVector(vectors.wrap(square[i]), to, {column + i, row});
    });
  });
}

void TileEmitter::product(const TileProduct &factors, Index row, Index column, int64_t width,
                          Index begin, Index end) {
  int64_t columns = width / shape.lanes;
  auto place = [&](int64_t i, int64_t j) {
    return SmallVector<Index, 2>{row + i, column + j * shape.lanes};
  };
  SmallVector<Value> sums;
  for (int64_t i = 0; i < shape.rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      Scalar sum = vectors.number(0);
      if (factors.start != TileProduct::Start::zero)
        sum = loadVector(factors.c, place(i, j));
      if (factors.start == TileProduct::Start::scale)
        sum = sum * broadcast(loadScalar(factors.scales, {index(0), row + i}));
      sums.push_back(sum.value());
    }
  sums = loop(begin, end, sums, [&](Index k, ValueRange before) {
    SmallVector<Scalar> factor;
    for (int64_t j = 0; j < columns; ++j)
      factor.push_back(loadVector(factors.b, {k, column + j * shape.lanes}));
    SmallVector<Value> after;
    for (int64_t i = 0; i < shape.rows; ++i) {
      SmallVector<Index, 2> element{row + i, k};
      if (factors.transposed)
        std::swap(element[0], element[1]);
      Scalar other = broadcast(loadScalar(factors.a, element));
      for (int64_t j = 0; j < columns; ++j)
        after.push_back(
            vectors.multiplyAdd(other, factor[j], vectors.wrap(before[i * columns + j])).value());
    }
    return after;
  });
  for (int64_t i = 0; i < shape.rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      storeVector(vectors.wrap(sums[i * columns + j]), factors.c, place(i, j));
}
