// How much arithmetic operations do.
#ifndef GPTC_TRANSFORMS_WORK_H
#define GPTC_TRANSFORMS_WORK_H

#include "mlir/IR/Operation.h"

#include <cstdint>

namespace gptc {

/// Floating-point operations of `op`, before kernels are formed: two for each product that a matmul
/// adds up, one for each scalar operation of a map and each element of a reduction. Attention
/// counts the scores that its mask leaves; 0 for what only moves elements.
int64_t flopsOf(mlir::Operation *op);

/// The same of all operations within `op`.
int64_t flopsWithin(mlir::Operation *op);

} // namespace gptc

#endif // GPTC_TRANSFORMS_WORK_H
