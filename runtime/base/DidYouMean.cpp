// Guesses at misspelt names.
#include "runtime/base/DidYouMean.h"

#include <fmt/format.h>

#include <algorithm>

namespace gptc::runtime {

namespace {

/// Optimal string alignment distance: inserts, deletes, replacements and swaps of neighbours cost
/// one each. Three rows of the usual table.
size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> twoBack(b.size() + 1), back(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    std::swap(twoBack, back);
    std::swap(back, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replace = back[j - 1] + (a[i - 1] != b[j - 1]);
      row[j] = std::min({replace, back[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], twoBack[j - 2] + 1);
    }
  }
  return row[b.size()];
}

} // namespace

std::optional<std::string> didYouMean(std::string_view name,
                                      const std::vector<std::string> &candidates) {
  // Names longer than this are not typing mistakes; the bound keeps hostile input cheap.
  constexpr size_t longestGuess = 64;
  if (name.size() < 2 || name.size() > longestGuess)
    return std::nullopt;
  size_t best = std::max<size_t>(1, name.size() / 3) + 1;
  std::optional<std::string> found;
  for (const std::string &candidate : candidates) {
    size_t difference =
        std::max(name.size(), candidate.size()) - std::min(name.size(), candidate.size());
    if (difference >= best || candidate == name)
      continue;
    if (size_t distance = editDistance(name, candidate); distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

std::string suggestion(std::string_view name, const std::vector<std::string> &candidates) {
  std::optional<std::string> guess = didYouMean(name, candidates);
  return guess ? fmt::format("; did you mean {}?", *guess) : std::string();
}

} // namespace gptc::runtime
