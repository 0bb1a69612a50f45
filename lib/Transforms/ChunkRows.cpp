// gpt-chunk-rows: a large product, and all that is made of it row by row, is computed by pieces.
//
// What it must show: of a language model's logits only a piece is ever there; nothing is computed
// twice; what needs all rows at once is left whole, with a remark that says so.
#include "RowCluster.h"

#include "gptc/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"

namespace gptc {
#define GEN_PASS_DEF_CHUNKROWSPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

namespace {
struct ChunkRowsPass : gptc::impl::ChunkRowsPassBase<ChunkRowsPass> {
  using Base::Base;

  void runOnOperation() override {
    if (bytes == 0)
      return;
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (Block &block : function.getBody()) {
        DenseSet<Operation *> whole; // tried in vain
        while (gpt::MatmulOp matmul = nextProduct(block, whole))
          cut(function, matmul, whole);
      }
  }

  /// A product that is too large and has not been tried.
  gpt::MatmulOp nextProduct(Block &block, const DenseSet<Operation *> &whole) {
    for (auto matmul : block.getOps<gpt::MatmulOp>())
      if (static_cast<uint64_t>(bytesOf(matmul.getResult())) > bytes && !whole.contains(matmul))
        return matmul;
    return {};
  }

  void cut(func::FuncOp function, gpt::MatmulOp matmul, DenseSet<Operation *> &whole) {
    int64_t size = bytesOf(matmul.getResult());
    auto options =
        remark::RemarkOpts::name("Chunked").category("gpt-chunk-rows").function(function.getName());
    RowCluster cluster(matmul, bytes);
    if (std::optional<StringRef> obstacle = cluster.findObstacle()) {
      remark::missed(matmul.getLoc(), options)
          << remark::metric("bytes", size) << remark::reason("{0}", *obstacle);
      whole.insert(matmul);
      return;
    }
    remark::passed(matmul.getLoc(), options)
        << remark::metric("bytes", size) << remark::metric("pieces", cluster.countPieces());
    cluster.cut();
  }
};
} // namespace
