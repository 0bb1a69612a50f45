// The bigram model of the test plan in double precision, written independently of its kernels.
#ifndef GPTC_TEST_RUNTIME_EXECUTE_BIGRAMREFERENCE_H
#define GPTC_TEST_RUNTIME_EXECUTE_BIGRAMREFERENCE_H

#include "TestSizes.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace gptc::runtime::test {

class BigramReference {
public:
  using Table = std::array<std::array<double, vocabulary>, vocabulary>;

  struct Settings {
    double weightDecay = 0.1, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, clipNorm = 1;
  };
  struct Step {
    double loss, norm;
  };

  explicit BigramReference(std::span<const float> table);

  /// The mean loss of predicting stream[i + 1] from stream[i], i in [position, position +
  /// positions).
  double loss(std::span<const int32_t> stream, size_t position) const;
  /// One AdamW step on the mean loss of micro-batches that begin at these positions.
  Step step(std::span<const int32_t> stream, std::span<const size_t> microBatches,
            double learningRate, const Settings &settings);

  const Table &table() const { return table_; }

private:
  std::array<double, vocabulary> probabilities(int32_t token) const;

  Table table_ = {}, first_ = {}, second_ = {};
  int updates_ = 0;
};

} // namespace gptc::runtime::test

#endif // GPTC_TEST_RUNTIME_EXECUTE_BIGRAMREFERENCE_H
