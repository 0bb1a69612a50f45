// Recognising attention: what is multiplied, along which axes, and that nothing else needs the
// scores.
#include "AttentionMatch.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace gptc;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

//===- Sets of factors ----------------------------------------------------------------------===//

static bool holdsAll(const Axis &set, const Axis &part) {
  return llvm::all_of(part, [&](int factor) { return llvm::is_contained(set, factor); });
}

static bool holdsNone(const Axis &set, const Axis &part) {
  return llvm::none_of(part, [&](int factor) { return llvm::is_contained(set, factor); });
}

static bool areSameSets(const Axis &a, const Axis &b) {
  return a.size() == b.size() && holdsAll(a, b);
}

static Axis selectFactors(const Axis &from, llvm::function_ref<bool(int)> predicate) {
  Axis result;
  llvm::copy_if(from, std::back_inserter(result), predicate);
  return result;
}

//===- Softmaxes ----------------------------------------------------------------------------===//

// exp(x - max x) / sum(exp(x - max x)); the maximum may be missing, or detached.
std::optional<AttentionMatcher::Softmax>
AttentionMatcher::matchExponential(const Element &numerator, const Element &sum,
                                   const Axes &space) const {
  auto reduce = sum.getDefiningOp<gpt::ReduceOp>();
  if (!reduce || reduce.getKind() != gpt::ReduceKind::sum ||
      !numerator.getDefiningOp<math::ExpOp>())
    return std::nullopt;
  auto summed = elements.getReduced(sum, space);
  if (!summed || !elements.areEqual(summed->first, numerator))
    return std::nullopt;
  Element exponent = elements.getOperand(numerator, 0);
  if (exponent.getDefiningOp<arith::SubFOp>()) {
    Element scores = elements.getOperand(exponent, 0), max = elements.getOperand(exponent, 1);
    if (auto detach = max.getDefiningOp<gpt::DetachOp>())
      max = elements.find({detach.getInput(), max.axes});
    auto largest = max.getDefiningOp<gpt::ReduceOp>();
    if (largest && largest.getKind() == gpt::ReduceKind::max)
      if (auto reduced = elements.getReduced(max, space);
          reduced && factors.areEqual(reduced->second, summed->second) &&
          elements.areEqual(reduced->first, scores))
        return Softmax{scores, summed->second};
  }
  return Softmax{exponent, summed->second};
}

std::optional<AttentionMatcher::Softmax> AttentionMatcher::matchSoftmax(Value probabilities,
                                                                        const Axes &axes) const {
  if (auto softmax = probabilities.getDefiningOp<gpt::SoftmaxOp>())
    return Softmax{elements.find({softmax.getInput(), axes}), axes.back()};
  if (!probabilities.getDefiningOp<gpt::MapOp>())
    return std::nullopt;
  Element element = elements.find({probabilities, axes});
  if (element.getDefiningOp<arith::DivFOp>())
    return matchExponential(elements.getOperand(element, 0), elements.getOperand(element, 1), axes);
  if (element.getDefiningOp<arith::MulFOp>()) {
    for (unsigned number : {0, 1}) {
      Element reciprocal = elements.getOperand(element, number);
      if (reciprocal.getDefiningOp<arith::DivFOp>() &&
          Elements::getConstant(elements.getOperand(reciprocal, 0)) == 1.0)
        return matchExponential(elements.getOperand(element, 1 - number),
                                elements.getOperand(reciprocal, 1), axes);
    }
    return std::nullopt;
  }
  // exp(x - logsumexp x)
  if (!element.getDefiningOp<math::ExpOp>())
    return std::nullopt;
  Element difference = elements.getOperand(element, 0);
  if (!difference.getDefiningOp<arith::SubFOp>())
    return std::nullopt;
  Element scores = elements.getOperand(difference, 0), sum = elements.getOperand(difference, 1);
  auto logSum = sum.getDefiningOp<gpt::LogsumexpOp>();
  if (!logSum)
    return std::nullopt;
  Axis kept = factors.resolve(flatten(sum.axes));
  Axis axis = selectFactors(factors.resolve(flatten(axes)),
                            [&](int factor) { return !llvm::is_contained(kept, factor); });
  Axes whole = sum.axes;
  whole.push_back(axis);
  if (factors.getSize(axis) != shapeOf(logSum.getInput()).back() ||
      !elements.areEqual({logSum.getInput(), whole}, scores))
    return std::nullopt;
  return Softmax{scores, axis};
}

bool AttentionMatcher::looksLikeAttention(Value probabilities) {
  auto type = dyn_cast<RankedTensorType>(probabilities.getType());
  if (!type || type.getRank() == 0)
    return false;
  std::optional<Softmax> softmax = matchSoftmax(probabilities, factors.create(type.getShape()));
  if (!softmax)
    return false;
  auto passes = [](Operation *op) { return isa<gpt::MapOp, gpt::ReshapeOp, gpt::TransposeOp>(op); };
  llvm::SmallSetVector<Operation *, 8> before, behind;
  Operation *scores = softmax->scores.value.getDefiningOp();
  if (scores && !isa<RankedTensorType>(softmax->scores.value.getType()))
    scores = scores->getParentOp();
  if (scores)
    before.insert(scores);
  bool fromMatmul = false, toMatmul = false;
  for (size_t i = 0; i < before.size() && i < 16; ++i) {
    fromMatmul |= isa<gpt::MatmulOp>(before[i]);
    if (passes(before[i]))
      for (Value operand : before[i]->getOperands())
        if (Operation *producer = operand.getDefiningOp())
          before.insert(producer);
  }
  behind.insert(probabilities.user_begin(), probabilities.user_end());
  for (size_t i = 0; i < behind.size() && i < 16; ++i) {
    toMatmul |= isa<gpt::MatmulOp>(behind[i]);
    if (passes(behind[i]))
      behind.insert(behind[i]->user_begin(), behind[i]->user_end());
  }
  return fromMatmul && toMatmul;
}

//===- Products -----------------------------------------------------------------------------===//

/// The axes of an operand of a matmul from those of its result and the contracted one.
static Axes getOperandAxes(gpt::MatmulOp matmul, bool isLhs, const Axes &result,
                           const Axis &contracted) {
  Value operand = isLhs ? matmul.getLhs() : matmul.getRhs();
  Axes axes;
  if (shapeOf(operand).size() == result.size()) // else a matrix that serves all leading axes
    axes.append(result.begin(), result.end() - 2);
  const Axis &own = result[result.size() - (isLhs ? 2 : 1)];
  bool ownFirst = isLhs != (isLhs ? matmul.getTransposeLhs() : matmul.getTransposeRhs());
  axes.push_back(ownFirst ? own : contracted);
  axes.push_back(ownFirst ? contracted : own);
  return axes;
}

std::variant<std::pair<OpOperand *, Axes>, std::string> AttentionMatcher::findProduct(Value value,
                                                                                      Axes axes) {
  while (true) {
    if (!value.hasOneUse())
      return std::string("its probabilities are used more than once");
    OpOperand &use = *value.use_begin();
    Operation *op = use.getOwner();
    if (isa<gpt::MatmulOp>(op))
      return std::pair(&use, axes);
    if (auto reshape = dyn_cast<gpt::ReshapeOp>(op)) {
      std::optional<Axes> reshaped = factors.reshape(axes, shapeOf(reshape.getResult()));
      if (!reshaped)
        return std::string("its probabilities are reshaped across their axes");
      axes = *reshaped;
      value = reshape.getResult();
    } else if (auto transpose = dyn_cast<gpt::TransposeOp>(op)) {
      Axes before = axes;
      for (auto [axis, from] : llvm::enumerate(transpose.getPermutation()))
        axes[axis] = before[from];
      value = transpose.getResult();
    } else {
      return llvm::formatv("{0} stands between the softmax and the second matmul", op->getName())
          .str();
    }
  }
}

/// Whether what is computed from the scores leads to anything but the probabilities.
static bool areUsedElsewhere(gpt::MatmulOp scores, Value probabilities) {
  // Whatever the probabilities are computed from, since the scores.
  llvm::SmallSetVector<Operation *, 16> parts;
  parts.insert(probabilities.getDefiningOp());
  for (size_t i = 0; i < parts.size(); ++i)
    for (Value operand : parts[i]->getOperands())
      if (Operation *producer = operand.getDefiningOp();
          producer && producer->getBlock() == scores->getBlock() &&
          scores->isBeforeInBlock(producer))
        parts.insert(producer);
  for (Value result : probabilities.getDefiningOp()->getResults())
    if (result != probabilities && !result.use_empty())
      return true;
  llvm::SmallSetVector<Operation *, 16> users(scores->user_begin(), scores->user_end());
  for (size_t i = 0; i < users.size(); ++i) {
    if (!parts.contains(users[i]))
      return true;
    if (users[i] != probabilities.getDefiningOp())
      users.insert(users[i]->user_begin(), users[i]->user_end());
  }
  return false;
}

/// If an element of a map's result is `number * x` or `x / number`, of an x that is not stretched:
/// x and the factor.
std::optional<std::pair<Element, double>>
AttentionMatcher::matchScaled(const Element &element) const {
  auto map = element.getDefiningOp<gpt::MapOp>();
  if (!map)
    return std::nullopt;
  unsigned result = cast<OpResult>(element.value).getResultNumber();
  Operation *op = map.getYield().getOperand(result).getDefiningOp();
  if (!op || op->getParentOp() != map || !isa<arith::MulFOp, arith::DivFOp>(op))
    return std::nullopt;
  for (unsigned number : {0, 1}) {
    auto argument = dyn_cast<BlockArgument>(op->getOperand(number));
    std::optional<double> factor =
        Elements::getConstant(elements.find({op->getOperand(1 - number), element.axes}));
    if (!argument || !factor || !(*factor > 0) || (number == 1 && isa<arith::DivFOp>(op)))
      continue;
    Value operand = map.getOperand(argument.getArgNumber());
    if (shapeOf(operand) == map.getShape())
      return std::pair(Element{operand, element.axes},
                       isa<arith::DivFOp>(op) ? 1 / *factor : *factor);
  }
  return std::nullopt;
}

Element AttentionMatcher::findSource(Element element, double *scale) const {
  while (true) {
    if (std::optional<Element> source = elements.undoRearrangement(element)) {
      element = *source;
    } else if (auto scaled = matchScaled(element); scaled && scale) {
      element = scaled->first;
      *scale *= scaled->second;
    } else {
      return element;
    }
  }
}

//===- Attention ----------------------------------------------------------------------------===//

std::variant<AttentionMatch, std::string> AttentionMatcher::match(Value probabilities) {
  auto type = cast<RankedTensorType>(probabilities.getType());
  if (!type.getElementType().isF32())
    return llvm::formatv("its elements are {0}, not f32", type.getElementType()).str();
  if (type.getNumElements() == 0)
    return std::string("it has no elements");
  Axes space = factors.create(type.getShape());
  std::optional<Softmax> softmax = matchSoftmax(probabilities, space);
  if (!softmax)
    return std::string("it holds no softmax");
  auto read = ScoreReader(factors).read(softmax->scores);
  if (auto *reason = std::get_if<std::string>(&read))
    return *reason;
  auto scores = std::get<Scores>(read);
  auto found = findProduct(probabilities, space);
  if (auto *reason = std::get_if<std::string>(&found))
    return *reason;
  auto [weights, weightAxes] = std::get<0>(found);

  AttentionMatch match;
  match.product = cast<gpt::MatmulOp>(weights->getOwner());
  if (scores.matmul->getBlock() != match.product->getBlock())
    return std::string("its matmuls are in different blocks");
  if (areUsedElsewhere(scores.matmul, probabilities))
    return std::string("its scores are used elsewhere");

  // The second matmul: probabilities [..., t, s], values [..., s, e], in this order or the other.
  bool weightsFirst = weights->getOperandNumber() == 0;
  Value values = match.product->getOperand(weightsFirst ? 1 : 0);
  if (shapeOf(values).size() > weightAxes.size())
    return std::string("one matrix of probabilities serves several matrices of values");
  bool ownFirst = weightsFirst != (weightsFirst ? match.product.getTransposeLhs()
                                                : match.product.getTransposeRhs());
  Axis own = ownFirst ? weightAxes.end()[-2] : weightAxes.back();
  Axis contracted = ownFirst ? weightAxes.back() : weightAxes.end()[-2];
  match.width = factors.create(shapeOf(match.product.getResult()).end()[weightsFirst ? -1 : -2]);
  match.productAxes.append(weightAxes.begin(), weightAxes.end() - 2);
  match.productAxes.push_back(weightsFirst ? own : match.width);
  match.productAxes.push_back(weightsFirst ? match.width : own);

  // The first one, and where its operands come from.
  ArrayRef<int64_t> lhs = shapeOf(scores.matmul.getLhs());
  match.depth = factors.create(scores.matmul.getTransposeLhs() ? lhs.end()[-2] : lhs.back());
  match.scale = scores.factor;
  Axes leftAxes = getOperandAxes(scores.matmul, true, scores.axes, match.depth);
  Axes rightAxes = getOperandAxes(scores.matmul, false, scores.axes, match.depth);
  Axes valueAxes = getOperandAxes(match.product, !weightsFirst, match.productAxes, contracted);
  match.query = findSource({scores.matmul.getLhs(), leftAxes}, &match.scale);
  match.key = findSource({scores.matmul.getRhs(), rightAxes}, &match.scale);
  match.value = findSource({values, valueAxes}, nullptr);
  for (Axes *axes :
       {&match.query.axes, &match.key.axes, &match.value.axes, &match.productAxes, &space})
    *axes = factors.resolve(*axes);
  for (Axis *axis : {&match.depth, &match.width, &contracted})
    *axis = factors.resolve(*axis);

  // Which of them is the query: the one that the softmax does not run over. A single key has no
  // factor to tell, but then all others are the query's.
  match.keys = factors.resolve(softmax->axis);
  Axis left = flatten(match.query.axes), right = flatten(match.key.axes);
  auto mayBeQuery = [&](const Axis &query, const Axis &key) {
    return holdsAll(key, match.keys) && holdsNone(query, match.keys);
  };
  if (!mayBeQuery(left, right) || (match.keys.empty() && !holdsAll(left, right))) {
    std::swap(match.query, match.key);
    std::swap(left, right);
  }
  if (!mayBeQuery(left, right))
    return std::string("its softmax does not run over the keys");
  Axis all = flatten(space);
  if (!areSameSets(all, factors.resolve(flatten(scores.axes))))
    return std::string("its scores are stretched along an axis");
  Axis shared = selectFactors(all, [&](int factor) {
    return llvm::is_contained(left, factor) && llvm::is_contained(right, factor);
  });
  Axis queryOnly =
      selectFactors(all, [&](int factor) { return !llvm::is_contained(right, factor); });
  if (right.size() != shared.size() + match.keys.size() + match.depth.size())
    return std::string("its keys have an axis that the softmax does not run over");
  if (!areSameSets(contracted, match.keys))
    return std::string("its softmax does not run over the axis that meets the values");
  Axis ofValues = flatten(match.value.axes);
  if (!holdsAll(ofValues, shared) ||
      ofValues.size() != shared.size() + match.keys.size() + match.width.size())
    return std::string("its keys and values have different groups");

  if (scores.mask) {
    Band band = *scores.mask;
    if (factors.resolve(band.j) != match.keys)
      band = band.flipped();
    band.i = factors.resolve(band.i);
    if (factors.resolve(band.j) != match.keys || !holdsAll(queryOnly, band.i))
      return std::string("its mask does not compare a query's position with a key's");
    int64_t queries = factors.getSize(band.i), keys = factors.getSize(match.keys);
    bool ends = band.high<queries - 1, begins = band.low> 1 - keys;
    if (begins && (band.low != 0 || queries != keys))
      return llvm::formatv(
                 "its mask shows query t the keys up to t - {0}, of {1} queries and {2} keys",
                 band.low, queries, keys)
          .str();
    if (ends)
      return llvm::formatv("its mask has a window: it hides keys before t - {0} from query t",
                           band.high)
          .str();
    match.causal = begins;
    if (begins)
      match.queries = band.i;
  }
  for (const Axis &axis : llvm::reverse(space))
    if (match.queries.empty())
      match.queries =
          selectFactors(axis, [&](int factor) { return llvm::is_contained(queryOnly, factor); });
  match.heads = selectFactors(
      queryOnly, [&](int factor) { return !llvm::is_contained(match.queries, factor); });

  // Heads are an axis of their own, so that no stride is lost in merging them with sequences.
  if (space.size() >= 3)
    match.groups = selectFactors(space.end()[-3],
                                 [&](int factor) { return llvm::is_contained(shared, factor); });
  match.batch =
      selectFactors(shared, [&](int factor) { return !llvm::is_contained(match.groups, factor); });
  if (match.batch.empty() && match.groups.size() > 1) {
    match.batch.assign(match.groups.begin(), match.groups.end() - 1);
    match.groups.erase(match.groups.begin(), match.groups.end() - 1);
  } else if (match.groups.empty() && match.heads.empty() && match.batch.size() > 1) {
    match.groups = {match.batch.pop_back_val()};
  }

  if (!std::isfinite(match.scale) || match.scale <= 0)
    return "its scale, " + print(match.scale) + ", is not positive";
  int64_t size = std::max(factors.getSize(match.depth), factors.getSize(match.width));
  if (size > mostHeadSize)
    return llvm::formatv("its heads of {0} elements are larger than {1}", size, mostHeadSize).str();
  return match;
}
