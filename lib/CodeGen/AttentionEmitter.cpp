// Operands of attention, and their way into scratch memory.
#include "AttentionEmitter.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

Value AttentionEmitter::getInput(unsigned number) {
  return getOperand(cast<BlockArgument>(op->getOperand(number)).getArgNumber());
}

Value AttentionEmitter::getOutput(unsigned number) {
  OpResult result = op->getResult(number);
  if (result.use_empty())
    return nullptr;
  unsigned inputs = op->getBlock()->getNumArguments();
  return getOperand(inputs + result.getUses().begin()->getOperandNumber());
}

bool AttentionEmitter::isWide(const HeadRows &rows) const {
  SmallVector<int64_t> strides;
  int64_t offset;
  (void)cast<MemRefType>(rows.operand.getType()).getStridesAndOffset(strides, offset);
  return strides.back() == 1 && rows.columns % shape.lanes == 0;
}

void AttentionEmitter::forRows(const HeadRows &rows, Index first, Index count,
                               llvm::function_ref<void(ArrayRef<Index>, ArrayRef<Index>)> body) {
  loop(index(0), count, 1, [&](Index row) {
    Index source = first + row;
    elements(rows.columns, isWide(rows), [&](Index column) {
      body({rows.batch, rows.head, source, column}, {row, column});
    });
  });
}

void AttentionEmitter::copyRows(const HeadRows &rows, Index first, Index count, Value to,
                                double factor) {
  forRows(rows, first, count, [&](ArrayRef<Index> place, ArrayRef<Index> inBlock) {
    Scalar value = load(rows.operand, place);
    store(factor == 1 ? value : value * number(factor), to, inBlock);
  });
}

void AttentionEmitter::copyRows(const HeadRows &from, const HeadRows &to, Index count) {
  loop(index(0), count, 1, [&](Index row) {
    elements(to.columns, isWide(from) && isWide(to), [&](Index column) {
      store(load(from.operand, {from.batch, from.head, row, column}), to.operand,
            {to.batch, to.head, row, column});
    });
  });
}

Scalar AttentionEmitter::dotRow(const HeadRows &rows, Index row, Value other, Index otherRow) {
  return sum(rows.columns, isWide(rows), [&](Index column) {
    return load(rows.operand, {rows.batch, rows.head, row, column}) *
           load(other, {otherRow, column});
  });
}

Index AttentionEmitter::countVisible(Index query, Index firstKey, Index count) {
  return sizes.causal ? (query + 1 - firstKey).max(0).min(count) : count;
}

Scalar AttentionEmitter::mask(Scalar value, Index query, Index key, double otherwise) {
  // In lane i, query + i sees key if i >= key - query.
  return (countLanes() >= broadcast(key - query)).select(value, vectors.number(otherwise));
}
