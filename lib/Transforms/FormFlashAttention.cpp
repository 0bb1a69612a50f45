// gpt-form-flash-attention: matmul, scale, mask, softmax, matmul become gpt.flash_attention.
//
// What it must show: in whatever order and shapes it is written, attention is found, and no scores
// remain; whatever is not quite attention stays as it is, with a remark that says why.
#include "AttentionMatch.h"

#include "gptc/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"

namespace gptc {
#define GEN_PASS_DEF_FORMFLASHATTENTIONPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

/// Erases an operation that nothing uses, and what only it used.
static void eraseUnused(Operation *op) {
  llvm::SmallSetVector<Operation *, 8> waiting; // each once, as it may be used by several
  waiting.insert(op);
  while (!waiting.empty()) {
    Operation *next = waiting.pop_back_val();
    if (!isOpTriviallyDead(next))
      continue;
    for (Value operand : next->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        waiting.insert(producer);
    next->erase();
  }
}

// scores = query key^T scale, -inf where masked;  result = softmax(scores) value
//   =>  q, k, v = query, key, value as [B, H, T, D], [B, G, S, D], [B, G, S, E]
//       result  = gpt.flash_attention q, k, v, as what it was
static void rewrite(const AttentionMatch &match, const AxisFactors &factors) {
  gpt::MatmulOp product = match.product;
  OpBuilder builder(product);
  Location location = product.getLoc();
  Axis heads = match.groups;
  llvm::append_range(heads, match.heads);
  auto arrange = [&](const Element &operand, const Axes &axes) {
    return rearrange(builder, location, operand.value, operand.axes, axes, factors);
  };
  Value query = arrange(match.query, {match.batch, heads, match.queries, match.depth});
  Value key = arrange(match.key, {match.batch, match.groups, match.keys, match.depth});
  Value value = arrange(match.value, {match.batch, match.groups, match.keys, match.width});
  auto attention = gpt::FlashAttentionOp::create(builder, location, query, key, value, match.causal,
                                                 llvm::APFloat(match.scale));
  Value result = arrange({attention.getResult(), {match.batch, heads, match.queries, match.width}},
                         match.productAxes);
  product.getResult().replaceAllUsesWith(result);
  eraseUnused(product);
}

namespace {
struct FormFlashAttentionPass : gptc::impl::FormFlashAttentionPassBase<FormFlashAttentionPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<Operation *> candidates;
    getOperation().walk([&](Operation *op) {
      if (isa<gpt::SoftmaxOp, gpt::MapOp>(op))
        candidates.push_back(op);
    });
    // What replaces one attention holds no candidate of another, and stands before its matmul.
    for (Operation *op : candidates)
      for (Value result : op->getResults())
        if (visit(result))
          break;
  }

  /// Replaces the attention whose probabilities are `probabilities`, which erases their operation.
  bool visit(Value probabilities) {
    if (!AttentionMatcher(maxHeadSize).looksLikeAttention(probabilities))
      return false;
    AttentionMatcher matcher(maxHeadSize);
    auto result = matcher.match(probabilities);
    auto about = [&](StringRef name) {
      return remark::RemarkOpts::name(name)
          .category("gpt-form-flash-attention")
          .function(getOperation().getName());
    };
    Location location = probabilities.getLoc();
    if (auto *reason = std::get_if<std::string>(&result)) {
      remark::missed(location, about("NoAttention")) << remark::reason("{0}", *reason);
      return false;
    }
    auto match = std::get<AttentionMatch>(result);
    remark::passed(location, about("Attention"))
        << remark::metric("heads", matcher.getFactors().getSize(match.groups) *
                                       matcher.getFactors().getSize(match.heads))
        << remark::metric("queries", matcher.getFactors().getSize(match.queries))
        << remark::metric("keys", matcher.getFactors().getSize(match.keys))
        << remark::metric("causal", match.causal);
    rewrite(match, matcher.getFactors());
    return true;
  }
};
} // namespace
