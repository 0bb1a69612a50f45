// What the gradient tests share: a training function in MLIR text, differentiated, run by the
// reference interpreter in float64, and compared with central differences of the function as it was
// written.
#ifndef GPTC_TEST_AUTODIFF_GRADIENTHARNESS_H
#define GPTC_TEST_AUTODIFF_GRADIENTHARNESS_H

#include "gptc/Reference/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace gptc::test {

using reference::Environment;
using reference::Tensor;

/// The context of all tests, with every dialect that they need.
mlir::MLIRContext &getContext();

/// Parses MLIR text; fails the test and returns null if it is not valid.
mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text);

/// Runs the passes of a pipeline in MLIR's notation; fails the test and returns false if they fail.
bool run(mlir::ModuleOp module, const std::string &pipeline);

/// Values for the variables of a module: from the attribute `test.values` where it stands;
/// parameters and states by their initialisers (evenly distributed also for `normal`), other real
/// ones within ±1, other indices 0. Under gpt.repeat each copy has its own.
Environment makeValues(mlir::ModuleOp module, unsigned seed);

/// Evaluates a function in float64; fails the test and returns nothing after an error.
std::vector<Tensor> runFunction(mlir::ModuleOp module, llvm::StringRef function,
                                Environment &values);

/// How @train is brought to a form that can be differentiated.
struct Route {
  const char *name;
  /// The passes up to the one that differentiates and after it.
  const char *before, *after;
};
extern const std::vector<Route> routes;

/// Differentiates @train by every route, evaluates the gradients of all parameters, and compares
/// each element with the central difference of @train itself, or with the attribute `test.gradient`
/// of the parameter where differences say nothing (at a kink).
void expectGradientsOfDifferences(const std::string &text, unsigned seed = 1);

// Text. Shapes are written as in MLIR, "2x3"; real elements are f64.

/// The tensor type of a shape.
std::string makeRealType(const std::string &shape);

/// A module with `declarations` and a function @train whose `body` computes `%y` of `shape`; the
/// loss is the sum of y times an input of random weights.
std::string makeTrain(const std::string &declarations, const std::string &body,
                      const std::string &shape);

/// A parameter with values in [low, high), and its read into %name.
std::string declare(const std::string &name, const std::string &shape, double low, double high);
std::string read(const std::string &name, const std::string &shape);

/// An input of indices, and its read into %name.
std::string declareIndices(const std::string &name, const std::string &shape,
                           const std::string &values);
std::string readIndices(const std::string &name, const std::string &shape);

/// A map from %A (and %B) of five elements to %y; `lines` compute %r from %a (and %b).
std::string makeMap(const std::string &lines, bool isBinary);

/// Checks `op`, which makes %y of `result` from the parameter %X of `shape` with values in [low,
/// high).
void expectUnary(const std::string &shape, const std::string &op, const std::string &result,
                 double low = -1, double high = 1);

} // namespace gptc::test

#endif // GPTC_TEST_AUTODIFF_GRADIENTHARNESS_H
