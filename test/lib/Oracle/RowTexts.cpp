// Normalisations, softmax, losses, attention and optimizers of the fixtures.
#include "test/lib/Oracle/TextBuilder.h"

#include <cmath>
#include <fmt/format.h>

using namespace gptc::test;
using Shape = std::vector<int64_t>;

static Shape withoutLast(Shape shape) {
  shape.pop_back();
  return shape;
}

static Shape asColumn(Shape shape) {
  shape.back() = 1;
  return shape;
}

static std::string constant(const std::string &name, double value) {
  return fmt::format("%{} = arith.constant {:.17e} : REAL\n", name, value);
}

static void writeLayerNorm(TextBuilder &t) {
  TextValue x = t.input("x"), row{"", withoutLast(x.shape)};
  std::string parameters;
  if (t.opCase().inputs.size() == 3)
    parameters =
        fmt::format("weight %in_weight : {0} bias %in_bias : {0}", t.type(t.input("weight")));
  t.line(fmt::format("%out_y, %mean, %rstd = gpt.layer_norm %in_x {} epsilon {:e} : {} -> {}",
                     parameters, t.opCase().attributes["eps"].get<double>(), t.type(x),
                     t.types({t.output(), row, row})));
}

static void writeRmsNorm(TextBuilder &t) {
  TextValue x = t.input("x");
  TextValue squares = t.map("squares", {x}, x, "%y = arith.mulf %a, %a : REAL");
  int64_t last = static_cast<int64_t>(x.shape.size()) - 1;
  TextValue sums = t.reduce("sums", "sum", squares, {last});
  TextValue column = t.reshape("column", sums, asColumn(x.shape));
  t.map("out_y", {x, column}, x,
        constant("n", x.shape.back()) + constant("e", t.opCase().attributes["eps"]) +
            "%m = arith.divf %b, %n : REAL\n%s = arith.addf %m, %e : REAL\n"
            "%r = math.rsqrt %s : REAL\n%y = arith.mulf %a, %r : REAL");
}

/// Normalises the columns of [..., n]; in training by their own statistics, which move the running
/// ones.
static void writeBatchNorm(TextBuilder &t) {
  const nlohmann::json &attributes = t.opCase().attributes;
  TextValue x = t.input("x"), mean = t.input("running_mean"), variance = t.input("running_var");
  if (attributes["training"]) {
    Shape axes;
    double count = 1;
    for (size_t axis = 0; axis + 1 < x.shape.size(); ++axis) {
      axes.push_back(axis);
      count *= x.shape[axis];
    }
    std::string divide = "%y = arith.divf %a, %n : REAL";
    TextValue sum = t.reduce("sum", "sum", x, axes);
    mean = t.map("mean", {sum}, sum, constant("n", count) + divide);
    TextValue squares = t.map("squares", {x, mean}, x,
                              "%d = arith.subf %a, %b : REAL\n%y = arith.mulf %d, %d : REAL");
    TextValue total = t.reduce("squares_sum", "sum", squares, axes);
    variance = t.map("variance", {total}, total, constant("n", count) + divide);
    TextValue unbiased = t.map("unbiased", {total}, total, constant("n", count - 1) + divide);
    std::string lerp = constant("w", attributes["momentum"]) +
                       "%d = arith.subf %b, %a : REAL\n%s = arith.mulf %w, %d : REAL\n"
                       "%y = arith.addf %a, %s : REAL";
    t.map("out_running_mean", {t.input("running_mean"), mean}, mean, lerp);
    t.map("out_running_var", {t.input("running_var"), unbiased}, mean, lerp);
  }
  t.map("out_y", {x, mean, variance, t.input("weight"), t.input("bias")}, x,
        constant("k", attributes["eps"]) +
            "%m = arith.subf %a, %b : REAL\n%v = arith.addf %c, %k : REAL\n"
            "%r = math.rsqrt %v : REAL\n%n = arith.mulf %m, %r : REAL\n"
            "%w = arith.mulf %n, %d : REAL\n%y = arith.addf %w, %e : REAL");
}

/// Position [T, 1] and column [T], for masks and angles.
static std::pair<TextValue, TextValue> writeIndices(TextBuilder &t, int64_t rows, int64_t columns) {
  auto iota = [&](const std::string &name, int64_t size) {
    TextValue value{name, {size}, false};
    t.line(fmt::format("%{} = gpt.iota : {}", name, t.type(value)));
    return value;
  };
  return {t.reshape("row", iota("rows", rows), {rows, 1}), iota("column", columns)};
}

static void writeSoftmax(TextBuilder &t) {
  const std::string &op = t.opCase().op;
  TextValue x = t.input("x");
  if (op == "causal_softmax") {
    auto [row, column] = writeIndices(t, x.shape[1], x.shape[2]);
    x = t.map("masked", {x, row, column}, x,
              constant("n", -1) + constant("z", 0) +
                  "%i = arith.divf %n, %z : REAL\n%t = arith.cmpi sle, %c, %b : i32\n"
                  "%y = arith.select %t, %a, %i : REAL");
  }
  if (op != "log_softmax") {
    t.line(fmt::format("%out_y = gpt.softmax %{} : {}", x.name, t.type(x)));
    return;
  }
  TextValue lse = t.op({"lse", withoutLast(x.shape)}, "gpt.logsumexp %in_x", {x});
  t.map("out_y", {x, t.reshape("lse_column", lse, asColumn(x.shape))}, x,
        "%y = arith.subf %a, %b : REAL");
}

static void writeAttention(TextBuilder &t) {
  const nlohmann::json &attributes = t.opCase().attributes;
  double size = t.input("q").shape.back();
  std::string flags = attributes["causal"].get<bool>() ? " causal" : "";
  if (attributes.contains("window"))
    flags += fmt::format(" window {}", attributes["window"].get<int64_t>());
  t.op(t.output(),
       fmt::format("gpt.attention %in_q, %in_k, %in_v{} scale {:.17e}", flags,
                   attributes.value("scale", 1 / std::sqrt(size))),
       {t.input("q"), t.input("k"), t.input("v")});
}

/// Halves rotated by position · base^(-2i/D).
static void writeRope(TextBuilder &t) {
  TextValue x = t.input("x");
  Shape half = x.shape;
  half.back() /= 2;
  auto [row, column] = writeIndices(t, x.shape[2], half.back());
  double base = t.opCase().attributes["base"], size = x.shape.back();
  TextValue angle =
      t.map("angle", {row, column}, {"", {x.shape[2], half.back()}},
            constant("base", base) + constant("f", -2 / size) +
                "%p = arith.sitofp %a : i32 to REAL\n%i = arith.sitofp %b : i32 to REAL\n"
                "%e = arith.mulf %i, %f : REAL\n%w = math.powf %base, %e : REAL\n"
                "%y = arith.mulf %p, %w : REAL");
  TextValue first{"first", half}, second{"second", half};
  t.line(fmt::format("%first, %second = gpt.split %in_x axis 3 : {} -> {}", t.type(x),
                     t.types({first, second})));
  auto turn = [&](const std::string &name, const char *with, const char *other, const char *add) {
    return t.map(name, {first, second, angle}, first,
                 fmt::format("%p = math.{} %c : REAL\n%q = math.{} %c : REAL\n"
                             "%m = arith.mulf %a, %p : REAL\n%n = arith.mulf %b, %q : REAL\n"
                             "%y = arith.{} %m, %n : REAL",
                             with, other, add));
  };
  TextValue low = turn("low", "cos", "sin", "subf"), high = turn("high", "sin", "cos", "addf");
  t.op(t.output(), "gpt.concat %low, %high axis 3", {low, high});
}

bool gptc::test::writeRowOp(TextBuilder &t) {
  const std::string &op = t.opCase().op;
  if (op == "layer_norm") {
    writeLayerNorm(t);
  } else if (op == "rms_norm") {
    writeRmsNorm(t);
  } else if (op == "batch_norm") {
    writeBatchNorm(t);
  } else if (op == "softmax" || op == "log_softmax" || op == "causal_softmax") {
    writeSoftmax(t);
  } else if (op == "logsumexp") {
    t.op(t.output(), "gpt.logsumexp %in_x", {t.input("x")});
  } else if (op == "cross_entropy" || op == "cross_entropy_terms") {
    TextValue logits = t.input("logits"), targets = t.input("targets");
    TextValue rows{"", targets.shape};
    bool terms = op == "cross_entropy_terms";
    t.line(fmt::format("{} = gpt.cross_entropy %in_logits, %in_targets : {} -> {}",
                       terms ? "%mean, %out_y, %lse" : "%out_y, %terms, %lse",
                       t.types({logits, targets}), t.types({{"", {}}, rows, rows})));
  } else if (op == "pick") {
    t.op(t.output(), "gpt.pick %in_x, %in_indices", {t.input("x"), t.input("indices")});
  } else if (op == "attention") {
    writeAttention(t);
  } else if (op == "rope") {
    writeRope(t);
  } else {
    return false;
  }
  return true;
}

/// Two updates; the clip factor is 1 and corrections are 1 / (1 - beta^step).
static void writeAdamW(TextBuilder &t) {
  const nlohmann::json &attributes = t.opCase().attributes;
  TextValue parameter = t.input("parameter");
  double beta1 = attributes["beta1"], beta2 = attributes["beta2"];
  double decay = attributes["weight_decay"];
  for (const char *zero : {"m_start", "v_start"})
    t.line(fmt::format("%{} = arith.constant dense<0.0> : {}", zero, t.type(parameter)));
  t.scalar("clip", 1);
  t.scalar("beta1", beta1);
  t.scalar("beta2", beta2);
  t.scalar("epsilon", attributes["epsilon"]);
  t.scalar("decay", decay);
  std::string from[] = {"in_parameter", "m_start", "v_start"};
  for (int step = 0; step < 2; ++step) {
    t.scalar(fmt::format("rate{}", step), attributes["learning_rates"][step]);
    t.scalar(fmt::format("c1_{}", step), 1 / (1 - std::pow(beta1, step + 1)));
    t.scalar(fmt::format("c2_{}", step), 1 / (1 - std::pow(beta2, step + 1)));
    t.line(fmt::format("%out_parameter_{0}, %out_m_{0}, %out_v_{0} = gpt.adamw %{1}, "
                       "%in_gradient_{0}, %{2}, %{3} rate %rate{0} clip %clip betas %beta1, %beta2 "
                       "corrections %c1_{0}, %c2_{0} epsilon %epsilon decay %decay{4} : {5} "
                       "scalars tensor<REAL>",
                       step, from[0], from[1], from[2], decay == 0 ? "" : " decayed",
                       t.type(parameter)));
    from[0] = fmt::format("out_parameter_{}", step);
    from[1] = fmt::format("out_m_{}", step);
    from[2] = fmt::format("out_v_{}", step);
  }
}

bool gptc::test::writeOptimizerOp(TextBuilder &t) {
  const std::string &op = t.opCase().op;
  if (op == "adamw") {
    writeAdamW(t);
  } else if (op == "sgd") {
    t.map("out_y", {t.input("parameter"), t.input("gradient")}, t.output(),
          constant("r", t.opCase().attributes["learning_rate"]) +
              "%s = arith.mulf %r, %b : REAL\n%y = arith.subf %a, %s : REAL");
  } else if (op == "clip") {
    TextValue norm = t.op(t.output("norm"), "gpt.global_norm %in_first, %in_second",
                          {t.input("first"), t.input("second")});
    for (const char *name : {"first", "second"})
      t.map(std::string("out_") + name, {t.input(name), norm}, t.input(name),
            constant("l", t.opCase().attributes["clip_norm"]) + constant("k", 1e-6) +
                constant("one", 1) +
                "%n = arith.addf %b, %k : REAL\n%q = arith.divf %l, %n : REAL\n"
                "%f = arith.minimumf %q, %one : REAL\n%y = arith.mulf %a, %f : REAL");
  } else {
    return false;
  }
  return true;
}
