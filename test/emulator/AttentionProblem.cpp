// What attention and its adjoint must give.
#include "test/emulator/AttentionProblem.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace gptc::test;

std::string Shape::text() const {
  return fmt::format("{}: {}x{}/{} queries {} keys {} columns {} {}{} place {}", precision.products,
                     batches, heads, groups, queries, keys, depth, width, causal ? " causal" : "",
                     int(place));
}

Operand::Operand(int batches, int heads, int rows, int columns, Place place, Element element)
    : batches(batches), heads(heads), rows(rows), columns(columns), offset(0), element(element) {
  if (place == Place::heads) {
    row = columns;
    head = rows * row;
    batch = heads * head;
  } else {
    head = columns;
    row = heads * columns;
    if (place != Place::rows) {
      offset = place == Place::packed ? 16 : 3;
      row += place == Place::packed ? 32 : 5;
    }
    batch = rows * row;
  }
  values.assign(offset + batches * batch, std::numeric_limits<float>::quiet_NaN());
}

std::string Operand::view(const char *name, bool output) const {
  return fmt::format("gptc_attention_operand<{}, {}, {}>(gptc_view<{}{}, {}>({}))", batch, head,
                     row, output ? "" : "const ", nameOf(element), values.size() - offset, name);
}

void Expected::check(const char *name) {
  operand.each([&](float value, int b, int h, int r, int c) {
    size_t i = find(b, h, r, c);
    double bound = bounds[i];
    if (operand.element != Element::f32)
      bound +=
          roundoff(operand.element) * (std::fabs(values[i]) + bound) + underflow(operand.element);
    ASSERT_NEAR(value, values[i], bound)
        << name << "[" << b << ", " << h << ", " << r << ", " << c << "]";
    operand.values[i] = std::numeric_limits<float>::quiet_NaN();
  });
  for (float value : operand.values)
    ASSERT_TRUE(std::isnan(value)) << name << " is written outside of the result";
}

Problem::Problem(const Shape &s)
    : s(s), q(s.batches, s.heads, s.queries, s.depth, s.place, s.precision.element),
      k(s.batches, s.groups, s.keys, s.depth, s.place, s.precision.element),
      v(s.batches, s.groups, s.keys, s.width, s.place, s.precision.element),
      o(s.batches, s.heads, s.queries, s.width, s.place, s.precision.element),
      lse(s.batches, s.heads, s.queries, 1, s.place, Element::f32),
      gradient(s.batches, s.heads, s.queries, s.width, s.place, s.precision.element),
      dq(s.batches, s.heads, s.queries, s.depth, s.place, s.precision.element),
      dk(s.batches, s.groups, s.keys, s.depth, s.place, s.precision.element),
      dv(s.batches, s.groups, s.keys, s.width, s.place, s.precision.element) {}

double Problem::score(int b, int h, int t, int j, double &magnitude) {
  double sum = 0;
  magnitude = 0;
  for (int c = 0; c < s.depth; ++c) {
    double term = double(q.at(b, h, t, c)) * k.at(b, h * s.groups / s.heads, j, c) * s.scale;
    sum += term;
    magnitude += std::fabs(term);
  }
  return sum;
}

void Problem::checkForward() {
  Expected eo(o), elog(lse);
  for (int b = 0; b < s.batches; ++b)
    for (int h = 0; h < s.heads; ++h)
      for (int t = 0; t < s.queries; ++t) {
        std::vector<double> x(visible(t));
        double largest = -std::numeric_limits<double>::infinity(), sum = 0, error = 0;
        for (int j = 0; j < visible(t); ++j) {
          double magnitude;
          x[j] = score(b, h, t, j, magnitude);
          largest = std::max(largest, x[j]);
          error = std::max(error, s.precision.product * magnitude + 0x1p-23 * std::fabs(x[j]));
        }
        for (double value : x)
          sum += std::exp(value - largest);
        double logSum = largest + std::log(sum);
        elog.add(b, h, t, 0, logSum, error + 0x1p-22 * (1 + std::fabs(logSum)));
        for (int j = 0; j < visible(t); ++j)
          for (int c = 0; c < s.width; ++c) {
            double value = v.at(b, h * s.groups / s.heads, j, c);
            double term = std::exp(x[j] - logSum) * value;
            eo.add(b, h, t, c, term,
                   (std::expm1(2 * error) + 0x1p-20 + weightError()) * std::fabs(term) +
                       underflow(q.element) * std::fabs(value));
          }
      }
  eo.check("o");
  elog.check("lse");
}

void Problem::expectGrad(Expected &edq, Expected &edk, Expected &edv) {
  for (int b = 0; b < s.batches; ++b)
    for (int h = 0; h < s.heads; ++h)
      for (int t = 0; t < s.queries; ++t) {
        int g = h * s.groups / s.heads;
        double delta = 0, deltaSum = 0;
        for (int c = 0; c < s.width; ++c) {
          double term = double(gradient.at(b, h, t, c)) * o.at(b, h, t, c);
          delta += term;
          deltaSum += std::fabs(term);
        }
        for (int j = 0; j < visible(t); ++j) {
          double magnitude, product = 0, products = 0;
          double x = score(b, h, t, j, magnitude), logSum = lse.at(b, h, t, 0);
          double p = std::exp(x - logSum);
          double error =
              s.precision.product * magnitude + 0x1p-22 * (1 + std::fabs(x) + std::fabs(logSum));
          for (int c = 0; c < s.width; ++c) {
            double term = double(gradient.at(b, h, t, c)) * v.at(b, g, j, c);
            product += term;
            products += std::fabs(term);
            double part = p * gradient.at(b, h, t, c);
            edv.add(b, g, j, c, part,
                    (std::expm1(error) + weightError()) * std::fabs(part) +
                        underflow(q.element) * std::fabs(gradient.at(b, h, t, c)));
          }
          double ds = p * (product - delta) * s.scale;
          double dsError = std::expm1(error) * std::fabs(ds) +
                           std::fabs(s.scale) * (p * s.precision.product * (products + deltaSum) +
                                                 underflow(q.element)) +
                           0x1p-22 * std::fabs(ds);
          for (int c = 0; c < s.depth; ++c) {
            double y = k.at(b, g, j, c), x = q.at(b, h, t, c);
            edq.add(b, h, t, c, ds * y, dsError * std::fabs(y) + weightError() * std::fabs(ds * y));
            edk.add(b, g, j, c, ds * x, dsError * std::fabs(x) + weightError() * std::fabs(ds * x));
          }
        }
      }
}
