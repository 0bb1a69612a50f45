// Finding and opening checkpoints.
#include "runtime/app/Checkpoint.h"

#include <charconv>
#include <filesystem>
#include <fmt/format.h>

namespace gptc::runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = "step-";
constexpr std::string_view suffix = ".safetensors";

/// The step in a checkpoint's file name.
std::optional<int64_t> stepOf(std::string_view name) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix) ||
      name.size() <= prefix.size() + suffix.size())
    return std::nullopt;
  name = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
  int64_t step = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  if (error != std::errc() || end != name.data() + name.size() || step < 0)
    return std::nullopt;
  return step;
}

} // namespace

std::string checkpointPath(const std::string &folder, int64_t step) {
  return (fs::path(folder) / fmt::format("{}{:08}{}", prefix, step, suffix)).string();
}

std::optional<int64_t> latestCheckpoint(const std::string &folder) {
  std::optional<int64_t> latest;
  std::error_code error;
  for (fs::directory_iterator file(folder, error), end; !error && file != end;
       file.increment(error))
    if (std::optional<int64_t> step = stepOf(file->path().filename().string());
        step && (!latest || *step > *latest))
      latest = step;
  return latest;
}

Result<std::string> findCheckpoint(const std::string &path) {
  std::error_code error;
  if (!fs::is_directory(path, error))
    return path;
  if (std::optional<int64_t> step = latestCheckpoint(path))
    return checkpointPath(path, *step);
  return Status(Code::notFound,
                fmt::format("{}: the folder holds no checkpoint ({}…{})", path, prefix, suffix));
}

Result<WeightFile> WeightFile::open(const std::string &path) {
  GPTC_ASSIGN(std::string found, findCheckpoint(path));
  GPTC_ASSIGN(SafetensorsFile file, SafetensorsFile::open(found));
  GPTC_ASSIGN(RunMetadata metadata, RunMetadata::read(file, found));
  return WeightFile{std::move(found), std::move(file), std::move(metadata)};
}

Result<WeightFile> WeightFile::open(const WeightOptions &options) {
  return open(options.checkpoint.empty() ? options.init : options.checkpoint);
}

Result<WeightFile> openResume(const TrainOptions &options) {
  GPTC_ASSIGN(WeightFile file,
              WeightFile::open(options.resume->empty() ? options.checkpointDir : *options.resume));
  if (!file.metadata.progress)
    return Status(
        Code::dataError,
        fmt::format(
            "{}: not a checkpoint: it does not say where a run stood (start from it with --init)",
            file.path));
  return file;
}

Result<std::shared_ptr<const Tokenizer>> startingTokenizer(const TrainOptions &options) {
  if (options.resume) {
    GPTC_ASSIGN(WeightFile file, openResume(options));
    return file.metadata.tokenizer;
  }
  if (options.init.empty())
    return std::shared_ptr<const Tokenizer>();
  GPTC_ASSIGN(WeightFile file, WeightFile::open(options.init));
  return file.metadata.tokenizer;
}

} // namespace gptc::runtime
