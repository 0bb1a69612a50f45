// Operations with names of their own: the loss, dropout, GELU.
#include "CaseText.h"

#include <fmt/format.h>

using namespace gptc::test;

static ConformanceModel crossEntropy(const Shape &rows, int64_t columns, bool leavesOut) {
  CaseText text(fmt::format("cross_entropy_{}x{}{}", shapeName(rows), columns,
                            leavesOut ? "_some_left_out" : ""));
  Shape shape = rows;
  shape.push_back(columns);
  Value x = text.input(shape, {-4, 4}), targets = text.indices(rows, columns, leavesOut ? -1 : 0);
  Value row{"", rows};
  for (const Value &value :
       text.operation(fmt::format("gpt.cross_entropy {}, {}", x.name, targets.name), {x, targets},
                      {Value{"", {}}, row, row}))
    text.write(value);
  return text.finish();
}

static ConformanceModel dropout(const Shape &shape) {
  CaseText text("dropout_" + shapeName(shape));
  Value key = text.variable("step", {4}, {-2147483648.0, 2147483648.0}, true);
  Value x = text.input(shape);
  Value u = text.operation(fmt::format("gpt.random {} stream \"h.{}\"", key.name, shape.size()),
                           {key}, shape);
  text.write(u);
  text.write(text.map(shape, {x, u}, R"(
    %p = arith.constant 0.3 : f32
    %zero = arith.constant 0.0 : f32
    %scale = arith.constant 1.4285715 : f32
    %drops = arith.cmpf olt, %b, %p : f32
    %kept = arith.mulf %a, %scale : f32
    %r = arith.select %drops, %zero, %kept : f32)"));
  return text.finish();
}

/// GELU by tanh, between two products.
static ConformanceModel gelu(int64_t rows, int64_t width) {
  CaseText text("gelu_" + shapeName({rows, width}));
  Value x = text.input({rows, width}), up = text.parameter({width, 4 * width}),
        bias = text.parameter({4 * width}), down = text.parameter({4 * width, width});
  Value hidden = text.map({rows, 4 * width}, {text.matmul(x, up), bias}, R"(
    %x = arith.addf %a, %b : f32
    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %c = arith.constant 0.044715 : f32
    %k = arith.constant 0.7978846 : f32
    %x2 = arith.mulf %x, %x : f32
    %x3 = arith.mulf %x2, %x : f32
    %cx3 = arith.mulf %c, %x3 : f32
    %inner = arith.addf %x, %cx3 : f32
    %scaled = arith.mulf %k, %inner : f32
    %t = math.tanh %scaled : f32
    %t1 = arith.addf %one, %t : f32
    %hx = arith.mulf %half, %x : f32
    %r = arith.mulf %hx, %t1 : f32)");
  text.write(text.binary("arith.addf", text.matmul(hidden, down), x));
  return text.finish();
}

std::vector<ConformanceModel> gptc::test::makeNeuralCases() {
  return {crossEntropy({1}, 2, false),
          crossEntropy({7}, 65, false),
          crossEntropy({3, 11}, 31, true),
          crossEntropy({33}, 1025, true),
          crossEntropy({2}, 8200, false),
          dropout({3, 33}),
          dropout({1025}),
          dropout({2, 3, 257}),
          gelu(5, 7),
          gelu(3, 33)};
}
