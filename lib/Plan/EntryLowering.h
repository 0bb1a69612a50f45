// One function of the gpt dialect becomes one plan.entry.
#ifndef GPTC_LIB_PLAN_ENTRYLOWERING_H
#define GPTC_LIB_PLAN_ENTRYLOWERING_H

#include "KernelTable.h"
#include "PlaceAssignment.h"

#include "gptc/Dialect/Plan/PlanOps.h"

namespace gptc::plan {

/// Lowers functions one by one; buffers and kernels are shared by all.
class EntryLowering {
public:
  EntryLowering(Memory &memory, KernelTable &kernels, mlir::OpBuilder &builder)
      : memory(memory), kernels(kernels), builder(builder) {}

  mlir::LogicalResult lower(mlir::func::FuncOp function);

private:
  mlir::LogicalResult lower(mlir::Operation *op);
  void lower(gpt::FusedOp op);
  void lowerWithProduct(gpt::FusedOp op, gpt::MatmulOp product);
  bool lowerFlat(gpt::FusedOp op);
  void lower(gpt::GlobalNormOp op);
  void lower(gpt::ConcatOp op);
  void lower(gpt::PadOp op);
  void lower(gpt::ReshapeOp op);
  void lower(gpt::ArgsortOp op);

  /// The product of two values in a place whose rows have neighbouring elements.
  plan::MatmulOp multiply(gpt::MatmulOp op, mlir::Value lhs, mlir::Value rhs, Place result,
                          bool accumulate);
  /// The place of a value that is about to be computed.
  Place destination(mlir::Value value);
  /// Makes `place` the place of `value`, copying it to the place chosen for it, if that is another
  /// one.
  void settle(mlir::Value value, const Place &place);
  /// A dense copy of a value, for those that cannot take its strides.
  Place densify(mlir::Value value, const Place &place);
  void copy(mlir::Location location, mlir::RankedTensorType type, const Place &from,
            const Place &to, bool accumulate);
  void fill(mlir::Location location, mlir::DenseElementsAttr value, const Place &to,
            bool accumulate);
  /// The kernel and what a launch of it on these places says.
  struct Use {
    KernelUse kernel;
    mlir::ArrayAttr views;
  };
  Use use(mlir::Location location, llvm::StringRef name, mlir::Block &body,
          llvm::ArrayRef<Place> places, llvm::ArrayRef<bool> accumulate,
          llvm::ArrayRef<int64_t> inPlace);
  void launch(mlir::Location location, const Use &use, std::optional<int64_t> rows = std::nullopt);
  void launch(mlir::Location location, llvm::StringRef name, mlir::Block &body,
              llvm::ArrayRef<Place> places, llvm::ArrayRef<bool> accumulate,
              llvm::ArrayRef<int64_t> inPlace, std::optional<int64_t> rows = std::nullopt);
  std::optional<int64_t> flatRows(llvm::ArrayRef<int64_t> shape, const Place &place) const;
  ViewAttr view(const Place &place);

  Memory &memory;
  KernelTable &kernels;
  mlir::OpBuilder &builder;
  Destinations *destinations = nullptr;
  llvm::DenseMap<mlir::Value, Place> places;
};

/// A short word for what a kernel does, for its symbol: the operation that the description or the
/// compiler named.
std::string nameOf(mlir::Operation *op);

/// The symbol of a buffer.
std::string bufferName(int buffer);

} // namespace gptc::plan

#endif // GPTC_LIB_PLAN_ENTRYLOWERING_H
