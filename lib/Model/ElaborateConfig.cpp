// Config values: the file's own, then a preset's, then those of --set. Each is evaluated when it is
// first needed, so derived ones follow what they depend on.
#include "Elaborator.h"

#include <fmt/format.h>

namespace gptc::model {

void Elaborator::collectConfig(const Overrides &overrides) {
  for (const ast::Config &config : library_.file().configs)
    for (const ast::Setting &setting : config.settings) {
      auto [it, isNew] = config_.try_emplace(setting.name.text);
      if (!isNew)
        continue; // was reported
      it->second.setting = &setting;
      it->second.expr = setting.value.get();
      configOrder_.push_back(setting.name.text);
    }
  for (const ast::Preset &preset : library_.file().presets) {
    if (preset.name.text != options.preset)
      continue;
    for (const ast::Setting &setting : preset.settings)
      if (auto it = config_.find(setting.name.text); it != config_.end()) {
        it->second.expr = setting.value.get();
        it->second.origin = fmt::format("preset {}", options.preset);
      }
  }
  for (const Override &override : overrides)
    if (auto it = config_.find(override.name); it != config_.end()) {
      it->second.expr = override.value.get();
      it->second.origin = "--set";
    }
  for (const std::string &name : configOrder_)
    configValue(name);
}

Meaning Elaborator::configValue(llvm::StringRef name) {
  ConfigValue &value = config_[name];
  Frame frame;
  frame.library = &library_;
  if (value.state == ConfigValue::State::Active) {
    error(frame, value.expr->range, fmt::format("{} depends on itself", name.str()));
    return Poison();
  }
  if (value.state == ConfigValue::State::Done)
    return value.value;
  value.state = ConfigValue::State::Active;
  Meaning meaning = evaluate(*value.expr, frame);
  if (!meaning.isPoison() && !meaning.number() && !meaning.isNone()) {
    error(
        frame, value.expr->range,
        fmt::format("config value {} must be a number, found {}", name.str(), meaning.describe()));
    meaning = Poison();
  }
  value.value = meaning;
  value.state = ConfigValue::State::Done;
  return meaning;
}

} // namespace gptc::model
