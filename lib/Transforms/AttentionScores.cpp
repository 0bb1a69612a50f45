// Evaluating the expression of a score: each scalar is a multiple of the matmul's element, a
// number, a position, or a condition on positions.
#include "AttentionScores.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace gptc;

using Predicate = arith::CmpIPredicate;

std::optional<Band> Band::negated() const {
  if (low <= -unbounded && high < unbounded) // not i − j ≤ high
    return Band{i, j, high + 1, unbounded};
  if (high >= unbounded && low > -unbounded)
    return Band{i, j, -unbounded, low - 1};
  return std::nullopt;
}

/// The band of i − j that compares with `bound` as the predicate says.
static std::optional<Band> makeBand(Axis i, Axis j, Predicate predicate, double bound) {
  if (bound != std::rint(bound) || std::abs(bound) >= Band::unbounded)
    return std::nullopt;
  auto c = static_cast<int64_t>(bound);
  switch (predicate) {
  case Predicate::sge:
    return Band{i, j, c, Band::unbounded};
  case Predicate::sgt:
    return Band{i, j, c + 1, Band::unbounded};
  case Predicate::sle:
    return Band{i, j, -Band::unbounded, c};
  case Predicate::slt:
    return Band{i, j, -Band::unbounded, c - 1};
  case Predicate::eq:
    return Band{i, j, c, c};
  default:
    return std::nullopt;
  }
}

static bool compare(double a, double b, Predicate predicate) {
  switch (predicate) {
  case Predicate::sge:
    return a >= b;
  case Predicate::sgt:
    return a > b;
  case Predicate::sle:
    return a <= b;
  case Predicate::slt:
    return a < b;
  case Predicate::eq:
    return a == b;
  default:
    return a != b;
  }
}

static Predicate exchange(Predicate predicate) {
  switch (predicate) {
  case Predicate::sge:
    return Predicate::sle;
  case Predicate::sgt:
    return Predicate::slt;
  case Predicate::sle:
    return Predicate::sge;
  case Predicate::slt:
    return Predicate::sgt;
  default:
    return predicate;
  }
}

/// Comparisons of reals as those of integers; none for those that ask for NaN.
static std::optional<Predicate> ofReals(arith::CmpFPredicate predicate) {
  switch (predicate) {
  case arith::CmpFPredicate::OGE:
  case arith::CmpFPredicate::UGE:
    return Predicate::sge;
  case arith::CmpFPredicate::OGT:
  case arith::CmpFPredicate::UGT:
    return Predicate::sgt;
  case arith::CmpFPredicate::OLE:
  case arith::CmpFPredicate::ULE:
    return Predicate::sle;
  case arith::CmpFPredicate::OLT:
  case arith::CmpFPredicate::ULT:
    return Predicate::slt;
  case arith::CmpFPredicate::OEQ:
  case arith::CmpFPredicate::UEQ:
    return Predicate::eq;
  case arith::CmpFPredicate::ONE:
  case arith::CmpFPredicate::UNE:
    return Predicate::ne;
  default:
    return std::nullopt;
  }
}

std::string gptc::print(double number) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", number);
  return text;
}

static constexpr StringLiteral oddMask = "its mask is no comparison of two positions";

std::variant<Scores, std::string> ScoreReader::read(const Element &element) {
  Term term = evaluate(elements.find(element));
  if (auto *scores = std::get_if<Scores>(&term))
    return *scores;
  if (auto *unknown = std::get_if<Unknown>(&term))
    return unknown->reason;
  return std::string("its scores are no matmul's");
}

ScoreReader::Term ScoreReader::mask(Scores scores, const Band &seen, double elsewhere) {
  if (elsewhere != -std::numeric_limits<double>::infinity())
    return Unknown{"its mask gives " + print(elsewhere) + ", not -inf"};
  if (!scores.mask) {
    scores.mask = seen;
    return scores;
  }
  Term both = evaluateBoth(*scores.mask, seen);
  if (!std::holds_alternative<Band>(both))
    return Unknown{oddMask.str()};
  scores.mask = std::get<Band>(both);
  return scores;
}

// Indices: i + a, i - j + a. Masks that are added: score + (0 where seen, -inf elsewhere).
ScoreReader::Term ScoreReader::evaluateSum(const Term &a, const Term &b) {
  auto *x = std::get_if<double>(&a), *y = std::get_if<double>(&b);
  if (x && y)
    return *x + *y;
  if (x)
    return evaluateSum(b, a);
  if (auto *index = std::get_if<Index>(&a); index && y && std::rint(*y) == *y) {
    Index sum = *index;
    sum.offset += static_cast<int64_t>(*y);
    return sum;
  }
  if (auto *choice = std::get_if<Choice>(&a)) {
    if (y)
      return Choice{choice->band, choice->inside + *y, choice->outside + *y};
    if (std::holds_alternative<Scores>(b))
      return evaluateSum(b, a);
  }
  if (auto *scores = std::get_if<Scores>(&a)) {
    if (y && *y == 0)
      return *scores;
    if (auto *other = std::get_if<Scores>(&b); other && other->matmul == scores->matmul &&
                                               !other->mask && !scores->mask &&
                                               factors.areEqual(other->axes, scores->axes)) {
      Scores sum = *scores;
      sum.factor += other->factor;
      return sum;
    }
    auto *choice = std::get_if<Choice>(&b);
    if (choice && choice->inside == 0)
      return mask(*scores, choice->band, choice->outside);
    if (choice && choice->outside == 0)
      if (std::optional<Band> seen = choice->band.negated())
        return mask(*scores, *seen, choice->inside);
    return Unknown{"something other than a mask of 0 and -inf is added to its scores"};
  }
  return Unknown{oddMask.str()};
}

ScoreReader::Term ScoreReader::evaluateComparison(const Term &a, const Term &b,
                                                  Predicate predicate) {
  auto *x = std::get_if<double>(&a), *y = std::get_if<double>(&b);
  if (x && y)
    return compare(*x, *y, predicate) ? 1.0 : 0.0;
  if (x)
    return evaluateComparison(b, a, exchange(predicate));
  std::optional<Band> band;
  if (auto *choice = std::get_if<Choice>(&a); choice && y) {
    bool inside = compare(choice->inside, *y, predicate),
         outside = compare(choice->outside, *y, predicate);
    if (inside == outside)
      return inside ? 1.0 : 0.0;
    band = inside ? std::optional(choice->band) : choice->band.negated();
  } else if (auto *i = std::get_if<Index>(&a)) {
    auto *j = std::get_if<Index>(&b);
    if (i->isDifference && y)
      band = makeBand(i->i, i->j, predicate, *y - i->offset);
    else if (j && !i->isDifference && !j->isDifference)
      band = makeBand(i->i, j->i, predicate, j->offset - i->offset);
  }
  return band ? Term(*band) : Term(Unknown{oddMask.str()});
}

ScoreReader::Term ScoreReader::evaluateSelect(const Term &condition, const Term &yes,
                                              const Term &no) {
  if (auto *known = std::get_if<double>(&condition))
    return *known != 0 ? yes : no;
  auto *band = std::get_if<Band>(&condition);
  if (!band)
    return Unknown{oddMask.str()};
  auto *x = std::get_if<double>(&yes), *y = std::get_if<double>(&no);
  if (x && y)
    return Choice{*band, *x, *y};
  auto *scores = std::get_if<Scores>(x ? &no : &yes);
  std::optional<Band> seen = x ? band->negated() : *band;
  if (!scores || !seen || (!x && !y))
    return Unknown{oddMask.str()};
  return mask(*scores, *seen, x ? *x : *y);
}

ScoreReader::Term ScoreReader::evaluateBoth(const Term &a, const Term &b) {
  if (auto *known = std::get_if<double>(&a))
    return *known != 0 ? b : a;
  if (std::holds_alternative<double>(b))
    return evaluateBoth(b, a);
  auto *first = std::get_if<Band>(&a);
  auto *second = std::get_if<Band>(&b);
  if (!first || !second)
    return Unknown{oddMask.str()};
  Band other = *second;
  if (!factors.areEqual(first->i, other.i))
    other = other.flipped();
  if (!factors.areEqual(first->i, other.i) || !factors.areEqual(first->j, other.j))
    return Unknown{oddMask.str()};
  return Band{first->i, first->j, std::max(first->low, other.low),
              std::min(first->high, other.high)};
}

ScoreReader::Term ScoreReader::evaluateEither(const Term &a, const Term &b) {
  if (auto *known = std::get_if<double>(&a))
    return *known != 0 ? a : b;
  if (std::holds_alternative<double>(b))
    return evaluateEither(b, a);
  auto *first = std::get_if<Band>(&a);
  auto *second = std::get_if<Band>(&b);
  if (!first || !second || !first->negated() || !second->negated())
    return Unknown{oddMask.str()};
  Term neither = evaluateBoth(*first->negated(), *second->negated());
  auto *outside = std::get_if<Band>(&neither);
  std::optional<Band> band = outside ? outside->negated() : std::nullopt;
  return band ? Term(*band) : Term(Unknown{oddMask.str()});
}

ScoreReader::Term ScoreReader::evaluate(const Element &element) {
  if (--fuel < 0)
    return Unknown{"its scores are computed by too many operations"};
  if (std::optional<double> number = Elements::getConstant(element))
    return *number;
  Operation *op = element.value.getDefiningOp();
  if (!op)
    return Unknown{"its scores depend on an argument"};
  if (auto matmul = dyn_cast<gpt::MatmulOp>(op))
    return Scores{matmul, element.axes, 1, std::nullopt};
  if (isa<gpt::IotaOp>(op))
    return element.axes[0].empty() ? Term(0.0) : Term(Index{element.axes[0], {}, 0, false});
  if (isa<RankedTensorType>(element.value.getType()))
    return Unknown{llvm::formatv("its scores depend on the result of {0}", op->getName())};

  SmallVector<Term, 3> terms;
  for (unsigned i = 0; i < op->getNumOperands(); ++i) {
    terms.push_back(evaluate(elements.getOperand(element, i)));
    if (std::holds_alternative<Unknown>(terms.back()))
      return terms.back();
  }
  Unknown unknown{llvm::formatv("{0} stands between its matmul and the softmax", op->getName())};
  auto scale = [&](const Term &term, double factor) -> Term {
    if (auto *number = std::get_if<double>(&term))
      return *number * factor;
    if (auto *choice = std::get_if<Choice>(&term))
      return Choice{choice->band, choice->inside * factor, choice->outside * factor};
    auto *scores = std::get_if<Scores>(&term);
    if (!scores || (scores->mask && !(factor > 0)))
      return unknown;
    Scores scaled = *scores;
    scaled.factor *= factor;
    return scaled;
  };
  auto number = [&](unsigned i) { return std::get_if<double>(&terms[i]); };
  auto asReal = [&](double one) -> Term { // a condition as a number
    if (auto *band = std::get_if<Band>(&terms[0]))
      return Choice{*band, one, 0};
    if (auto *known = number(0);
        known && element.value.getDefiningOp()->getOperand(0).getType().isInteger(1))
      return *known * one;
    return terms[0];
  };

  return llvm::TypeSwitch<Operation *, Term>(op)
      .Case<arith::MulFOp, arith::MulIOp>([&](auto) -> Term {
        return number(1)   ? scale(terms[0], *number(1))
               : number(0) ? scale(terms[1], *number(0))
                           : unknown;
      })
      .Case([&](arith::DivFOp) -> Term {
        return number(1) ? scale(terms[0], 1 / *number(1)) : unknown;
      })
      .Case([&](arith::NegFOp) { return scale(terms[0], -1); })
      .Case<arith::AddFOp, arith::AddIOp>([&](auto) { return evaluateSum(terms[0], terms[1]); })
      .Case<arith::SubFOp, arith::SubIOp>([&](auto) -> Term {
        auto *i = std::get_if<Index>(&terms[0]), *j = std::get_if<Index>(&terms[1]);
        if (i && j && !i->isDifference && !j->isDifference)
          return Index{i->i, j->i, i->offset - j->offset, true};
        return evaluateSum(terms[0], scale(terms[1], -1));
      })
      .Case([&](arith::CmpIOp comparison) -> Term {
        return evaluateComparison(terms[0], terms[1], comparison.getPredicate());
      })
      .Case([&](arith::CmpFOp comparison) -> Term {
        std::optional<Predicate> predicate = ofReals(comparison.getPredicate());
        return predicate ? evaluateComparison(terms[0], terms[1], *predicate) : unknown;
      })
      .Case([&](arith::SelectOp) { return evaluateSelect(terms[0], terms[1], terms[2]); })
      .Case([&](arith::AndIOp) { return evaluateBoth(terms[0], terms[1]); })
      .Case([&](arith::OrIOp) { return evaluateEither(terms[0], terms[1]); })
      .Case([&](arith::XOrIOp) -> Term {
        auto *band = std::get_if<Band>(&terms[0]);
        auto *flips = number(1);
        if (!band || !flips)
          return unknown;
        std::optional<Band> negated = band->negated();
        return *flips == 0 ? Term(*band) : negated ? Term(*negated) : Term(unknown);
      })
      .Case<arith::UIToFPOp, arith::ExtUIOp>([&](auto) { return asReal(1); })
      .Case<arith::SIToFPOp, arith::ExtSIOp>([&](auto) { return asReal(-1); })
      .Default([&](Operation *) { return unknown; });
}
