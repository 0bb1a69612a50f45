// Matrix products: cuBLASLt's, and the generated ones with tiles of 64 × 64.
#include "CaseText.h"

#include <fmt/format.h>

using namespace gptc;
using namespace gptc::test;

namespace {
struct Product {
  int64_t m, n, k;
  bool transposeLhs = false, transposeRhs = false, accumulate = false;
  Shape batch = {};
  bool shared = false; ///< the right operand has no batch axes
  TrainingPrecision precision = TrainingPrecision::fp32;
};
} // namespace

static ConformanceModel product(const Product &p) {
  std::string name = fmt::format("matmul_{}{}_{}x{}x{}", p.transposeLhs ? 't' : 'n',
                                 p.transposeRhs ? 't' : 'n', p.m, p.n, p.k);
  if (!p.batch.empty())
    name += "_batch_" + shapeName(p.batch) + (p.shared ? "_shared" : "");
  CaseText text(name + (p.accumulate ? "_accumulated" : ""), p.precision);
  Shape left = p.batch, right = p.shared ? Shape() : p.batch;
  left.insert(left.end(), {p.transposeLhs ? p.k : p.m, p.transposeLhs ? p.m : p.k});
  right.insert(right.end(), {p.transposeRhs ? p.n : p.k, p.transposeRhs ? p.k : p.n});
  Value x = text.input(left), y = text.parameter(right);
  text.write(text.matmul(x, y, p.transposeLhs, p.transposeRhs), p.accumulate);
  return text.finish();
}

/// A product with epilogues: an activation of it and a bias, both kept; a gate by another product,
/// added to what is there; and, if `kept`, the product itself.
static ConformanceModel epilogue(const Product &p, bool kept) {
  std::string name = fmt::format("matmul_epilogue_{}{}_{}x{}x{}", p.transposeLhs ? 't' : 'n',
                                 p.transposeRhs ? 't' : 'n', p.m, p.n, p.k);
  if (!p.batch.empty())
    name += "_batch_" + shapeName(p.batch);
  CaseText text(name + (kept ? "_kept" : ""), p.precision);
  Shape left = p.batch, right;
  left.insert(left.end(), {p.transposeLhs ? p.k : p.m, p.transposeLhs ? p.m : p.k});
  right.insert(right.end(), {p.transposeRhs ? p.n : p.k, p.transposeRhs ? p.k : p.n});
  Value x = text.input(left), y = text.parameter(right), z = text.parameter(right),
        b = text.parameter({p.n});
  Value product = text.matmul(x, y, p.transposeLhs, p.transposeRhs);
  std::vector<Value> made = text.maps(2, product.shape, {product, b}, R"(
    %r0 = arith.addf %a, %b : f32
    %r1 = math.tanh %r0 : f32)");
  for (const Value &value : made)
    text.write(value);
  Value gate = text.matmul(x, z, p.transposeLhs, p.transposeRhs);
  text.write(text.map(gate.shape, {gate, made[1]}, R"(
    %n = math.absf %a : f32
    %r = arith.mulf %n, %b : f32)"),
             /*accumulate=*/true);
  if (kept)
    text.write(product);
  return text.finish();
}

/// Heads: operands and result lie in larger tensors, at strides of their own.
static ConformanceModel heads(int64_t batch, int64_t length, int64_t heads, int64_t width,
                              TrainingPrecision precision = TrainingPrecision::fp32) {
  CaseText text(fmt::format("matmul_heads_{}x{}x{}x{}", batch, length, heads, width), precision);
  Value q = text.input({batch, length, heads * width}), k = text.input(q.shape);
  auto split = [&](const Value &v) {
    return text.transpose(text.reshape(v, {batch, length, heads, width}), {0, 2, 1, 3});
  };
  Value qHeads = split(q), scores = text.matmul(qHeads, split(k), false, true);
  text.write(scores);
  Value mixed = text.transpose(text.matmul(scores, qHeads), {0, 2, 1, 3});
  text.write(text.reshape(mixed, q.shape));
  return text.finish();
}

/// A layer and its adjoint: a product with an activation behind it, a product of that, what its
/// adjoint is multiplied by, the weight's gradient, and the bias' as a sum over rows.
static ConformanceModel layer(int64_t rows, int64_t inner, int64_t outer,
                              TrainingPrecision precision) {
  CaseText text(fmt::format("layer_{}x{}x{}", rows, inner, outer), precision);
  Value x = text.input({rows, inner}), w = text.parameter({inner, outer}),
        b = text.parameter({outer}), v = text.parameter({outer, inner});
  Value active = text.map({rows, outer}, {text.matmul(x, w), b}, R"(
    %s = arith.addf %a, %b : f32
    %r = math.tanh %s : f32)");
  text.write(text.matmul(active, v));
  Value adjoint = text.map({rows, outer}, {text.matmul(x, v, false, true), active}, R"(
    %s = arith.mulf %b, %b : f32
    %one = arith.constant 1.0 : f32
    %t = arith.subf %one, %s : f32
    %r = arith.mulf %a, %t : f32)");
  text.write(text.matmul(x, adjoint, true), /*accumulate=*/true);
  text.write(text.reduce("sum", adjoint, {0}), /*accumulate=*/true);
  return text.finish();
}

/// A sum over a batch, which accumulates: the gradient of a weight that all of it uses.
static ConformanceModel sumOverBatch(int64_t batch, int64_t m, int64_t n, int64_t k) {
  CaseText text(fmt::format("matmul_sum_over_{}_{}x{}x{}", batch, m, n, k));
  Value x = text.input({batch, k, m}), y = text.input({batch, k, n});
  text.write(text.reduce("sum", text.matmul(x, y, true), {0}), /*accumulate=*/true);
  return text.finish();
}

std::vector<ConformanceModel> gptc::test::makeMatmulCases() {
  std::vector<ConformanceModel> cases;
  for (bool left : {false, true})
    for (bool right : {false, true}) {
      cases.push_back(product({1, 1, 1, left, right}));
      cases.push_back(product({31, 33, 17, left, right, true}));
      cases.push_back(product({64, 64, 64, left, right}));
      cases.push_back(product({65, 129, 63, left, right}));
    }
  cases.push_back(product({63, 65, 127}));
  cases.push_back(product({129, 1, 257, false, true}));
  cases.push_back(product({1, 257, 129, false, true, true}));
  cases.push_back(product({7, 31, 1025, true, false}));
  cases.push_back(product({255, 5, 3, true, true}));
  cases.push_back(product({5, 1023, 2}));
  cases.push_back(product({17, 33, 13, false, false, false, {2, 3}}));
  cases.push_back(product({13, 13, 11, false, true, true, {5}}));
  cases.push_back(product({19, 66, 31, false, false, false, {2, 3}, true}));
  cases.push_back(product({33, 7, 20, true, false, false, {3}}));
  for (bool kept : {false, true}) {
    cases.push_back(epilogue({1, 1, 1}, kept));
    cases.push_back(epilogue({65, 129, 63}, kept));
    cases.push_back(epilogue({63, 1, 17, true, false}, kept));
    cases.push_back(epilogue({31, 66, 5, false, true}, kept));
    cases.push_back(epilogue({1031, 7, 3, true, true}, kept));
    cases.push_back(epilogue({5, 130, 19, false, false, false, {2, 3}}, kept));
  }
  cases.push_back(heads(2, 13, 3, 11));
  cases.push_back(heads(1, 65, 2, 32));
  cases.push_back(sumOverBatch(3, 17, 33, 13));
  for (TrainingPrecision precision :
       {TrainingPrecision::bf16, TrainingPrecision::fp16, TrainingPrecision::tf32}) {
    cases.push_back(layer(64, 64, 128, precision));
    cases.push_back(layer(65, 33, 129, precision));
    for (bool left : {false, true})
      for (bool right : {false, true}) {
        cases.push_back(product({1, 1, 1, left, right, false, {}, false, precision}));
        cases.push_back(product({65, 129, 63, left, right, true, {}, false, precision}));
      }
    // A gradient's product, which stays float32, and products of heads.
    cases.push_back(product({129, 1, 257, true, false, false, {}, false, precision}));
    cases.push_back(product({7, 257, 1025, false, true, false, {}, false, precision}));
    cases.push_back(product({17, 33, 13, false, false, false, {2, 3}, false, precision}));
    cases.push_back(product({19, 66, 31, false, false, false, {2, 3}, true, precision}));
    cases.push_back(heads(2, 13, 3, 11, precision));
    for (bool kept : {false, true}) {
      cases.push_back(epilogue({65, 129, 63, false, false, false, {}, false, precision}, kept));
      cases.push_back(epilogue({1031, 7, 3, true, true, false, {}, false, precision}, kept));
    }
  }
  return cases;
}
