// Finding the files of a data set.
#include "runtime/data/DataFiles.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace gptc::runtime {

namespace fs = std::filesystem;

Result<DataFiles> listDataFiles(const std::string &path) {
  std::error_code error;
  fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found)
    return Status(Code::notFound, fmt::format("{}: no such file or directory", path));
  if (error)
    return Status(Code::ioError, fmt::format("{}: cannot read: {}", path, error.message()));
  DataFiles found;
  if (status.type() != fs::file_type::directory) {
    found.files.push_back(path);
    return found;
  }
  fs::recursive_directory_iterator entry(path, error), end;
  while (!error && entry != end) {
    std::error_code entryError;
    if (entry->is_regular_file(entryError))
      found.files.push_back(entry->path().string());
    else if (!entry->is_directory(entryError) || entry->is_symlink(entryError))
      ++found.skipped;
    entry.increment(error);
  }
  if (error)
    return Status(Code::ioError, fmt::format("{}: cannot read: {}", path, error.message()));
  std::sort(found.files.begin(), found.files.end());
  return found;
}

bool hasExtension(std::string_view path, std::string_view extension) {
  return path.size() > extension.size() && path.ends_with(extension) &&
         path[path.size() - extension.size() - 1] == '.';
}

Result<NamedSplit> splitFromName(const std::string &path) {
  std::string name = path.substr(path.rfind('/') + 1);
  for (char &c : name)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  bool training = name.find("train") != std::string::npos;
  bool validation = name.find("val") != std::string::npos;
  if (training && validation)
    return Status(Code::dataError,
                  fmt::format("{}: its name has both \"train\" and \"val\", so which split it "
                              "belongs to is not clear",
                              path));
  return training ? NamedSplit::training : validation ? NamedSplit::validation : NamedSplit::none;
}

} // namespace gptc::runtime
