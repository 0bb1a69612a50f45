// How far a value in float32 may be from the interpreter's.
#ifndef GPTC_TEST_PLAN_TOLERANCE_H
#define GPTC_TEST_PLAN_TOLERANCE_H

#include "gptc/Reference/Tensor.h"

namespace gptc::test {

/// The largest difference of an element from `exact`, a tensor of real numbers, that rounding
/// explains; not a number if something in it is not finite.
///
/// What rounding explains is estimated thrice: as the error of the interpreter in float32
/// (`single`); as the change that relative changes of the inputs by one float32 ulp (2⁻²³) make
/// (`perturbed`); and as 4 ulp of the largest element, or of 1/16: differences of numbers near 1,
/// which inputs are, may cancel to 0 exactly there and not here. A device sums in another order and
/// has other approximations of exp and tanh (up to 4 ulp), which makes errors of the same kind,
/// larger by the square root of a reduced axis at most; 64 leaves room for a chain of such
/// operations.
double allowedDifference(const reference::Tensor &exact, const reference::Tensor &single,
                         const reference::Tensor &perturbed);

} // namespace gptc::test

#endif // GPTC_TEST_PLAN_TOLERANCE_H
