// What an optimizer moves in memory, and nothing else.
#ifndef GPTC_RUNTIME_APP_UPDATEPASS_H
#define GPTC_RUNTIME_APP_UPDATEPASS_H

#include "runtime/plan/Plan.h"

#include <vector>

namespace gptc::runtime {

/// A pass over all parameters that a plan trains: reads the gradient, reads and writes the
/// parameter and its moments, each once. Its arithmetic, a few multiplications and additions, hides
/// behind that. It covers the logical elements; the pads that the plan lays between rows are not
/// counted.
class UpdatePass {
public:
  /// Error failedPrecondition: the plan has no gradient, or more than two moments for a parameter.
  static Result<UpdatePass> create(const Plan &plan);

  int64_t elements() const { return elements_; } ///< of the parameters
  uint64_t bytes() const { return bytes_; }      ///< that it reads and writes

  /// `segments` is memory for the plan's segments.
  void run(const std::vector<std::byte *> &segments) const;

private:
  struct Part {
    int64_t count;
    Place parameter, gradient;
    std::vector<Place> moments;
  };

  static void runPart(const Part &part, const std::vector<std::byte *> &segments, int64_t begin,
                      int64_t end);

  std::vector<Part> parts_;
  int64_t elements_ = 0;
  uint64_t bytes_ = 0;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_UPDATEPASS_H
