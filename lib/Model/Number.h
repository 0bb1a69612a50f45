// Numbers known at compile time, and the shapes made of them.
//
// Each number carries its value for the B and T at hand, which is what is built, and the polynomial
// in B and T that it is, which is what is compared.
#ifndef GPTC_LIB_MODEL_NUMBER_H
#define GPTC_LIB_MODEL_NUMBER_H

#include "Polynomial.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <cmath>
#include <memory>
#include <optional>
#include <string>

namespace gptc::model {

class Number {
public:
  Number(double value = 0) : value_(value) {}
  /// B or T, `value` for now.
  Number(Symbol symbol, double value)
      : value_(value), polynomial_(std::make_shared<const Polynomial>(symbol)) {}

  double value() const { return value_; }
  bool isTrue() const { return value_ != 0; }
  /// Does not depend on B or T.
  bool isConstant() const { return !polynomial_ && !opaque_; }
  /// Depends on B or T, yet is not a polynomial in them: no size.
  bool isOpaque() const { return opaque_; }
  bool dependsOn(Symbol symbol) const;

  /// Whole, up to the rounding of a few double operations.
  bool isWhole() const { return std::abs(value_ - std::round(value_)) <= tolerance(value_); }
  int64_t whole() const { return std::llround(value_); }

  static Number add(const Number &a, const Number &b);
  static Number subtract(const Number &a, const Number &b);
  static Number multiply(const Number &a, const Number &b);
  static Number divide(const Number &a, const Number &b);
  /// Any other function: of symbols it is opaque.
  static Number apply(llvm::ArrayRef<Number> operands, double value);

  /// Whether two sizes are the same for every B and T.
  static bool same(const Number &a, const Number &b);
  bool isOne() const { return isConstant() && value_ == 1; }

  /// The polynomial, or the value: whole ones in full, others to four digits.
  std::string toString() const;

private:
  using Operation = std::optional<Polynomial>(const Polynomial &, const Polynomial &);
  static double tolerance(double value) { return 1e-9 * std::max(1.0, std::abs(value)); }
  std::optional<Polynomial> asPolynomial() const;
  static Number combine(const Number &a, const Number &b, double value, Operation *operation);

  double value_;
  std::shared_ptr<const Polynomial> polynomial_; // null: constant, or opaque
  bool opaque_ = false;
};

/// A value as text, without symbols: `770`, `64.17`.
std::string toString(double value);

/// The sizes of a tensor's axes.
using Dims = llvm::SmallVector<Number, 4>;

bool sameDims(llvm::ArrayRef<Number> a, llvm::ArrayRef<Number> b);
/// The sizes as MLIR has them.
llvm::SmallVector<int64_t> staticShape(llvm::ArrayRef<Number> dims);
/// `[B, T, 768]`, or `int[B, T]`.
std::string toString(llvm::ArrayRef<Number> dims, bool isInt = false);

/// Whether `from` stretches to `to`: lined up at the last axes, each size the same, 1, or missing
/// in front.
bool stretchesTo(llvm::ArrayRef<Number> from, llvm::ArrayRef<Number> to);

} // namespace gptc::model

#endif // GPTC_LIB_MODEL_NUMBER_H
