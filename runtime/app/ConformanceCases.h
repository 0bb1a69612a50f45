// What a conformance file holds, read and checked against a plan.
#ifndef GPTC_RUNTIME_APP_CONFORMANCECASES_H
#define GPTC_RUNTIME_APP_CONFORMANCECASES_H

#include "runtime/data/Safetensors.h"
#include "runtime/plan/Plan.h"

namespace gptc::runtime {

struct ConformanceTensor {
  const TensorInfo *tensor = nullptr;
  std::vector<uint32_t> before;   ///< the bits of all elements; empty: not given
  std::vector<uint32_t> expected; ///< empty: the tensor stays as it was
  double tolerance = 0;           ///< the largest difference of an element
};

struct ConformanceCase {
  std::string entry;
  std::vector<ConformanceTensor> tensors;
};

/// The cases of a file, in the order of their entries' names. `plan` must outlive them. Errors:
/// notFound, ioError, dataError (not a conformance file), failedPrecondition (not for this plan).
Result<std::vector<ConformanceCase>> loadConformanceCases(const std::string &path,
                                                          const Plan &plan);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_CONFORMANCECASES_H
