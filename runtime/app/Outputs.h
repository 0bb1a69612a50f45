// Whether a run will be able to write what it is asked for: known before it starts.
#ifndef GPTC_RUNTIME_APP_OUTPUTS_H
#define GPTC_RUNTIME_APP_OUTPUTS_H

#include "runtime/base/Status.h"

#include <string>

namespace gptc::runtime {

/// Whether a file could be written at `path`; nothing is written. An empty path is fine. Errors
/// (ioError) name `flag` and the path.
Status checkWritableFile(const std::string &flag, const std::string &path);
/// Makes the folder and those above it, if need be, and checks that files can be made in it.
Status makeWritableFolder(const std::string &flag, const std::string &path);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_OUTPUTS_H
