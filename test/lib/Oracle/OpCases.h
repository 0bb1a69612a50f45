// The op fixtures of test/oracle/ops: single operations with the values and gradients that PyTorch
// found.
//
// A case is read from JSON, and written as MLIR text that computes it with the gpt dialect, so that
// the interpreter, autodiff and the devices can be held to the same numbers.
#ifndef GPTC_TEST_ORACLE_OPCASES_H
#define GPTC_TEST_ORACLE_OPCASES_H

#include "gptc/Reference/Tensor.h"

#include "nlohmann/json.hpp"

#include <string>
#include <vector>

namespace gptc::test {

struct NamedTensor {
  std::string name;
  reference::Tensor value;
};

struct OpCase {
  std::string file, name, op;
  nlohmann::json attributes;
  std::vector<NamedTensor> inputs, outputs; ///< in alphabetical order
  /// The loss is the sum over outputs of output · gradient; the gradients are of it. Some have
  /// none.
  std::vector<NamedTensor> outputGradients, gradients;

  const reference::Tensor &input(const std::string &name) const;
};

/// All cases of all files in `folder`, by file name.
std::vector<OpCase> readOpCases(const std::string &folder);

/// Such as tensor<2x3xf64>; real tensors have the element type `real`.
std::string getTypeText(const reference::Tensor &tensor, const std::string &real);

/// Operations that compute the outputs `%out_NAME` from the inputs `%in_NAME`, real ones as `real`;
/// empty for an operation that the fixtures have and this library does not know.
std::string getBodyText(const OpCase &opCase, const std::string &real = "f64");

/// A module with one function @f around that body.
std::string getModuleText(const OpCase &opCase, const std::string &real = "f64");

} // namespace gptc::test

#endif // GPTC_TEST_ORACLE_OPCASES_H
