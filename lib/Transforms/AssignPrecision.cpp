// gpt-assign-precision: matmuls and attention get operands and results of 16 bits.
//
// What it must show: nothing but these operations and rearrangements touches 16-bit values; each
// value is rounded once, however many read it; gradients of parameters are float32 sums.
#include "gptc/Dialect/GPT/Scalar.h"
#include "gptc/Dialect/GPT/Variables.h"
#include "gptc/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/TypeSwitch.h"

namespace gptc {
#define GEN_PASS_DEF_ASSIGNPRECISIONPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::gpt;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static int64_t bytesOf(Value value) {
  return typeOf(value).getNumElements() *
         llvm::divideCeil(typeOf(value).getElementTypeBitWidth(), 8);
}

/// What gives the elements of its operands elsewhere, and perhaps zeros.
static bool isMovement(Operation *op) {
  return isa_and_nonnull<ReshapeOp, TransposeOp, SplitOp, ConcatOp, SliceOp, PadOp>(op);
}

/// A map of one sum.
static bool isSum(Operation *op) {
  auto map = dyn_cast<MapOp>(op);
  return map && llvm::all_of(map.getBlock()->without_terminator(), llvm::IsaPred<arith::AddFOp>);
}

namespace {
/// Rewrites one function.
class Assigner {
public:
  Assigner(func::FuncOp function, FloatType narrow, const Variables &variables)
      : function(function), narrow(narrow), variables(variables) {}

  void run();

private:
  Value narrowed(Value value);
  Value narrowedMovement(Operation *op, unsigned result);
  bool isGradient(Value value) const;
  void visit(MatmulOp matmul);
  void visitMovement(Operation *movement);
  template <typename Op> void visitAttention(Op op);
  void replace(Operation *old, ValueRange results);
  void eraseDead();
  void report();

  func::FuncOp function;
  FloatType narrow;
  const Variables &variables;
  /// By float32 value, the one of 16 bits that it is rounded to or was widened from.
  DenseMap<Value, Value> narrowOf;
  /// Float32 values that were rounded, in order, and products that stayed float32.
  SmallVector<Value> rounded, kept;
};
} // namespace

//   %y = gpt.transpose %x : f32              %n = truncf(%x) : bf16
//   … truncf(%y)                      =>     %y = gpt.transpose %n : bf16
Value Assigner::narrowedMovement(Operation *op, unsigned result) {
  OpBuilder builder(op);
  builder.setInsertionPointAfter(op);
  SmallVector<Value> operands =
      llvm::map_to_vector(op->getOperands(), [&](Value operand) { return narrowed(operand); });
  Operation *moved = builder.clone(*op);
  moved->setOperands(operands);
  for (auto [wide, value] : llvm::zip(op->getResults(), moved->getResults())) {
    value.setType(typeOf(wide).clone(narrow));
    narrowOf[wide] = value;
  }
  return moved->getResult(result);
}

/// The value with 16 bits: each is rounded once, where it is made. Rearrangements of what is
/// rounded, or was widened, are those of the value with 16 bits.
Value Assigner::narrowed(Value value) {
  if (typeOf(value).getElementType() == narrow)
    return value;
  if (Value known = narrowOf.lookup(value))
    return known;
  Operation *source = value.getDefiningOp();
  if (isMovement(source)) {
    // A part of a value, or one with zeros around it, is not worth rounding all that it is of.
    auto isKnown = [&](Value operand) {
      Operation *before = operand.getDefiningOp();
      return narrowOf.contains(operand) || (before && isMovement(before));
    };
    if (isa<ReshapeOp, TransposeOp, SplitOp>(source) ||
        llvm::all_of(source->getOperands(), isKnown))
      return narrowedMovement(source, cast<OpResult>(value).getResultNumber());
  }
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfterValue(value);
  Value result = createConversion(builder, value.getLoc(), value, narrow);
  rounded.push_back(value);
  return narrowOf[value] = result;
}

/// Whether the value becomes the gradient of a parameter, by itself or as a term: long sums, of
/// which 16 bits would lose most, and which are added up over micro-batches.
bool Assigner::isGradient(Value value) const {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    if (auto write = dyn_cast<WriteOp>(user)) {
      VariableOp variable = variables.lookUp(write.getVariable());
      return variable && variable.getKind() == VariableKind::gradient;
    }
    return (isMovement(user) || isSum(user)) &&
           llvm::any_of(user->getResults(), [&](Value result) { return isGradient(result); });
  });
}

/// Puts results, of 16 bits or as they were, in place of those of `old`.
void Assigner::replace(Operation *old, ValueRange results) {
  OpBuilder builder(old);
  for (auto [before, after] : llvm::zip(old->getResults(), results)) {
    Value wide = createConversion(builder, old->getLoc(), after, typeOf(before).getElementType());
    if (wide != after)
      narrowOf[wide] = after;
    before.replaceAllUsesWith(wide);
  }
  old->erase();
}

//   %y = gpt.matmul %a, %b : f32      =>     %p = gpt.matmul truncf(%a), truncf(%b) : bf16
//                                            %y = extf(%p)
void Assigner::visit(MatmulOp matmul) {
  if (!typeOf(matmul.getLhs()).getElementType().isF32())
    return;
  bool stays = isGradient(matmul.getResult());
  Value lhs = narrowed(matmul.getLhs()), rhs = narrowed(matmul.getRhs());
  OpBuilder builder(matmul);
  auto product = cast<MatmulOp>(builder.clone(*matmul));
  product.getLhsMutable().assign(lhs);
  product.getRhsMutable().assign(rhs);
  if (stays)
    kept.push_back(product.getResult());
  else
    product.getResult().setType(typeOf(product.getResult()).clone(narrow));
  replace(matmul, product.getResult());
}

/// Attention's log-sum-exp, one number a query, stays float32, as it is added to scores.
template <typename Op> void Assigner::visitAttention(Op op) {
  if (!typeOf(op.getQuery()).getElementType().isF32())
    return;
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(typeOf(operand).getRank() == 4 ? narrowed(operand) : operand);
  OpBuilder builder(op);
  Operation *copy = builder.clone(*op);
  copy->setOperands(operands);
  for (Value result : copy->getResults())
    if (typeOf(result).getRank() == 4)
      result.setType(typeOf(result).clone(narrow));
  replace(op, copy->getResults());
}

//   %w = extf(%p)                            %t = gpt.transpose %p : bf16
//   %y = gpt.transpose %w : f32      =>      %y = extf(%t)
//
/// What was widened is rearranged as it was before.
void Assigner::visitMovement(Operation *movement) {
  auto isWidened = [&](Value operand) {
    Value source = getConverted(operand);
    return source && typeOf(source).getElementType() == narrow;
  };
  if (!llvm::all_of(movement->getOperands(), isWidened))
    return;
  if (!narrowOf.contains(movement->getResult(0)))
    narrowedMovement(movement, 0);
  OpBuilder builder(movement->getNextNode());
  for (Value before : movement->getResults()) {
    Value moved = narrowOf[before];
    builder.setInsertionPointAfterValue(moved);
    Value wide = createConversion(builder, before.getLoc(), moved, typeOf(before).getElementType());
    narrowOf[wide] = moved;
    before.replaceAllUsesWith(wide);
  }
}

/// Rearrangements and widenings that nobody reads any more.
void Assigner::eraseDead() {
  for (Block &block : function.getBody())
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if ((isMovement(&op) || isa<MapOp>(op)) && op.use_empty())
        op.erase();
}

void Assigner::report() {
  auto options = [&](StringRef name) {
    return remark::RemarkOpts::name(name)
        .category("gpt-assign-precision")
        .function(function.getName());
  };
  for (Value value : rounded)
    remark::passed(value.getLoc(), options("Rounded"))
        << remark::metric("type", narrow) << remark::metric("bytes", bytesOf(value));
  for (Value value : kept)
    remark::analysis(value.getLoc(), options("Float32"))
        << remark::reason("it is a parameter's gradient, or a term of it")
        << remark::metric("bytes", bytesOf(value));
}

void Assigner::run() {
  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) {
    if (isa<MatmulOp, FlashAttentionOp, FlashAttentionGradOp>(op) || isMovement(op))
      ops.push_back(op);
  });
  for (Operation *op : ops)
    llvm::TypeSwitch<Operation *>(op)
        .Case([&](MatmulOp matmul) { visit(matmul); })
        .Case<FlashAttentionOp, FlashAttentionGradOp>([&](auto known) { visitAttention(known); })
        .Default([&](Operation *movement) { visitMovement(movement); });
  report();
  eraseDead();
}

/// tf32: tensors stay as they are.
static void markTf32(Operation *op) {
  llvm::TypeSwitch<Operation *>(op).Case<MatmulOp, FlashAttentionOp, FlashAttentionGradOp>(
      [](auto known) {
        if (typeOf(known->getOperand(0)).getElementType().isF32())
          known.setTf32(true);
      });
}

namespace {
struct AssignPrecisionPass : gptc::impl::AssignPrecisionPassBase<AssignPrecisionPass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (precision == TrainingPrecision::fp32)
      return;
    if (precision == TrainingPrecision::tf32)
      return (void)module.walk(markTf32);
    Variables variables(module);
    FloatType narrow = Float16Type::get(&getContext());
    if (precision == TrainingPrecision::bf16)
      narrow = BFloat16Type::get(&getContext());
    for (auto function : module.getOps<func::FuncOp>())
      Assigner(function, narrow, variables).run();
  }
};
} // namespace
