// gpt.random as arithmetic on integers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random
// numbers: as easy as 1, 2, 3", 2011), the same as runtime/base/Philox.h computes.
#include "ScalarEmitter.h"

#include "runtime/base/Hash.h"

using namespace mlir;
using namespace gptc;

namespace {
/// Arithmetic on 32-bit words.
struct Words {
  OpBuilder &builder;
  Location loc;

  Value constant(uint32_t value) const {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getI32IntegerAttr(static_cast<int32_t>(value)));
  }
  Value exclusiveOr(Value a, Value b) const { return arith::XOrIOp::create(builder, loc, a, b); }
  Value add(Value a, uint32_t b) const {
    return arith::AddIOp::create(builder, loc, a, constant(b));
  }
  Value multiply(Value a, uint32_t b) const {
    return arith::MulIOp::create(builder, loc, a, constant(b));
  }
  /// The upper word of the 64-bit product.
  Value multiplyHigh(Value a, uint32_t b) const {
    Type wide = builder.getI64Type();
    Value factor = arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(b));
    Value product =
        arith::MulIOp::create(builder, loc, arith::ExtUIOp::create(builder, loc, wide, a), factor);
    Value shift = arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(32));
    Value high = arith::ShRUIOp::create(builder, loc, product, shift);
    return arith::TruncIOp::create(builder, loc, builder.getI32Type(), high);
  }
};
} // namespace

Value gptc::codegen::emitRandom(OpBuilder &builder, Location loc, Type type, Value element,
                                ValueRange words, StringRef stream) {
  Words w{builder, loc};
  uint64_t hash = runtime::fnv1a64(stream);
  Value key0 = w.exclusiveOr(words[0], w.multiply(words[2], 0x9E3779B9u)), key1 = words[1];
  Value counter[4] = {arith::IndexCastOp::create(builder, loc, builder.getI32Type(), element),
                      w.constant(static_cast<uint32_t>(hash)),
                      w.constant(static_cast<uint32_t>(hash >> 32)), words[3]};
  for (int round = 0; round < 10; ++round) {
    Value next[4] = {
        w.exclusiveOr(w.exclusiveOr(w.multiplyHigh(counter[2], 0xCD9E8D57u), counter[1]), key0),
        w.multiply(counter[2], 0xCD9E8D57u),
        w.exclusiveOr(w.exclusiveOr(w.multiplyHigh(counter[0], 0xD2511F53u), counter[3]), key1),
        w.multiply(counter[0], 0xD2511F53u)};
    llvm::copy(next, counter);
    key0 = w.add(key0, 0x9E3779B9u);
    key1 = w.add(key1, 0xBB67AE85u);
  }
  Value bits = arith::ShRUIOp::create(builder, loc, counter[0], w.constant(8));
  Value number = arith::UIToFPOp::create(builder, loc, type, bits);
  Value scale = arith::ConstantOp::create(builder, loc, builder.getFloatAttr(type, 0x1p-24));
  return arith::MulFOp::create(builder, loc, number, scale);
}
