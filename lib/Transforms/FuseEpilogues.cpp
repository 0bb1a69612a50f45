// gpt-fuse-epilogues: matmuls move into the row kernels that use their products.
//
// What it must show: a kernel and the matmul in it compute what they computed apart; nobody who
// needs the product comes before it; every product that a kernel reads from memory is in a remark.
#include "gptc/Transforms/Passes.h"

#include "KernelGroups.h"

#include "gptc/Dialect/GPT/BlockSums.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"

namespace gptc {
#define GEN_PASS_DEF_FUSEEPILOGUESPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

static RankedTensorType tensor(Value value) { return cast<RankedTensorType>(value.getType()); }

/// One matrix of all rows of the product: leading axes, if there are any, are the left matrix's.
static bool isUnbatched(gpt::MatmulOp matmul) { return tensor(matmul.getRhs()).getRank() == 2; }

static gpt::MatmulOp productIn(gpt::FusedOp fused) {
  auto products = fused.getBody().front().getOps<gpt::MatmulOp>();
  return products.empty() ? gpt::MatmulOp() : *products.begin();
}

/// Whether a shape is that of the product, [R…, C], or one value for each of its rows.
static bool isOfRows(ArrayRef<int64_t> shape, ArrayRef<int64_t> product) {
  ArrayRef<int64_t> rows = product.drop_back();
  return shape == product || shape == rows ||
         (shape.size() == product.size() && shape.back() == 1 && shape.drop_back() == rows);
}

/// What keeps the operations of a kernel from running on a few rows of the product at a time: each
/// must compute, at each row, from values of that row and from operands of the kernel, or sum over
/// a block of rows. Empty where they do.
static StringRef obstacleIn(gpt::FusedOp fused, ArrayRef<int64_t> product) {
  bool isUsed = false;
  for (Operation &op : fused.getBody().front().without_terminator()) {
    if (isa<arith::ConstantOp, gpt::IotaOp>(op) || gpt::isViewOfBlockSum(&op))
      continue;
    if (std::optional<gpt::BlockSum> sum = gpt::matchBlockSum(&op)) {
      if (tensor(sum->getInput()).getShape() != product)
        return "the kernel computes over another shape";
      continue;
    }
    if (auto reduce = dyn_cast<gpt::ReduceOp>(op)) {
      if (isColumnReduction(reduce))
        return "it is reduced along its columns";
      if (tensor(reduce.getInput()).getShape() != product)
        return "the kernel computes over another shape";
      continue;
    }
    if (auto reshape = dyn_cast<gpt::ReshapeOp>(op)) {
      Operation *source = reshape.getInput().getDefiningOp();
      if (isKeepAxisReshape(reshape) || (source && isa<arith::ConstantOp, gpt::IotaOp>(source)))
        continue;
      return "it is rearranged";
    }
    if (!isa<gpt::MapOp, gpt::RandomOp>(op))
      return "the kernel gathers";
    for (Value result : op.getResults()) {
      if (!isOfRows(tensor(result).getShape(), product))
        return "the kernel computes over another shape";
      isUsed |= tensor(result).getShape() == product;
    }
  }
  return isUsed ? "" : "the kernel computes over another shape";
}

/// Whether the kernel uses the value otherwise than as a matrix of a product in it.
static bool usesElements(gpt::FusedOp fused, Value value) {
  for (auto [argument, operand] : llvm::zip(fused.getBody().getArguments(), fused.getOperands()))
    if (operand == value && !llvm::all_of(argument.getUsers(), llvm::IsaPred<gpt::MatmulOp>))
      return true;
  return false;
}

/// What keeps `fused`, which uses the product of `matmul`, from taking it; empty for nothing.
static StringRef obstacle(gpt::MatmulOp matmul, gpt::FusedOp fused) {
  if (!isUnbatched(matmul))
    return "it is batched";
  for (Operation *user : matmul->getUsers())
    if (user->isBeforeInBlock(fused))
      return "it is needed before the kernel";
  if (productIn(fused))
    return "the kernel has another product";
  return obstacleIn(fused, tensor(matmul.getResult()).getShape());
}

/// The kernel with the product in it.
///
///   %p = gpt.matmul %x, %w              %r, %q = gpt.fused(%x, %w, %b) {
///   %r = gpt.fused(%p, %b) {            ^bb0(%i, %j, %k):
///   ^bb0(%i, %k):                         %p = gpt.matmul %i, %j
///     %m = gpt.map(%i, %k)         =>     %m = gpt.map(%p, %k)
///     gpt.yield %m                        gpt.yield %m, %p
///   }                                   }
///   … %r, %p                            … %r, %q
static void fuse(gpt::MatmulOp matmul, gpt::FusedOp fused) {
  Value product = matmul.getResult();
  bool isNeeded = llvm::any_of(product.getUsers(), [&](Operation *user) { return user != fused; });
  llvm::SmallSetVector<Value, 8> operands(llvm::from_range, matmul->getOperands());
  for (Value operand : fused.getOperands())
    if (operand != product)
      operands.insert(operand);
  SmallVector<Type> types(fused.getResultTypes());
  if (isNeeded)
    types.push_back(product.getType());

  OpBuilder builder(fused);
  auto whole = gpt::FusedOp::create(builder, fused.getLoc(), types, operands.getArrayRef());
  Block *body = builder.createBlock(&whole.getBody());
  IRMapping mapping;
  for (Value operand : operands)
    mapping.map(operand, body->addArgument(operand.getType(), fused.getLoc()));
  builder.setInsertionPointToStart(body);
  mapping.map(product, builder.clone(*matmul, mapping)->getResult(0));
  Block &old = fused.getBody().front();
  for (auto [argument, operand] : llvm::zip(old.getArguments(), fused.getOperands()))
    mapping.map(argument, mapping.lookup(operand));
  for (Operation &op : old)
    builder.clone(op, mapping);
  if (isNeeded)
    body->getTerminator()->insertOperands(fused.getNumResults(), mapping.lookup(product));

  fused.replaceAllUsesWith(whole.getResults().take_front(fused.getNumResults()));
  fused.erase();
  if (isNeeded)
    product.replaceAllUsesWith(whole.getResults().back());
  matmul.erase();
}

namespace {
struct FuseEpiloguesPass : gptc::impl::FuseEpiloguesPassBase<FuseEpiloguesPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (Block &block : function.getBody()) {
        // The last first: of two products in a kernel the later one is fused.
        SmallVector<gpt::MatmulOp> matmuls(block.getOps<gpt::MatmulOp>());
        for (gpt::MatmulOp matmul : llvm::reverse(matmuls))
          visit(function, matmul);
      }
  }

  static void visit(func::FuncOp function, gpt::MatmulOp matmul) {
    gpt::FusedOp first;
    for (Operation *user : matmul->getUsers())
      if (auto fused = dyn_cast<gpt::FusedOp>(user);
          fused && usesElements(fused, matmul.getResult()))
        if (!first || fused->isBeforeInBlock(first))
          first = fused;
    if (!first)
      return;
    RankedTensorType type = tensor(matmul.getResult());
    int64_t bytes = type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    bool isNeeded =
        llvm::any_of(matmul->getUsers(), [&](Operation *user) { return user != first; });
    // Written by the matmul and read by the kernel; written still if somebody else reads it.
    int64_t traffic = isNeeded ? bytes : 2 * bytes;
    auto options = remark::RemarkOpts::name("MatmulEpilogue")
                       .category("gpt-fuse-epilogues")
                       .function(function.getName());
    Location location = matmul.getLoc();
    StringRef reason = obstacle(matmul, first);
    if (reason.empty()) {
      fuse(matmul, first);
      remark::passed(location, options) << remark::metric("bytes_saved", traffic);
    } else {
      remark::missed(location, options)
          << remark::reason("{0}", reason) << remark::metric("bytes", traffic);
    }
  }
};
} // namespace
