// Guesses at misspelt names, for "did you mean" in messages.
#ifndef GPTC_RUNTIME_BASE_DIDYOUMEAN_H
#define GPTC_RUNTIME_BASE_DIDYOUMEAN_H

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gptc::runtime {

/// The candidate that `name` most likely was meant to be: the nearest by edit distance (insert,
/// delete, replace, swap of neighbours), at most a third of the name's length away and at least one
/// edit is always allowed in names of two or more letters. The first wins a tie.
std::optional<std::string> didYouMean(std::string_view name,
                                      const std::vector<std::string> &candidates);

/// `; did you mean X?`, or empty: to be appended to a message about an unknown name.
std::string suggestion(std::string_view name, const std::vector<std::string> &candidates);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_BASE_DIDYOUMEAN_H
