// Tiles of a product, and the moves of matrices to and from the panels that tiles read.
//
// These are functions of pointers, sizes and strides: a few serve all products of a plan. Loops are
// written with the vectors and registers that a processor has, since how a tile stays in registers
// is all that decides how fast it is.
#include "MatmulFunctions.h"

#include "TileEmitter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

/// A tile fetches ahead once in so many steps, and its own factors so many steps before it reads
/// them.
static constexpr int64_t stepsOfFetch = 16, stepsAhead = 8;
/// Steps that are written out: the loop around them costs less.
static constexpr int64_t unrolled = 4;

/// Twelve to 24 sums, a row of factors and one more: as many registers as there are. Rows divide
/// lanes, so that a tile is transposed in squares.
static MatmulTile tileOf(unsigned vectorBits) {
  if (vectorBits >= 512)
    return {8, 16, 3};
  return {4, vectorBits == 256 ? 8 : 4, 3};
}

namespace {
/// Writes one function.
class FunctionEmitter {
public:
  FunctionEmitter(ModuleOp module, const MatmulTile &tile)
      : builder(module.getBodyRegion()), loc(module.getLoc()), module(module), tile(tile),
        word(builder.getIndexType()), number(builder.getF32Type()),
        pointer(LLVM::LLVMPointerType::get(builder.getContext())) {
    BoolAttr yes = builder.getBoolAttr(true);
    MLIRContext *context = builder.getContext();
    auto vectorize = LLVM::LoopVectorizeAttr::get(context, /*disable=*/yes, {}, {}, {}, {}, {}, {});
    asWritten = LLVM::LoopAnnotationAttr::get(context, {}, vectorize, {}, {}, {}, {}, {}, {}, {},
                                              {}, {}, {}, {}, {}, {});
  }

  void emitTile(int64_t vectors, bool packed);
  /// Numbers are rounded to `factor` on the way, where that is neither type.
  void emitMove(Type from, Type to, bool transposed, Type factor = {});

private:
  ValueRange begin(const Twine &name, ArrayRef<Type> types) {
    builder.setInsertionPointToEnd(module.getBody());
    auto function =
        func::FuncOp::create(builder, loc, name.str(), builder.getFunctionType(types, {}));
    function->setAttr("passthrough", builder.getStrArrayAttr({wholeFunction}));
    builder.setInsertionPointToStart(function.addEntryBlock());
    func::ReturnOp::create(builder, loc);
    builder.setInsertionPoint(function.getBody().front().getTerminator());
    return function.getArguments();
  }

  Index wrap(Value value) { return {builder, loc, value}; }
  Index index(int64_t value) { return wrap(arith::ConstantIndexOp::create(builder, loc, value)); }
  /// Element `offset` behind a pointer to elements of a type.
  Value at(Value base, Type type, Index offset) {
    Value elements = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), offset.value());
    return LLVM::GEPOp::create(builder, loc, pointer, type, base, ArrayRef<LLVM::GEPArg>{elements});
  }
  Value load(Value address, Type element, int64_t lanes) {
    return LLVM::LoadOp::create(builder, loc, VectorType::get(lanes, element), address,
                                element.getIntOrFloatBitWidth() / 8);
  }
  void store(Value value, Value address) {
    LLVM::StoreOp::create(builder, loc, value, address,
                          getElementTypeOrSelf(value).getIntOrFloatBitWidth() / 8);
  }
  /// Asks for the line: near, or in the second level cache.
  void fetch(Value address, bool near) {
    LLVM::Prefetch::create(builder, loc, address, /*rw=*/0, /*hint=*/near ? 3 : 2, /*cache=*/1);
  }
  Value convert(Value value, Type to) {
    Type from = getElementTypeOrSelf(value);
    if (from == to)
      return value;
    Type type = to;
    if (auto vector = dyn_cast<VectorType>(value.getType()))
      type = VectorType::get(vector.getShape(), to);
    if (from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth())
      return arith::ExtFOp::create(builder, loc, type, value);
    return arith::TruncFOp::create(builder, loc, type, value);
  }
  Value add(Value a, Value b) { return arith::AddFOp::create(builder, loc, a, b); }

  SmallVector<Value> loop(Index begin, Index end, int64_t step, ValueRange start,
                          llvm::function_ref<SmallVector<Value>(Index, ValueRange)> body) {
    auto loop =
        scf::ForOp::create(builder, loc, begin.value(), end.value(), index(step).value(), start);
    loop->setAttr("llvm.loop_annotation", asWritten);
    OpBuilder::InsertionGuard guard(builder);
    if (start.empty())
      builder.setInsertionPoint(loop.getBody()->getTerminator());
    else
      builder.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next = body(wrap(loop.getInductionVar()), loop.getRegionIterArgs());
    if (!start.empty())
      scf::YieldOp::create(builder, loc, next);
    return llvm::to_vector_of<Value>(loop.getResults());
  }
  void loop(Index begin, Index end, int64_t step, llvm::function_ref<void(Index)> body) {
    loop(begin, end, step, {}, [&](Index index, ValueRange) {
      body(index);
      return SmallVector<Value>();
    });
  }
  void choose(Value condition, llvm::function_ref<void()> yes, llvm::function_ref<void()> no) {
    auto op = scf::IfOp::create(builder, loc, condition, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&op.getThenRegion().front());
    yes();
    builder.setInsertionPointToStart(&op.getElseRegion().front());
    no();
  }
  Value compare(arith::CmpIPredicate how, Index a, Index b) {
    return arith::CmpIOp::create(builder, loc, how, a.value(), b.value());
  }
  Index select(Value condition, Index a, Index b) {
    return wrap(arith::SelectOp::create(builder, loc, condition, a.value(), b.value()));
  }
  void put(Value value, Value address, Type type, Value adds);

  OpBuilder builder;
  Location loc;
  ModuleOp module;
  MatmulTile tile;
  Type word, number, pointer;
  Attribute asWritten;
};
} // namespace

// void tile(left, row strides, right, right stride, count, result, result stride, add, prefetch,
//           prefetch step, prefetch other)
//   sums = 0
//   for each 16 steps: fetch ahead; for each step: sums[i, j] += left[i] right[j]
//   for each of the steps that are left: the same
//   result = add ? result + sums : sums
//
// Of a packed tile the rows are neighbours, and of any other the steps: addresses then differ by
// what an instruction can add by itself.
void FunctionEmitter::emitTile(int64_t vectors, bool packed) {
  ValueRange arguments =
      begin(Twine("gptc_matmul_") + (packed ? "packed_tile" : "tile") + Twine(vectors),
            {pointer, pointer, pointer, word, word, pointer, word, word, pointer, word, word});
  Value left = arguments[0], right = arguments[2], result = arguments[5];
  // LLVM would add up the stride from row to row: a chain as long as a step takes.
  SmallVector<Index> odd;
  for (int64_t i = 1; i < tile.rows && !packed; i += 2)
    odd.push_back(wrap(arith::IndexCastOp::create(
        builder, loc, word,
        LLVM::LoadOp::create(builder, loc, builder.getI64Type(),
                             at(arguments[1], builder.getI64Type(), index(i / 2)), 8))));
  auto rowOffset = [&](int64_t row) {
    if (packed)
      return index(row * static_cast<int64_t>(sizeof(float)));
    int64_t factor = 1;
    for (; row > 0 && row % 2 == 0; row /= 2)
      factor *= 2;
    return row == 0 ? index(0) : odd[row / 2] * factor;
  };
  Index stepStride = index(packed ? tile.rows : 1), rightStride = wrap(arguments[3]),
        count = wrap(arguments[4]), resultStride = wrap(arguments[6]),
        prefetchStep = wrap(arguments[9]), prefetchOther = wrap(arguments[10]);
  Type byte = builder.getI8Type();
  auto vector = VectorType::get(tile.lanes, number);
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(vector));
  int64_t count0 = tile.rows * vectors;

  // The pointers into L and R, then the sums.
  auto step = [&](SmallVector<Value> &state, std::optional<Index> ahead) {
    SmallVector<Value> factors;
    for (int64_t j = 0; j < vectors; ++j)
      factors.push_back(load(at(state[1], number, index(j * tile.lanes)), number, tile.lanes));
    if (ahead)
      for (int64_t j = 0; j < vectors; ++j)
        fetch(at(state[1], number, *ahead + index(j * tile.lanes)), true);
    for (int64_t i = 0; i < tile.rows; ++i) {
      Value single = LLVM::LoadOp::create(builder, loc, number,
                                          at(state[0], builder.getI8Type(), rowOffset(i)), 4);
      Value spread = vector::BroadcastOp::create(builder, loc, vector, single);
      for (int64_t j = 0; j < vectors; ++j) {
        Value &sum = state[2 + i * vectors + j];
        sum = math::FmaOp::create(builder, loc, spread, factors[j], sum);
      }
    }
    state[0] = at(state[0], number, stepStride);
    state[1] = at(state[1], number, rightStride);
  };

  SmallVector<Value> state{left, right};
  state.append(count0, zero);
  state.push_back(arguments[8]);
  Index whole = count.alignDown(stepsOfFetch);
  state = loop(index(0), whole, stepsOfFetch, state, [&](Index k, ValueRange before) {
    SmallVector<Value> inner(before.drop_back());
    Value prefetch = before.back();
    fetch(prefetch, false);
    fetch(at(prefetch, byte, prefetchOther), false);
    Value row = at(result, number, k / stepsOfFetch % tile.rows * resultStride);
    for (int64_t j = 0; j < vectors; ++j)
      fetch(at(row, number, index(j * tile.lanes)), true);
    // Not beyond the last steps: what lies there is no part of the panel.
    Value isLast = compare(arith::CmpIPredicate::sge, k + 2 * stepsOfFetch, whole + 1);
    Index ahead = select(isLast, index(0), rightStride * stepsAhead);
    inner = loop(index(0), index(stepsOfFetch), unrolled, inner, [&](Index, ValueRange carried) {
      SmallVector<Value> next(carried);
      for (int64_t i = 0; i < unrolled; ++i)
        step(next, ahead);
      return next;
    });
    inner.push_back(at(prefetch, byte, prefetchStep));
    return inner;
  });
  state.pop_back();
  state = loop(whole, count, 1, state, [&](Index, ValueRange before) {
    SmallVector<Value> next(before);
    step(next, std::nullopt);
    return next;
  });
  auto write = [&](bool adds) {
    for (int64_t i = 0; i < tile.rows; ++i)
      for (int64_t j = 0; j < vectors; ++j) {
        Value place = at(result, number, resultStride * i + index(j * tile.lanes));
        Value sum = state[2 + i * vectors + j];
        store(adds ? add(load(place, number, tile.lanes), sum) : sum, place);
      }
  };
  choose(
      compare(arith::CmpIPredicate::ne, wrap(arguments[7]), index(0)), [&] { write(true); },
      [&] { write(false); });
}

/// Stores a number, or vector of them, of float32 as `type`, to what is there if `adds`.
void FunctionEmitter::put(Value value, Value address, Type type, Value adds) {
  auto vector = dyn_cast<VectorType>(value.getType());
  auto loadOld = [&]() -> Value {
    if (vector)
      return load(address, type, vector.getNumElements());
    return LLVM::LoadOp::create(builder, loc, type, address, type.getIntOrFloatBitWidth() / 8);
  };
  choose(
      adds, [&] { store(convert(add(convert(loadOld(), number), value), type), address); },
      [&] { store(convert(value, type), address); });
}

// void move(from, from stride, to, to stride, rows, columns, add)
//   to[r, c] (+)= from[r, c], or to[c, r] (+)= from[r, c]: in blocks, and one by one at the edges.
void FunctionEmitter::emitMove(Type from, Type to, bool transposed, Type factor) {
  auto nameOf = [](Type type) {
    return type.isF32() ? "float32" : type.isBF16() ? "bfloat16" : "float16";
  };
  ValueRange arguments = begin(Twine("gptc_matmul_move_") + nameOf(from) + "_" +
                                   (factor ? std::string(nameOf(factor)) + "_as_" : std::string()) +
                                   nameOf(to) + (transposed ? "_transposed" : ""),
                               {pointer, word, pointer, word, word, word, word});
  Index fromStride = wrap(arguments[1]), toStride = wrap(arguments[3]), rows = wrap(arguments[4]),
        columns = wrap(arguments[5]);
  Value adds = compare(arith::CmpIPredicate::ne, wrap(arguments[6]), index(0));
  auto source = [&](Index row, Index column) {
    return at(arguments[0], from, row * fromStride + column);
  };
  auto target = [&](Index row, Index column) {
    return transposed ? at(arguments[2], to, column * toStride + row)
                      : at(arguments[2], to, row * toStride + column);
  };
  auto rounded = [&](Value value) {
    return convert(factor ? convert(value, factor) : value, number);
  };
  auto single = [&](Index row, Index column) {
    Value value = LLVM::LoadOp::create(builder, loc, from, source(row, column),
                                       from.getIntOrFloatBitWidth() / 8);
    put(rounded(value), target(row, column), to, adds);
  };
  int64_t height = transposed ? tile.rows : 1;
  // Rows of a vector each, as columns of `height` numbers.
  auto block = [&](Index row, Index column, int64_t width) {
    SmallVector<Value> lines;
    for (int64_t i = 0; i < height; ++i)
      lines.push_back(rounded(load(source(row + i, column), from, width)));
    if (!transposed)
      return put(lines[0], target(row, column), to, adds);
    transposeSquares(builder, loc, lines);
    for (int64_t part = 0; part < width; part += height)
      for (int64_t i = 0; i < height; ++i) {
        Value line = lines[i];
        if (width != height)
          line = vector::ExtractStridedSliceOp::create(builder, loc, line, ArrayRef<int64_t>{part},
                                                       ArrayRef<int64_t>{height},
                                                       ArrayRef<int64_t>{1});
        put(line, target(row, column + (part + i)), to, adds);
      }
  };
  Index wholeRows = rows.alignDown(height), wide = columns.alignDown(tile.lanes),
        narrow = columns.alignDown(tile.rows);
  loop(index(0), wholeRows, height, [&](Index row) {
    loop(index(0), wide, tile.lanes, [&](Index column) { block(row, column, tile.lanes); });
    // Tiles of the left matrix are no wider than this.
    loop(wide, narrow, tile.rows, [&](Index column) { block(row, column, tile.rows); });
    loop(narrow, columns, 1, [&](Index column) {
      loop(row, row + height, 1, [&](Index own) { single(own, column); });
    });
  });
  if (height > 1)
    loop(wholeRows, rows, 1, [&](Index row) {
      loop(index(0), columns, 1, [&](Index column) { single(row, column); });
    });
}

MatmulTile codegen::emitMatmulFunctions(ModuleOp plan, ModuleOp module, unsigned vectorBits) {
  bool any = false, has16[2] = {}, rounds[2] = {};
  for (auto entry : plan.getOps<plan::EntryOp>())
    for (auto op : entry.getOps<plan::MatmulOp>()) {
      if (!op.getGenerated())
        continue;
      any = true;
      for (Type type :
           {op.getLhsElementType(), op.getRhsElementType(), op.getResultElementType()}) {
        has16[0] |= type.isBF16();
        has16[1] |= type.isF16();
      }
      for (auto [type, factor] : {std::pair(op.getLhsElementType(), op.getLhsFactor()),
                                  std::pair(op.getRhsElementType(), op.getRhsFactor())}) {
        rounds[0] |= type != factor && factor.isBF16();
        rounds[1] |= type != factor && factor.isF16();
      }
    }
  if (!any)
    return {};
  MatmulTile tile = tileOf(vectorBits);
  FunctionEmitter emitter(module, tile);
  for (int64_t vectors = 1; vectors <= tile.vectors; ++vectors)
    for (bool packed : {false, true})
      emitter.emitTile(vectors, packed);
  MLIRContext *context = module.getContext();
  Type number = Float32Type::get(context);
  Type narrow[] = {BFloat16Type::get(context), Float16Type::get(context)};
  for (bool transposed : {false, true}) {
    emitter.emitMove(number, number, transposed);
    for (unsigned i : {0u, 1u})
      if (has16[i]) {
        emitter.emitMove(narrow[i], number, transposed);
        if (!transposed)
          emitter.emitMove(number, narrow[i], false);
      }
    for (unsigned i : {0u, 1u})
      if (rounds[i])
        emitter.emitMove(number, number, transposed, narrow[i]);
  }
  return tile;
}
