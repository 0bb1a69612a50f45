// Medians and the bootstrap.
#include "Statistics.h"

#include <algorithm>
#include <random>

using namespace gptc;

double gptc::medianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Interval gptc::bootstrapRatio(const std::vector<double> &a, const std::vector<double> &b) {
  constexpr size_t draws = 2000;
  std::mt19937_64 random(42);
  std::uniform_int_distribution<size_t> pair(0, a.size() - 1);
  std::vector<double> ratios;
  for (size_t draw = 0; draw < draws; ++draw) {
    std::vector<double> left, right;
    for (size_t i = 0; i < a.size(); ++i) {
      size_t chosen = pair(random);
      left.push_back(a[chosen]);
      right.push_back(b[chosen]);
    }
    ratios.push_back(medianOf(std::move(left)) / medianOf(std::move(right)));
  }
  std::sort(ratios.begin(), ratios.end());
  return {ratios[draws / 20], ratios[draws - 1 - draws / 20]};
}
