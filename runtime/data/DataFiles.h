// Which files --data PATH stands for, and which split a file's name picks.
#ifndef GPTC_RUNTIME_DATA_DATAFILES_H
#define GPTC_RUNTIME_DATA_DATAFILES_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gptc::runtime {

struct DataFiles {
  std::vector<std::string> files; ///< sorted by path, byte by byte
  int64_t skipped = 0;            ///< links to folders, devices and the like
};

/// `path` itself, or all regular files at any depth below it. Links to folders are not followed.
/// Errors: notFound, ioError.
Result<DataFiles> listDataFiles(const std::string &path);

/// Whether the path ends in `.extension`.
bool hasExtension(std::string_view path, std::string_view extension);

enum class NamedSplit { none, training, validation };

/// "val" or "train" in the file's name (not in its folders, upper case or lower). Error dataError
/// if it has both.
Result<NamedSplit> splitFromName(const std::string &path);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DATA_DATAFILES_H
