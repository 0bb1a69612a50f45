// The region of a gpt.map, compiled to a list of column operations.
#ifndef GPTC_REFERENCE_MAPPROGRAM_H
#define GPTC_REFERENCE_MAPPROGRAM_H

#include "ScalarFunctions.h"

#include "gptc/Dialect/GPT/GPTOps.h"

namespace gptc::reference {

class MapProgram {
public:
  /// Fails on an operation, or a constant, that the interpreter does not know.
  static llvm::Expected<MapProgram> compile(gpt::MapOp op, Precision precision);

  /// The results of shape `shape`; operands are stretched to it.
  Tensors run(llvm::ArrayRef<Tensor> operands, llvm::ArrayRef<int64_t> shape) const;

private:
  /// Where a value of the region is held.
  struct Register {
    bool isReal;
    unsigned index;
  };
  Register add(mlir::Type type);
  llvm::Error addConstant(mlir::Operation *op, Register result);

  Precision precision;
  unsigned reals = 0, integers = 0;
  llvm::SmallVector<Register> arguments, results;
  llvm::SmallVector<Instruction> instructions;
  llvm::SmallVector<std::pair<unsigned, double>> realConstants;
  llvm::SmallVector<std::pair<unsigned, int64_t>> integerConstants;
};

} // namespace gptc::reference

#endif // GPTC_REFERENCE_MAPPROGRAM_H
