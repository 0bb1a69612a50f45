// Checks of output paths.
#include "runtime/app/Outputs.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

namespace gptc::runtime {

namespace fs = std::filesystem;

namespace {

Status refuse(const std::string &flag, const std::string &path, std::string_view why) {
  return {Code::ioError, fmt::format("{} {}: cannot be written: {}", flag, path, why)};
}

} // namespace

Status checkWritableFile(const std::string &flag, const std::string &path) {
  if (path.empty())
    return {};
  std::error_code error;
  fs::path target = fs::weakly_canonical(fs::absolute(path, error), error); // follows links
  if (error)
    return refuse(flag, path, error.message());
  fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status))
    return refuse(flag, path, "it is a folder");
  // Pipes and devices are written as they are, regular files beside and renamed.
  if (fs::exists(status) && !fs::is_regular_file(status))
    return access(target.c_str(), W_OK) == 0 ? Status() : refuse(flag, path, std::strerror(errno));
  fs::path folder = target.parent_path();
  if (!fs::is_directory(folder, error))
    return refuse(flag, path, fmt::format("there is no folder {}", folder.string()));
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    return refuse(flag, path, std::strerror(errno));
  return {};
}

Status makeWritableFolder(const std::string &flag, const std::string &path) {
  if (path.empty())
    return {};
  std::error_code error;
  fs::create_directories(path, error);
  if (error)
    return refuse(flag, path, error.message());
  if (!fs::is_directory(path, error))
    return refuse(flag, path, "it is not a folder");
  if (access(path.c_str(), W_OK | X_OK) != 0)
    return refuse(flag, path, std::strerror(errno));
  return {};
}

} // namespace gptc::runtime
