// Arithmetic of polynomials with exact fractions.
#include "Polynomial.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>
#include <numeric>

namespace gptc::model {

namespace {

std::optional<Rational> normalized(__int128 numerator, __int128 denominator) {
  if (denominator < 0) {
    numerator = -numerator;
    denominator = -denominator;
  }
  __int128 a = numerator < 0 ? -numerator : numerator, b = denominator;
  while (b != 0)
    a = std::exchange(b, a % b);
  if (a > 1) {
    numerator /= a;
    denominator /= a;
  }
  constexpr __int128 limit = std::numeric_limits<int64_t>::max();
  if (numerator > limit || numerator < -limit || denominator > limit)
    return std::nullopt;
  return Rational{static_cast<int64_t>(numerator), static_cast<int64_t>(denominator)};
}

std::optional<Rational> multiply(Rational a, Rational b) {
  return normalized(static_cast<__int128>(a.numerator) * b.numerator,
                    static_cast<__int128>(a.denominator) * b.denominator);
}

/// a + sign b. Products of two 63-bit magnitudes take 126 bits, so their sum fits in 128 too.
std::optional<Rational> add(Rational a, Rational b, int64_t sign) {
  __int128 left = static_cast<__int128>(a.numerator) * b.denominator;
  __int128 right = static_cast<__int128>(b.numerator) * a.denominator * sign;
  return normalized(left + right, static_cast<__int128>(a.denominator) * b.denominator);
}

} // namespace

const char *spelling(Symbol symbol) { return symbol == Symbol::Batch ? "B" : "T"; }

const char *optionOf(Symbol symbol) {
  return symbol == Symbol::Batch ? "--batch-size" : "--sequence-length";
}

Polynomial::Polynomial(Symbol symbol) {
  Term term;
  term.powers[static_cast<size_t>(symbol)] = 1;
  term.coefficient = {1, 1};
  terms_.push_back(term);
}

std::optional<Polynomial> Polynomial::constant(double value) {
  constexpr double largestDenominator = 1 << 20;
  double scaled = value * largestDenominator;
  if (!(std::abs(scaled) < 0x1p62) || scaled != std::floor(scaled))
    return std::nullopt;
  std::optional<Rational> coefficient =
      normalized(static_cast<int64_t>(scaled), static_cast<int64_t>(largestDenominator));
  Polynomial result;
  if (coefficient->numerator != 0)
    result.terms_.push_back({{}, *coefficient});
  return result;
}

std::optional<Polynomial> Polynomial::scaledSum(const Polynomial &a, const Polynomial &b,
                                                int64_t sign) {
  std::map<Powers, Rational, std::greater<>> sums;
  for (const Term &term : a.terms_)
    sums[term.powers] = term.coefficient;
  for (const Term &term : b.terms_) {
    std::optional<Rational> sum = model::add(sums[term.powers], term.coefficient, sign);
    if (!sum)
      return std::nullopt;
    sums[term.powers] = *sum;
  }
  Polynomial result;
  for (const auto &[powers, coefficient] : sums)
    if (coefficient.numerator != 0)
      result.terms_.push_back({powers, coefficient});
  return result;
}

std::optional<Polynomial> Polynomial::add(const Polynomial &a, const Polynomial &b) {
  return scaledSum(a, b, 1);
}

std::optional<Polynomial> Polynomial::subtract(const Polynomial &a, const Polynomial &b) {
  return scaledSum(a, b, -1);
}

std::optional<Polynomial> Polynomial::multiply(const Polynomial &a, const Polynomial &b) {
  Polynomial result;
  for (const Term &left : a.terms_) {
    Polynomial row;
    for (const Term &right : b.terms_) {
      Term term;
      for (size_t i = 0; i < symbolCount; ++i) {
        unsigned power = left.powers[i] + right.powers[i];
        if (power > std::numeric_limits<uint8_t>::max())
          return std::nullopt;
        term.powers[i] = static_cast<uint8_t>(power);
      }
      std::optional<Rational> coefficient = model::multiply(left.coefficient, right.coefficient);
      if (!coefficient)
        return std::nullopt;
      term.coefficient = *coefficient;
      row.terms_.push_back(term); // in order: the order of powers is kept by adding to both sides
    }
    std::optional<Polynomial> sum = add(result, row);
    if (!sum)
      return std::nullopt;
    result = std::move(*sum);
  }
  return result;
}

std::optional<Polynomial> Polynomial::divide(const Polynomial &a, const Polynomial &b) {
  if (b.terms_.empty())
    return std::nullopt;
  if (a.terms_.empty())
    return a;
  // The only possible quotient of leading terms; for several terms it must be all of the quotient.
  const Term &divisor = b.terms_.front();
  Polynomial quotient;
  for (const Term &term : a.terms_) {
    Term part;
    for (size_t i = 0; i < symbolCount; ++i) {
      if (term.powers[i] < divisor.powers[i])
        return std::nullopt;
      part.powers[i] = term.powers[i] - divisor.powers[i];
    }
    std::optional<Rational> coefficient = model::multiply(
        term.coefficient, {divisor.coefficient.denominator, divisor.coefficient.numerator});
    if (!coefficient)
      return std::nullopt;
    part.coefficient = *normalized(coefficient->numerator, coefficient->denominator);
    quotient.terms_.push_back(part);
    if (b.terms_.size() > 1)
      break;
  }
  if (b.terms_.size() == 1)
    return quotient;
  std::optional<Polynomial> product = multiply(quotient, b);
  return product && *product == a ? std::optional(std::move(quotient)) : std::nullopt;
}

bool Polynomial::contains(Symbol symbol) const {
  for (const Term &term : terms_)
    if (term.powers[static_cast<size_t>(symbol)] != 0)
      return true;
  return false;
}

std::string Polynomial::toString() const {
  if (terms_.empty())
    return "0";
  std::string out;
  for (const Term &term : terms_) {
    bool negative = term.coefficient.numerator < 0;
    int64_t magnitude = std::abs(term.coefficient.numerator);
    if (!out.empty())
      out += negative ? " - " : " + ";
    else if (negative)
      out += "-";
    bool first = true;
    auto factor = [&](const std::string &text) {
      out += (first ? "" : " * ") + text;
      first = false;
    };
    if (magnitude != 1 || term.degree() == 0)
      factor(fmt::format("{}", magnitude));
    for (size_t i = 0; i < symbolCount; ++i)
      if (unsigned power = term.powers[i])
        factor(power == 1 ? model::spelling(static_cast<Symbol>(i))
                          : fmt::format("{}^{}", model::spelling(static_cast<Symbol>(i)), power));
    if (term.coefficient.denominator != 1)
      out += fmt::format(" / {}", term.coefficient.denominator);
  }
  return out;
}

} // namespace gptc::model
