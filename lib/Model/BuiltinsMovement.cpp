// Functions that move values: rearrangements, slices, shifts, and the tensors made of positions.
#include "BuiltinCall.h"
#include "Patterns.h"

#include <fmt/format.h>

namespace gptc::model {

Meaning buildRearrange(BuiltinCall &call) {
  const ast::Argument &pattern = *call.arguments[1];
  PatternReader reader(call.elaborator, call.frame, "rearrange");
  std::optional<Factored> factored =
      reader.match(*pattern.shape, call.tensor(0), call.expr(0), call.range(0));
  Dims merged;
  std::optional<FactorAxes> after =
      factored ? reader.readAfter(*pattern.after, merged) : std::nullopt;
  if (!after || !agree(*factored, *after, false))
    return Poison();
  call.at();
  // One reshape where nothing changes places.
  return call.graph.reshape(arrange(call.graph, *factored, *after), merged);
}

Meaning buildTranspose(BuiltinCall &call) {
  Tensor *x = call.tensor(0);
  if (x->dims.size() < 2)
    return call.failShape(call.range(0), "two axes or more are needed", "[..., M, N]",
                          toString(x->dims, x->isInt));
  return call.graph.transpose(x);
}

Meaning buildSplit(BuiltinCall &call) {
  Tensor *x = call.tensor(0);
  const ast::Argument &pieces = *call.arguments[1];
  std::string found = toString(x->dims, x->isInt);
  if (x->dims.empty())
    return call.failShape(call.range(0), "a last axis is needed", "[..., C]", found);
  const Number &last = x->dims.back();
  Dims sizes;
  if (pieces.shape) {
    std::optional<Dims> listed = call.elaborator.evaluateShape(*pieces.shape, call.frame);
    if (!listed)
      return Poison();
    Number sum = 0;
    for (const Number &size : *listed)
      sum = Number::add(sum, size);
    if (!Number::same(sum, last))
      return call.failShape(pieces.range, "the pieces do not add up to the last axis",
                            fmt::format("{} in all", last.toString()),
                            fmt::format("{} in all", sum.toString()));
    sizes = std::move(*listed);
  } else {
    constexpr int64_t maxPieces = 4096;
    std::optional<Number> count =
        call.elaborator.checkSize(call.number(1), call.frame, *pieces.value, 1);
    if (!count)
      return Poison();
    Number size = Number::divide(last, *count);
    if (!size.isWhole() || size.isOpaque() || count->value() > maxPieces)
      return call.failShape(
          call.range(0),
          fmt::format("the last axis cannot be cut into {} equal pieces", count->toString()),
          fmt::format("[..., {} * C]", count->toString()), found);
    sizes.assign(count->whole(), size);
  }
  Meaning::Tuple values;
  if (sizes.size() == 1)
    return x;
  for (Tensor *piece : call.graph.split(x, sizes))
    values.push_back(piece);
  return values;
}

Meaning buildConcat(BuiltinCall &call) {
  llvm::SmallVector<Tensor *> tensors;
  bool ok = true, isInt = true;
  for (const ast::Argument &argument : call.call.arguments) {
    Tensor *tensor = call.elaborator.toTensor(call.elaborator.evaluate(*argument.value, call.frame),
                                              call.frame, argument.range, "an argument of concat");
    ok &= tensor != nullptr;
    if (!tensor)
      continue;
    tensors.push_back(tensor);
    isInt &= tensor->isInt;
    llvm::ArrayRef<Number> first = tensors.front()->dims, dims = tensor->dims;
    if (first.empty() || dims.empty() || !sameDims(first.drop_back(), dims.drop_back())) {
      Dims required = tensors.front()->dims;
      std::string text = toString(llvm::ArrayRef(required).drop_back(!required.empty()));
      text.insert(text.size() - 1, required.size() > 1 ? ", C" : "C");
      call.failShape(argument.range, "all axes but the last must agree", text, toString(dims));
      ok = false;
    }
  }
  if (!ok)
    return Poison();
  call.at();
  if (!isInt)
    for (Tensor *&tensor : tensors)
      tensor = call.graph.real(tensor);
  return tensors.size() == 1 ? tensors.front() : call.graph.concat(tensors);
}

Meaning buildShift(BuiltinCall &call) {
  Tensor *x = call.tensor(0);
  std::optional<Number> count =
      call.elaborator.checkSize(call.number(1), call.frame, *call.expr(1), 0);
  if (!count)
    return Poison();
  if (x->dims.size() < 2)
    return call.failShape(call.range(0), "two axes or more are needed", "[..., T, C]",
                          toString(x->dims));
  size_t axis = x->dims.size() - 2;
  if (count->value() == 0)
    return x;
  if (count->value() >= x->dims[axis].value())
    return call.graph.broadcast(call.graph.constant(0), x->dims);
  Dims kept = x->dims;
  kept[axis] = Number::subtract(kept[axis], *count);
  llvm::SmallVector<int64_t> offsets(x->dims.size());
  return call.graph.padFront(call.graph.slice(x, offsets, kept), axis, *count);
}

Meaning buildArange(BuiltinCall &call) {
  std::optional<Number> count =
      call.elaborator.checkSize(call.number(0), call.frame, *call.expr(0), 1);
  return count ? Meaning(call.graph.iota(*count)) : Meaning();
}

Meaning buildTril(BuiltinCall &call) {
  std::optional<Number> count =
      call.elaborator.checkSize(call.number(0), call.frame, *call.expr(0), 1);
  if (!count)
    return Poison();
  Tensor *column = call.graph.iota(*count);
  Tensor *row = call.graph.reshape(column, {*count, 1});
  return call.graph.map(Scalar::LessEqual, {column, row}, {*count, *count});
}

//===- Slices ---------------------------------------------------------------------------------===//

namespace {

/// The part of one axis that an index takes.
struct Part {
  Number begin, size;
  bool isPosition = false;
};

} // namespace

/// A bound of a slice; negative ones count from the end.
static std::optional<Number> evaluateBound(Elaborator &elaborator, const ast::Expr &expr,
                                           Frame &frame, const Number &axis) {
  std::optional<Number> bound = elaborator.evaluateNumber(expr, frame, "an index");
  if (!bound)
    return std::nullopt;
  if (!bound->isWhole() || bound->isOpaque()) {
    elaborator.error(frame, expr.range,
                     fmt::format("an index must be whole, found {}", bound->toString()));
    return std::nullopt;
  }
  return bound->value() < 0 ? Number::add(axis, *bound) : *bound;
}

static std::optional<Part> evaluateItem(Elaborator &elaborator, const ast::IndexItem &item,
                                        Frame &frame, const Number &axis) {
  Part part{0, axis};
  if (item.kind == ast::IndexItem::Kind::Position) {
    std::optional<Number> position = evaluateBound(elaborator, *item.position, frame, axis);
    if (!position)
      return std::nullopt;
    part = {*position, 1, true};
  } else {
    std::optional<Number> lower = Number(0), upper = axis;
    if (item.lower)
      lower = evaluateBound(elaborator, *item.lower, frame, axis);
    if (item.upper)
      upper = evaluateBound(elaborator, *item.upper, frame, axis);
    if (!lower || !upper)
      return std::nullopt;
    part = {*lower, Number::subtract(*upper, *lower)};
  }
  double end = part.begin.value() + part.size.value();
  if (part.begin.value() >= 0 && part.size.value() >= 1 && end <= axis.value())
    return part;
  std::string found = part.isPosition
                          ? part.begin.toString()
                          : fmt::format("{}:{}", toString(part.begin.value()), toString(end));
  elaborator.error(frame, item.range,
                   fmt::format("index out of range: required {} 0 to {}, found {}",
                               part.isPosition ? "one of" : "a part of",
                               toString(axis.value() - part.isPosition), found));
  return std::nullopt;
}

Meaning Elaborator::evaluateIndex(const ast::IndexExpr &index, Frame &frame) {
  Meaning object = evaluate(*index.object, frame);
  if (!frame.takesTensors())
    return Poison(); // was reported
  Tensor *x = toTensor(object, frame, index.object->range, "what is indexed");
  if (!x)
    return Poison();
  size_t rank = x->dims.size(), given = 0;
  for (const ast::IndexItem &item : index.items)
    given += item.kind != ast::IndexItem::Kind::Ellipsis;
  if (given > rank) {
    error(frame, index.range,
          fmt::format("too many indices: required at most {}, found {}", rank, given))
        .found(toString(x->dims, x->isInt));
    return Poison();
  }
  llvm::SmallVector<int64_t> offsets;
  Dims sliced, kept;
  bool ok = true;
  auto keep = [&](size_t count) {
    for (; count > 0; --count) {
      const Number &size = x->dims[offsets.size()];
      offsets.push_back(0);
      sliced.push_back(size);
      kept.push_back(size);
    }
  };
  for (const ast::IndexItem &item : index.items) {
    if (item.kind == ast::IndexItem::Kind::Ellipsis) {
      keep(rank - given);
      given = rank; // a second one was reported
      continue;
    }
    std::optional<Part> part = evaluateItem(*this, item, frame, x->dims[offsets.size()]);
    ok &= part.has_value();
    if (!part)
      part = Part{0, 1};
    offsets.push_back(part->begin.whole());
    sliced.push_back(part->size);
    if (!part->isPosition)
      kept.push_back(part->size);
  }
  keep(rank - offsets.size());
  if (!ok)
    return Poison();
  at(frame, index.range);
  return graph.reshape(graph.slice(x, offsets, sliced), kept);
}

} // namespace gptc::model
