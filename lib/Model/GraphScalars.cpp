// Elementwise results: scalar expressions that grow until a tensor is needed, then become one map.
#include "Graph.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace gptc::model {

double compute(Scalar scalar, ArrayRef<double> operands) {
  double a = operands.size() > 0 ? operands[0] : 0, b = operands.size() > 1 ? operands[1] : 0;
  switch (scalar) {
  case Scalar::Value:
  case Scalar::Constant: return a;
  case Scalar::Add: return a + b;
  case Scalar::Subtract: return a - b;
  case Scalar::Multiply: return a * b;
  case Scalar::Divide: return a / b;
  case Scalar::Remainder: {
    double remainder = std::fmod(a, b);
    return remainder * b < 0 ? remainder + b : remainder;
  }
  case Scalar::Power: return std::pow(a, b);
  case Scalar::Min: return std::isnan(a) || a < b ? a : b;
  case Scalar::Max: return std::isnan(a) || a > b ? a : b;
  case Scalar::Equal: return a == b;
  case Scalar::NotEqual: return a != b;
  case Scalar::Less: return a < b;
  case Scalar::LessEqual: return a <= b;
  case Scalar::Greater: return a > b;
  case Scalar::GreaterEqual: return a >= b;
  case Scalar::Where: return a != 0 ? b : operands[2];
  case Scalar::Negate: return -a;
  case Scalar::Exp: return std::exp(a);
  case Scalar::Log: return std::log(a);
  case Scalar::Sqrt: return std::sqrt(a);
  case Scalar::Rsqrt: return 1 / std::sqrt(a);
  case Scalar::Sin: return std::sin(a);
  case Scalar::Cos: return std::cos(a);
  case Scalar::Tanh: return std::tanh(a);
  case Scalar::Sigmoid: return 1 / (1 + std::exp(-a));
  case Scalar::Erf: return std::erf(a);
  case Scalar::Abs: return std::abs(a);
  }
  return 0;
}

Tensor *Graph::constant(double value) {
  Tensor *tensor = make();
  tensor->scalar = Scalar::Constant;
  tensor->constant = value;
  return tensor;
}

Tensor *Graph::map(Scalar scalar, ArrayRef<Tensor *> operands, ArrayRef<Number> dims) {
  Tensor *tensor = make();
  tensor->scalar = scalar;
  tensor->dims = Dims(dims);
  for (Tensor *operand : operands) {
    // Work on rows stays work on rows: what is smaller is not computed once for each element.
    // And an expression that grows without end is cut, so that it can be followed.
    constexpr unsigned maxDepth = 200;
    bool isSmaller = !sameDims(operand->dims, dims);
    if (!operand->isConstant() && (isSmaller || operand->depth > maxDepth))
      materialize(operand);
    if (!operand->value)
      tensor->depth = std::max(tensor->depth, operand->depth + 1);
    tensor->operands.push_back(operand);
  }
  return tensor;
}

Tensor *Graph::map(Scalar scalar, ArrayRef<Tensor *> operands) {
  ArrayRef<Number> dims;
  for (Tensor *operand : operands)
    if (operand->dims.size() > dims.size() || !stretchesTo(operand->dims, dims))
      dims = operand->dims;
  return map(scalar, operands, dims);
}

Tensor *Graph::broadcast(Tensor *tensor, ArrayRef<Number> dims) {
  return map(Scalar::Value, tensor, dims);
}

Tensor *Graph::real(Tensor *tensor) {
  return tensor->isInt ? map(Scalar::Value, tensor, tensor->dims) : tensor;
}

static bool isComparison(Scalar scalar) {
  return scalar >= Scalar::Equal && scalar <= Scalar::GreaterEqual;
}

/// The tensors that a map for `root` reads, in the order of their first use.
static void collectOperands(Tensor *tensor, bool isRoot, SmallPtrSetImpl<Tensor *> &seen,
                            SmallVectorImpl<Tensor *> &found) {
  if (tensor->isConstant() || !seen.insert(tensor).second)
    return;
  if (!isRoot && tensor->value)
    found.push_back(tensor);
  else
    for (Tensor *operand : tensor->operands)
      collectOperands(operand, false, seen, found);
}

Value Graph::materialize(Tensor *tensor) {
  if (tensor->value)
    return tensor->value;
  SmallPtrSet<Tensor *, 8> seen;
  SmallVector<Tensor *> leaves;
  collectOperands(tensor, true, seen, leaves);
  // Two leaves may stand for one value, as a parameter that is read twice.
  llvm::MapVector<Value, unsigned> operands;
  for (Tensor *leaf : leaves)
    operands.insert({leaf->value, operands.size()});
  SmallVector<Value> values;
  for (const auto &[value, index] : operands)
    values.push_back(value);

  auto body = [&](OpBuilder &, Location, ValueRange arguments) -> SmallVector<Value> {
    llvm::DenseMap<Tensor *, Value> done;
    for (Tensor *leaf : leaves) {
      Value argument = arguments[operands.find(leaf->value)->second];
      if (leaf->isInt)
        argument =
            arith::SIToFPOp::create(builder, tensor->location, builder.getF32Type(), argument);
      done[leaf] = argument;
    }
    return {emitScalar(tensor, done)};
  };
  auto map = gpt::MapOp::create(builder, tensor->location, staticShape(tensor->dims), values, body);
  tensor->value = map.getResult(0);
  return tensor->value;
}

/// x to a constant power, by multiplications and roots where these are exact; null otherwise.
static Value emitConstantPower(OpBuilder &builder, Location loc, Value x, double power,
                               llvm::function_ref<Value(double)> constant) {
  auto multiply = [&](Value a, Value b) -> Value {
    return arith::MulFOp::create(builder, loc, a, b);
  };
  if (power == 0)
    return constant(1);
  if (power == 1)
    return x;
  if (power == 0.5)
    return math::SqrtOp::create(builder, loc, x);
  if (power == -0.5)
    return math::RsqrtOp::create(builder, loc, x);
  if (power == -1)
    return arith::DivFOp::create(builder, loc, constant(1), x);
  if (power != 2 && power != 3 && power != 4)
    return {};
  Value square = multiply(x, x);
  if (power == 2)
    return square;
  return power == 3 ? multiply(square, x) : multiply(square, square);
}

/// A comparison, or "is not zero" of anything else.
Value Graph::emitCondition(Tensor *tensor, llvm::DenseMap<Tensor *, Value> &done) {
  using arith::CmpFPredicate;
  Location loc = tensor->location;
  if (tensor->value || !isComparison(tensor->scalar)) {
    Value value = emitScalar(tensor, done);
    Value zero = arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(0));
    return arith::CmpFOp::create(builder, loc, CmpFPredicate::UNE, value, zero);
  }
  static constexpr CmpFPredicate predicates[] = {CmpFPredicate::OEQ, CmpFPredicate::UNE,
                                                 CmpFPredicate::OLT, CmpFPredicate::OLE,
                                                 CmpFPredicate::OGT, CmpFPredicate::OGE};
  Value lhs = emitScalar(tensor->operands[0], done), rhs = emitScalar(tensor->operands[1], done);
  size_t index = static_cast<size_t>(tensor->scalar) - static_cast<size_t>(Scalar::Equal);
  return arith::CmpFOp::create(builder, loc, predicates[index], lhs, rhs);
}

Value Graph::emitScalar(Tensor *tensor, llvm::DenseMap<Tensor *, Value> &done) {
  if (Value value = done.lookup(tensor))
    return value;
  Location loc = tensor->location;
  auto constant = [&](double value) -> Value {
    FloatAttr number = builder.getF32FloatAttr(static_cast<float>(value));
    return arith::ConstantOp::create(builder, loc, number);
  };
  auto operand = [&](size_t i) { return emitScalar(tensor->operands[i], done); };
  auto unary = [&](auto tag) -> Value {
    Value a = operand(0);
    return decltype(tag)::create(builder, loc, a);
  };
  auto binary = [&](auto tag) -> Value {
    Value a = operand(0), b = operand(1);
    return decltype(tag)::create(builder, loc, a, b);
  };
  Value result;
  switch (tensor->scalar) {
  case Scalar::Value: result = operand(0); break;
  case Scalar::Constant: result = constant(tensor->constant); break;
  case Scalar::Add: result = binary(arith::AddFOp()); break;
  case Scalar::Subtract: result = binary(arith::SubFOp()); break;
  case Scalar::Multiply: result = binary(arith::MulFOp()); break;
  case Scalar::Divide: result = binary(arith::DivFOp()); break;
  case Scalar::Min: result = binary(arith::MinimumFOp()); break;
  case Scalar::Max: result = binary(arith::MaximumFOp()); break;
  case Scalar::Remainder: {
    // The sign of the divisor, as in Python: C's remainder, moved over where the signs differ.
    Value divisor = operand(1), remainder = binary(arith::RemFOp());
    Value product = arith::MulFOp::create(builder, loc, remainder, divisor);
    Value moved = arith::AddFOp::create(builder, loc, remainder, divisor);
    Value differs =
        arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, product, constant(0));
    result = arith::SelectOp::create(builder, loc, differs, moved, remainder);
    break;
  }
  case Scalar::Power:
    if (tensor->operands[1]->isConstant())
      result = emitConstantPower(builder, loc, operand(0), tensor->operands[1]->constant, constant);
    if (!result)
      result = binary(math::PowFOp());
    break;
  case Scalar::Equal:
  case Scalar::NotEqual:
  case Scalar::Less:
  case Scalar::LessEqual:
  case Scalar::Greater:
  case Scalar::GreaterEqual: {
    Value condition = emitCondition(tensor, done);
    result = arith::SelectOp::create(builder, loc, condition, constant(1), constant(0));
    break;
  }
  case Scalar::Where: {
    Value condition = emitCondition(tensor->operands[0], done);
    Value chosen = operand(1), other = operand(2);
    result = arith::SelectOp::create(builder, loc, condition, chosen, other);
    break;
  }
  case Scalar::Negate: result = unary(arith::NegFOp()); break;
  case Scalar::Exp: result = unary(math::ExpOp()); break;
  case Scalar::Log: result = unary(math::LogOp()); break;
  case Scalar::Sqrt: result = unary(math::SqrtOp()); break;
  case Scalar::Rsqrt: result = unary(math::RsqrtOp()); break;
  case Scalar::Sin: result = unary(math::SinOp()); break;
  case Scalar::Cos: result = unary(math::CosOp()); break;
  case Scalar::Tanh: result = unary(math::TanhOp()); break;
  case Scalar::Erf: result = unary(math::ErfOp()); break;
  case Scalar::Abs: result = unary(math::AbsFOp()); break;
  case Scalar::Sigmoid: {
    Value negated = unary(arith::NegFOp());
    Value power = math::ExpOp::create(builder, loc, negated);
    Value sum = arith::AddFOp::create(builder, loc, constant(1), power);
    result = arith::DivFOp::create(builder, loc, constant(1), sum);
    break;
  }
  }
  return done[tensor] = result;
}

} // namespace gptc::model
