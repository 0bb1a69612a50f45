// The tensor operations of PyTorch's fixtures.
#include "OracleGraphs.h"

#include <fmt/format.h>

#include <cmath>

using namespace gptc::test;

static const char *const product = "%r = arith.mulf %a, %b : f64";
static const char *const sum = "%r = arith.addf %a, %b : f64";

static Shape allAxes(const Node &x) {
  Shape axes;
  for (long i = 0; i < x.rank(); ++i)
    axes.push_back(i);
  return axes;
}

/// The axes of "[A, B, C] -> [A, 1]" whose names are missing on the right, and the shape there.
static std::pair<Shape, Shape> readReduction(const std::string &pattern, const Shape &shape) {
  size_t arrow = pattern.find("->");
  std::string right = pattern.substr(arrow);
  Shape axes, result;
  for (size_t i = 0; i < shape.size(); ++i) {
    char name = pattern[1 + 3 * i];
    if (right.find(name) == std::string::npos)
      axes.push_back(static_cast<long>(i));
    else
      result.push_back(shape[i]);
  }
  if (right.find('1') != std::string::npos)
    result.push_back(1);
  return {axes, result};
}

static Node reduceByPattern(const std::string &op, OracleCase &c) {
  GraphText &g = c.graph;
  const Node &x = c.in("x");
  auto [axes, shape] = readReduction(c.attributes["pattern"], x.shape);
  if (op != "mean" && op != "var")
    return g.reshape(g.reduce(op, x, axes), shape);
  Node mean = g.mean(x, axes);
  if (op == "mean")
    return g.reshape(mean, shape);
  Node squares =
      g.map(x.shape, {x, mean}, "%d = arith.subf %a, %b : f64\n%r = arith.mulf %d, %d : f64");
  Node total = g.reshape(g.reduce("sum", squares, axes), shape);
  long number =
      countElements(x.shape) / countElements(total.shape) - c.attributes["correction"].get<long>();
  return g.map(shape, {total},
               fmt::format("%n = arith.constant {}.0 : f64\n%r = arith.divf %a, %n : f64", number));
}

static Node einsum(OracleCase &c) {
  GraphText &g = c.graph;
  const Node &x = c.in("x"), &y = c.in("y");
  std::string pattern = c.attributes["pattern"];
  if (pattern == "[T], [F] -> [T, F]")
    return g.map({x.shape[0], y.shape[0]}, {g.column(x), y}, product);
  if (pattern == "[B, T, C], [B, S, C] -> [B, T, S]")
    return g.matmul(x, y, true);
  if (pattern == "[A, B], [A, B] -> []")
    return g.reduce("sum", g.map(x.shape, {x, y}, product), {0, 1});
  Node stretched = g.reshape(y, {y.shape[0], 1, y.shape[1]});
  return g.transpose(g.reduce("sum", g.map(x.shape, {x, stretched}, product), {3}), {0, 2, 1});
}

static Node rearrange(OracleCase &c) {
  GraphText &g = c.graph;
  const Node &x = c.in("x");
  const Shape &s = x.shape;
  std::string pattern = c.attributes["pattern"];
  if (pattern == "[B, T, 2 * D] -> [B, 2, T, D]")
    return g.transpose(g.reshape(x, {s[0], s[1], 2, s[2] / 2}), {0, 2, 1, 3});
  if (pattern == "[B, H, T, D] -> [B, T, H * D]")
    return g.reshape(g.transpose(x, {0, 2, 1, 3}), {s[0], s[2], s[1] * s[3]});
  if (pattern == "[B, P * 2, C] -> [B, P, 2 * C]")
    return g.reshape(x, {s[0], s[1] / 2, s[2] * 2});
  if (pattern == "[B, T, C] -> [B, T * C]")
    return g.reshape(x, {s[0], s[1] * s[2]});
  if (pattern == "[B, 1] -> [B]")
    return g.reshape(x, {s[0]});
  return g.transpose(x, {2, 0, 1});
}

static Node layerNorm(OracleCase &c) {
  const Node &x = c.in("x");
  Shape rows(x.shape.begin(), x.shape.end() - 1);
  std::string parts;
  for (const char *part : {"weight", "bias"})
    if (c.inputs.count(part))
      parts += fmt::format("{} {} : {} ", part, c.in(part).name, c.in(part).type());
  c.graph.add(
      fmt::format("%norm, %mean, %rstd = gpt.layer_norm {} {}epsilon {:.17e} : {} -> {}, {}, {}\n",
                  x.name, parts, c.attributes["eps"].get<double>(), x.type(), x.type(),
                  makeType(rows), makeType(rows)));
  return {"%norm", x.shape};
}

static Node rmsNorm(OracleCase &c) {
  GraphText &g = c.graph;
  const Node &x = c.in("x");
  Node mean = g.mean(g.map(x.shape, {x, x}, product), {x.rank() - 1});
  return g.map(x.shape, {x, mean},
               fmt::format("%e = arith.constant {:.17e} : f64\n%s = arith.addf %b, %e : f64\n"
                           "%q = math.rsqrt %s : f64\n%r = arith.mulf %a, %q : f64",
                           c.attributes["eps"].get<double>()));
}

static Node batchNorm(OracleCase &c) {
  GraphText &g = c.graph;
  const Node &x = c.in("x");
  Node mean = c.in("running_mean"), variance = c.in("running_var");
  if (c.attributes["training"].get<bool>()) {
    Shape axes = allAxes(x);
    axes.pop_back();
    mean = g.mean(x, axes);
    variance = g.mean(
        g.map(x.shape, {x, mean}, "%d = arith.subf %a, %b : f64\n%r = arith.mulf %d, %d : f64"),
        axes);
  }
  return g.map(x.shape, {x, mean, variance, c.in("weight"), c.in("bias")},
               fmt::format("%eps = arith.constant {:.17e} : f64\n%s = arith.addf %c, %eps : f64\n"
                           "%q = math.rsqrt %s : f64\n%t = arith.subf %a, %b : f64\n"
                           "%u = arith.mulf %t, %q : f64\n%v = arith.mulf %u, %d : f64\n"
                           "%r = arith.addf %v, %e : f64",
                           c.attributes["eps"].get<double>()));
}

static Node logsumexp(GraphText &g, const Node &x) {
  return g.op(fmt::format("gpt.logsumexp {}", x.name), {x},
              Shape(x.shape.begin(), x.shape.end() - 1));
}

static Node softmax(GraphText &g, const Node &x) {
  Node node{"%softmax", x.shape};
  g.add(fmt::format("%softmax = gpt.softmax {} : {}\n", x.name, x.type()));
  return node;
}

static Node causalSoftmax(GraphText &g, const Node &x) {
  Node positions = g.iota(x.shape.back());
  return softmax(g, g.map(x.shape, {x, positions, g.column(positions)},
                          "%low = arith.constant 0xFFF0000000000000 : f64\n"
                          "%s = arith.cmpi sle, %b, %c : i32\n"
                          "%r = arith.select %s, %a, %low : f64"));
}

static Node crossEntropy(OracleCase &c, const std::string &result) {
  const Node &x = c.in("logits"), &targets = c.in("targets");
  c.graph.add(fmt::format(
      "%loss, %terms, %lse = gpt.cross_entropy {}, {} : {}, {} -> tensor<f64>, {}, {}\n", x.name,
      targets.name, x.type(), targets.type(), makeType(targets.shape), makeType(targets.shape)));
  return {result, result == "%loss" ? Shape{} : targets.shape};
}

static Node attention(OracleCase &c) {
  const Node &q = c.in("q"), &k = c.in("k"), &v = c.in("v");
  double scale = c.attributes.value("scale", 1 / std::sqrt(static_cast<double>(q.shape[3])));
  std::string window = c.attributes.contains("window")
                           ? fmt::format(" window {}", c.attributes["window"].get<long>())
                           : "";
  return c.graph.op(fmt::format("gpt.attention {}, {}, {}{}{} scale {:.17e}", q.name, k.name,
                                v.name, c.attributes["causal"].get<bool>() ? " causal" : "", window,
                                scale),
                    {q, k, v}, {q.shape[0], q.shape[1], q.shape[2], v.shape[3]});
}

static Node rope(OracleCase &c) {
  GraphText &g = c.graph;
  const Node &x = c.in("x");
  long half = x.shape[3] / 2;
  Node angle =
      g.map({x.shape[2], half}, {g.column(g.iota(x.shape[2])), g.iota(half)},
            fmt::format("%base = arith.constant {:.17e} : f64\n%w = arith.constant {:.17e} : f64\n"
                        "%t = arith.sitofp %a : i32 to f64\n%f = arith.sitofp %b : i32 to f64\n"
                        "%e = arith.mulf %f, %w : f64\n%p = math.powf %base, %e : f64\n"
                        "%r = arith.mulf %t, %p : f64",
                        c.attributes["base"].get<double>(), -1.0 / half));
  std::vector<Node> parts = g.split(x, {half, half}, 3);
  auto turn = [&](const char *first, const char *second, const char *combine) {
    return g.map(parts[0].shape, {parts[0], parts[1], angle},
                 fmt::format("%s = math.{} %c : f64\n%t = math.{} %c : f64\n"
                             "%u = arith.mulf %a, %s : f64\n%v = arith.mulf %b, %t : f64\n"
                             "%r = arith.{} %u, %v : f64",
                             first, second, combine));
  };
  Node left = turn("cos", "sin", "subf"), right = turn("sin", "cos", "addf");
  return g.concat(left, right, 3);
}

static Node shift(OracleCase &c) {
  GraphText &g = c.graph;
  const Node &x = c.in("x");
  long size = x.shape[1], count = std::min(c.attributes["count"].get<long>(), size);
  Node kept = g.slice(x, {0, 0, 0}, {x.shape[0], size - count, x.shape[2]});
  return g.pad(kept, {0, count, 0}, {0, 0, 0});
}

static Node slice(OracleCase &c) {
  Shape starts = c.attributes["starts"], sizes = c.attributes["stops"];
  for (size_t i = 0; i < sizes.size(); ++i)
    sizes[i] -= starts[i];
  return c.graph.slice(c.in("x"), starts, sizes);
}

static std::vector<Node> buildMovement(const std::string &op, OracleCase &c) {
  GraphText &g = c.graph;
  const Node &x = c.in("x");
  if (op == "slice")
    return {slice(c)};
  if (op == "index") {
    Node part = g.slice(x, {0, 1, 0}, {x.shape[0], 1, x.shape[2]});
    return {g.reshape(part, {x.shape[0], x.shape[2]})};
  }
  if (op == "slices_that_overlap")
    return {g.map({2, 3}, {g.slice(x, {0, 0}, {2, 3}), g.slice(x, {0, 2}, {2, 3})}, product)};
  if (op == "concat")
    return {g.concat(x, c.in("y"), x.rank() - 1)};
  if (op == "split")
    return g.split(x, c.attributes["sizes"], x.rank() - 1);
  if (op == "shift")
    return {shift(c)};
  if (op == "transpose")
    return {g.transpose(x, {0, 2, 1})};
  if (op == "rearrange")
    return {rearrange(c)};
  if (op == "detach") {
    g.add(fmt::format("%fixed = gpt.detach {} : {}\n", x.name, x.type()));
    return {g.map(x.shape, {x, {"%fixed", x.shape}}, product)};
  }
  return {};
}

std::vector<Node> gptc::test::buildTensorOperation(const std::string &op, OracleCase &c) {
  GraphText &g = c.graph;
  if (c.attributes.contains("pattern") && op != "einsum" && op != "rearrange")
    return {reduceByPattern(op, c)};
  if (op == "l2") {
    auto squares = [&](const Node &p) {
      return g.reduce("sum", g.map(p.shape, {p, p}, product), allAxes(p));
    };
    return {g.map({}, {squares(c.in("p")), squares(c.in("q"))}, sum)};
  }
  if (op == "matmul" || op == "matmul_transposed")
    return {g.matmul(c.in("x"), c.in("y"), op != "matmul")};
  if (op == "linear") {
    Node y = g.matmul(c.in("x"), c.in("weight"), true);
    return {c.inputs.count("bias") ? g.map(y.shape, {y, c.in("bias")}, sum) : y};
  }
  if (op == "einsum")
    return {einsum(c)};
  if (op == "embedding" || op == "pick") {
    const Node &i = c.in("indices"), &x = c.in(op == "pick" ? "x" : "table");
    Shape shape = i.shape;
    if (op == "pick")
      return {g.op(fmt::format("gpt.pick {}, {}", x.name, i.name), {x, i}, shape)};
    shape.push_back(x.shape[1]);
    return {g.op(fmt::format("gpt.embedding {}, {}", i.name, x.name), {i, x}, shape)};
  }
  if (op == "layer_norm")
    return {layerNorm(c)};
  if (op == "rms_norm")
    return {rmsNorm(c)};
  if (op == "batch_norm")
    return {batchNorm(c)};
  if (op == "softmax")
    return {softmax(g, c.in("x"))};
  if (op == "causal_softmax")
    return {causalSoftmax(g, c.in("x"))};
  if (op == "logsumexp")
    return {logsumexp(g, c.in("x"))};
  if (op == "log_softmax")
    return {g.map(c.in("x").shape, {c.in("x"), g.column(logsumexp(g, c.in("x")))},
                  "%r = arith.subf %a, %b : f64")};
  if (op == "cross_entropy" || op == "cross_entropy_terms")
    return {crossEntropy(c, op == "cross_entropy" ? "%loss" : "%terms")};
  if (op == "attention")
    return {attention(c)};
  if (op == "rope")
    return {rope(c)};
  return buildMovement(op, c);
}
