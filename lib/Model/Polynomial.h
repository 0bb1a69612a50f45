// Exact polynomials in the batch size B and the sequence length T.
//
// Shapes are checked while B and T stay symbols, so that a check holds for every batch and sequence
// and two sizes never match by accident. Coefficients are exact fractions: T / 3 * 3 is T.
#ifndef GPTC_LIB_MODEL_POLYNOMIAL_H
#define GPTC_LIB_MODEL_POLYNOMIAL_H

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gptc::model {

/// A fraction in lowest terms with a positive denominator.
struct Rational {
  int64_t numerator = 0;
  int64_t denominator = 1;
  bool operator==(const Rational &) const = default;
};

/// The sizes that stay symbols, in the order in which a term prints them.
enum class Symbol : uint8_t { Batch = 0, Sequence = 1 };
inline constexpr size_t symbolCount = 2;

/// `B` or `T`.
const char *spelling(Symbol symbol);
/// `--batch-size` or `--sequence-length`.
const char *optionOf(Symbol symbol);

/// A sum of terms, each a fraction times powers of B and T. Operations return nothing when a
/// coefficient or power would not fit.
class Polynomial {
public:
  /// The polynomial of one symbol.
  explicit Polynomial(Symbol symbol);
  /// A constant, if `value` is a fraction with a small power of two below (so: any whole number).
  static std::optional<Polynomial> constant(double value);

  static std::optional<Polynomial> add(const Polynomial &a, const Polynomial &b);
  static std::optional<Polynomial> subtract(const Polynomial &a, const Polynomial &b);
  static std::optional<Polynomial> multiply(const Polynomial &a, const Polynomial &b);
  /// a / b where b is a single term that divides each term of a, or where a is a multiple of b.
  static std::optional<Polynomial> divide(const Polynomial &a, const Polynomial &b);

  bool isConstant() const { return terms_.empty() || (terms_.size() == 1 && !terms_[0].degree()); }
  /// Whether the symbol stands in some term.
  bool contains(Symbol symbol) const;

  bool operator==(const Polynomial &) const = default;
  /// `3 * T`, `B * T`, `T / 2`, `T - 1`.
  std::string toString() const;

private:
  using Powers = std::array<uint8_t, symbolCount>;
  struct Term {
    Powers powers{};
    Rational coefficient;
    unsigned degree() const { return powers[0] + powers[1]; }
    bool operator==(const Term &) const = default;
  };

  Polynomial() = default;
  static std::optional<Polynomial> scaledSum(const Polynomial &a, const Polynomial &b,
                                             int64_t sign);

  std::vector<Term> terms_; // highest powers first, no zero coefficients
};

} // namespace gptc::model

#endif // GPTC_LIB_MODEL_POLYNOMIAL_H
