// The table of scalar operations.
#include "ScalarFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/APFloat.h"

#include <cmath>
#include <limits>

using namespace gptc::reference;
namespace arith = mlir::arith;
namespace math = mlir::math;

double gptc::reference::roundTo(const llvm::fltSemantics &format, double value) {
  llvm::APFloat number(value);
  bool losesInfo = false;
  number.convert(format, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

const llvm::fltSemantics *gptc::reference::getRounding(mlir::Type type, Precision precision) {
  auto real = llvm::dyn_cast<mlir::FloatType>(type);
  if (!real || real.getWidth() >= 32 || precision == Precision::float64)
    return nullptr;
  return &real.getFloatSemantics();
}

/// The low `width` bits, sign-extended.
static int64_t wrap(uint64_t bits, unsigned width) {
  unsigned unused = 64 - width;
  return static_cast<int64_t>(bits << unused) >> unused;
}

/// The low `width` bits as a number of at least 0.
static uint64_t unsignedBits(int64_t value, unsigned width) {
  return static_cast<uint64_t>(value) << (64 - width) >> (64 - width);
}

namespace {
/// The functions by operation. `F` are lambdas without captures, created anew inside each function.
template <typename Real> class ScalarTable {
public:
  ScalarTable();
  ScalarFunction lookUp(mlir::Operation *op) const {
    return functions.lookup(op->getName().getTypeID());
  }

private:
  template <typename Op> void set(ScalarFunction function) {
    functions[mlir::TypeID::get<Op>()] = function;
  }
  /// Real numbers to a real number.
  template <typename Op, typename F> void real(F) {
    set<Op>([](const Instruction &i, Columns &c, int64_t count) {
      double *y = c.real(i.result);
      const double *x0 = c.real(i.operands[0]), *x1 = c.real(i.operands[1]),
                   *x2 = c.real(i.operands[2]);
      for (int64_t k = 0; k < count; ++k) {
        if constexpr (std::is_invocable_v<F, Real>)
          y[k] = F{}(static_cast<Real>(x0[k]));
        else if constexpr (std::is_invocable_v<F, Real, Real>)
          y[k] = F{}(static_cast<Real>(x0[k]), static_cast<Real>(x1[k]));
        else
          y[k] = F{}(static_cast<Real>(x0[k]), static_cast<Real>(x1[k]), static_cast<Real>(x2[k]));
      }
    });
  }
  /// Real numbers to a truth value; `F` also gets the instruction.
  template <typename Op, typename F> void test(F) {
    set<Op>([](const Instruction &i, Columns &c, int64_t count) {
      int64_t *y = c.integer(i.result);
      const double *x0 = c.real(i.operands[0]), *x1 = c.real(i.operands[1]);
      for (int64_t k = 0; k < count; ++k)
        y[k] = F{}(i, x0[k], x1[k]) ? -1 : 0;
    });
  }
  /// Two integers (the second is the first where there is one) to an integer, which is wrapped.
  template <typename Op, typename F> void integer(F) {
    set<Op>([](const Instruction &i, Columns &c, int64_t count) {
      int64_t *y = c.integer(i.result);
      const int64_t *x0 = c.integer(i.operands[0]), *x1 = c.integer(i.operands[1]);
      for (int64_t k = 0; k < count; ++k)
        y[k] = wrap(F{}(i, x0[k], x1[k]), i.width);
    });
  }
  /// An integer to a real number.
  template <typename Op, typename F> void toReal(F) {
    set<Op>([](const Instruction &i, Columns &c, int64_t count) {
      double *y = c.real(i.result);
      const int64_t *x = c.integer(i.operands[0]);
      for (int64_t k = 0; k < count; ++k)
        y[k] = static_cast<Real>(F{}(i, x[k]));
    });
  }
  void addReals();
  void addIntegers();
  void addConversions();

  llvm::DenseMap<mlir::TypeID, ScalarFunction> functions;
};
} // namespace

template <typename Real> ScalarTable<Real>::ScalarTable() {
  addReals();
  addIntegers();
  addConversions();
}

template <typename Real> static Real maximum(Real a, Real b) {
  if (std::isnan(a) || std::isnan(b))
    return std::numeric_limits<Real>::quiet_NaN();
  return a > b || (a == b && !std::signbit(a)) ? a : b;
}

template <typename Real> static Real minimum(Real a, Real b) { return -maximum<Real>(-a, -b); }

template <typename Real> void ScalarTable<Real>::addReals() {
  real<arith::AddFOp>([](Real a, Real b) { return a + b; });
  real<arith::SubFOp>([](Real a, Real b) { return a - b; });
  real<arith::MulFOp>([](Real a, Real b) { return a * b; });
  real<arith::DivFOp>([](Real a, Real b) { return a / b; });
  real<arith::RemFOp>([](Real a, Real b) { return std::fmod(a, b); });
  real<arith::NegFOp>([](Real a) { return -a; });
  real<arith::MaximumFOp>([](Real a, Real b) { return maximum(a, b); });
  real<arith::MinimumFOp>([](Real a, Real b) { return minimum(a, b); });
  real<arith::MaxNumFOp>([](Real a, Real b) {
    return std::isnan(a) ? b : std::isnan(b) ? a : maximum(a, b);
  });
  real<arith::MinNumFOp>([](Real a, Real b) {
    return std::isnan(a) ? b : std::isnan(b) ? a : minimum(a, b);
  });

  real<math::AbsFOp>([](Real a) { return std::fabs(a); });
  real<math::CopySignOp>([](Real a, Real b) { return std::copysign(a, b); });
  real<math::FmaOp>([](Real a, Real b, Real c) { return std::fma(a, b, c); });
  real<math::FloorOp>([](Real a) { return std::floor(a); });
  real<math::CeilOp>([](Real a) { return std::ceil(a); });
  real<math::RoundOp>([](Real a) { return std::round(a); });
  real<math::RoundEvenOp>([](Real a) { return std::nearbyint(a); });
  real<math::TruncOp>([](Real a) { return std::trunc(a); });

  real<math::ExpOp>([](Real a) { return std::exp(a); });
  real<math::Exp2Op>([](Real a) { return std::exp2(a); });
  real<math::ExpM1Op>([](Real a) { return std::expm1(a); });
  real<math::LogOp>([](Real a) { return std::log(a); });
  real<math::Log2Op>([](Real a) { return std::log2(a); });
  real<math::Log10Op>([](Real a) { return std::log10(a); });
  real<math::Log1pOp>([](Real a) { return std::log1p(a); });
  real<math::SqrtOp>([](Real a) { return std::sqrt(a); });
  real<math::RsqrtOp>([](Real a) { return 1 / std::sqrt(a); });
  real<math::CbrtOp>([](Real a) { return std::cbrt(a); });
  real<math::PowFOp>([](Real a, Real b) { return std::pow(a, b); });

  real<math::SinOp>([](Real a) { return std::sin(a); });
  real<math::CosOp>([](Real a) { return std::cos(a); });
  real<math::TanOp>([](Real a) { return std::tan(a); });
  real<math::AsinOp>([](Real a) { return std::asin(a); });
  real<math::AcosOp>([](Real a) { return std::acos(a); });
  real<math::AtanOp>([](Real a) { return std::atan(a); });
  real<math::Atan2Op>([](Real a, Real b) { return std::atan2(a, b); });
  real<math::SinhOp>([](Real a) { return std::sinh(a); });
  real<math::CoshOp>([](Real a) { return std::cosh(a); });
  real<math::TanhOp>([](Real a) { return std::tanh(a); });
  real<math::AsinhOp>([](Real a) { return std::asinh(a); });
  real<math::AcoshOp>([](Real a) { return std::acosh(a); });
  real<math::AtanhOp>([](Real a) { return std::atanh(a); });
  real<math::ErfOp>([](Real a) { return std::erf(a); });
  real<math::ErfcOp>([](Real a) { return std::erfc(a); });

  using I = const Instruction &;
  test<arith::CmpFOp>([](I i, double a, double b) {
    unsigned outcome = a == b ? 1 : a > b ? 2 : a < b ? 4 : 8; // the last: unordered
    return (i.predicate & outcome) != 0;
  });
  test<math::IsNaNOp>([](I, double a, double) { return std::isnan(a); });
  test<math::IsInfOp>([](I, double a, double) { return std::isinf(a); });
  test<math::IsFiniteOp>([](I, double a, double) { return std::isfinite(a); });
}

/// What a comparison of integers says.
static bool compareIntegers(const Instruction &i, int64_t a, int64_t b) {
  uint64_t ua = unsignedBits(a, i.operandWidth), ub = unsignedBits(b, i.operandWidth);
  switch (static_cast<arith::CmpIPredicate>(i.predicate)) {
  case arith::CmpIPredicate::eq:
    return a == b;
  case arith::CmpIPredicate::ne:
    return a != b;
  case arith::CmpIPredicate::slt:
    return a < b;
  case arith::CmpIPredicate::sle:
    return a <= b;
  case arith::CmpIPredicate::sgt:
    return a > b;
  case arith::CmpIPredicate::sge:
    return a >= b;
  case arith::CmpIPredicate::ult:
    return ua < ub;
  case arith::CmpIPredicate::ule:
    return ua <= ub;
  case arith::CmpIPredicate::ugt:
    return ua > ub;
  case arith::CmpIPredicate::uge:
    return ua >= ub;
  }
  return false;
}

// Where arith leaves the result open (a division by 0, a shift by the width or more) it is 0.
template <typename Real> void ScalarTable<Real>::addIntegers() {
  using I = const Instruction &;
  integer<arith::AddIOp>([](I, uint64_t a, uint64_t b) { return a + b; });
  integer<arith::SubIOp>([](I, uint64_t a, uint64_t b) { return a - b; });
  integer<arith::MulIOp>([](I, uint64_t a, uint64_t b) { return a * b; });
  integer<arith::AndIOp>([](I, uint64_t a, uint64_t b) { return a & b; });
  integer<arith::OrIOp>([](I, uint64_t a, uint64_t b) { return a | b; });
  integer<arith::XOrIOp>([](I, uint64_t a, uint64_t b) { return a ^ b; });
  integer<arith::DivSIOp>([](I, int64_t a, int64_t b) {
    return b == 0 ? 0 : b == -1 ? -static_cast<uint64_t>(a) : static_cast<uint64_t>(a / b);
  });
  integer<arith::RemSIOp>([](I, int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; });
  integer<arith::DivUIOp>([](I i, int64_t a, int64_t b) -> uint64_t {
    return b == 0 ? 0 : unsignedBits(a, i.width) / unsignedBits(b, i.width);
  });
  integer<arith::RemUIOp>([](I i, int64_t a, int64_t b) -> uint64_t {
    return b == 0 ? 0 : unsignedBits(a, i.width) % unsignedBits(b, i.width);
  });
  integer<arith::MinSIOp>([](I, int64_t a, int64_t b) { return std::min(a, b); });
  integer<arith::MaxSIOp>([](I, int64_t a, int64_t b) { return std::max(a, b); });
  integer<arith::MinUIOp>([](I i, int64_t a, int64_t b) {
    return std::min(unsignedBits(a, i.width), unsignedBits(b, i.width));
  });
  integer<arith::MaxUIOp>([](I i, int64_t a, int64_t b) {
    return std::max(unsignedBits(a, i.width), unsignedBits(b, i.width));
  });
  integer<arith::ShLIOp>([](I i, int64_t a, int64_t b) -> uint64_t {
    uint64_t by = unsignedBits(b, i.width);
    return by >= i.width ? 0 : static_cast<uint64_t>(a) << by;
  });
  integer<arith::ShRSIOp>([](I i, int64_t a, int64_t b) -> int64_t {
    uint64_t by = unsignedBits(b, i.width);
    return by >= i.width ? 0 : a >> by;
  });
  integer<arith::ShRUIOp>([](I i, int64_t a, int64_t b) -> uint64_t {
    uint64_t by = unsignedBits(b, i.width);
    return by >= i.width ? 0 : unsignedBits(a, i.width) >> by;
  });
  integer<arith::CmpIOp>(
      [](I i, int64_t a, int64_t b) -> int64_t { return compareIntegers(i, a, b) ? -1 : 0; });
  integer<arith::TruncIOp>([](I, int64_t a, int64_t) { return a; });
  integer<arith::ExtSIOp>([](I, int64_t a, int64_t) { return a; });
  integer<arith::IndexCastOp>([](I, int64_t a, int64_t) { return a; });
  integer<arith::ExtUIOp>([](I i, int64_t a, int64_t) { return unsignedBits(a, i.operandWidth); });
  integer<arith::IndexCastUIOp>(
      [](I i, int64_t a, int64_t) { return unsignedBits(a, i.operandWidth); });
}

/// `a` without its fraction, held within a signed integer of `width` bits; 0 where it is NaN.
static int64_t saturate(double a, unsigned width) {
  double limit = std::ldexp(1.0, static_cast<int>(width) - 1);
  if (std::isnan(a))
    return 0;
  if (a >= limit)
    return static_cast<int64_t>((uint64_t{1} << (width - 1)) - 1);
  return a < -limit ? -static_cast<int64_t>(uint64_t{1} << (width - 2)) * 2
                    : static_cast<int64_t>(a);
}

template <typename Real> void ScalarTable<Real>::addConversions() {
  using I = const Instruction &;
  real<arith::ExtFOp>([](Real a) { return a; });
  real<arith::TruncFOp>([](Real a) { return a; });
  toReal<arith::SIToFPOp>([](I, int64_t a) { return a; });
  toReal<arith::UIToFPOp>([](I i, int64_t a) { return unsignedBits(a, i.operandWidth); });
  set<arith::FPToSIOp>([](I i, Columns &c, int64_t count) {
    for (int64_t k = 0; k < count; ++k)
      c.integer(i.result)[k] = saturate(c.real(i.operands[0])[k], i.width);
  });
  set<math::FPowIOp>([](I i, Columns &c, int64_t count) {
    const double *x = c.real(i.operands[0]);
    const int64_t *n = c.integer(i.operands[1]);
    for (int64_t k = 0; k < count; ++k)
      c.real(i.result)[k] = std::pow(static_cast<Real>(x[k]), static_cast<Real>(n[k]));
  });
}

static void selectReals(const Instruction &i, Columns &c, int64_t count) {
  const int64_t *condition = c.integer(i.operands[0]);
  for (int64_t k = 0; k < count; ++k)
    c.real(i.result)[k] = c.real(i.operands[condition[k] ? 1 : 2])[k];
}

static void selectIntegers(const Instruction &i, Columns &c, int64_t count) {
  const int64_t *condition = c.integer(i.operands[0]);
  for (int64_t k = 0; k < count; ++k)
    c.integer(i.result)[k] = c.integer(i.operands[condition[k] ? 1 : 2])[k];
}

ScalarFunction gptc::reference::getScalarFunction(mlir::Operation *op, Precision precision) {
  static const ScalarTable<double> doubles;
  static const ScalarTable<float> floats;
  if (llvm::isa<arith::SelectOp>(op))
    return llvm::isa<mlir::FloatType>(op->getResult(0).getType()) ? selectReals : selectIntegers;
  return precision == Precision::float64 ? doubles.lookUp(op) : floats.lookUp(op);
}
