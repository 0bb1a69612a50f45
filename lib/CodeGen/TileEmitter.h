// What kernels over tiles are made of: indices, vectors of the target's width, and products of
// small matrices whose sums stay in registers.
#ifndef GPTC_LIB_CODEGEN_TILEEMITTER_H
#define GPTC_LIB_CODEGEN_TILEEMITTER_H

#include "MathEmitter.h"
#include "ScalarEmitter.h"

namespace gptc::codegen {

/// The tile of a product that a target's registers hold: `rows` × `vectors` sums, beside a row of
/// `vectors` factors and one more.
struct TileShape {
  int64_t lanes;         ///< float32 in a vector
  int64_t rows, vectors; ///< vectors: at most

  /// For vectors of a number of bits as CpuTarget has it.
  static TileShape of(unsigned vectorBits);
  /// `size` rounded up to whole tiles, as rows and as columns.
  int64_t padRows(int64_t size) const { return llvm::alignTo(size, rows); }
  int64_t padColumns(int64_t size) const { return llvm::alignTo(size, getWidth(size)); }
  /// How far a row's tile may reach beyond the vector, or the tile's columns, that it begins in.
  int64_t getReach() const { return lanes % rows == 0 ? 0 : rows - 1; }
  int64_t padLanes(int64_t size) const { return llvm::alignTo(size, lanes); }
  /// The columns of a tile of a matrix with so many.
  int64_t getWidth(int64_t columns) const {
    return lanes * std::min<int64_t>(vectors, llvm::divideCeil(columns, lanes));
  }
};

/// An index in the function that is written. Arithmetic is signed, and folded where it can be.
class Index {
public:
  Index(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value)
      : builder(&builder), loc(loc), inner(value) {}
  mlir::Value value() const { return inner; }

  Index operator+(Index other) const { return emit<mlir::arith::AddIOp>(other); }
  Index operator-(Index other) const { return emit<mlir::arith::SubIOp>(other); }
  Index operator*(Index other) const { return emit<mlir::arith::MulIOp>(other); }
  /// Of indices that are not negative.
  Index operator/(Index other) const { return emit<mlir::arith::DivUIOp>(other); }
  Index operator%(Index other) const { return emit<mlir::arith::RemUIOp>(other); }
  Index min(Index other) const { return emit<mlir::arith::MinSIOp>(other); }
  Index max(Index other) const { return emit<mlir::arith::MaxSIOp>(other); }
  Index operator+(int64_t number) const { return *this + constant(number); }
  Index operator-(int64_t number) const { return *this - constant(number); }
  Index operator*(int64_t number) const { return *this * constant(number); }
  Index operator/(int64_t number) const { return *this / constant(number); }
  Index operator%(int64_t number) const { return *this % constant(number); }
  Index min(int64_t number) const { return min(constant(number)); }
  Index max(int64_t number) const { return max(constant(number)); }
  /// The next multiple of `step` that is not above.
  Index alignDown(int64_t step) const { return *this - *this % step; }

private:
  Index constant(int64_t number) const {
    return {*builder, loc, mlir::arith::ConstantIndexOp::create(*builder, loc, number)};
  }
  template <typename Op> Index emit(Index other) const {
    return {*builder, loc, builder->createOrFold<Op>(loc, inner, other.inner)};
  }

  mlir::OpBuilder *builder;
  mlir::Location loc;
  mlir::Value inner;
};

/// Transposes the squares, one beside the other, of vectors with as many lanes or a multiple: a
/// power of two.
void transposeSquares(mlir::OpBuilder &builder, mlir::Location loc,
                      llvm::MutableArrayRef<mlir::Value> rows);

/// A tile of C = A B.
struct TileProduct {
  mlir::Value a;           ///< element (row, k) of A is a[row, k], or a[k, row] if it is
  bool transposed = false; ///< transposed
  mlir::Value b;           ///< element (k, column) of B
  mlir::Value c;
  enum class Start {
    zero, ///< C = A B
    add,  ///< C += A B
    scale ///< C = scales[row] C + A B
  } start = Start::zero;
  mlir::Value scales = {};
};

/// The function of a kernel while it is written over tiles.
class TileEmitter {
  KernelGraph none; // what tiles hold is no graph of scalars
  ScalarEmitter emit;
  bool isWide = false; // whether an iteration of `elements` computes a vector

public:
  TileEmitter(plan::KernelOp kernel, mlir::ModuleOp module, TileShape shape);

  const TileShape shape;
  mlir::OpBuilder &builder;
  const mlir::Location loc;
  const MathEmitter scalars, vectors; ///< formulas of float32, and of vectors of them

  mlir::Value getOperand(unsigned operand);
  Index getBegin() { return wrap(emit.getBegin()); }
  Index getEnd() { return wrap(emit.getEnd()); }
  Index wrap(mlir::Value value) { return {builder, loc, value}; }
  Index index(int64_t number) { return wrap(emit.getIndex(number)); }

  /// The same number, of which LLVM knows nothing. Bounds of nested loops that depend on each other
  /// by minima and maxima otherwise cost its analyses most of the time that a kernel takes to
  /// compile.
  Index hide(Index number);

  /// A matrix of scratch memory, filled with zeros at the function's entry: what lies behind the
  /// last row or column is computed with, though never used, and must be no number that a processor
  /// is slow with.
  mlir::Value createScratch(int64_t rows, int64_t columns);
  /// Memory on the heap until the function's end, for what a stack may be too small.
  mlir::Value createHeapMemory(llvm::ArrayRef<int64_t> sizes);
  /// Block `number` of a matrix of scratch memory that holds several, one below the other.
  mlir::Value getBlock(mlir::Value memory, Index number, int64_t rows);

  /// A loop over [begin, end) in steps.
  void loop(Index begin, Index end, int64_t step, llvm::function_ref<void(Index)> body);
  /// The same in steps of 1, with values carried on: `body` gives the next ones.
  llvm::SmallVector<mlir::Value>
  loop(Index begin, Index end, mlir::ValueRange start,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(Index, mlir::ValueRange)> body);
  /// A loop over the launch's rows, up to `limit` at a time, none of which cross a multiple of
  /// `period`: `body` gets the first, and how many.
  void loopTogether(int64_t period, int64_t limit, llvm::function_ref<void(Index, Index)> body);
  /// A loop over [0, count) whose iterations touch disjoint memory: over vectors if `wide`, else
  /// over scalars, of which LLVM makes vectors. `number`, `load`, `store` and `spread` speak of
  /// what an iteration computes.
  void elements(int64_t count, bool wide, llvm::function_ref<void(Index)> body);
  /// The same over the columns of scratch memory.
  void elements(int64_t count, llvm::function_ref<void(Index)> body) {
    elements(count, count % shape.lanes == 0, body);
  }
  /// The sum of what such a loop computes.
  Scalar sum(int64_t count, bool wide, llvm::function_ref<Scalar(Index)> body);

  /// Outside of `elements`, these are of scalars. Whatever memory holds, numbers are float32 here:
  /// of 16 bits they are widened when they are loaded, and rounded when they are stored.
  Scalar number(double value) { return (isWide ? vectors : scalars).number(value); }
  Scalar load(mlir::Value memory, llvm::ArrayRef<Index> indices) {
    return isWide ? loadVector(memory, indices) : loadScalar(memory, indices);
  }
  void store(Scalar value, mlir::Value memory, llvm::ArrayRef<Index> indices);
  /// A scalar from outside.
  Scalar spread(Scalar value) { return isWide ? broadcast(value) : value; }

  Scalar loadScalar(mlir::Value memory, llvm::ArrayRef<Index> indices);
  Scalar loadVector(mlir::Value memory, llvm::ArrayRef<Index> indices);
  void storeVector(Scalar value, mlir::Value memory, llvm::ArrayRef<Index> indices);
  /// A float32 in each lane.
  Scalar broadcast(Scalar value);
  /// An index in each lane, as i32.
  Scalar broadcast(Index index);
  /// 0, 1, …, as i32.
  Scalar countLanes();

  /// to[column, row] = from[row, column], in squares of as many rows and columns as there are
  /// lanes: both matrices have whole ones.
  void transpose(mlir::Value from, Index rows, int64_t columns, mlir::Value to);

  /// A tile of C, its first element at (row, column), with k in [begin, end).
  void product(const TileProduct &factors, Index row, Index column, int64_t width, Index begin,
               Index end);
};

} // namespace gptc::codegen

#endif // GPTC_LIB_CODEGEN_TILEEMITTER_H
