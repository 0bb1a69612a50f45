// Axes as products of factors, so that what becomes of an axis can be followed through reshapes and
// transposes.
#ifndef GPTC_LIB_TRANSFORMS_AXISFACTORS_H
#define GPTC_LIB_TRANSFORMS_AXISFACTORS_H

#include "gptc/Dialect/GPT/GPTOps.h"

#include <optional>
#include <vector>

namespace gptc {

/// The factors of an axis, by number, the slowest first; none for an axis of size 1.
using Axis = llvm::SmallVector<int, 2>;
/// The axes of a tensor.
using Axes = llvm::SmallVector<Axis, 4>;

/// The factors of all axes of some tensors. A factor is one index: axes that share factors run
/// together. Where a reshape divides an axis, its factor is divided in two, in all tensors.
class AxisFactors {
public:
  /// An axis, or axes, that run alone.
  Axis create(int64_t size);
  Axes create(llvm::ArrayRef<int64_t> shape);

  /// The axes of a tensor, under another shape of as many elements, in row-major order. None where
  /// an axis of one shape is no product of parts of the other's.
  std::optional<Axes> reshape(const Axes &axes, llvm::ArrayRef<int64_t> shape);

  /// With divided factors replaced by their parts.
  Axis resolve(const Axis &axis) const;
  Axes resolve(const Axes &axes) const;
  bool areEqual(const Axis &a, const Axis &b) const { return resolve(a) == resolve(b); }
  bool areEqual(const Axes &a, const Axes &b) const { return resolve(a) == resolve(b); }

  int64_t getSize(const Axis &axis) const;

private:
  struct Factor {
    int64_t size;
    int outer = -1, inner = -1; ///< its parts, once it is divided
  };
  std::vector<Factor> factors;
};

/// All factors of `axes`, in order.
Axis flatten(llvm::ArrayRef<Axis> axes);

/// A value of a tensor with the axes `from` as one with the axes `to`, which hold the same factors:
/// by a reshape, a transpose and a reshape, as far as they are needed. Axes are resolved.
mlir::Value rearrange(mlir::OpBuilder &builder, mlir::Location location, mlir::Value value,
                      const Axes &from, const Axes &to, const AxisFactors &factors);

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_AXISFACTORS_H
