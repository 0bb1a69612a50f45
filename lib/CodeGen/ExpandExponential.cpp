// exp, log, powf and remf of float32 as arithmetic.
//
// Polynomials interpolate at Chebyshev nodes, which comes within a small factor of the least
// possible error. Arguments are reduced with constants in two parts (Cody, Waite: "Software manual
// for the elementary functions", 1980).
#include "MathEmitter.h"

using namespace mlir;
using namespace gptc::codegen;

static constexpr double infinity = std::numeric_limits<double>::infinity();
static constexpr double log2OfE = 1.4426950408889634, log2Upper = 0.693359375,
                        log2Lower =
                            -2.12194440054690583e-4; // upper + lower = ln 2; upper has 10 bits

/// (exp(r) - 1 - r) / r² on [-ln 2 / 2, ln 2 / 2].
static constexpr double expTail[] = {0.50000000000000000000, 0.16666573381900846023,
                                     0.04166655011030512444, 0.00836377387440557349,
                                     0.00139269266140219064};

// exp(x) = 2ⁿ exp(r) with n the integer next to x / ln 2. To leave room for n = 128, 2 exp(r) is
// multiplied by 2ⁿ⁻¹. Results below the smallest normal number are 0.
static Scalar expandExp(const MathEmitter &m, ArrayRef<Scalar> operands) {
  // Added to a small number, this leaves the nearest integer in the lowest bits.
  constexpr double rounding = 0x1.8p23;
  constexpr double smallest = -87.33654; // its exponential is 2⁻¹²⁶
  Scalar x = m.atMost(operands[0], 88.8);
  Scalar shifted = m.multiplyAdd(x, m.number(log2OfE), m.number(rounding));
  Scalar n = shifted - m.number(rounding);
  Scalar r = m.multiplyAdd(n, m.number(-log2Upper), x);
  r = m.multiplyAdd(n, m.number(-log2Lower), r);
  double coefficients[] = {
      2, 2, 2 * expTail[0], 2 * expTail[1], 2 * expTail[2], 2 * expTail[3], 2 * expTail[4]};
  Scalar exponent = m.asBits(shifted).apply<arith::ShLIOp>(m.bits(23));
  Scalar scale = exponent.apply<arith::AddIOp>(m.bits(int64_t{126} << 23));
  // 2⁻¹²⁷ is no normal number.
  scale = m.asNumber(scale.apply<arith::MaxSIOp>(m.bits(0x00400000)));
  Scalar result = m.polynomial(r, coefficients) * scale;
  return (x < m.number(smallest)).select(m.number(0), result);
}

/// (log(1 + f) - f + f² / 2) / f³ on [√½ - 1, √2 - 1].
static constexpr double logTail[] = {
    0.33333331180030048052,  -0.24999996957950882045, 0.20000715748892101742,
    -0.16667802319501254077, 0.14249057645697480403,  -0.12425687331451106112,
    0.11685419923486739307,  -0.11479733846637635551, 0.06971611471451177831};

// log(x) = log(1 + f) + e ln 2 for x = 2ᵉ (1 + f), with 1 + f in [√½, √2).
static Scalar expandLog(const MathEmitter &m, ArrayRef<Scalar> operands) {
  constexpr int64_t sqrtHalf = 0x3f3504f3;
  Scalar x = operands[0];
  Scalar isTiny = x < m.number(0x1p-126);
  Scalar normal = isTiny.select(x * m.number(0x1p23), x);
  Scalar offset = m.asBits(normal).apply<arith::SubIOp>(m.bits(sqrtHalf));
  Scalar e = m.cast<arith::SIToFPOp>(offset.apply<arith::ShRSIOp>(m.bits(23)), m.type);
  e = e - isTiny.select(m.number(23), m.number(0));
  Scalar f =
      m.asNumber(
          offset.apply<arith::AndIOp>(m.bits(0x007fffff)).apply<arith::AddIOp>(m.bits(sqrtHalf))) -
      m.number(1);
  Scalar square = f * f;
  Scalar tail = m.multiplyAdd(m.polynomial(f, logTail), square * f, e * m.number(log2Lower));
  tail = m.multiplyAdd(square, m.number(-0.5), tail);
  Scalar result = m.multiplyAdd(e, m.number(log2Upper), f + tail);
  // 0, infinity, and what has no logarithm.
  result = (x < m.number(infinity)).select(result, x);
  result = x.equals(m.number(0)).select(m.number(-infinity), result);
  return (x < m.number(0)).select(m.number(std::nan("")), result);
}

/// The base 2 logarithm of a positive float64 that comes from a float32, to about 2⁻⁴⁰ of its
/// value: log(m) = 2 artanh((m - 1) / (m + 1)).
static Scalar log2Wide(const MathEmitter &m, Scalar x) {
  constexpr int64_t sqrtHalf = 0x3fe6a09e667f3bcd;
  constexpr double twoLog2OfE = 2 * log2OfE;
  constexpr double series[] = {twoLog2OfE,     twoLog2OfE / 3,  twoLog2OfE / 5, twoLog2OfE / 7,
                               twoLog2OfE / 9, twoLog2OfE / 11, twoLog2OfE / 13};
  Scalar offset = m.asBits(x).apply<arith::SubIOp>(m.bits(sqrtHalf));
  Scalar exponent = offset.apply<arith::ShRSIOp>(m.bits(52));
  Scalar e =
      m.cast<arith::SIToFPOp>(m.cast<arith::TruncIOp>(exponent, m.builder.getI32Type()), m.type);
  Scalar mantissa = m.asNumber(offset.apply<arith::AndIOp>(m.bits(0x000fffffffffffff))
                                   .apply<arith::AddIOp>(m.bits(sqrtHalf)));
  Scalar s = (mantissa - m.number(1)) / (mantissa + m.number(1));
  return m.multiplyAdd(m.polynomial(s * s, series), s, e);
}

/// 2ᵗ for |t| at most 1000, to about 2⁻³⁵ of its value; NaN gives NaN.
static Scalar exp2Wide(const MathEmitter &m, Scalar t) {
  constexpr double rounding = 0x1.8p52;
  // (exp(r) - 1 - r) / r² on [-ln 2 / 2, ln 2 / 2].
  constexpr double coefficients[] = {1,
                                     1,
                                     0.50000000135387298866,
                                     0.16666666681704215043,
                                     0.04166646419740569232,
                                     0.00833331084464786256,
                                     0.00139337307157920825,
                                     0.00019891080463998842};
  Scalar shifted = t + m.number(rounding);
  Scalar r = (t - (shifted - m.number(rounding))) * m.number(1 / log2OfE);
  Scalar exponent = m.asBits(shifted).apply<arith::ShLIOp>(m.bits(52));
  Scalar scale = m.asNumber(exponent.apply<arith::AddIOp>(m.bits(int64_t{1023} << 52)));
  return m.polynomial(r, coefficients) * scale;
}

// xʸ = 2^(y log2|x|) in float64, with the special cases of IEEE 754 (9.2.1).
static Scalar expandPow(const MathEmitter &m, ArrayRef<Scalar> operands) {
  MathEmitter wide(m.builder, m.loc, m.builder.getF64Type());
  Scalar x = operands[0], y = operands[1];
  Scalar magnitude = x.apply<math::AbsFOp>();
  Scalar wideMagnitude = wide.cast<arith::ExtFOp>(magnitude, wide.type);
  Scalar wideY = wide.cast<arith::ExtFOp>(y, wide.type);
  Scalar zero = m.number(0), one = m.number(1), unbounded = m.number(infinity);

  Scalar logarithm = log2Wide(wide, wideMagnitude);
  logarithm = magnitude.equals(zero).select(wide.number(-infinity), logarithm);
  logarithm = (magnitude < unbounded).select(logarithm, wideMagnitude);
  Scalar t = wide.atMost(wide.atLeast(wideY * logarithm, -1000), 1000);
  Scalar power = m.cast<arith::TruncFOp>(exp2Wide(wide, t), m.type);
  power = m.either(y.equals(zero), x.equals(one)).select(one, power);
  // (-1)^±inf is 1: there the product above was 0 · inf.
  power = (magnitude.equals(one) & y.apply<math::AbsFOp>().equals(unbounded)).select(one, power);

  Scalar half = y * m.number(0.5);
  Scalar isInteger = y.apply<math::FloorOp>().equals(y),
         isEven = half.apply<math::FloorOp>().equals(half);
  Scalar isNegative = m.wrap(arith::CmpIOp::create(m.builder, m.loc, arith::CmpIPredicate::slt,
                                                   m.asBits(x).value(), m.bits(0).value()));
  Scalar isOdd = isInteger & isEven.apply<arith::XOrIOp>(
                                 m.wrap(arith::ConstantIntOp::create(m.builder, m.loc, 1, 1)));
  power = (isNegative & isOdd).select(-power, power);
  Scalar isRoot =
      isInteger.apply<arith::XOrIOp>(m.wrap(arith::ConstantIntOp::create(m.builder, m.loc, 1, 1)));
  Scalar hasNone = (x < zero) & (magnitude < unbounded) & isRoot;
  return hasNone.select(m.number(std::nan("")), power);
}

// C's fmod, by the quotient in float64: exact while that is below 2⁵³; beyond, the result is 0.
static Scalar expandRem(const MathEmitter &m, ArrayRef<Scalar> operands) {
  MathEmitter wide(m.builder, m.loc, m.builder.getF64Type());
  Scalar x = operands[0];
  Scalar magnitude = wide.cast<arith::ExtFOp>(x.apply<math::AbsFOp>(), wide.type);
  Scalar divisor = wide.cast<arith::ExtFOp>(operands[1].apply<math::AbsFOp>(), wide.type);
  Scalar quotient = (magnitude / divisor).apply<math::TruncOp>();
  Scalar rest = wide.fused(-quotient, divisor, magnitude);
  // The quotient may have been rounded up to the next integer.
  rest = (rest < wide.number(0)).select(rest + divisor, rest);
  rest = (quotient < wide.number(0x1p53)).select(rest, rest * wide.number(0));
  rest = (magnitude < divisor).select(magnitude, rest);
  Scalar result = m.cast<arith::TruncFOp>(rest, m.type);
  return result.apply<math::CopySignOp>(x);
}

void gptc::codegen::populateExponentialPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandFloat32<math::ExpOp, expandExp, /*vectors=*/true>,
               ExpandFloat32<math::LogOp, expandLog, /*vectors=*/true>,
               ExpandFloat32<math::PowFOp, expandPow>, ExpandFloat32<arith::RemFOp, expandRem>>(
      patterns.getContext(), /*benefit=*/2);
}
