// `gptc fmt`: one way to lay out a description.
//
// Four spaces a level; at most one blank line; single spaces within a line; `:`, `=` and comments
// of neighbouring lines of one kind aligned; lines over 140 characters broken inside brackets, and
// lines broken without need joined. Comments are kept, and lines stay the statements they were.
#ifndef GPTC_MODEL_FORMAT_H
#define GPTC_MODEL_FORMAT_H

#include "gptc/Model/Diagnostics.h"
#include "gptc/Model/Source.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gptc {

/// The longest line that is not broken, in code points. Comments do not count.
inline constexpr size_t formatWidth = 140;

/// The text of `source`, formatted. Formatting the result again changes nothing, and its syntax
/// tree is that of `source`. With syntax errors reports them and returns nothing.
std::optional<std::string> formatSource(const SourceFile &source, DiagnosticEngine &diagnostics);

/// What of a line must be the same for two lines to match.
using LineKey = std::function<std::string(std::string_view)>;

/// What `diff -u` prints for two texts, with three lines of context and the given names; empty when
/// they are equal. Without a key, lines match that are the same.
std::string unifiedDiff(std::string_view beforeName, std::string_view afterName,
                        std::string_view before, std::string_view after, const LineKey &key = {});

} // namespace gptc

#endif // GPTC_MODEL_FORMAT_H
