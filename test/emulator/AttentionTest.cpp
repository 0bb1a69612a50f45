// The templates of attention and of its adjoint (lib/CodeGen/Cuda/Attention*.cuh) in every
// precision beside the same in double precision: sizes around the tiles, groups, masks, strides and
// alignments.
#include "test/emulator/AttentionProblem.h"
#include "test/emulator/KernelDevice.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

using namespace gptc::test;

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

class GeneratedAttention : public KernelTest {
protected:
  static void run(const Shape &s, const char *file, const std::string &call,
                  const std::vector<Operand *> &operands, size_t inputs, int blocks) {
    std::string source = textOf("Products.cuh") + textOf("AttentionTiles.cuh") + textOf(file) +
                         "GPTC_KERNEL(128) attention(";
    std::vector<DeviceOperand> memory;
    for (size_t i = 0; i < operands.size(); ++i) {
      source += fmt::format("{}{}{} *p{}", i ? ", " : "", i < inputs ? "const " : "",
                            nameOf(operands[i]->element), i);
      memory.push_back({operands[i]->element, operands[i]->values, operands[i]->offset});
    }
    source += fmt::format(") {{\n  typedef gptc_attention_shape<gptc_{}_products, {}, {}, {}, {}, "
                          "{}, {}, {}> shape;\n  {}\n}}\n",
                          s.precision.products, s.heads, s.groups, s.queries, s.keys, s.depth,
                          s.width, s.causal, call);
    device->launch(source, "attention", {unsigned(blocks)}, memory);
  }

  static void forward(Problem &p, bool withLogSum = true) {
    const Shape &s = p.s;
    std::string call = fmt::format("gptc_attention<shape>({}, {}, {}, {}, {}, {}f, gptc_block());",
                                   p.q.view("p0", false), p.k.view("p1", false),
                                   p.v.view("p2", false), p.o.view("p3", true),
                                   withLogSum ? p.lse.view("p4", true) : "gptc_attention_unused()",
                                   fmt::format("{:.9e}", s.scale));
    run(s, "Attention.cuh", call, p.forwardOperands(), 3,
        s.batches * s.heads * ((s.queries + 63) / 64));
  }

  static void grad(Problem &p) {
    const Shape &s = p.s;
    std::vector<Operand *> operands = p.gradOperands();
    std::string call = "gptc_attention_grad<shape>(";
    for (size_t i = 0; i < operands.size(); ++i)
      call += operands[i]->view(fmt::format("p{}", i).c_str(), i >= 6) + ", ";
    call += fmt::format("{:.9e}f, gptc_block());", s.scale);
    auto padded = [](int columns) { return (columns + 15) / 16 * 16; };
    int block = padded(s.depth) + padded(s.width) <= 128 ? 64 : 32;
    int items =
        (s.keys + block - 1) / block + s.heads / s.groups * ((s.queries + block - 1) / block);
    run(s, "AttentionGrad.cuh", call, operands, 6, s.batches * s.groups * items);
  }

  void fill(Operand &operand, float size = 1.0f) {
    operand.each([&](float &value, int, int, int, int) {
      value = rounded(operand.element, size * normal());
    });
  }
  /// In every precision.
  void verify(Shape s) {
    for (const Precision &precision : precisions) {
      s.precision = precision;
      verifyOne(s);
    }
  }
  void verifyOne(const Shape &s) {
    SCOPED_TRACE(s.text());
    Problem p(s);
    for (Operand *operand : {&p.q, &p.k, &p.v, &p.gradient})
      fill(*operand);
    forward(p);
    Problem again = p;
    p.checkForward();
    if (HasFailure())
      return;
    p.o.values = again.o.values;
    p.lse.values = again.lse.values;
    Expected dq(p.dq), dk(p.dk), dv(p.dv);
    p.expectGrad(dq, dk, dv);
    grad(p);
    dq.check("dq");
    dk.check("dk");
    dv.check("dv");
  }
};

TEST_F(GeneratedAttention, Small) {
  verify({1, 1, 1, 1, 1, 1, 1, true});
  verify({1, 1, 1, 1, 1, 7, 3});
  verify({2, 3, 1, 7, 11, 7, 1});
  verify({1, 2, 1, 5, 5, 16, 24, true});
}

TEST_F(GeneratedAttention, AroundTheTiles) {
  verify({1, 1, 1, 64, 64, 32, 32, true});
  verify({1, 1, 1, 65, 65, 16, 16, true, Place::rows});
  verify({1, 1, 1, 17, 129, 8, 8});
  verify({1, 1, 1, 131, 31, 4, 12, false, Place::rows});
}

TEST_F(GeneratedAttention, ManyTiles) { verify({1, 2, 1, 200, 200, 12, 8, true, Place::packed}); }

TEST_F(GeneratedAttention, HeadsOf64) {
  verify({1, 2, 2, 80, 80, 64, 64, true, Place::packed});
  verify({1, 2, 1, 33, 70, 64, 64, false, Place::rows});
}

TEST_F(GeneratedAttention, HeadsOf80) { verify({1, 1, 1, 40, 40, 80, 80, true, Place::rows}); }

TEST_F(GeneratedAttention, HeadsOf128) {
  verify({1, 2, 1, 65, 65, 128, 128, true, Place::packed});
  verify({1, 1, 1, 20, 37, 128, 64});
}

// Where the own rows of a block of queries or keys do not fit into shared memory, or are narrow.
TEST_F(GeneratedAttention, OneWideOneNarrow) {
  verify({1, 1, 1, 40, 40, 5, 112, true});
  verify({1, 1, 1, 40, 40, 112, 5, true});
  verify({1, 1, 1, 20, 21, 1, 128});
}

TEST_F(GeneratedAttention, Unaligned) {
  verify({2, 4, 2, 37, 37, 12, 20, true, Place::unaligned});
  verify({1, 1, 1, 18, 50, 32, 6, false, Place::unaligned});
}

TEST_F(GeneratedAttention, ScalesOfAnySign) {
  Shape s{1, 1, 1, 40, 40, 8, 8, true};
  s.scale = -0.5f;
  verify(s);
  s.scale = 0.0f;
  verify(s);
}

TEST_F(GeneratedAttention, LargeScoresDoNotOverflow) {
  Shape s{1, 1, 1, 40, 90, 8, 8};
  for (const Precision &precision :
       {fp32, bf16, f16}) { // of tf32, scores of 10^4 have errors of 10
    s.precision = precision;
    SCOPED_TRACE(s.text());
    Problem p(s);
    for (Operand *operand : {&p.q, &p.k, &p.v})
      fill(*operand, operand == &p.v ? 1.0f : 60.0f);
    forward(p);
    p.checkForward();
  }
}

TEST_F(GeneratedAttention, WithoutLogSum) {
  Problem p({1, 2, 1, 9, 9, 8, 8, true}), other = p;
  for (Operand *operand : {&p.q, &p.k, &p.v})
    fill(*operand);
  other = p;
  forward(p);
  forward(other, false);
  EXPECT_EQ(std::memcmp(p.o.values.data(), other.o.values.data(), 4 * p.o.values.size()), 0);
  for (float value : other.lse.values)
    EXPECT_TRUE(std::isnan(value));
}

// A score of -inf is a key that is not seen, be it in the first tile or later; one of NaN makes the
// query's result NaN, and no other query's.
TEST_F(GeneratedAttention, InfinitiesAndNan) {
  Shape s{1, 1, 1, 8, 80, 1, 1};
  for (const Precision &precision : precisions) {
    s.precision = precision;
    SCOPED_TRACE(s.text());
    Problem p(s);
    p.q.each([](float &value, int, int, int t, int) { value = t == 5 ? nan : 1.0f; });
    p.k.each(
        [](float &value, int, int, int j, int) { value = j < 40 || j == 70 ? -infinity : 0.0f; });
    p.v.each([](float &value, int, int, int j, int) { value = float(j); });
    forward(p);
    double mean = ((40 + 79) * 20 - 70) / 39.0, rounding = roundoff(precision.element) * mean;
    for (int t = 0; t < 8; ++t) {
      if (t == 5) {
        EXPECT_TRUE(std::isnan(p.o.at(0, 0, t, 0)));
        EXPECT_TRUE(std::isnan(p.lse.at(0, 0, t, 0)));
      } else { // the weights are exact but for the last division
        EXPECT_NEAR(p.o.at(0, 0, t, 0), mean, rounding + 1e-4);
        EXPECT_NEAR(p.lse.at(0, 0, t, 0), std::log(39.0), 1e-6);
      }
    }
  }
}

TEST_F(GeneratedAttention, SameBitsEachTime) {
  Shape s{1, 2, 1, 70, 70, 8, 8, true};
  for (const Precision &precision : precisions) {
    s.precision = precision;
    SCOPED_TRACE(s.text());
    Problem p(s);
    for (Operand *operand : {&p.q, &p.k, &p.v, &p.gradient})
      fill(*operand);
    forward(p);
    Problem again = p;
    grad(p);
    grad(again);
    for (auto [one, other] : {std::pair(&p.dq, &again.dq), {&p.dk, &again.dk}, {&p.dv, &again.dv}})
      EXPECT_EQ(std::memcmp(one->values.data(), other->values.data(), 4 * one->values.size()), 0);
  }
}

} // namespace
