// Rearrangements, products and reductions of the fixtures.
#include "test/lib/Oracle/TextBuilder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace gptc::test;
using Shape = std::vector<int64_t>;

static std::string list(const Shape &numbers) {
  return fmt::format("[{}]", fmt::join(numbers, ", "));
}

/// Reshapes to `split`, transposes, and reshapes to the output.
static void writeRearrange(TextBuilder &t, const Shape &split, const Shape &permutation) {
  TextValue parts = t.reshape("parts", t.input("x"), split);
  Shape turned;
  for (int64_t axis : permutation)
    turned.push_back(split[axis]);
  TextValue moved = t.op({"moved", turned}, "gpt.transpose %parts " + list(permutation), {parts});
  t.reshape("out_y", moved, t.output().shape);
}

static bool writeMovement(TextBuilder &t) {
  const std::string &op = t.opCase().op;
  const nlohmann::json &attributes = t.opCase().attributes;
  if (op == "detach") {
    t.line("%still = gpt.detach %in_x : " + t.type(t.input("x")));
    t.map("out_y", {t.input("x"), {"still", t.input("x").shape}}, t.output(),
          "%y = arith.mulf %a, %b : REAL");
  } else if (op == "slice") {
    Shape starts = attributes["starts"].get<Shape>();
    t.op(t.output(), fmt::format("gpt.slice %in_x {} {}", list(starts), list(t.output().shape)),
         {t.input("x")});
  } else if (op == "index") {
    TextValue x = t.input("x");
    size_t axis = attributes["axis"];
    Shape offsets(x.shape.size()), sizes = x.shape;
    offsets[axis] = attributes["index"];
    sizes[axis] = 1;
    TextValue part = t.op({"part", sizes},
                          fmt::format("gpt.slice %in_x {} {}", list(offsets), list(sizes)), {x});
    t.reshape("out_y", part, t.output().shape);
  } else if (op == "slices_that_overlap") {
    TextValue x = t.input("x");
    TextValue low = t.op({"low", {2, 3}}, "gpt.slice %in_x [0, 0] [2, 3]", {x});
    TextValue high = t.op({"high", {2, 3}}, "gpt.slice %in_x [0, 2] [2, 3]", {x});
    t.map("out_y", {low, high}, t.output(), "%y = arith.mulf %a, %b : REAL");
  } else if (op == "concat") {
    t.op(t.output(), "gpt.concat %in_x, %in_y axis 2", t.inputs());
  } else if (op == "split") {
    std::vector<TextValue> pieces;
    std::vector<std::string> names;
    for (const NamedTensor &output : t.opCase().outputs) {
      pieces.push_back(t.output(output.name));
      names.push_back("%" + pieces.back().name);
    }
    TextValue x = t.input("x");
    t.line(fmt::format("{} = gpt.split %in_x axis {} : {} -> {}", fmt::join(names, ", "),
                       x.shape.size() - 1, t.type(x), t.types(pieces)));
  } else if (op == "shift") { // [B, T, C], rows of zeros before
    TextValue x = t.input("x");
    Shape padded = x.shape;
    int64_t count = attributes["count"];
    padded[1] += count;
    TextValue wide =
        t.op({"wide", padded}, fmt::format("gpt.pad %in_x [0, {}, 0] [0, 0, 0]", count), {x});
    t.op(t.output(), "gpt.slice %wide [0, 0, 0] " + list(x.shape), {wide});
  } else if (op == "transpose") {
    t.op(t.output(), "gpt.transpose %in_x [0, 2, 1]", {t.input("x")});
  } else if (op == "rearrange") {
    std::string pattern = attributes["pattern"];
    Shape x = t.input("x").shape;
    if (pattern == "[B, T, 2 * D] -> [B, 2, T, D]")
      writeRearrange(t, {x[0], x[1], 2, x[2] / 2}, {0, 2, 1, 3});
    else if (pattern == "[B, H, T, D] -> [B, T, H * D]")
      writeRearrange(t, x, {0, 2, 1, 3});
    else if (pattern == "[A, B, C] -> [C, A, B]")
      writeRearrange(t, x, {2, 0, 1});
    else // neighbours stay neighbours
      t.reshape("out_y", t.input("x"), t.output().shape);
  } else {
    return false;
  }
  return true;
}

static bool writeProduct(TextBuilder &t) {
  const std::string &op = t.opCase().op;
  const std::string multiply = "%y = arith.mulf %a, %b : REAL";
  if (op == "matmul") {
    t.op(t.output(), "gpt.matmul %in_x, %in_y", t.inputs());
  } else if (op == "matmul_transposed") {
    t.op(t.output(), "gpt.matmul %in_x, %in_y transpose_rhs", t.inputs());
  } else if (op == "linear") {
    TextValue product = t.output();
    bool biased = t.opCase().inputs.size() == 3;
    product.name = biased ? "product" : "out_y";
    t.op(product, "gpt.matmul %in_x, %in_weight transpose_rhs", {t.input("x"), t.input("weight")});
    if (biased)
      t.map("out_y", {product, t.input("bias")}, product, "%y = arith.addf %a, %b : REAL");
  } else if (op == "einsum") {
    std::string pattern = t.opCase().attributes["pattern"];
    TextValue x = t.input("x"), y = t.input("y");
    if (pattern == "[T], [F] -> [T, F]") {
      t.map("out_y", {t.reshape("column", x, {x.shape[0], 1}), y}, t.output(), multiply);
    } else if (pattern == "[B, T, C], [B, S, C] -> [B, T, S]") {
      t.op(t.output(), "gpt.matmul %in_x, %in_y transpose_rhs", {x, y});
    } else if (pattern == "[B, H, T, D], [H, D] -> [B, T, H]") {
      TextValue heads = t.reshape("heads", y, {y.shape[0], 1, y.shape[1]});
      TextValue sums = t.reduce("sums", "sum", t.map("products", {x, heads}, x, multiply), {3});
      t.op(t.output(), "gpt.transpose %sums [0, 2, 1]", {sums});
    } else { // [A, B], [A, B] -> []
      t.reduce("out_y", "sum", t.map("products", {x, y}, x, multiply), {0, 1});
    }
  } else if (op == "embedding") {
    t.op(t.output(), "gpt.embedding %in_indices, %in_table", t.inputs());
  } else {
    return false;
  }
  return true;
}

/// The axes that a pattern such as [A, B, C] -> [A, C] reduces; `1` stands for a reduced axis.
static Shape getReducedAxes(const std::string &pattern) {
  std::string right = pattern.substr(pattern.find("->"));
  Shape axes;
  int64_t axis = 0;
  for (char c : pattern.substr(0, pattern.find("->")))
    if (c >= 'A' && c <= 'Z') {
      if (right.find(c) == std::string::npos)
        axes.push_back(axis);
      ++axis;
    }
  return axes;
}

static bool writeReduction(TextBuilder &t) {
  const std::string &op = t.opCase().op;
  const nlohmann::json &attributes = t.opCase().attributes;
  const std::string square = "%y = arith.mulf %a, %a : REAL";
  if (op == "l2") {
    std::vector<TextValue> sums;
    for (const TextValue &input : t.inputs()) {
      std::vector<int64_t> axes(input.shape.size());
      for (size_t i = 0; i < axes.size(); ++i)
        axes[i] = i;
      TextValue squares = t.map(input.name + "_squares", {input}, input, square);
      sums.push_back(t.reduce(input.name + "_sum", "sum", squares, axes));
    }
    t.map("out_y", sums, t.output(), "%y = arith.addf %a, %b : REAL");
    return true;
  }
  if (!attributes.contains("pattern"))
    return false;
  TextValue x = t.input("x");
  Shape axes = getReducedAxes(attributes["pattern"]), kept = x.shape;
  double count = 1;
  for (int64_t axis : axes) {
    count *= kept[axis];
    kept[axis] = 1;
  }
  auto divide = [&](const std::string &name, const TextValue &sum, double by) {
    return t.map(
        name, {sum}, sum,
        fmt::format("%n = arith.constant {:.17e} : REAL\n%y = arith.divf %a, %n : REAL", by));
  };
  TextValue reduced;
  if (op == "sum" || op == "max" || op == "min") {
    reduced = t.reduce("reduced", op, x, axes);
  } else if (op == "mean" || op == "var") {
    reduced = divide("mean", t.reduce("total", "sum", x, axes), count);
    if (op == "var") {
      TextValue squares = t.map("squares", {x, t.reshape("mean_kept", reduced, kept)}, x,
                                "%d = arith.subf %a, %b : REAL\n%y = arith.mulf %d, %d : REAL");
      double correction = attributes["correction"];
      reduced = divide("var", t.reduce("squares_sum", "sum", squares, axes), count - correction);
    }
  } else {
    return false;
  }
  t.reshape("out_y", reduced, t.output().shape);
  return true;
}

bool gptc::test::writeShapeOp(TextBuilder &t) {
  return writeMovement(t) || writeProduct(t) || writeReduction(t);
}
