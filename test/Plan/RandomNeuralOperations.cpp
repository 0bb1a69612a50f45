// The operations of random graphs that cut, join and gather, and those with names of their own.
#include "RandomGraphBuilder.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <functional>
#include <numeric>

using namespace gptc::test;

static int64_t countOf(const Shape &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<int64_t>());
}

void RandomGraphBuilder::split() {
  int x = any();
  if (at(x).shape.empty())
    return;
  size_t axis = below(at(x).shape.size());
  int64_t left = at(x).shape[axis];
  std::vector<Choice> pieces;
  std::vector<std::string> types;
  while (left > 0) {
    Choice piece{"", at(x).shape, at(x).bound, at(x).limit, 0};
    piece.shape[axis] = pieces.size() == 2             ? left
                        : left % 3 == 0 && chance(0.5) ? left / 3
                                                       : 1 + below(left);
    left -= piece.shape[axis];
    types.push_back(typeText(piece.shape, piece.limit != 0));
    pieces.push_back(piece);
  }
  std::string name = use(x);
  append(
      fmt::format("gpt.split {} axis {} : {} -> {}", name, axis, type(x), fmt::join(types, ", ")),
      {name}, pieces);
}

void RandomGraphBuilder::concat() {
  int first = any();
  if (at(first).shape.empty())
    return;
  size_t axis = below(at(first).shape.size());
  std::vector<int> pieces{first};
  // What agrees in the other axes; else something new.
  std::vector<int> fitting;
  for (int i = 0; i < static_cast<int>(values.size()); ++i) {
    Shape shape = at(i).shape;
    if (shape.size() != at(first).shape.size() || (at(i).limit != 0) != (at(first).limit != 0))
      continue;
    shape[axis] = at(first).shape[axis];
    if (shape == at(first).shape && (i != first || chance(0.2)) && (at(i).uses == 0 || chance(0.4)))
      fitting.push_back(i);
  }
  for (int count = 1 + below(2); count > 0; --count) {
    if (!fitting.empty() && chance(0.8)) {
      pieces.push_back(oneOf(fitting));
    } else if (at(first).limit == 0) {
      Shape shape = at(first).shape;
      shape[axis] = size();
      if (countOf(shape) < mostElements / 3)
        pieces.push_back(map(shape, {readNew(stretchable(shape))}));
    }
  }
  std::shuffle(pieces.begin(), pieces.end(), random);
  Choice result{"", at(first).shape, 0, at(first).limit, 0};
  result.shape[axis] = 0;
  std::vector<std::string> names, types;
  for (int piece : pieces) {
    result.shape[axis] += at(piece).shape[axis];
    result.bound = std::max(result.bound, at(piece).bound);
    result.limit = std::max(result.limit, at(piece).limit);
    names.push_back(at(piece).name);
    types.push_back(type(piece));
  }
  if (countOf(result.shape) > mostElements)
    return;
  for (int piece : pieces)
    use(piece);
  append(fmt::format("gpt.concat {} axis {} : {} -> {}", fmt::join(names, ", "), axis,
                     fmt::join(types, ", "), typeText(result.shape, result.limit != 0)),
         names, {result});
}

void RandomGraphBuilder::slice() {
  int x = any();
  Choice result{"", at(x).shape, at(x).bound, at(x).limit, 0};
  std::vector<int64_t> offsets;
  for (int64_t &size : result.shape) {
    int64_t whole = size;
    if (chance(0.5))
      size = 1 + below(whole);
    offsets.push_back(below(whole - size + 1));
  }
  std::string name = use(x);
  append(fmt::format("gpt.slice {} [{}] [{}] : {} -> {}", name, fmt::join(offsets, ", "),
                     fmt::join(result.shape, ", "), type(x),
                     typeText(result.shape, result.limit != 0)),
         {name}, {result});
}

void RandomGraphBuilder::pad() {
  int x = any();
  Choice result{"", at(x).shape, at(x).bound, at(x).limit, 0};
  std::vector<int64_t> low, high;
  for (int64_t &size : result.shape) {
    low.push_back(chance(0.4) ? below(4) : 0);
    high.push_back(chance(0.4) ? below(4) : 0);
    size += low.back() + high.back();
  }
  if (countOf(result.shape) > mostElements)
    return;
  std::string name = use(x);
  append(fmt::format("gpt.pad {} [{}] [{}] : {} -> {}", name, fmt::join(low, ", "),
                     fmt::join(high, ", "), type(x), typeText(result.shape, result.limit != 0)),
         {name}, {result});
}

void RandomGraphBuilder::normalize() {
  int x = tame(real(1), 100);
  Shape shape = at(x).shape, rows(shape.begin(), shape.end() - 1);
  std::string name = use(x), rowType = typeText(rows);
  switch (below(3)) {
  case 0:
    append(fmt::format("gpt.softmax {} : {}", name, type(x)), {name}, {{"", shape, 1, 0, 0}});
    return;
  case 1:
    append(fmt::format("gpt.logsumexp {} : {} -> {}", name, type(x), rowType), {name},
           {{"", rows, at(x).bound + 6, 0, 0}});
    return;
  default:
    break;
  }
  std::vector<std::string> names{name};
  std::string affine;
  for (const char *part : {"weight", "bias"})
    if (chance(0.6)) {
      int parameter = tame(withShape({shape.back()}), 5);
      names.push_back(use(parameter));
      affine += fmt::format(" {} {} : {}", part, names.back(), type(parameter));
    }
  append(fmt::format("gpt.layer_norm {}{} epsilon 0.1 : {} -> {}, {}, {}", name, affine, type(x),
                     type(x), rowType, rowType),
         names, {{"", shape, 20, 0, 0}, {"", rows, at(x).bound, 0, 0}, {"", rows, 4, 0, 0}});
}

void RandomGraphBuilder::embed() {
  int table = real(2);
  if (at(table).shape.size() != 2)
    table = readNew(shape(2, 2));
  Shape where = shape(1, 2), result = where;
  result.push_back(at(table).shape[1]);
  if (countOf(result) > mostElements)
    return;
  int indices = readIndices(where, at(table).shape[0]);
  std::vector<std::string> names{use(indices), use(table)};
  append(fmt::format("gpt.embedding {} : {}, {} -> {}", fmt::join(names, ", "), type(indices),
                     type(table), typeText(result)),
         names, {{"", result, at(table).bound, 0, 0}});
}

void RandomGraphBuilder::embedGrad() {
  int adjoint = real(2);
  Shape where(at(adjoint).shape.begin(), at(adjoint).shape.end() - 1);
  Shape line{countOf(where)}, result{size(), at(adjoint).shape.back()};
  if (countOf(result) > mostElements)
    return;
  int indices = readIndices(where, result[0]);
  std::string index = use(indices);
  int order =
      append(fmt::format("gpt.argsort {} : {} -> {}", index, type(indices), typeText(line, true)),
             {index}, {{"", line, 1, static_cast<int>(line[0]), 0}});
  std::vector<std::string> names{use(indices), use(order), use(adjoint)};
  append(fmt::format("gpt.embedding_grad {} : {}, {}, {} -> {}", fmt::join(names, ", "),
                     type(indices), type(order), type(adjoint), typeText(result)),
         names, {{"", result, at(adjoint).bound * 5, 0, 0}});
}

void RandomGraphBuilder::crossEntropy() {
  int logits = tame(real(2), 100);
  Shape rows(at(logits).shape.begin(), at(logits).shape.end() - 1);
  // Targets below 0 are left out; one row at least would have to be kept, so only many rows have
  // them.
  int lowest = countOf(rows) > 30 ? -1 : 0;
  int targets = read(declare("input", rows, at(logits).shape.back(), lowest));
  values[targets].uses = 1; // no index for others, since it may be negative
  std::vector<std::string> names{use(logits), at(targets).name};
  double bound = at(logits).bound * 2 + 6;
  append(fmt::format("gpt.cross_entropy {} : {}, {} -> tensor<f32>, {}, {}", fmt::join(names, ", "),
                     type(logits), type(targets), typeText(rows), typeText(rows)),
         names, {{"", {}, bound, 0, 0}, {"", rows, bound, 0, 0}, {"", rows, bound, 0, 0}});
}

void RandomGraphBuilder::constant() {
  Shape where = shape(0, 3);
  append(fmt::format("arith.constant dense<0.75> : {}", typeText(where)), {},
         {{"", where, 1, 0, 0}});
}
