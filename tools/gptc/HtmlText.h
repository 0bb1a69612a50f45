// Text within HTML.
#ifndef GPTC_TOOLS_GPTC_HTMLTEXT_H
#define GPTC_TOOLS_GPTC_HTMLTEXT_H

#include <string>
#include <string_view>

namespace gptc::tools {

/// `text` with &, <, > and " as entities.
std::string escapeHtml(std::string_view text);

} // namespace gptc::tools

#endif // GPTC_TOOLS_GPTC_HTMLTEXT_H
