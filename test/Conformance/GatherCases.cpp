// Gathers, segmented sums, sorting on the device, and tables of constants.
#include "CaseText.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace gptc::test;

/// Rows of two tables, added.
static ConformanceModel gather(const Shape &where, int64_t rows, int64_t columns) {
  CaseText text(fmt::format("gather_{}_of_{}x{}", shapeName(where), rows, columns));
  Value tokens = text.indices(where, rows), table = text.parameter({rows, columns}),
        places = text.parameter({where.back(), columns});
  Shape shape = where;
  shape.push_back(columns);
  Value gathered = text.operation(fmt::format("gpt.embedding {}, {}", tokens.name, table.name),
                                  {tokens, table}, shape);
  text.write(text.binary("arith.addf", gathered, places));
  return text.finish();
}

static ConformanceModel segmentedSum(const Shape &where, int64_t rows, int64_t columns,
                                     bool accumulate) {
  CaseText text(fmt::format("segmented_sum_{}_to_{}x{}{}", shapeName(where), rows, columns,
                            accumulate ? "_accumulated" : ""));
  Value tokens = text.indices(where, rows);
  Shape shape = where;
  int64_t count = 1;
  for (int64_t size : where)
    count *= size;
  shape.push_back(columns);
  Value adjoint = text.input(shape);
  Value order =
      text.operation("gpt.argsort " + tokens.name, {tokens}, {Value{"", {count}, true}}).front();
  text.write(text.operation(fmt::format("gpt.embedding_grad {}, {}, {}", tokens.name, order.name,
                                        adjoint.name),
                            {tokens, order, adjoint}, {rows, columns}),
             accumulate);
  return text.finish();
}

static ConformanceModel sort(int64_t count, int64_t limit) {
  CaseText text(fmt::format("argsort_{}_below_{}", count, limit));
  Value keys = text.indices({count}, limit);
  Value order =
      text.operation("gpt.argsort " + keys.name, {keys}, {Value{"", {count}, true}}).front();
  text.write(text.map({count}, {order}, "    %r = arith.sitofp %a : i32 to f32"));
  return text.finish();
}

static ConformanceModel pick(int64_t rows, int64_t columns) {
  CaseText text("pick_" + shapeName({rows, columns}));
  Value x = text.input({rows, columns}), which = text.indices({rows}, columns + 1, -1);
  text.write(
      text.operation(fmt::format("gpt.pick {}, {}", x.name, which.name), {x, which}, Shape{rows}));
  return text.finish();
}

/// A table that the kernel holds itself.
static ConformanceModel constants(int64_t columns) {
  CaseText text("constants_" + std::to_string(columns));
  std::vector<std::string> numbers;
  for (int64_t i = 0; i < columns; ++i)
    numbers.push_back(fmt::format("{:.6f}", 1.0 / double(i + 1) - 0.25));
  Value table = text.operation(fmt::format("arith.constant dense<[{}]>", fmt::join(numbers, ", ")),
                               {}, Shape{columns});
  Value x = text.input({5, columns});
  Value product = text.binary("arith.mulf", x, table);
  text.write(product);
  text.write(text.reduce("sum", product, {1}));
  return text.finish();
}

std::vector<ConformanceModel> gptc::test::makeGatherCases() {
  std::vector<ConformanceModel> cases{gather({1}, 1, 1),         gather({3, 13}, 17, 33),
                                      gather({31}, 5, 64),       gather({2, 7}, 11, 129),
                                      gather({2, 3}, 300, 1025), segmentedSum({1}, 1, 1, false)};
  for (bool accumulate : {false, true}) {
    cases.push_back(segmentedSum({37}, 11, 33, accumulate));
    cases.push_back(segmentedSum({4, 32}, 130, 127, accumulate));
  }
  cases.push_back(segmentedSum({257}, 3, 129, false));
  cases.push_back(segmentedSum({5, 3}, 40, 300, true));
  for (int64_t count : {1, 31, 256, 257, 1025})
    cases.push_back(sort(count, count % 2 ? 7 : 1000));
  cases.push_back(pick(1, 1));
  cases.push_back(pick(33, 65));
  cases.push_back(constants(1));
  cases.push_back(constants(33));
  cases.push_back(constants(257));
  return cases;
}
