// The JSON-lines log.
#include "runtime/train/Log.h"

#include "runtime/base/File.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace gptc::runtime {

namespace {

Status writeError(const std::string &path) {
  return {Code::ioError, fmt::format("--log {}: cannot write: {}", path, std::strerror(errno))};
}

nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

/// How many bytes of a log from before belong to steps below nextStep.
Result<size_t> keptBytes(const std::string &path, std::string_view content, int64_t nextStep) {
  size_t position = 0;
  for (size_t line = 1; position < content.size(); ++line) {
    size_t end = content.find('\n', position);
    if (end == std::string_view::npos)
      break; // a last line that was cut short
    std::string_view text = content.substr(position, end - position);
    auto object = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    if (!object.is_object())
      return Status(Code::dataError,
                    fmt::format("--log {}: line {} is not a JSON object, so this is not the log of "
                                "the run to resume",
                                path, line));
    auto step = object.find("step");
    if (step != object.end() && step->is_number_integer() && step->get<int64_t>() >= nextStep)
      break;
    position = end + 1;
  }
  return position;
}

Result<int> openForAppending(const std::string &path, int flags) {
  int descriptor;
  do {
    descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0666);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0)
    return writeError(path);
  return descriptor;
}

} // namespace

std::string toJsonLine(const StepRecord &record) {
  nlohmann::ordered_json line = {{"step", record.step},
                                 {"loss", number(record.loss)},
                                 {"lr", number(record.learningRate)},
                                 {"norm", number(record.norm)},
                                 {"ms", number(record.milliseconds)},
                                 {"tokens_per_second", number(record.tokensPerSecond)}};
  if (record.lossScale) {
    line["loss_scale"] = number(*record.lossScale);
    line["skipped"] = record.skipped;
  }
  return line.dump();
}

std::string toJsonLine(const EvaluationRecord &record) {
  nlohmann::ordered_json line = {{"step", record.step},
                                 {"val_loss", number(record.validationLoss)}};
  if (record.hellaswag)
    line["hellaswag"] = number(*record.hellaswag);
  return line.dump();
}

Result<LogWriter> LogWriter::create(const std::string &path) {
  GPTC_ASSIGN(int descriptor, openForAppending(path, O_TRUNC));
  return LogWriter(path, descriptor);
}

Result<LogWriter> LogWriter::resume(const std::string &path, int64_t nextStep) {
  auto content = readWholeFile(path);
  if (!content.ok() && content.status().code() != Code::notFound)
    return content.status().within("--log");
  size_t kept = 0;
  if (content.ok()) {
    GPTC_ASSIGN(kept, keptBytes(path, *content, nextStep));
  }
  GPTC_ASSIGN(int descriptor, openForAppending(path, 0));
  LogWriter log(path, descriptor);
  if (content.ok() && kept < content->size() &&
      ::ftruncate(descriptor, static_cast<off_t>(kept)) != 0)
    return writeError(path);
  return log;
}

LogWriter::LogWriter(LogWriter &&other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

LogWriter &LogWriter::operator=(LogWriter &&other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

LogWriter::~LogWriter() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

Status LogWriter::write(const StepRecord &record) { return writeLine(toJsonLine(record)); }
Status LogWriter::write(const EvaluationRecord &record) { return writeLine(toJsonLine(record)); }

Status LogWriter::writeLine(std::string line) {
  line += '\n';
  FileWriter writer(descriptor_, path_);
  GPTC_RETURN_IF_ERROR(writer.write(line));
  return writer.flush().within("--log");
}

} // namespace gptc::runtime
