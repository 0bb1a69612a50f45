// plan-generate-matmuls: which products the CPU computes by functions of the plan's object.
//
// What it must show: operands and results of 16 bits are never left to the library; which product
// is generated follows from its sizes and types alone.
#include "gptc/Dialect/Plan/PlanOps.h"
#include "gptc/Plan/Passes.h"

#include "mlir/IR/Remarks.h"

namespace gptc {
#define GEN_PASS_DEF_GENERATEMATMULSPASS
#include "gptc/Plan/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

/// A tile has as many rows with the widest vectors, and what it has beyond the product's is lost.
/// The library has functions of its own for products with a vector.
static constexpr int64_t leastSize = 8;

static bool isFloat(MatmulOp op) {
  return op.getLhsElementType().isF32() && op.getRhsElementType().isF32() &&
         op.getResultElementType().isF32();
}

namespace {
struct GenerateMatmulsPass : gptc::impl::GenerateMatmulsPassBase<GenerateMatmulsPass> {
  using GenerateMatmulsPassBase::GenerateMatmulsPassBase;

  void runOnOperation() override {
    for (auto entry : getOperation().getOps<EntryOp>())
      for (auto op : entry.getOps<MatmulOp>())
        choose(op);
  }

  // plan.matmul … batch []  =>  plan.matmul … batch [] generated
  void choose(MatmulOp op) {
    auto options = remark::RemarkOpts::name("GeneratedMatmul")
                       .category(getArgument())
                       .function(op->getParentOfType<EntryOp>().getSymName());
    if (isFloat(op) && (op.getM() < leastSize || op.getN() < leastSize)) {
      remark::missed(op.getLoc(), options)
          << remark::reason("the library's functions for vectors are faster on {0} x {1} results",
                            op.getM(), op.getN());
      return;
    }
    if (isFloat(op) && static_cast<int64_t>(op.getM() * op.getN() * op.getK()) < leastWork) {
      remark::missed(op.getLoc(), options)
          << remark::reason("the library is faster on products as small as {0} x {1} x {2}",
                            op.getM(), op.getN(), op.getK());
      return;
    }
    op.setGenerated(true);
    remark::passed(op.getLoc(), options)
        << remark::metric("m", op.getM()) << remark::metric("n", op.getN())
        << remark::metric("k", op.getK());
  }
};
} // namespace
