// Attention and its adjoint against the interpreter in float64.
//
// Errors are bounded from the number of roundings, with u half a unit in the last place of 1. Let M
// be the largest magnitude of a score. A score is a sum of D products of rounded numbers, one of
// which was scaled before: its error is at most (D + 2) u M. A difference of two scores adds 2 u M,
// an exponential 2 u; so a probability is off by a factor of 1 + e,
//
//   e = ((D + 4) M + 2) u,
//
// and a further (2 M + 4) u for each block of keys behind which the running maximum changed.
#include "KernelTesting.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace gptc;
using namespace gptc::test;
using reference::Tensor;

namespace {
struct Case {
  int64_t batches = 1, heads = 2, groups = 2, queries = 16, keys = 16, depth = 8, width = 8;
  bool causal = true;
  double scale = 0.25;
  bool isView = false; ///< whether heads lie side by side in rows with gaps, else [B, H, T, D]
  std::string element = "f32"; ///< of all but the log-sum-exp
};

std::string nameOf(const Case &c) {
  std::string name;
  llvm::raw_string_ostream(name) << "B " << c.batches << " H " << c.heads << " G " << c.groups
                                 << " T " << c.queries << " S " << c.keys << " D " << c.depth
                                 << " E " << c.width << (c.causal ? " causal" : " full")
                                 << (c.isView ? " views" : "") << " " << c.element;
  return name;
}

OperandSpec matrix(const Case &c, const std::string &name, int64_t heads, int64_t rows,
                   int64_t columns) {
  OperandSpec spec{name, ""};
  llvm::raw_string_ostream(spec.type)
      << c.batches << "x" << heads << "x" << rows << "x" << columns << "x" << c.element;
  if (c.isView) {
    int64_t stride = 2 * heads * columns + 5;
    spec.strides = {rows * stride, columns, stride, 1};
  }
  return spec;
}

OperandSpec logSums(const Case &c, const std::string &name) {
  OperandSpec spec{name, ""};
  llvm::raw_string_ostream(spec.type) << c.batches << "x" << c.heads << "x" << c.queries << "xf32";
  if (c.isView)
    spec.strides = {c.queries * 2 * c.heads, 1, c.heads};
  return spec;
}

std::string kernelOf(const Case &c, const std::string &schedule,
                     const std::vector<OperandSpec> &inputs,
                     const std::vector<OperandSpec> &outputs, bool withoutLse = false) {
  std::vector<std::string> results, operands, types, resultTypes;
  for (const OperandSpec &input : inputs) {
    operands.push_back("%" + input.name);
    types.push_back("tensor<" + input.type + ">");
  }
  std::vector<OperandSpec> all = outputs;
  if (withoutLse)
    all.push_back(logSums(c, "unused"));
  for (const OperandSpec &output : all) {
    results.push_back("%" + output.name);
    resultTypes.push_back("tensor<" + output.type + ">");
  }
  std::string name = schedule == "attention" ? "flash_attention" : "flash_attention_grad";
  std::string body = "  " + llvm::join(results, ", ") + " = gpt." + name + " " +
                     llvm::join(operands, ", ") + (c.causal ? " causal" : "") + " scale " +
                     std::to_string(c.scale) + " : " + llvm::join(types, ", ") + " -> " +
                     llvm::join(resultTypes, ", ") + "\n";
  return kernelText(schedule, inputs, outputs, body);
}

std::string forwardText(const Case &c, bool withLse = true) {
  std::vector<OperandSpec> outputs = {matrix(c, "o", c.heads, c.queries, c.width)};
  if (withLse)
    outputs.push_back(logSums(c, "lse"));
  return kernelOf(c, "attention",
                  {matrix(c, "q", c.heads, c.queries, c.depth),
                   matrix(c, "k", c.groups, c.keys, c.depth),
                   matrix(c, "v", c.groups, c.keys, c.width)},
                  outputs, !withLse);
}

std::string backwardText(const Case &c) {
  return kernelOf(
      c, "attention_grad",
      {matrix(c, "q", c.heads, c.queries, c.depth), matrix(c, "k", c.groups, c.keys, c.depth),
       matrix(c, "v", c.groups, c.keys, c.width), matrix(c, "o", c.heads, c.queries, c.width),
       logSums(c, "lse"), matrix(c, "do", c.heads, c.queries, c.width)},
      {matrix(c, "dq", c.heads, c.queries, c.depth), matrix(c, "dk", c.groups, c.keys, c.depth),
       matrix(c, "dv", c.groups, c.keys, c.width)});
}

/// A bound of the scores' magnitude for inputs of at most `limit`.
double scoreLimit(const Case &c, double limit) { return c.scale * c.depth * limit * limit; }

/// e of above.
double powerError(const Case &c, double limit) {
  return ((c.depth + 4) * scoreLimit(c, limit) + 2) * roundoff;
}

/// The relative error of the sums of probabilities, of blocks of 16 keys at least: e, the changes
/// of the maximum, and a rounding for each term.
double sumError(const Case &c, double limit) {
  double blocks = c.keys / 16 + 1;
  return powerError(c, limit) + (blocks * (2 * scoreLimit(c, limit) + 4) + c.keys + 2) * roundoff;
}

/// o is a quotient of two such sums, and at most `limit`; lse the logarithm of one.
double forwardError(const Case &c, double limit) {
  double quotient = limit * (2 * sumError(c, limit) + 3 * roundoff);
  double logarithm =
      sumError(c, limit) + 3 * roundoff * (scoreLimit(c, limit) + std::log(c.keys) + 1);
  return std::max(quotient, logarithm);
}

/// The largest sum of a key's probabilities over all queries: no more terms than that add up in dk
/// and dv.
double keyWeight(const Case &c, llvm::ArrayRef<Tensor> inputs) {
  double largest = 1;
  for (int64_t batch = 0; batch < c.batches; ++batch)
    for (int64_t group = 0; group < c.groups; ++group)
      for (int64_t key = 0; key < c.keys; ++key) {
        double weight = 0;
        for (int64_t h = 0; h < c.heads / c.groups; ++h)
          for (int64_t query = c.causal ? key : 0; query < c.queries; ++query) {
            int64_t row = (batch * c.heads + group * (c.heads / c.groups) + h) * c.queries + query;
            int64_t other = (batch * c.groups + group) * c.keys + key;
            double score = 0;
            for (int64_t d = 0; d < c.depth; ++d)
              score +=
                  inputs[0].reals()[row * c.depth + d] * inputs[1].reals()[other * c.depth + d];
            weight += std::exp(c.scale * score - inputs[4].reals()[row]);
          }
        largest = std::max(largest, weight);
      }
  return largest;
}

/// With P = E limit², do vᵀ and δ are at most P, and off by (E + 1) u P. So a ds is p 2 P scale at
/// most, and off by e + (E + 5) u of that. Sums over p are 1 for a query and `keyWeight` for a key;
/// adding them up rounds once a term.
double backwardError(const Case &c, double limit, llvm::ArrayRef<Tensor> inputs) {
  double terms = std::max(c.keys, c.queries * (c.heads / c.groups));
  double power = powerError(c, limit) + std::log(c.keys) * roundoff;
  double weight = keyWeight(c, inputs), product = c.width * limit * limit;
  double relative = power + (c.width + 5 + terms + 2) * roundoff;
  double ofSlopes = 2 * product * c.scale * limit * weight * relative;
  double ofPowers = limit * weight * (power + (terms + 2) * roundoff);
  return std::max(ofSlopes, ofPowers);
}

/// Random q, k, v, do, and what forward makes of them, in the order of the adjoint's operands.
std::vector<Tensor> makeBackwardInputs(const TestKernel &forward, const TestKernel &backward,
                                       double limit) {
  std::vector<Tensor> inputs = backward.makeInputs(limit);
  std::vector<Tensor> results = forward.evaluate({inputs[0], inputs[1], inputs[2]});
  for (unsigned i = 0; i < 2; ++i) {
    std::vector<double> rounded;
    mlir::Type element = backward.getLayout(3 + i).getElementType();
    for (double value : results[i].reals())
      rounded.push_back(roundTo(element, value));
    inputs[3 + i] = Tensor(results[i].getShape(), std::move(rounded));
  }
  return inputs;
}

void checkBoth(const Case &c, double limit = 1) {
  for (const CpuTarget &target : testedTargets()) {
    SCOPED_TRACE(nameOf(c) + " on " + target.cpu);
    TestKernel forward(forwardText(c), target);
    forward.check(forward.makeInputs(limit), forwardError(c, limit), 0);
    TestKernel backward(backwardText(c), target);
    std::vector<Tensor> inputs = makeBackwardInputs(forward, backward, limit);
    backward.check(inputs, backwardError(c, limit, inputs), 0);
  }
}
} // namespace

TEST(AttentionKernel, TakesAnyNumberOfPositions) {
  for (int64_t positions : {1, 2, 63, 64, 65, 127, 193})
    for (bool causal : {true, false})
      checkBoth({.queries = positions, .keys = positions, .causal = causal});
}

TEST(AttentionKernel, TakesMoreOrFewerKeysThanQueries) {
  for (auto [queries, keys] :
       {std::pair(1, 70), std::pair(70, 1), std::pair(65, 200), std::pair(130, 97)})
    checkBoth({.queries = queries, .keys = keys, .causal = false});
}

TEST(AttentionKernel, TakesHeadsOfAnySize) {
  for (auto [depth, width] :
       {std::pair(1, 1), std::pair(7, 7), std::pair(32, 32), std::pair(64, 64), std::pair(80, 80),
        std::pair(128, 128), std::pair(33, 5), std::pair(1, 128)})
    checkBoth(
        {.queries = 67, .keys = 67, .depth = depth, .width = width, .scale = 1 / std::sqrt(depth)});
}

TEST(AttentionKernel, TakesGroupsOfHeads) {
  for (auto [heads, groups] : {std::pair(1, 1), std::pair(6, 2), std::pair(5, 1), std::pair(3, 3)})
    for (bool causal : {true, false})
      checkBoth({.batches = 2,
                 .heads = heads,
                 .groups = groups,
                 .queries = 37,
                 .keys = 37,
                 .causal = causal});
}

TEST(AttentionKernel, TakesViews) {
  checkBoth({.batches = 2, .heads = 4, .groups = 2, .queries = 70, .keys = 70, .isView = true});
  checkBoth({.batches = 3,
             .queries = 33,
             .keys = 81,
             .depth = 16,
             .width = 9,
             .causal = false,
             .isView = true});
}

// All inside is float32, and a result is rounded once, whatever it is summed over.
TEST(AttentionKernel, TakesOperandsOf16Bits) {
  for (std::string element : {"bf16", "f16"}) {
    for (int64_t positions : {63, 417})
      checkBoth({.heads = 4, .queries = positions, .keys = positions, .element = element});
    checkBoth({.queries = 70, .keys = 131, .causal = false, .element = element});
    checkBoth({.batches = 2,
               .heads = 4,
               .groups = 2,
               .queries = 70,
               .keys = 70,
               .depth = 64,
               .width = 64,
               .scale = 0.125,
               .isView = true,
               .element = element});
    checkBoth({.queries = 37, .keys = 37, .depth = 33, .width = 5, .element = element});
  }
}

TEST(AttentionKernel, BearsExtremeScores) {
  // Scores of ±1e4, whose exponentials no float32 holds.
  for (bool causal : {true, false})
    checkBoth({.queries = 150, .keys = 150, .depth = 4, .causal = causal, .scale = 2500});
}

TEST(AttentionKernel, WritesWhatIsAskedFor) {
  Case c{.queries = 70, .keys = 70};
  TestKernel both(forwardText(c)), one(forwardText(c, /*withLse=*/false));
  std::vector<Tensor> inputs = both.makeInputs(1);
  ASSERT_EQ(one.run(inputs).size(), 1u);
  EXPECT_TRUE(one.run(inputs)[0].hasSameBits(both.run(inputs)[0]));
}

TEST(AttentionKernel, TakesOneTensorForAll) {
  Case c{.queries = 40, .keys = 40};
  std::string type = "tensor<1x2x40x8xf32>", sums = "tensor<1x2x40xf32>";
  OperandSpec x = matrix(c, "x", 2, 40, 8);
  TestKernel kernel(kernelText("attention", {x}, {matrix(c, "o", 2, 40, 8)},
                               "  %o, %lse = gpt.flash_attention %x, %x, %x scale 0.25 : " + type +
                                   ", " + type + ", " + type + " -> " + type + ", " + sums + "\n"));
  kernel.check(kernel.makeInputs(1), forwardError(c, 1), 0);
}

TEST(AttentionKernel, PassesOnWhatIsNoNumber) {
  // A NaN in a key shows in the queries that see it, and nowhere else.
  Case c{.heads = 1, .groups = 1, .queries = 70, .keys = 70};
  TestKernel kernel(forwardText(c));
  std::vector<Tensor> inputs = kernel.makeInputs(1);
  inputs[1].mutableReals()[66 * c.depth] = std::nan("");
  std::vector<Buffer> outputs = kernel.run(inputs);
  Tensor o = outputs[0].get(), lse = outputs[1].get();
  for (int64_t query = 0; query < c.queries; ++query) {
    EXPECT_EQ(std::isnan(o.reals()[query * c.width]), query >= 66) << query;
    EXPECT_EQ(std::isnan(lse.reals()[query]), query >= 66) << query;
  }
}
