// Metadata of weights and checkpoints.
#include "runtime/app/RunMetadata.h"

#include <fmt/format.h>

namespace gptc::runtime {

namespace {

constexpr int metadataVersion = 1;

std::string dump(const nlohmann::json &json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// The member, or null.
const nlohmann::json &member(const nlohmann::json &object, const char *name) {
  static const nlohmann::json none;
  auto found = object.find(name);
  return found == object.end() ? none : *found;
}

std::string textMember(const nlohmann::json &object, const char *name) {
  const nlohmann::json &value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

} // namespace

RunMetadata RunMetadata::of(const Plan &plan, std::shared_ptr<const Tokenizer> tokenizer) {
  RunMetadata metadata;
  metadata.model = plan.model();
  metadata.description = plan.description();
  metadata.settings = plan.settings();
  metadata.tokenizer = std::move(tokenizer);
  return metadata;
}

SafetensorsMetadata RunMetadata::toSafetensors() const {
  nlohmann::json own = {{"version", metadataVersion},
                        {"model", model},
                        {"description", description},
                        {"settings", settings}};
  if (tokenizer)
    own["tokenizer"] = nlohmann::json::parse(tokenizer->toJson(), nullptr, false);
  if (progress)
    own["progress"] = {
        {"step", progress->step}, {"data", progress->data}, {"options", progress->options}};
  return {{"format", "pt"}, {"gptc", dump(own)}};
}

Result<RunMetadata> RunMetadata::read(const SafetensorsFile &file, const std::string &path) {
  RunMetadata metadata;
  auto found = file.metadata().find("gptc");
  if (found == file.metadata().end())
    return metadata;
  auto damaged = [&](std::string_view what) {
    return Status(Code::dataError, fmt::format("{}: its metadata is damaged: {}", path, what));
  };
  nlohmann::json own = nlohmann::json::parse(found->second, nullptr, false);
  if (!own.is_object())
    return damaged("not a JSON object");
  const nlohmann::json &version = member(own, "version");
  if (!version.is_number_integer())
    return damaged("no version");
  if (version.get<int64_t>() > metadataVersion)
    return Status(Code::failedPrecondition,
                  fmt::format("{}: written by a newer gptc (metadata version {}, known is {})",
                              path, version.get<int64_t>(), metadataVersion));
  metadata.model = textMember(own, "model");
  metadata.description = textMember(own, "description");
  if (const nlohmann::json &settings = member(own, "settings"); settings.is_object())
    metadata.settings = settings;
  if (const nlohmann::json &tokenizer = member(own, "tokenizer"); !tokenizer.is_null()) {
    auto made = tokenizerFromJson(dump(tokenizer));
    if (!made.ok())
      return made.status().within(path);
    metadata.tokenizer = *made;
  }
  if (const nlohmann::json &progress = member(own, "progress"); !progress.is_null()) {
    const nlohmann::json &step = progress.is_object() ? member(progress, "step") : progress;
    if (!step.is_number_integer() || step.get<int64_t>() < 0)
      return damaged("no step");
    metadata.progress =
        Progress{step.get<int64_t>(), member(progress, "data"), member(progress, "options")};
  }
  return metadata;
}

} // namespace gptc::runtime
