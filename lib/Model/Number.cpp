// Arithmetic and text of numbers and shapes.
#include "Number.h"

#include <fmt/format.h>

namespace gptc::model {

bool Number::dependsOn(Symbol symbol) const {
  return opaque_ || (polynomial_ && polynomial_->contains(symbol));
}

std::optional<Polynomial> Number::asPolynomial() const {
  if (opaque_)
    return std::nullopt;
  return polynomial_ ? *polynomial_ : Polynomial::constant(value_);
}

Number Number::combine(const Number &a, const Number &b, double value, Operation *operation) {
  Number result(value);
  if (a.isConstant() && b.isConstant())
    return result;
  std::optional<Polynomial> left = a.asPolynomial(), right = b.asPolynomial();
  std::optional<Polynomial> combined =
      left && right ? operation(*left, *right) : std::optional<Polynomial>();
  if (!combined)
    result.opaque_ = true;
  else if (!combined->isConstant())
    result.polynomial_ = std::make_shared<const Polynomial>(std::move(*combined));
  return result;
}

Number Number::add(const Number &a, const Number &b) {
  return combine(a, b, a.value_ + b.value_, Polynomial::add);
}

Number Number::subtract(const Number &a, const Number &b) {
  return combine(a, b, a.value_ - b.value_, Polynomial::subtract);
}

Number Number::multiply(const Number &a, const Number &b) {
  return combine(a, b, a.value_ * b.value_, Polynomial::multiply);
}

Number Number::divide(const Number &a, const Number &b) {
  return combine(a, b, a.value_ / b.value_, Polynomial::divide);
}

Number Number::apply(llvm::ArrayRef<Number> operands, double value) {
  Number result(value);
  for (const Number &operand : operands)
    result.opaque_ |= !operand.isConstant();
  return result;
}

bool Number::same(const Number &a, const Number &b) {
  if (a.opaque_ || b.opaque_ || a.isConstant() != b.isConstant())
    return false;
  if (a.isConstant())
    return std::abs(a.value_ - b.value_) <= tolerance(a.value_);
  return *a.polynomial_ == *b.polynomial_;
}

std::string toString(double value) {
  if (std::isfinite(value) && std::abs(value) < 1e15 &&
      std::abs(value - std::round(value)) <= 1e-9 * std::max(1.0, std::abs(value)))
    return fmt::format("{}", std::llround(value));
  return fmt::format("{:.4g}", value);
}

std::string Number::toString() const {
  return polynomial_ ? polynomial_->toString() : model::toString(value_);
}

bool sameDims(llvm::ArrayRef<Number> a, llvm::ArrayRef<Number> b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), Number::same);
}

llvm::SmallVector<int64_t> staticShape(llvm::ArrayRef<Number> dims) {
  llvm::SmallVector<int64_t> shape;
  for (const Number &size : dims)
    shape.push_back(size.whole());
  return shape;
}

std::string toString(llvm::ArrayRef<Number> dims, bool isInt) {
  std::string out = isInt ? "int[" : "[";
  for (size_t i = 0; i < dims.size(); ++i)
    out += (i ? ", " : "") + dims[i].toString();
  return out + "]";
}

bool stretchesTo(llvm::ArrayRef<Number> from, llvm::ArrayRef<Number> to) {
  if (from.size() > to.size())
    return false;
  llvm::ArrayRef<Number> tail = to.take_back(from.size());
  for (size_t i = 0; i < from.size(); ++i)
    if (!from[i].isOne() && !Number::same(from[i], tail[i]))
      return false;
  return true;
}

} // namespace gptc::model
