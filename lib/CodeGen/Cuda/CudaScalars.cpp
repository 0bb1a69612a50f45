// Scalar operations as EmitC. What C++ leaves undefined (overflow, division by zero) is a function
// of the device header, which does as the reference interpreter.
#include "CudaEmitter.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

StringRef gptc::codegen::cudaTypeName(Type type) {
  if (auto opaque = dyn_cast<emitc::OpaqueType>(type))
    return opaque.getValue();
  if (type.isInteger(1))
    return "bool";
  if (type.isInteger(32))
    return "int32_t";
  if (type.isInteger(64))
    return "int64_t";
  if (type.isBF16())
    return "gptc_bf16";
  if (type.isF16())
    return "gptc_f16";
  assert(type.isF32() && "emitCudaScalar takes no other type");
  return "float";
}

Type gptc::codegen::cudaType(Type type) {
  return type.isBF16() || type.isF16()
             ? emitc::OpaqueType::get(type.getContext(), cudaTypeName(type))
             : type;
}

bool gptc::codegen::isHalf(Type type) { return isa<emitc::OpaqueType>(cudaType(type)); }

Type gptc::codegen::elementOf(plan::KernelOp kernel, unsigned operand) {
  return cast<MemRefType>(cast<TypeAttr>(kernel.getLayouts()[operand]).getValue()).getElementType();
}

Value gptc::codegen::emitCudaWidening(OpBuilder &builder, Value value, Location loc) {
  if (!isHalf(value.getType()))
    return value;
  return emitc::CallOpaqueOp::create(builder, loc, builder.getF32Type(), "gptc_to_float", value)
      .getResult(0);
}

Value gptc::codegen::emitCudaRounding(OpBuilder &builder, Value value, Type type, Location loc) {
  if (!isHalf(type))
    return value;
  return emitc::CallOpaqueOp::create(builder, loc, cudaType(type),
                                     ("gptc_from_float<" + cudaTypeName(type) + ">").str(), value)
      .getResult(0);
}

Value gptc::codegen::emitCudaConstant(OpBuilder &builder, TypedAttr value, Location loc) {
  if (isHalf(value.getType())) {
    uint64_t bits = cast<FloatAttr>(value).getValue().bitcastToAPInt().getZExtValue();
    return emitc::LiteralOp::create(
        builder, loc, cudaType(value.getType()),
        (cudaTypeName(value.getType()) + "{0x" + llvm::utohexstr(bits, /*LowerCase=*/true) + "}")
            .str());
  }
  if (auto number = dyn_cast<FloatAttr>(value); number && !number.getValue().isFinite()) {
    unsigned bits = number.getValue().bitcastToAPInt().getZExtValue();
    std::string text = number.getValue().isNaN() ? "gptc_as_float(0x" + llvm::utohexstr(bits) + "u)"
                       : number.getValue().isNegative() ? "-GPTC_INFINITY"
                                                        : "GPTC_INFINITY";
    return emitc::LiteralOp::create(builder, loc, value.getType(), text);
  }
  return emitc::ConstantOp::create(builder, loc, value.getType(), value);
}

Value gptc::codegen::emitCudaCast(OpBuilder &builder, Type type, Value value, Location loc) {
  return value.getType() == type ? value : emitc::CastOp::create(builder, loc, type, value);
}

namespace {
/// Emits one operation.
class ScalarPrinter {
public:
  ScalarPrinter(OpBuilder &builder, const Node &node, ValueRange inputs, Location loc)
      : b(builder), node(node), in(inputs), loc(loc) {}

  Value emit() {
    using namespace arith;
    return llvm::TypeSwitch<Operation *, Value>(node.op)
        .Case<AddFOp>([&](auto) { return binary<emitc::AddOp>(); })
        .Case<SubFOp>([&](auto) { return binary<emitc::SubOp>(); })
        .Case<MulFOp>([&](auto) { return binary<emitc::MulOp>(); })
        .Case<DivFOp>([&](auto) { return binary<emitc::DivOp>(); })
        .Case<NegFOp>(
            [&](auto) { return emitc::UnaryMinusOp::create(b, loc, node.type, in[0]).getResult(); })
        .Case<RemFOp>([&](auto) { return call("gptc_fmod"); })
        .Case<MaximumFOp>([&](auto) { return call("gptc_maximum"); })
        .Case<MinimumFOp>([&](auto) { return call("gptc_minimum"); })
        .Case<MaxNumFOp>([&](auto) { return call("gptc_maxnum"); })
        .Case<MinNumFOp>([&](auto) { return call("gptc_minnum"); })
        .Case<SelectOp>([&](auto) {
          return emitc::ConditionalOp::create(b, loc, node.type, in[0], in[1], in[2]).getResult();
        })
        .Case<CmpFOp>([&](CmpFOp op) { return compare(op.getPredicate()); })
        .Case<CmpIOp>([&](CmpIOp op) { return compare(op.getPredicate()); })
        .Case<AndIOp>([&](auto) { return bits<emitc::LogicalAndOp, emitc::BitwiseAndOp>(); })
        .Case<OrIOp>([&](auto) { return bits<emitc::LogicalOrOp, emitc::BitwiseOrOp>(); })
        .Case<XOrIOp>([&](auto) {
          return node.type.isInteger(1) ? compareWith(emitc::CmpPredicate::ne)
                                        : binary<emitc::BitwiseXorOp>();
        })
        .Case<ExtSIOp, SIToFPOp>([&](auto) { // true is -1
          return in[0].getType().isInteger(1)
                     ? emitc::UnaryMinusOp::create(b, loc, node.type, cast()).getResult()
                     : cast();
        })
        .Case<ExtUIOp, UIToFPOp>([&](auto) { return castUnsigned(); })
        .Case<TruncIOp>([&](auto) { return truncate(); })
        .Case<IndexCastOp>([&](auto) { return cast(); })
        .Case<BitcastOp>(
            [&](auto) { return call(isa<FloatType>(node.type) ? "gptc_as_float" : "gptc_as_i32"); })
        .Default([&](Operation *op) { return callNamed(op); });
  }

private:
  template <typename Op> Value binary() {
    return Op::create(b, loc, node.type, in[0], in[1]).getResult();
  }
  /// On bools and on words.
  template <typename Logical, typename Bitwise> Value bits() {
    return node.type.isInteger(1) ? binary<Logical>() : binary<Bitwise>();
  }
  Value call(StringRef callee) {
    return emitc::CallOpaqueOp::create(b, loc, node.type, callee, in).getResult(0);
  }
  Value cast() { return emitCudaCast(b, node.type, in[0], loc); }
  Value castUnsigned() {
    Value value = in[0];
    if (!value.getType().isInteger(1))
      value = emitc::CastOp::create(
          b, loc, b.getIntegerType(value.getType().getIntOrFloatBitWidth(), /*isSigned=*/false),
          value);
    return emitc::CastOp::create(b, loc, node.type, value);
  }
  /// C++ makes every number but 0 true; arith keeps the lowest bit.
  Value truncate() {
    if (!node.type.isInteger(1))
      return cast();
    Type type = in[0].getType();
    Value one = emitc::ConstantOp::create(b, loc, type, b.getIntegerAttr(type, 1));
    return emitc::CastOp::create(b, loc, node.type,
                                 emitc::BitwiseAndOp::create(b, loc, type, in[0], one));
  }

  Value compareWith(emitc::CmpPredicate predicate, std::optional<std::pair<Value, Value>> of = {}) {
    Value lhs = of ? of->first : in[0], rhs = of ? of->second : in[1];
    return emitc::CmpOp::create(b, loc, b.getI1Type(), predicate, lhs, rhs);
  }
  Value negate(Value value) { return emitc::LogicalNotOp::create(b, loc, b.getI1Type(), value); }
  Value both(Value lhs, Value rhs) {
    return emitc::LogicalAndOp::create(b, loc, b.getI1Type(), lhs, rhs);
  }

  // An unordered comparison is true where the opposite ordered one is false.
  Value compare(arith::CmpFPredicate predicate) {
    using P = arith::CmpFPredicate;
    using C = emitc::CmpPredicate;
    auto ordered = [&] {
      return both(compareWith(C::eq, {{in[0], in[0]}}), compareWith(C::eq, {{in[1], in[1]}}));
    };
    switch (predicate) {
    case P::AlwaysFalse:
    case P::AlwaysTrue:
      return emitc::ConstantOp::create(b, loc, b.getI1Type(),
                                       b.getBoolAttr(predicate == P::AlwaysTrue));
    case P::OEQ:
      return compareWith(C::eq);
    case P::OGT:
      return compareWith(C::gt);
    case P::OGE:
      return compareWith(C::ge);
    case P::OLT:
      return compareWith(C::lt);
    case P::OLE:
      return compareWith(C::le);
    case P::ONE:
      return both(ordered(), compareWith(C::ne));
    case P::ORD:
      return ordered();
    case P::UEQ:
      return negate(both(ordered(), compareWith(C::ne)));
    case P::UGT:
      return negate(compareWith(C::le));
    case P::UGE:
      return negate(compareWith(C::lt));
    case P::ULT:
      return negate(compareWith(C::ge));
    case P::ULE:
      return negate(compareWith(C::gt));
    case P::UNE:
      return compareWith(C::ne);
    case P::UNO:
      return negate(ordered());
    }
    llvm_unreachable("all predicates are handled");
  }

  Value compare(arith::CmpIPredicate predicate) {
    using P = arith::CmpIPredicate;
    using C = emitc::CmpPredicate;
    auto unsignedWords = [&](C comparison) {
      Type word = b.getIntegerType(in[0].getType().getIntOrFloatBitWidth(), /*isSigned=*/false);
      Value lhs = emitc::CastOp::create(b, loc, word, in[0]);
      Value rhs = emitc::CastOp::create(b, loc, word, in[1]);
      return compareWith(comparison, {{lhs, rhs}});
    };
    // As signed numbers, true is -1 and less than false.
    if (in[0].getType().isInteger(1) && predicate != P::eq && predicate != P::ne &&
        predicate <= P::sge)
      return compareWith(predicate == P::slt   ? C::gt
                         : predicate == P::sle ? C::ge
                         : predicate == P::sgt ? C::lt
                                               : C::le);
    switch (predicate) {
    case P::eq:
      return compareWith(C::eq);
    case P::ne:
      return compareWith(C::ne);
    case P::slt:
      return compareWith(C::lt);
    case P::sle:
      return compareWith(C::le);
    case P::sgt:
      return compareWith(C::gt);
    case P::sge:
      return compareWith(C::ge);
    case P::ult:
      return unsignedWords(C::lt);
    case P::ule:
      return unsignedWords(C::le);
    case P::ugt:
      return unsignedWords(C::gt);
    case P::uge:
      return unsignedWords(C::ge);
    }
    llvm_unreachable("all predicates are handled");
  }

  /// math.exp is gptc_exp, arith.muli gptc_muli.
  Value callNamed(Operation *op) {
    static const llvm::StringSet<> known = {
        "addi",  "subi",  "muli",     "divsi",    "divui",     "remsi",  "remui", "shli",  "shrsi",
        "shrui", "maxsi", "maxui",    "minsi",    "minui",     "fptosi", "exp",   "exp2",  "expm1",
        "log",   "log2",  "log10",    "log1p",    "sqrt",      "rsqrt",  "cbrt",  "sin",   "cos",
        "tan",   "asin",  "acos",     "atan",     "atan2",     "sinh",   "cosh",  "tanh",  "asinh",
        "acosh", "atanh", "erf",      "erfc",     "fma",       "floor",  "ceil",  "trunc", "round",
        "isnan", "isinf", "isfinite", "copysign", "roundeven", "powf",   "fpowi", "absf"};
    StringRef name = op->getName().stripDialect();
    bool narrow = llvm::all_of(op->getOperandTypes(), [](Type type) {
      return type.isF32() || type.isInteger(32) || isHalf(type);
    });
    if (!known.contains(name) || !narrow) {
      mlir::emitError(loc) << "CUDA kernels do not take " << op->getName() << " on "
                           << op->getOperandTypes();
      return {};
    }
    StringRef callee = llvm::StringSwitch<StringRef>(name)
                           .Case("powf", "pow")
                           .Case("absf", "abs")
                           .Case("fpowi", "ipow")
                           .Default(name);
    return call(("gptc_" + callee).str());
  }

  OpBuilder &b;
  const Node &node;
  ValueRange in;
  Location loc;
};
} // namespace

Value gptc::codegen::emitCudaScalar(OpBuilder &builder, const Node &node, ValueRange inputs,
                                    Location loc) {
  // Numbers of 16 bits are stored, moved and selected from; arithmetic is float32, rounded once.
  bool moves = isa<arith::SelectOp>(node.op);
  bool isNarrow = isHalf(node.type) || llvm::any_of(inputs.getTypes(), isHalf);
  if (moves || !isNarrow) {
    Node own = node;
    own.type = cudaType(node.type);
    return ScalarPrinter(builder, own, inputs, loc).emit();
  }
  if (isa<arith::BitcastOp>(node.op)) {
    mlir::emitError(loc) << "CUDA kernels do not take the bits of numbers of 16 bits";
    return {};
  }
  SmallVector<Value> wide;
  for (Value input : inputs)
    wide.push_back(emitCudaWidening(builder, input, loc));
  if (isa<arith::ExtFOp, arith::TruncFOp>(node.op))
    return emitCudaRounding(builder, wide[0], node.type, loc);
  Node own = node;
  if (isHalf(node.type))
    own.type = builder.getF32Type();
  Value value = ScalarPrinter(builder, own, wide, loc).emit();
  return value ? emitCudaRounding(builder, value, node.type, loc) : value;
}
