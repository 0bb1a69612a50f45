// Entries of training: gradients as the compiler derives them, accumulated over micro-batches, the
// global norm and AdamW over several parameters at once.
#include "CaseText.h"

#include <fmt/format.h>

using namespace gptc::test;

/// The mean of all elements of the product with something given: an adjoint that is not 1.
static Value lossOf(CaseText &text, const Value &y) {
  Value weighted = text.binary("arith.mulf", y, text.input(y.shape));
  Shape axes;
  for (size_t axis = 0; axis < y.shape.size(); ++axis)
    axes.push_back(static_cast<int64_t>(axis));
  return text.reduce("sum", weighted, axes);
}

static Value layerNorm(CaseText &text, const Value &x) {
  Shape width{x.shape.back()}, rows(x.shape.begin(), x.shape.end() - 1);
  Value w = text.parameter(width), b = text.parameter(width), row{"", rows};
  return text
      .operation(fmt::format("gpt.layer_norm {} weight {} : {} bias {} : {} epsilon 0.001", x.name,
                             w.name, w.type(), b.name, b.type()),
                 {x}, {Value{"", x.shape}, row, row})
      .front();
}

static Value linear(CaseText &text, const Value &x, int64_t width) {
  Value w = text.parameter({x.shape.back(), width}, {-0.5, 0.5}), b = text.parameter({width});
  return text.binary("arith.addf", text.matmul(x, w), b);
}

/// The adjoint of layer norm with a residual beside it.
static ConformanceModel layerNormAdjoint(int64_t rows, int64_t columns) {
  CaseText text("train_layer_norm_" + shapeName({rows, columns}));
  Value x = text.parameter({rows, columns});
  return text.finish(lossOf(text, text.binary("arith.addf", layerNorm(text, x), x)));
}

/// Several parameters of equal and of different widths.
static ConformanceModel layers(int64_t rows, int64_t in, int64_t hidden) {
  CaseText text(fmt::format("train_layers_{}x{}x{}", rows, in, hidden));
  Value x = text.input({rows, in});
  Value h = linear(text, x, hidden);
  Value t = text.map(h.shape, {h}, "    %r = math.tanh %a : f32");
  Value g = linear(text, t, hidden);
  return text.finish(lossOf(text, linear(text, text.binary("arith.mulf", g, h), in)));
}

/// A block of GPT-2 with its embeddings and its loss, all sizes odd.
static ConformanceModel transformer(int64_t batch, int64_t length, int64_t heads, int64_t head,
                                    int64_t vocabulary) {
  CaseText text(
      fmt::format("train_transformer_{}x{}x{}x{}x{}", batch, length, heads, head, vocabulary));
  int64_t width = heads * head;
  Value tokens = text.indices({batch, length}, vocabulary),
        targets = text.indices({batch, length}, vocabulary, -1),
        table = text.parameter({vocabulary, width}, {-0.5, 0.5}),
        places = text.parameter({length, width}, {-0.5, 0.5});
  Shape shape{batch, length, width};
  Value x = text.binary("arith.addf",
                        text.operation(fmt::format("gpt.embedding {}, {}", tokens.name, table.name),
                                       {tokens, table}, shape),
                        places);
  Value qkv = linear(text, layerNorm(text, x), 3 * width), part{"", shape};
  std::vector<Value> parts =
      text.operation(fmt::format("gpt.split {} axis 2", qkv.name), {qkv}, {part, part, part});
  for (Value &v : parts)
    v = text.transpose(text.reshape(v, {batch, length, heads, head}), {0, 2, 1, 3});
  Value attended = text.operation(fmt::format("gpt.attention {}, {}, {} causal scale 0.4",
                                              parts[0].name, parts[1].name, parts[2].name),
                                  parts, parts[0].shape);
  Value merged = text.reshape(text.transpose(attended, {0, 2, 1, 3}), shape);
  Value y = text.binary("arith.addf", x, linear(text, merged, width));
  Value logits = text.matmul(layerNorm(text, y), table, false, true);
  Value row{"", {batch, length}};
  return text.finish(
      text.operation(fmt::format("gpt.cross_entropy {}, {}", logits.name, targets.name),
                     {logits, targets}, {Value{"", {}}, row, row})
          .front());
}

std::vector<ConformanceModel> gptc::test::makeTrainingCases() {
  return {layerNormAdjoint(5, 31), layerNormAdjoint(3, 257), layerNormAdjoint(2, 1025),
          layers(7, 5, 33),        layers(3, 129, 65),       transformer(3, 13, 3, 11, 29)};
}
