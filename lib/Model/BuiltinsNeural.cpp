// Functions with an operation of their own: products with weights, lookups, normalisation,
// attention.
#include "BuiltinCall.h"

#include <fmt/format.h>

namespace gptc::model {

/// `[..., 768]` for a last axis of that size.
static std::string lastAxis(const Number &size) {
  return fmt::format("[..., {}]", size.toString());
}

Meaning buildLinear(BuiltinCall &call) {
  Graph &graph = call.graph;
  Tensor *x = call.tensor(0), *w = call.tensor(1), *b = call.tensor(2);
  if (w->dims.size() != 2)
    return call.failShape(call.range(1), "a weight with two axes is needed", "[N, K]",
                          toString(w->dims));
  if (x->dims.empty() || !Number::same(x->dims.back(), w->dims[1]))
    return call.failShape(call.range(0), "last axis does not fit", lastAxis(w->dims[1]),
                          toString(x->dims));
  if (b && !sameDims(b->dims, {w->dims[0]}))
    return call.failShape(call.range(2), "the bias does not fit", toString({w->dims[0]}),
                          toString(b->dims));
  Dims dims = x->dims;
  dims.back() = w->dims[0];
  if (x->dims.size() == 1)
    x = graph.reshape(x, {1, x->dims[0]});
  Tensor *product = graph.reshape(graph.matmul(x, graph.transpose(w)), dims);
  return b ? graph.map(Scalar::Add, {product, b}, dims) : product;
}

Meaning buildEmbedding(BuiltinCall &call) {
  Tensor *indices = call.tensor(0), *table = call.tensor(1);
  if (table->dims.size() != 2)
    return call.failShape(call.range(1), "a table with two axes is needed", "[V, C]",
                          toString(table->dims));
  Dims dims = indices->dims;
  dims.push_back(table->dims[1]);
  mlir::Value value = call.graph.materialize(indices);
  if (value.getDefiningOp<gpt::IotaOp>()) {
    // The rows 0 to n - 1 are a part of the table.
    if (indices->dims[0].value() > table->dims[0].value())
      return call.fail(call.range(0), fmt::format("indices reach {}, the table has {} rows",
                                                  toString(indices->dims[0].value() - 1),
                                                  table->dims[0].toString()));
    return call.graph.slice(table, {0, 0}, dims);
  }
  call.elaborator.limitIndices(indices, table->dims[0]);
  mlir::Value result = gpt::EmbeddingOp::create(call.graph.builder, call.graph.location, value,
                                                call.graph.materialize(table));
  return call.graph.wrap(result, std::move(dims));
}

/// Whether `indices` has one element for each row of `rows`; reports.
static bool checkRows(BuiltinCall &call, const Tensor &rows, const Tensor &indices) {
  llvm::ArrayRef<Number> dims = rows.dims;
  if (!dims.empty() && sameDims(dims.drop_back(), indices.dims))
    return true;
  call.failShape(call.range(1), "one index for each row is needed",
                 dims.empty() ? "rows" : toString(dims.drop_back(), true),
                 toString(indices.dims, true));
  return false;
}

Meaning buildPick(BuiltinCall &call) {
  Tensor *x = call.tensor(0), *indices = call.tensor(1);
  if (!checkRows(call, *x, *indices))
    return Poison();
  Graph &graph = call.graph;
  mlir::Value value = gpt::PickOp::create(graph.builder, graph.location, graph.materialize(x),
                                          graph.materialize(indices));
  return graph.wrap(value, indices->dims);
}

Meaning buildCrossEntropy(BuiltinCall &call) {
  Tensor *logits = call.tensor(0), *targets = call.tensor(1);
  if (!checkRows(call, *logits, *targets))
    return Poison();
  call.elaborator.limitIndices(targets, logits->dims.back());
  Graph &graph = call.graph;
  auto op = gpt::CrossEntropyOp::create(graph.builder, graph.location, graph.materialize(logits),
                                        graph.materialize(targets));
  call.elaborator.noteLossTerms(graph.wrap(op.getTerms(), targets->dims));
  return graph.wrap(op.getLoss(), {});
}

/// The tensor of a function of rows, or null, reported.
static Tensor *rowsOf(BuiltinCall &call) {
  Tensor *x = call.tensor(0);
  if (!x->dims.empty())
    return x;
  call.failShape(call.range(0), "a last axis is needed", "[..., C]", "[]");
  return nullptr;
}

Meaning buildSoftmax(BuiltinCall &call) {
  Tensor *x = rowsOf(call);
  if (!x)
    return Poison();
  Graph &graph = call.graph;
  mlir::Value value = graph.materialize(x);
  return graph.wrap(gpt::SoftmaxOp::create(graph.builder, graph.location, value.getType(), value),
                    x->dims);
}

Meaning buildLogsumexp(BuiltinCall &call) {
  Tensor *x = rowsOf(call);
  if (!x)
    return Poison();
  Graph &graph = call.graph;
  mlir::Value value = gpt::LogsumexpOp::create(graph.builder, graph.location, graph.materialize(x));
  return graph.wrap(value, Dims(llvm::ArrayRef(x->dims).drop_back()));
}

Meaning buildLayerNorm(BuiltinCall &call) {
  Tensor *x = rowsOf(call);
  if (!x)
    return Poison();
  Graph &graph = call.graph;
  mlir::Value affine[2];
  for (size_t i : {1, 2}) {
    Tensor *tensor = call.tensor(i);
    if (tensor && !sameDims(tensor->dims, {x->dims.back()}))
      return call.failShape(call.range(i), fmt::format("{} does not fit", i == 1 ? "w" : "b"),
                            toString({x->dims.back()}), toString(tensor->dims));
    if (tensor)
      affine[i - 1] = graph.materialize(tensor);
  }
  double epsilon = call.number(3, 1e-5).value();
  if (!(epsilon >= 0) || std::isinf(epsilon))
    return call.fail(call.range(3),
                     fmt::format("eps of at least 0 is needed, found {}", toString(epsilon)));
  auto op = gpt::LayerNormOp::create(graph.builder, graph.location, graph.materialize(x), affine[0],
                                     affine[1], llvm::APFloat(epsilon));
  return graph.wrap(op.getResult(), x->dims);
}

Meaning buildAttention(BuiltinCall &call) {
  Graph &graph = call.graph;
  Tensor *q = call.tensor(0), *k = call.tensor(1), *v = call.tensor(2);
  static constexpr const char *shapes[] = {"[B, H, T, D]", "[B, G, S, D]", "[B, G, S, E]"};
  for (size_t i = 0; i < 3; ++i)
    if (call.tensor(i)->dims.size() != 4)
      return call.failShape(call.range(i), "four axes are needed", shapes[i],
                            toString(call.tensor(i)->dims));
  const Dims &query = q->dims, &key = k->dims, &value = v->dims;
  auto shape = [](Number a, Number b, Number c, Number d) {
    Number sizes[] = {a, b, c, d};
    return toString(sizes);
  };
  if (!Number::same(query[0], key[0]) || !Number::same(query[3], key[3]))
    return call.failShape(call.range(1), "k does not fit q",
                          shape(query[0], key[1], key[2], query[3]), toString(key));
  if (!sameDims({key[0], key[1], key[2]}, llvm::ArrayRef(value).drop_back()))
    return call.failShape(call.range(2), "v does not fit k",
                          shape(key[0], key[1], key[2], value[3]), toString(value));
  Number heads = Number::divide(query[1], key[1]);
  if (heads.isOpaque() || !heads.isWhole())
    return call.fail(call.range(1), fmt::format("the groups of k and v must divide the heads of q: "
                                                "found {} heads and {} groups",
                                                query[1].toString(), key[1].toString()));
  bool causal = call.number(3).isTrue(), hasWindow = call.has(4) && !call.values[4].isNone();
  if (causal && !Number::same(query[2], key[2]))
    return call.failShape(call.range(1), "causal needs as many keys as queries",
                          shape(key[0], key[1], query[2], key[3]), toString(key));
  if (hasWindow && !causal)
    return call.fail(call.range(4), "window needs causal = true");
  if (hasWindow && !call.elaborator.checkSize(call.number(4), call.frame, *call.expr(4), 1))
    return Poison();
  Number scale = call.number(5, 1 / std::sqrt(query[3].value()));
  if (!std::isfinite(scale.value()))
    return call.fail(call.range(5),
                     fmt::format("a finite scale is needed, found {}", scale.toString()));
  double dropout = call.number(6).value();
  if (!(dropout >= 0 && dropout < 1))
    return call.fail(call.range(6),
                     fmt::format("dropout must be in [0, 1), found {}", toString(dropout)));

  if (call.elaborator.training && dropout > 0) {
    Meaning window = hasWindow ? call.values[4] : Meaning(None());
    std::vector<Meaning> meanings = {q, k, v, causal ? 1.0 : 0.0, window, scale, dropout};
    std::vector<Elaborator::Given> given;
    for (Meaning &meaning : meanings)
      given.push_back({std::move(meaning), call.call.range, nullptr});
    return call.elaborator.callFunction(prelude().function("attention_with_dropout"), call.frame,
                                        call.call.range, given, "attention", nullptr);
  }
  Dims dims = {query[0], query[1], query[2], value[3]};
  mlir::Value queries = graph.materialize(q), keys = graph.materialize(k),
              values = graph.materialize(v);
  mlir::IntegerAttr window;
  if (hasWindow)
    window = graph.builder.getI64IntegerAttr(call.number(4).whole());
  mlir::Value result =
      gpt::AttentionOp::create(graph.builder, graph.location, queries, keys, values,
                               causal ? graph.builder.getUnitAttr() : mlir::UnitAttr(), window,
                               graph.builder.getF64FloatAttr(scale.value()));
  return graph.wrap(result, std::move(dims));
}

Meaning buildRandom(BuiltinCall &call) {
  Graph &graph = call.graph;
  Instance *place = call.frame.place;
  if (!place)
    return call.fail(call.call.range, "stands in a function of a module only");
  std::string stream = fmt::format("{}#{}", place->path, place->randomCount++);
  mlir::Value key = call.elaborator.randomKey();
  const Dims &dims = call.tensor(0)->dims;
  mlir::Value value =
      gpt::RandomOp::create(graph.builder, graph.location, graph.type(dims), key, stream);
  return graph.wrap(value, dims);
}

Meaning buildDetach(BuiltinCall &call) {
  Graph &graph = call.graph;
  mlir::Value value = graph.materialize(call.tensor(0));
  return graph.wrap(gpt::DetachOp::create(graph.builder, graph.location, value.getType(), value),
                    call.tensor(0)->dims);
}

} // namespace gptc::model
