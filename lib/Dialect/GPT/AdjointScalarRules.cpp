// The table of scalar derivative rules.
//
// Conventions where a derivative does not exist: abs'(0) = 0; on a tie max and min hand the adjoint
// to their second operand, unless that one needs none, when it is dropped: so relu'(0) = 0 for
// max(x, 0) and max(0, x). A comparison, a rounding and a conversion from integers have no
// derivative.
#include "AdjointScalar.h"

#include "mlir/IR/Matchers.h"

#include <numbers>

using namespace mlir;
using namespace gptc::gpt;

std::optional<double> ScalarRule::getConstant(unsigned i) const {
  FloatAttr real;
  if (matchPattern(op->getOperand(i), m_Constant(&real)))
    return real.getValueAsDouble();
  IntegerAttr integer;
  if (matchPattern(op->getOperand(i), m_Constant(&integer)))
    return integer.getValue().getSExtValue();
  return std::nullopt;
}

/// x to a constant power; small ones by products.
static Scalar power(Scalar x, double exponent) {
  if (exponent == 0)
    return x.constant(1);
  if (exponent == 0.5)
    return x.apply<math::SqrtOp>();
  if (exponent == -0.5)
    return x.apply<math::RsqrtOp>();
  if (exponent < 1 || exponent > 4 || exponent != std::trunc(exponent))
    return x.apply<math::PowFOp>(x.constant(exponent));
  Scalar result = x;
  for (int i = 1; i < exponent; ++i)
    result = result * x;
  return result;
}

static void addConstantPower(ScalarRule &r, double n) {
  if (n == 1)
    r.add(0, r.dy());
  else if (n != 0)
    r.add(0, r.dy() * (n * power(r.x(), n - 1)));
}

// x^e: e x^(e − 1), 0 for e = 0, and x^e log x, 0 where x is 0 and stays so.
static void differentiatePower(ScalarRule &r) {
  if (std::optional<double> n = r.getConstant(1))
    return addConstantPower(r, *n);
  Scalar x = r.x(0), e = r.x(1), zero = e.constant(0);
  if (r.isActive(0))
    r.add(0, r.dy() * e.equals(zero).select(zero, e * x.apply<math::PowFOp>(e - 1.0)));
  if (r.isActive(1))
    r.add(1, r.dy() * (x.equals(zero) & (e >= zero)).select(zero, r.y() * x.apply<math::LogOp>()));
}

static void differentiateIntegerPower(ScalarRule &r) {
  if (std::optional<double> n = r.getConstant(1))
    return addConstantPower(r, *n);
  Scalar x = r.x(0), n = r.x(1), zero = x.constant(0);
  Scalar less = n.apply<arith::SubIOp>(n.constant(1));
  Scalar slope = n.convert<arith::SIToFPOp>(x) * x.apply<math::FPowIOp>(less);
  r.add(0, r.dy() * n.equals(n.constant(0)).select(zero, slope));
}

/// Matches 1 / (1 + exp(z)) and returns z.
static Value matchLogistic(Operation *division) {
  auto sum = division->getOperand(1).getDefiningOp<arith::AddFOp>();
  if (!sum || !matchPattern(division->getOperand(0), m_OneFloat()))
    return {};
  for (auto [one, power] : {std::pair(sum.getLhs(), sum.getRhs()), {sum.getRhs(), sum.getLhs()}})
    if (auto exp = power.getDefiningOp<math::ExpOp>(); exp && matchPattern(one, m_OneFloat()))
      return exp.getOperand();
  return {};
}

// a / b: 1 / b and −y / b. The logistic function 1 / (1 + exp(z)) is taken as a whole, −y (1 − y):
// going through exp(z) would give 0 · ∞ where that overflows.
static void differentiateQuotient(ScalarRule &r) {
  if (Value z = matchLogistic(r.op)) {
    Scalar slope = r.dy() * (r.y() * (1.0 - r.y()));
    if (auto negation = z.getDefiningOp<arith::NegFOp>())
      return r.addTo(negation.getOperand(), slope);
    return r.addTo(z, -slope);
  }
  Scalar quotient = r.dy() / r.x(1);
  r.add(0, quotient);
  if (r.isActive(1))
    r.add(1, -(quotient * r.y()));
}

static void differentiateProduct(ScalarRule &r) {
  if (r.op->getOperand(0) == r.op->getOperand(1))
    return r.add(0, r.dy() * (2.0 * r.x()));
  r.add(0, r.dy() * r.x(1));
  r.add(1, r.dy() * r.x(0));
}

// max and min; `first` says where the first of two numbers is chosen for certain.
template <bool isMax> static void differentiateExtremum(ScalarRule &r) {
  auto beats = [](Scalar a, Scalar b) { return isMax ? a > b : a < b; };
  Scalar zero = r.dy().constant(0);
  if (r.isActive(0) && r.isActive(1)) {
    Scalar first = beats(r.x(0), r.x(1));
    r.add(0, first.select(r.dy(), zero));
    r.add(1, first.select(zero, r.dy()));
    return;
  }
  // The result beats the other operand exactly where this one does, and is more likely to be kept.
  unsigned chosen = r.isActive(0) ? 0 : 1;
  Scalar winner = r.hasResult() ? r.y() : r.x(chosen);
  r.add(chosen, beats(winner, r.x(1 - chosen)).select(r.dy(), zero));
}

static void differentiateAbs(ScalarRule &r) {
  Scalar zero = r.dy().constant(0);
  r.add(0, (r.x() > zero).select(r.dy(), (r.x() < zero).select(-r.dy(), zero)));
}

namespace {
/// The rules, by operation.
class ScalarRules {
public:
  ScalarRules() {
    using namespace arith;
    using namespace math;
    using R = ScalarRule &;
    on<AddFOp>([](R r) { r.add(0, r.dy()), r.add(1, r.dy()); });
    on<SubFOp>([](R r) { r.add(0, r.dy()), r.add(1, -r.dy()); });
    on<NegFOp>([](R r) { r.add(0, -r.dy()); });
    on<MulFOp>(differentiateProduct);
    on<DivFOp>(differentiateQuotient);
    on<RemFOp>([](R r) { // a − b trunc(a / b)
      r.add(0, r.dy()), r.add(1, -(r.dy() * (r.x(0) / r.x(1)).apply<TruncOp>()));
    });
    on<FmaOp>([](R r) { // a b + c
      r.add(0, r.dy() * r.x(1)), r.add(1, r.dy() * r.x(0)), r.add(2, r.dy());
    });
    on<MaximumFOp, MaxNumFOp>(differentiateExtremum<true>);
    on<MinimumFOp, MinNumFOp>(differentiateExtremum<false>);
    on<SelectOp>([](R r) {
      Scalar zero = r.dy().constant(0);
      r.add(1, r.x(0).select(r.dy(), zero)), r.add(2, r.x(0).select(zero, r.dy()));
    });
    on<arith::ExtFOp>([](R r) { r.add(0, r.dy().convert<arith::TruncFOp>(r.x())); });
    on<arith::TruncFOp>([](R r) { r.add(0, r.dy().convert<arith::ExtFOp>(r.x())); });

    on<ExpOp>([](R r) { r.add(0, r.dy() * r.y()); });
    on<Exp2Op>([](R r) { r.add(0, r.dy() * (r.y() * std::numbers::ln2)); });
    on<ExpM1Op>([](R r) { r.add(0, r.dy() * (r.y() + 1.0)); });
    on<LogOp>([](R r) { r.add(0, r.dy() / r.x()); });
    on<Log2Op>([](R r) { r.add(0, r.dy() / (r.x() * std::numbers::ln2)); });
    on<Log10Op>([](R r) { r.add(0, r.dy() / (r.x() * std::numbers::ln10)); });
    on<Log1pOp>([](R r) { r.add(0, r.dy() / (r.x() + 1.0)); });
    on<SqrtOp>([](R r) { r.add(0, r.dy() * 0.5 / r.y()); });
    on<RsqrtOp>([](R r) { r.add(0, r.dy() * (-0.5 * (r.y() * r.y() * r.y()))); });
    on<CbrtOp>([](R r) { r.add(0, r.dy() / (3.0 * (r.y() * r.y()))); });
    on<PowFOp>(differentiatePower);
    on<FPowIOp>(differentiateIntegerPower);
    on<AbsFOp>(differentiateAbs);
    on<CopySignOp>([](R r) { // |a| with the sign of b
      Scalar same = (r.x(0) * r.y() > r.dy().constant(0));
      r.add(0, same.select(r.dy(), -r.dy()));
    });

    on<SinOp>([](R r) { r.add(0, r.dy() * r.x().apply<CosOp>()); });
    on<CosOp>([](R r) { r.add(0, -(r.dy() * r.x().apply<SinOp>())); });
    on<TanOp>([](R r) { r.add(0, r.dy() * (1.0 + r.y() * r.y())); });
    on<AsinOp>([](R r) { r.add(0, r.dy() * (1.0 - r.x() * r.x()).apply<RsqrtOp>()); });
    on<AcosOp>([](R r) { r.add(0, -(r.dy() * (1.0 - r.x() * r.x()).apply<RsqrtOp>())); });
    on<AtanOp>([](R r) { r.add(0, r.dy() / (1.0 + r.x() * r.x())); });
    on<Atan2Op>([](R r) { // the angle of the point (x₁, x₀)
      Scalar scaled = r.dy() / (r.x(0) * r.x(0) + r.x(1) * r.x(1));
      r.add(0, scaled * r.x(1)), r.add(1, -(scaled * r.x(0)));
    });
    on<SinhOp>([](R r) { r.add(0, r.dy() * r.x().apply<CoshOp>()); });
    on<CoshOp>([](R r) { r.add(0, r.dy() * r.x().apply<SinhOp>()); });
    on<TanhOp>([](R r) { r.add(0, r.dy() * (1.0 - r.y() * r.y())); });
    on<AsinhOp>([](R r) { r.add(0, r.dy() * (1.0 + r.x() * r.x()).apply<RsqrtOp>()); });
    on<AcoshOp>([](R r) { r.add(0, r.dy() * (r.x() * r.x() - 1.0).apply<RsqrtOp>()); });
    on<AtanhOp>([](R r) { r.add(0, r.dy() / (1.0 - r.x() * r.x())); });
    on<ErfOp>([](R r) { // 2 / √π exp(−x²)
      r.add(0, r.dy() * (2 * std::numbers::inv_sqrtpi * (-(r.x() * r.x())).apply<ExpOp>()));
    });
    on<ErfcOp>([](R r) {
      r.add(0, r.dy() * (-2 * std::numbers::inv_sqrtpi * (-(r.x() * r.x())).apply<ExpOp>()));
    });
  }

  ScalarRuleFunction lookUp(Operation *op) const { return rules.lookup(op->getName().getTypeID()); }

private:
  template <typename... Ops> void on(ScalarRuleFunction rule) {
    (rules.try_emplace(TypeID::get<Ops>(), rule), ...);
  }
  llvm::DenseMap<TypeID, ScalarRuleFunction> rules;
};
} // namespace

ScalarRuleFunction gptc::gpt::getScalarRule(Operation *op) {
  static const ScalarRules rules;
  return rules.lookUp(op);
}

bool gptc::gpt::isPiecewiseConstant(Operation *op) {
  return isa<math::FloorOp, math::CeilOp, math::RoundOp, math::RoundEvenOp, math::TruncOp>(op);
}
