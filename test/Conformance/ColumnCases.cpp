// Column kernels: reductions over leading axes, which blocks of 32 columns and slices of the
// reduced axes share.
#include "CaseText.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace gptc::test;

/// The gradients of a scale and a shift, of which one is added to what is there.
static ConformanceModel sums(const Shape &shape, const Shape &axes) {
  CaseText text(fmt::format("column_sums_{}_over_{}", shapeName(shape), fmt::join(axes, "_")));
  Value x = text.input(shape), y = text.input(shape);
  text.write(text.reduce("sum", text.binary("arith.mulf", x, y), axes), /*accumulate=*/true);
  text.write(text.reduce("sum", x, axes));
  return text.finish();
}

static ConformanceModel extremes(const Shape &shape, const Shape &axes) {
  CaseText text(fmt::format("column_extremes_{}_over_{}", shapeName(shape), fmt::join(axes, "_")));
  Value x = text.input(shape), y = text.input({shape.back()});
  Value moved = text.binary("arith.addf", x, y);
  text.write(text.reduce("max", moved, axes));
  text.write(text.reduce("min", moved, axes));
  return text.finish();
}

/// Everything to one number, which a map follows.
static ConformanceModel total(const Shape &shape) {
  CaseText text("total_" + shapeName(shape));
  Value x = text.input(shape), y = text.input({});
  Shape axes;
  for (size_t axis = 0; axis < shape.size(); ++axis)
    axes.push_back(static_cast<int64_t>(axis));
  Value square = text.binary("arith.mulf", x, x);
  text.write(text.map({}, {text.reduce("sum", square, axes), y}, R"(
    %n = math.sqrt %a : f32
    %r = arith.divf %b, %n : f32)"));
  return text.finish();
}

std::vector<ConformanceModel> gptc::test::makeColumnCases() {
  std::vector<ConformanceModel> cases;
  for (const auto &[shape, axes] : std::vector<std::pair<Shape, Shape>>{{{1, 1}, {0}},
                                                                        {{2, 31}, {0}},
                                                                        {{15, 32}, {0}},
                                                                        {{17, 33}, {0}},
                                                                        {{31, 255}, {0}},
                                                                        {{33, 257}, {0}},
                                                                        {{3, 1025}, {0}},
                                                                        {{2, 8200}, {0}},
                                                                        {{1025, 5}, {0}},
                                                                        {{2, 7, 65}, {1}},
                                                                        {{3, 5, 7, 33}, {0, 2}},
                                                                        {{5, 9, 300}, {0, 1}},
                                                                        {{6, 11, 3}, {1}}})
    cases.push_back(sums(shape, axes));
  cases.push_back(extremes({63, 129}, {0}));
  cases.push_back(extremes({3, 17, 31}, {0, 1}));
  for (const Shape &shape : std::vector<Shape>{{1}, {33}, {77, 129}, {3, 8200}})
    cases.push_back(total(shape));
  return cases;
}
