// gpt.attention, and the operations that the compiler makes of it: sizes around the tiles of the
// schedules, heads that share keys, operands that are views of larger ones.
#include "CaseText.h"

#include <fmt/format.h>

using namespace gptc;
using namespace gptc::test;

namespace {
struct Attention {
  int64_t batch, heads, queries, width;
  int64_t groups = 0, keys = 0; ///< 0: as many as heads, as queries
  std::string mask = " causal";
  int64_t valueWidth = 0; ///< 0: one more than the others have
  TrainingPrecision precision = TrainingPrecision::fp32;

  Attention complete() const {
    Attention all = *this;
    if (groups == 0)
      all.groups = heads;
    if (keys == 0)
      all.keys = queries;
    if (valueWidth == 0)
      all.valueWidth = width + 1;
    return all;
  }
  std::string name(const std::string &prefix) const {
    std::string text = fmt::format("{}_{}x{}x{}x{}_{}x{}x{}{}", prefix, batch, heads, queries,
                                   width, groups, keys, valueWidth, mask);
    for (char &c : text)
      c = c == ' ' ? '_' : c;
    return text;
  }
};
} // namespace

static ConformanceModel attention(const Attention &sizes) {
  Attention a = sizes.complete();
  CaseText text(a.name("attention"), a.precision);
  Value q = text.input({a.batch, a.heads, a.queries, a.width}, {-2, 2}),
        k = text.input({a.batch, a.groups, a.keys, a.width}, {-2, 2}),
        v = text.input({a.batch, a.groups, a.keys, a.valueWidth});
  text.write(text.operation(
      fmt::format("gpt.attention {}, {}, {}{} scale 0.3", q.name, k.name, v.name, a.mask),
      {q, k, v}, {a.batch, a.heads, a.queries, a.valueWidth}));
  return text.finish();
}

/// An operand whose heads lie side by side in rows: a view with the strides of [batch, row, head,
/// column].
static Value sideBySide(CaseText &text, const Shape &shape, Range range = {}) {
  Value stored = text.input({shape[0], shape[2], shape[1], shape[3]}, range);
  return text.transpose(stored, {0, 2, 1, 3});
}

/// Both results are read.
static ConformanceModel flashAttention(const Attention &sizes) {
  Attention a = sizes.complete();
  CaseText text(a.name("flash_attention"), a.precision);
  Value q = sideBySide(text, {a.batch, a.heads, a.queries, a.width}, {-2, 2}),
        k = sideBySide(text, {a.batch, a.groups, a.keys, a.width}, {-2, 2}),
        v = sideBySide(text, {a.batch, a.groups, a.keys, a.valueWidth});
  std::vector<Value> results = text.operation(
      fmt::format("gpt.flash_attention {}, {}, {}{} scale 0.3", q.name, k.name, v.name, a.mask),
      {q, k, v},
      {Value{"", {a.batch, a.heads, a.queries, a.valueWidth}},
       Value{"", {a.batch, a.heads, a.queries}}});
  text.write(text.transpose(results[0], {0, 2, 1, 3}));
  text.write(results[1]);
  return text.finish();
}

/// From a log-sum-exp that makes no probabilities of the scores, but numbers of their size.
static ConformanceModel flashAttentionGrad(const Attention &sizes) {
  Attention a = sizes.complete();
  CaseText text(a.name("flash_attention_grad"), a.precision);
  Shape queries = {a.batch, a.heads, a.queries, a.width},
        outputs = {a.batch, a.heads, a.queries, a.valueWidth},
        keys = {a.batch, a.groups, a.keys, a.width},
        values = {a.batch, a.groups, a.keys, a.valueWidth};
  Value q = sideBySide(text, queries, {-2, 2}), k = sideBySide(text, keys, {-2, 2}),
        v = sideBySide(text, values), o = sideBySide(text, outputs), adjoint = text.input(outputs);
  // Scores grow with the width; what float16 cannot hold, nothing can be compared with.
  double size = double(a.width) / 8;
  Value lse = text.input({a.batch, a.heads, a.queries}, {2 + size, 5 + size});
  std::vector<Value> results = text.operation(
      fmt::format("gpt.flash_attention_grad {}, {}, {}, {}, {}, {}{} scale 0.3", q.name, k.name,
                  v.name, o.name, lse.name, adjoint.name, a.mask),
      {q, k, v, o, lse, adjoint}, {Value{"", queries}, Value{"", keys}, Value{"", values}});
  for (const Value &result : results)
    text.write(text.transpose(result, {0, 2, 1, 3}));
  return text.finish();
}

std::vector<ConformanceModel> gptc::test::makeAttentionCases() {
  std::vector<ConformanceModel> cases = {attention({1, 1, 1, 1}),
                                         attention({2, 3, 13, 11}),
                                         attention({1, 2, 31, 16}),
                                         attention({1, 2, 33, 32}),
                                         attention({1, 1, 65, 8}),
                                         attention({1, 4, 17, 8, 2}),
                                         attention({1, 2, 7, 9, 0, 129, ""}),
                                         attention({1, 2, 33, 5, 1, 0, " causal window 7"})};
  for (const Attention &a : {Attention{1, 1, 1, 1, 0, 0, "", 7},
                             {1, 2, 64, 8, 1, 0, " causal", 8},
                             {2, 2, 65, 12, 0, 0, " causal", 12},
                             {1, 1, 131, 4, 0, 31, ""},
                             {1, 4, 17, 7, 2, 67, ""},
                             {1, 2, 70, 64, 0, 0, " causal", 64},
                             {1, 1, 40, 80, 0, 0, " causal", 80},
                             {1, 1, 35, 128, 0, 33, "", 128}}) {
    cases.push_back(flashAttention(a));
    cases.push_back(flashAttentionGrad(a));
  }
  for (TrainingPrecision precision :
       {TrainingPrecision::bf16, TrainingPrecision::fp16, TrainingPrecision::tf32})
    for (const Attention &a : {Attention{2, 2, 65, 12, 0, 0, " causal", 12, precision},
                               {1, 4, 17, 7, 2, 67, "", 0, precision},
                               {1, 2, 225, 16, 1, 0, " causal", 16, precision}}) {
      cases.push_back(flashAttention(a));
      cases.push_back(flashAttentionGrad(a));
    }
  return cases;
}
