// The reference bigram model.
#include "BigramReference.h"

#include <cmath>

namespace gptc::runtime::test {

BigramReference::BigramReference(std::span<const float> table) {
  for (size_t i = 0; i < vocabulary; ++i)
    for (size_t v = 0; v < vocabulary; ++v)
      table_[i][v] = table[i * vocabulary + v];
}

std::array<double, vocabulary> BigramReference::probabilities(int32_t token) const {
  std::array<double, vocabulary> result;
  double sum = 0;
  for (size_t v = 0; v < vocabulary; ++v)
    sum += result[v] = std::exp(table_[static_cast<size_t>(token)][v]);
  for (double &value : result)
    value /= sum;
  return result;
}

double BigramReference::loss(std::span<const int32_t> stream, size_t position) const {
  double sum = 0;
  for (size_t i = position; i < position + positions; ++i)
    sum -= std::log(probabilities(stream[i])[static_cast<size_t>(stream[i + 1])]);
  return sum / static_cast<double>(positions);
}

BigramReference::Step BigramReference::step(std::span<const int32_t> stream,
                                            std::span<const size_t> microBatches,
                                            double learningRate, const Settings &settings) {
  Table gradient = {};
  double count = static_cast<double>(microBatches.size()), loss = 0;
  for (size_t position : microBatches) {
    loss += this->loss(stream, position) / count;
    for (size_t i = position; i < position + positions; ++i) {
      auto p = probabilities(stream[i]);
      for (size_t v = 0; v < vocabulary; ++v)
        gradient[static_cast<size_t>(stream[i])][v] +=
            (p[v] - (static_cast<size_t>(stream[i + 1]) == v ? 1 : 0)) /
            static_cast<double>(positions) / count;
    }
  }
  double squares = 0;
  for (const auto &row : gradient)
    for (double g : row)
      squares += g * g;
  double norm = std::sqrt(squares);
  double clip = settings.clipNorm > 0 ? std::min(1.0, settings.clipNorm / (norm + 1e-6)) : 1;
  ++updates_;
  double correction1 = 1 - std::pow(settings.beta1, updates_),
         correction2 = 1 - std::pow(settings.beta2, updates_);
  for (size_t i = 0; i < vocabulary; ++i)
    for (size_t v = 0; v < vocabulary; ++v) {
      double g = gradient[i][v] * clip;
      double &first = first_[i][v], &second = second_[i][v];
      first = settings.beta1 * first + (1 - settings.beta1) * g;
      second = settings.beta2 * second + (1 - settings.beta2) * g * g;
      table_[i][v] -= learningRate * settings.weightDecay * table_[i][v];
      table_[i][v] -= learningRate * (first / correction1) /
                      (std::sqrt(second / correction2) + settings.epsilon);
    }
  return {loss, norm};
}

} // namespace gptc::runtime::test
