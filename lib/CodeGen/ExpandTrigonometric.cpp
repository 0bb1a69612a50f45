// sin and cos of float32 as arithmetic on float64 and 64-bit integers, accurate for all arguments.
//
// An argument is reduced to quarter turns and a rest of at most an eighth turn. Below 2²³ the
// quarter turns are subtracted with π/2 in two float64. Above, x = M 2ᵉ with an integer M: of the
// bits of 1/2π, those in front of number e give whole turns and are not needed, and 96 behind it
// are enough (Payne, Hanek: "Radian reduction for trigonometric functions", 1983).
#include "MathEmitter.h"

using namespace mlir;
using namespace gptc::codegen;

namespace {
/// An angle of `quarters` quarter turns and `rest` radians. Only the last two bits of `quarters`
/// count.
struct Reduced {
  Scalar quarters; ///< 64-bit integer
  Scalar rest;     ///< float64
};
} // namespace

static Reduced reduceSmall(const MathEmitter &m, Scalar x) {
  constexpr double rounding = 0x1.8p52;
  Scalar shifted = m.fused(x, m.number(0.6366197723675814), m.number(rounding));
  Scalar n = shifted - m.number(rounding);
  Scalar rest = m.fused(-n, m.number(0x1.921fb54442d18p+0), x);
  return {m.asBits(shifted), m.fused(-n, m.number(0x1.1a62633145c07p-54), rest)};
}

/// For x = mantissa · 2^exponent with 0 ≤ exponent ≤ 104.
static Reduced reduceLarge(const MathEmitter &m, Scalar mantissa, Scalar exponent) {
  // 1 / 2π in bits behind the point. Turns are whole from bits in front of number `exponent` on.
  static constexpr uint64_t digits[] = {0x28be60db9391054a, 0x7f09d5f47d4d3770, 0x36d8a5664f10e410,
                                        0x7f9458eaf7aef158};
  auto shiftLeft = [](Scalar a, Scalar b) { return a.apply<arith::ShLIOp>(b); };
  auto shiftRight = [](Scalar a, Scalar b) { return a.apply<arith::ShRUIOp>(b); };
  Scalar isFirst = m.bits(64) > exponent;
  auto word = [&](size_t i) {
    return isFirst.select(m.bits(static_cast<int64_t>(digits[i])),
                          m.bits(static_cast<int64_t>(digits[i + 1])));
  };
  // Word number i behind bit `exponent`.
  Scalar start = exponent.apply<arith::AndIOp>(m.bits(63));
  Scalar isAligned = start.equals(m.bits(0));
  Scalar back = m.bits(64).apply<arith::SubIOp>(start).apply<arith::AndIOp>(m.bits(63));
  auto window = [&](size_t i) {
    Scalar low = isAligned.select(m.bits(0), shiftRight(word(i + 1), back));
    return shiftLeft(word(i), start).apply<arith::OrIOp>(low);
  };
  // In units of 2⁻⁶⁴ turns: whole ones wrap away.
  Scalar rest =
      shiftRight(mantissa.apply<arith::MulIOp>(shiftRight(window(1), m.bits(32))), m.bits(32));
  Scalar turns = mantissa.apply<arith::MulIOp>(window(0)).apply<arith::AddIOp>(rest);
  Scalar quarters = shiftRight(turns.apply<arith::AddIOp>(m.bits(int64_t{1} << 61)), m.bits(62));
  Scalar fraction = turns.apply<arith::SubIOp>(shiftLeft(quarters, m.bits(62)));
  constexpr double radians = 1.5707963267948966 * 0x1p-62;
  return {quarters, m.cast<arith::SIToFPOp>(fraction, m.type) * m.number(radians)};
}

/// Reduces the magnitude of `x`; infinities and NaN give NaN.
static Reduced reduce(const MathEmitter &narrow, const MathEmitter &m, Scalar x) {
  Scalar magnitude = x.apply<math::AbsFOp>();
  Scalar bits = narrow.asBits(magnitude);
  auto widen = [&](Scalar a) { return m.cast<arith::ExtUIOp>(a, m.bitsType); };
  Scalar exponent =
      widen(bits.apply<arith::ShRUIOp>(narrow.bits(23))).apply<arith::SubIOp>(m.bits(150));
  Scalar mantissa = widen(bits.apply<arith::AndIOp>(narrow.bits(0x007fffff))
                              .apply<arith::OrIOp>(narrow.bits(0x00800000)));
  Reduced small = reduceSmall(m, m.cast<arith::ExtFOp>(magnitude, m.type));
  Scalar bounded = exponent.apply<arith::MaxSIOp>(m.bits(0));
  Reduced large = reduceLarge(m, mantissa, bounded);
  // A comparison that is true of NaN would make a number of it.
  Scalar isSmall = magnitude < narrow.number(0x1p23);
  Scalar isUnbounded = exponent > m.bits(104);
  Scalar rest = isSmall.select(small.rest, large.rest);
  return {isSmall.select(small.quarters, large.quarters),
          isUnbounded.select(m.number(std::nan("")), rest)};
}

/// The sine of `turned` quarter turns more than the angle, from Taylor's series: of the rest, at
/// most π/4, its sine to 2⁻²⁸ and its cosine to 2⁻³³.
static Scalar sineOf(const MathEmitter &m, const Reduced &angle, int64_t turned) {
  constexpr double sine[] = {1, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880};
  constexpr double cosine[] = {1, -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800};
  Scalar square = angle.rest * angle.rest;
  Scalar quarters = angle.quarters.apply<arith::AddIOp>(m.bits(turned));
  Scalar isEven = quarters.apply<arith::AndIOp>(m.bits(1)).equals(m.bits(0));
  Scalar value =
      isEven.select(m.polynomial(square, sine) * angle.rest, m.polynomial(square, cosine));
  Scalar isPositive = quarters.apply<arith::AndIOp>(m.bits(2)).equals(m.bits(0));
  return isPositive.select(value, -value);
}

static Scalar expandSin(const MathEmitter &narrow, ArrayRef<Scalar> operands) {
  MathEmitter m(narrow.builder, narrow.loc, narrow.builder.getF64Type());
  Scalar x = operands[0];
  Scalar sine = narrow.cast<arith::TruncFOp>(sineOf(m, reduce(narrow, m, x), 0), narrow.type);
  // sin(-x) = -sin(x), with the sign of zero.
  Scalar sign = narrow.asBits(x).apply<arith::AndIOp>(narrow.bits(int64_t{1} << 31));
  return narrow.asNumber(narrow.asBits(sine).apply<arith::XOrIOp>(sign));
}

static Scalar expandCos(const MathEmitter &narrow, ArrayRef<Scalar> operands) {
  MathEmitter m(narrow.builder, narrow.loc, narrow.builder.getF64Type());
  return narrow.cast<arith::TruncFOp>(sineOf(m, reduce(narrow, m, operands[0]), 1), narrow.type);
}

void gptc::codegen::populateTrigonometricPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandFloat32<math::SinOp, expandSin>, ExpandFloat32<math::CosOp, expandCos>>(
      patterns.getContext(), /*benefit=*/2);
}
