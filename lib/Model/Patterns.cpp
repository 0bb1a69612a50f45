// Reading patterns, and contracting tensors along their names.
#include "Patterns.h"
#include "Walk.h"

#include <fmt/format.h>

namespace gptc::model {

std::optional<size_t> FactorAxes::find(llvm::StringRef key) const {
  auto it = llvm::find(keys, key);
  return it == keys.end() ? std::nullopt : std::optional<size_t>(it - keys.begin());
}

void FactorAxes::add(std::string key, Number size) {
  keys.push_back(std::move(key));
  sizes.push_back(std::move(size));
}

//===- Reading --------------------------------------------------------------------------------===//

std::optional<FactorAxes> PatternReader::readSide(const ast::Shape &shape, Dims *merged) {
  FactorAxes axes;
  for (const ast::Size &size : shape.sizes) {
    if (size.isEllipsis) {
      if (!leading_)
        return std::nullopt; // was reported
      for (auto [i, number] : llvm::enumerate(*leading_)) {
        axes.add("..." + std::to_string(i), number);
        if (merged)
          merged->push_back(number);
      }
      continue;
    }
    Number product = 1;
    for (const ast::Expr *factor : factorsOf(*size.value)) {
      std::optional<Number> number = elaborator_.evaluateNumber(*factor, frame_, "a size");
      if (number)
        number = elaborator_.checkSize(*number, frame_, *factor, 1);
      if (!number)
        return std::nullopt;
      product = Number::multiply(product, *number);
      const auto *name = ast::dynCast<ast::NameExpr>(factor);
      if (name || !number->isOne())
        axes.add(name ? name->name : number->toString(), *number);
    }
    if (merged)
      merged->push_back(product);
  }
  return axes;
}

std::optional<Factored> PatternReader::match(const ast::Shape &before, Tensor *tensor,
                                             const ast::Expr *expr, SourceRange range) {
  MatchSite site{what_, range, &frame_};
  if (const auto *name = ast::dynCast<ast::NameExpr>(expr))
    site.declared = frame_.types.lookup(name->name);
  if (!elaborator_.matchShape(before, tensor, frame_, leading_, site))
    return std::nullopt;
  std::optional<FactorAxes> axes = readSide(before, nullptr);
  if (!axes)
    return std::nullopt;
  return Factored{tensor, std::move(*axes)};
}

std::optional<FactorAxes> PatternReader::readAfter(const ast::Shape &after, Dims &merged) {
  return readSide(after, &merged);
}

static bool isUnique(const FactorAxes &axes) {
  for (size_t i = 0; i < axes.keys.size(); ++i)
    if (axes.find(axes.keys[i]) != i)
      return false;
  return true;
}

bool agree(llvm::ArrayRef<Factored> before, const FactorAxes &after, bool mayReduce) {
  auto isOnLeft = [&](const std::string &key) {
    return llvm::any_of(before, [&](const Factored &side) { return side.axes.find(key); });
  };
  bool ok = isUnique(after) && llvm::all_of(after.keys, isOnLeft);
  for (const Factored &side : before)
    ok &= isUnique(side.axes) &&
          (mayReduce ||
           llvm::all_of(side.axes.keys, [&](const std::string &key) { return after.find(key); }));
  return ok;
}

//===- Contracting ----------------------------------------------------------------------------===//

Tensor *arrange(Graph &graph, const Factored &factored, const FactorAxes &order) {
  llvm::SmallVector<int64_t> permutation;
  Dims sizes;
  for (const std::string &key : order.keys) {
    std::optional<size_t> axis = factored.axes.find(key);
    sizes.push_back(axis ? factored.axes.sizes[*axis] : Number(1));
    if (axis)
      permutation.push_back(*axis);
  }
  Tensor *tensor = factored.tensor;
  if (!llvm::is_sorted(permutation))
    tensor = graph.transpose(graph.reshape(tensor, factored.axes.sizes), permutation);
  return graph.reshape(tensor, std::move(sizes));
}

namespace {

/// The names of two operands, by what a product does with them.
struct Roles {
  FactorAxes batch, left, right, contracted;
};

Number product(llvm::ArrayRef<Number> sizes) {
  Number result = 1;
  for (const Number &size : sizes)
    result = Number::multiply(result, size);
  return result;
}

void append(FactorAxes &axes, const FactorAxes &more) {
  for (auto [key, size] : llvm::zip(more.keys, more.sizes))
    axes.add(key, size);
}

FactorAxes concatenated(const FactorAxes &a, const FactorAxes &b, const FactorAxes &c) {
  FactorAxes axes = a;
  append(axes, b);
  append(axes, c);
  return axes;
}

/// Sums over the names that `isNeeded` does not want.
Factored sumUnneeded(Graph &graph, Factored operand,
                     llvm::function_ref<bool(llvm::StringRef)> isNeeded) {
  llvm::SmallVector<int64_t> axes;
  FactorAxes kept;
  for (size_t i = 0; i < operand.axes.keys.size(); ++i) {
    if (isNeeded(operand.axes.keys[i]))
      kept.add(operand.axes.keys[i], operand.axes.sizes[i]);
    else
      axes.push_back(i);
  }
  if (axes.empty())
    return operand;
  Tensor *whole = graph.reshape(operand.tensor, operand.axes.sizes);
  return {graph.reduce(gpt::ReduceKind::sum, whole, axes), std::move(kept)};
}

/// The product as a matmul: [batch, left, contracted] times [batch, contracted, right].
Factored multiplyMatrices(Graph &graph, const Factored &a, const Factored &b, const Roles &roles) {
  const auto &[batch, left, right, contracted] = roles;
  FactorAxes leftAxes = concatenated(batch, left, contracted);
  // A matrix on the right serves all leading axes, so those of the left need no merging.
  bool keepsAxes = batch.keys.empty() && contracted.keys.size() == 1;
  Tensor *lhs = arrange(graph, a, leftAxes);
  Dims lhsDims = batch.sizes, rhsDims = batch.sizes;
  lhsDims.append({product(left.sizes), product(contracted.sizes)});
  if (!keepsAxes)
    lhs = graph.reshape(lhs, lhsDims);
  Tensor *rhs = arrange(graph, b, concatenated(batch, contracted, right));
  rhsDims.append({product(contracted.sizes), product(right.sizes)});
  Tensor *result = graph.matmul(lhs, graph.reshape(rhs, rhsDims));
  return {result, concatenated(batch, left, right)};
}

Factored multiply(Graph &graph, Factored a, Factored b,
                  llvm::function_ref<bool(llvm::StringRef)> isNeededLater) {
  a = sumUnneeded(graph, std::move(a),
                  [&](llvm::StringRef key) { return isNeededLater(key) || b.axes.find(key); });
  b = sumUnneeded(graph, std::move(b),
                  [&](llvm::StringRef key) { return isNeededLater(key) || a.axes.find(key); });
  Roles roles;
  for (auto [key, size] : llvm::zip(a.axes.keys, a.axes.sizes)) {
    FactorAxes &role = !b.axes.find(key)    ? roles.left
                       : isNeededLater(key) ? roles.batch
                                            : roles.contracted;
    role.add(key, size);
  }
  for (auto [key, size] : llvm::zip(b.axes.keys, b.axes.sizes))
    if (!a.axes.find(key))
      roles.right.add(key, size);

  bool isMatmul =
      !roles.contracted.keys.empty() && !roles.left.keys.empty() && !roles.right.keys.empty();
  if (isMatmul)
    return multiplyMatrices(graph, a, b, roles);
  // In the order of an operand that has all axes, if one does: it need not be transposed.
  FactorAxes all = concatenated(roles.batch, roles.left, roles.right);
  append(all, roles.contracted);
  for (const Factored *operand : {&b, &a})
    if (operand->axes.keys.size() == all.keys.size())
      all = operand->axes;
  Factored result{
      graph.map(Scalar::Multiply, {arrange(graph, a, all), arrange(graph, b, all)}, all.sizes),
      all};
  return sumUnneeded(graph, std::move(result), isNeededLater);
}

} // namespace

Tensor *contract(Graph &graph, std::vector<Factored> operands, const FactorAxes &after) {
  for (Factored &operand : operands)
    operand.tensor = graph.real(operand.tensor);
  Factored result = operands.front();
  for (size_t i = 1; i < operands.size(); ++i) {
    auto isNeededLater = [&](llvm::StringRef key) {
      return after.find(key) || llvm::any_of(llvm::drop_begin(operands, i + 1),
                                             [&](Factored &f) { return f.axes.find(key); });
    };
    result = multiply(graph, std::move(result), std::move(operands[i]), isNeededLater);
  }
  result = sumUnneeded(graph, std::move(result),
                       [&](llvm::StringRef key) { return after.find(key).has_value(); });
  return arrange(graph, result, after);
}

} // namespace gptc::model
