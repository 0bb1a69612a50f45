// Row kernels: an element a thread, a row a thread, a row a warp (up to 1024 columns) or a block.
#include "CaseText.h"

#include <fmt/format.h>

using namespace gptc::test;

/// Two results from operands of the same shape, a row of them, a column of them, a scalar.
static ConformanceModel elementwise(const Shape &shape) {
  CaseText text("elementwise_" + shapeName(shape));
  Shape row, column = shape;
  if (!shape.empty()) {
    row = {shape.back()};
    column.back() = 1;
  }
  Value x = text.input(shape), y = text.input(shape), r = text.input(row), c = text.input(column),
        s = text.input({});
  std::vector<Value> made = text.maps(2, shape, {x, y, r, c, s}, R"(
    %p = arith.mulf %a, %b : f32
    %q = arith.addf %p, %c : f32
    %r0 = math.tanh %q : f32
    %d1 = arith.subf %a, %d : f32
    %r1 = arith.mulf %d1, %e : f32)");
  text.write(made[0]);
  text.write(made[1], /*accumulate=*/true);
  return text.finish();
}

/// One function after another on the same numbers.
static ConformanceModel functions(const std::string &name, Range range,
                                  const std::vector<std::string> &operations) {
  CaseText text("functions_" + name);
  Shape shape{3, 257};
  std::string lines;
  for (size_t i = 0; i < operations.size(); ++i)
    lines += fmt::format("    %r{} = {} : f32\n", i, operations[i]);
  Value x = text.input(shape, range), y = text.input(shape, range);
  for (const Value &value : text.maps(operations.size(), shape, {x, y}, lines))
    text.write(value);
  return text.finish();
}

/// What a model computes with indices: comparisons, selections, conversions.
static ConformanceModel integers() {
  CaseText text("functions_integers");
  Shape shape{5, 67};
  Value x = text.indices(shape, 100, -100), y = text.indices(shape, 7, 1);
  std::vector<Value> made = text.maps(2, shape, {x, y}, R"(
    %sum = arith.addi %a, %b : i32
    %product = arith.muli %a, %b : i32
    %quotient = arith.divsi %a, %b : i32
    %rest = arith.remsi %a, %b : i32
    %less = arith.cmpi slt, %rest, %quotient : i32
    %chosen = arith.select %less, %sum, %product : i32
    %r0 = arith.sitofp %chosen : i32 to f32
    %most = arith.maxsi %quotient, %rest : i32
    %r1 = arith.sitofp %most : i32 to f32)");
  text.write(made[0]);
  text.write(made[1]);
  return text.finish();
}

static ConformanceModel softmax(int64_t rows, int64_t columns) {
  CaseText text("softmax_" + shapeName({rows, columns}));
  Value x = text.input({rows, columns}, {-5, 5});
  text.write(text.softmax(x));
  return text.finish();
}

/// Exponentials that three loops need and no output holds: kept in shared memory if they fit.
static ConformanceModel keptRow(int64_t rows, int64_t columns) {
  CaseText text("kept_" + shapeName({rows, columns}));
  Value x = text.input({rows, columns}), e = text.map(x.shape, {x}, R"(
    %t = math.tanh %a : f32
    %r = math.exp %t : f32)");
  auto asColumn = [&](const Value &v) { return text.reshape(v, {rows, 1}); };
  Value sum = asColumn(text.reduce("sum", e, {1}));
  Value share = text.binary("arith.divf", e, sum);
  Value most = asColumn(text.reduce("max", share, {1}));
  Value square = text.map(x.shape, {share, most}, R"(
    %d = arith.subf %b, %a : f32
    %r = arith.mulf %d, %d : f32)");
  text.write(text.reduce("sum", square, {1}));
  text.write(text.reduce("min", e, {1}));
  return text.finish();
}

/// What a reduction gives, without and with what follows from it for each row.
static ConformanceModel rowReductions(int64_t rows, int64_t columns) {
  CaseText text("reductions_" + shapeName({rows, columns}));
  Value x = text.input({rows, columns});
  Value sum = text.reduce("sum", x, {1}), most = text.reduce("max", x, {1});
  text.write(sum, /*accumulate=*/true);
  text.write(text.binary("arith.subf", most, text.reduce("min", x, {1})));
  return text.finish();
}

static ConformanceModel layerNorm(int64_t rows, int64_t columns) {
  CaseText text("layer_norm_" + shapeName({rows, columns}));
  Value x = text.input({rows, columns}), w = text.parameter({columns}),
        b = text.parameter({columns});
  Value row{"", {rows}};
  for (const Value &value :
       text.operation(fmt::format("gpt.layer_norm {} weight {} : {} bias {} : {} epsilon 0.001",
                                  x.name, w.name, w.type(), b.name, b.type()),
                      {x}, {x, row, row}))
    text.write(value);
  return text.finish();
}

/// A row is all there is of each value: nothing runs along it.
static ConformanceModel rowsOnly(int64_t rows) {
  CaseText text("rows_only_" + std::to_string(rows));
  Value x = text.input({rows, 1}), y = text.input({rows, 1}), z = text.input({1, 1});
  text.write(text.map(x.shape, {x, y, z}, R"(
    %p = arith.mulf %a, %b : f32
    %r = arith.addf %p, %c : f32)"));
  Value flat = text.reshape(x, {rows});
  text.write(text.map({rows}, {flat}, "    %r = math.exp %a : f32"));
  return text.finish();
}

/// Rows that do not lie at one distance: several axes, some of them stretched or permuted.
static ConformanceModel rowsOfSeveralAxes() {
  CaseText text("rows_of_several_axes");
  Shape shape{2, 5, 3, 33};
  Value x = text.input(shape), y = text.input({5, 1, 33}), z = text.input({3, 5, 2, 33});
  Value turned = text.transpose(z, {2, 1, 0, 3});
  Value sum = text.map(shape, {x, y, turned}, R"(
    %p = arith.mulf %a, %b : f32
    %r = arith.addf %p, %c : f32)");
  text.write(text.softmax(sum));
  text.write(text.reduce("sum", sum, {3}));
  return text.finish();
}

static Shape leadingAxes(const Value &x) {
  Shape axes;
  for (size_t axis = 0; axis + 1 < x.shape.size(); ++axis)
    axes.push_back(axis);
  return axes;
}

/// Column sums of what a map computes and of what it reads.
static ConformanceModel columnSums(const Shape &shape) {
  CaseText text("column_sums_" + shapeName(shape));
  Value x = text.input(shape), y = text.map(shape, {x}, "    %r = math.exp %a : f32");
  text.write(y);
  text.write(text.reduce("sum", y, leadingAxes(y)));
  text.write(text.reduce("sum", x, leadingAxes(x)), /*accumulate=*/true);
  return text.finish();
}

/// Column sums of what is known when the row has been reduced, beside values of the row.
static ConformanceModel columnSumsBehindReduction(int64_t rows, int64_t columns) {
  CaseText text("column_sums_behind_reduction_" + shapeName({rows, columns}));
  Value x = text.input({rows, columns}), most = text.reduce("max", x, {1});
  Value y = text.binary("arith.subf", x, text.reshape(most, {rows, 1}));
  text.write(most);
  text.write(y);
  text.write(text.reduce("sum", y, {0}));
  text.write(text.reduce("sum", text.binary("arith.mulf", x, y), {0}));
  return text.finish();
}

std::vector<ConformanceModel> gptc::test::makeRowCases() {
  std::vector<ConformanceModel> cases;
  for (const Shape &shape : std::vector<Shape>{{},
                                               {1},
                                               {31},
                                               {7, 32},
                                               {5, 33},
                                               {3, 64},
                                               {2, 127},
                                               {3, 129},
                                               {1, 255},
                                               {256},
                                               {3, 257},
                                               {2, 3, 5, 7},
                                               {2, 1025},
                                               {1, 8200}})
    cases.push_back(elementwise(shape));
  cases.push_back(functions("any", {-3, 3},
                            {"math.exp %a", "math.tanh %a", "math.erf %a", "math.sin %a",
                             "math.cos %a", "math.absf %a", "math.floor %a", "math.ceil %a",
                             "arith.maximumf %a, %b", "arith.minimumf %a, %b", "math.atan %a",
                             "math.expm1 %a", "math.copysign %a, %b", "arith.negf %a"}));
  cases.push_back(functions("positive", {0.05, 4},
                            {"math.log %a", "math.log1p %a", "math.sqrt %a", "math.rsqrt %a",
                             "math.powf %a, %b", "arith.divf %a, %b", "math.log2 %a",
                             "math.exp2 %a", "math.cbrt %a", "math.sinh %a", "math.atan2 %a, %b"}));
  cases.push_back(integers());
  for (auto [rows, columns] : std::vector<std::pair<int64_t, int64_t>>{{1, 1},
                                                                       {5, 2},
                                                                       {3, 31},
                                                                       {4, 32},
                                                                       {5, 33},
                                                                       {9, 63},
                                                                       {2, 65},
                                                                       {1, 127},
                                                                       {3, 128},
                                                                       {3, 255},
                                                                       {2, 257},
                                                                       {3, 1023},
                                                                       {5, 1024},
                                                                       {2, 1025},
                                                                       {2, 8192},
                                                                       {1, 8200}})
    cases.push_back(softmax(rows, columns));
  for (auto [rows, columns] : std::vector<std::pair<int64_t, int64_t>>{
           {5, 31}, {3, 129}, {5, 512}, {2, 1024}, {3, 1025}, {1, 8200}, {1, 12000}})
    cases.push_back(keptRow(rows, columns));
  for (auto [rows, columns] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 1}, {67, 3}, {5, 32}, {4, 65}, {7, 256}, {2, 1024}, {3, 1031}, {2, 8191}})
    cases.push_back(rowReductions(rows, columns));
  for (auto [rows, columns] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 1}, {7, 31}, {4, 64}, {3, 257}, {2, 1025}, {1, 8200}})
    cases.push_back(layerNorm(rows, columns));
  for (int64_t rows : {1, 127, 129, 1000})
    cases.push_back(rowsOnly(rows));
  cases.push_back(rowsOfSeveralAxes());
  for (const Shape &shape : std::vector<Shape>{{16, 8}, {64, 257}, {6, 8, 33}, {3, 5, 6, 127}})
    cases.push_back(columnSums(shape));
  // Warps, a block with sums in shared memory, a block with sums in the output.
  for (auto [rows, columns] : std::vector<std::pair<int64_t, int64_t>>{
           {16, 31}, {21, 257}, {16, 1024}, {12, 1025}, {16, 12000}})
    cases.push_back(columnSumsBehindReduction(rows, columns));
  return cases;
}
