// A small configuration of any model, found by trying.
//
// First the largest integers of the config come down to tens, then the small ones (layers, heads)
// to two, then all: so blocks repeat, and widths stay wide enough for vectors and padding. Whether
// a description holds with a value is found by elaborating it.
#include "gptc/Driver/Verify.h"

#include <cmath>
#include <fmt/format.h>
#include <map>
#include <set>

using namespace gptc;
using runtime::Result;

static constexpr int64_t fewParameters = 80'000;
static constexpr int64_t shortSequence = 16;
static constexpr int64_t middling = 64;

namespace {
/// The integers of a model's config, and what the model would be with others.
class Configuration {
public:
  explicit Configuration(CompileOptions options) : options(std::move(options)) {}

  /// Elaborates the description; false, with everything as it was, if it does not hold.
  bool load(const CompileOptions &trial);
  /// Halves a value if the description still holds.
  bool halve(const std::string &name);
  /// The values that may be halved, the smallest first.
  std::vector<std::pair<int64_t, std::string>> candidates() const;
  bool isLarge() const { return info.parameterCount() > fewParameters; }

  CompileOptions options;
  ModelInfo info;
  runtime::Status status;

private:
  std::set<std::string> stuck; ///< values that cannot be halved, or follow from others
};
} // namespace

bool Configuration::load(const CompileOptions &trial) {
  Compilation compilation(trial);
  status = compilation.runTo(Stage::graph);
  if (!status.ok())
    return false;
  options = trial;
  info = compilation.info();
  return true;
}

std::vector<std::pair<int64_t, std::string>> Configuration::candidates() const {
  std::vector<std::pair<int64_t, std::string>> found;
  for (const ModelInfo::ConfigValue &value : info.config)
    if (value.value && *value.value > 2 && *value.value == std::floor(*value.value) &&
        *value.value < 1e9 && !stuck.contains(value.name))
      found.emplace_back(static_cast<int64_t>(*value.value), value.name);
  std::sort(found.begin(), found.end());
  return found;
}

bool Configuration::halve(const std::string &name) {
  std::map<std::string, double> before;
  for (const ModelInfo::ConfigValue &value : info.config)
    before[value.name] = value.value.value_or(0);
  CompileOptions trial = options;
  auto half = std::max<int64_t>(2, static_cast<int64_t>(before[name]) / 2);
  std::erase_if(trial.load.overrides,
                [&](const std::string &set) { return set.starts_with(name + "="); });
  trial.load.overrides.push_back(fmt::format("{}={}", name, half));
  int64_t parameters = info.parameterCount();
  ModelInfo old = info;
  CompileOptions kept = options;
  if (!load(trial) || info.parameterCount() > parameters) {
    info = old;
    options = kept;
    stuck.insert(name);
    return false;
  }
  for (const ModelInfo::ConfigValue &value : info.config)
    if (value.name != name && value.value.value_or(0) != before[value.name])
      stuck.insert(value.name);
  return true;
}

Result<CompileOptions> gptc::shrinkConfiguration(const CompileOptions &given) {
  Configuration configuration(given);
  if (!configuration.load(given))
    return configuration.status;
  CompileOptions trial = configuration.options;
  if (configuration.info.freeSize("B"))
    trial.load.batchSize = 2;
  auto length = configuration.info.freeSize("T");
  if (length && *length > shortSequence)
    trial.load.sequenceLength = shortSequence;
  if (!configuration.load(trial))
    configuration.load(given);

  // The largest first, down to tens.
  while (configuration.isLarge()) {
    auto candidates = configuration.candidates();
    if (candidates.empty() || candidates.back().first <= middling)
      break;
    configuration.halve(candidates.back().second);
  }
  // The smallest first, down to two; then those that are left, the largest first again.
  for (bool smaller = true; smaller && configuration.isLarge();) {
    smaller = false;
    for (const auto &[value, name] : configuration.candidates()) {
      bool small = value <= middling / 4;
      if (configuration.isLarge() && small)
        smaller |= configuration.halve(name);
    }
  }
  while (configuration.isLarge()) {
    auto candidates = configuration.candidates();
    if (candidates.empty())
      break;
    configuration.halve(candidates.back().second);
  }
  // Sizes are no longer those that padding is worthwhile for: all are padded, to be seen.
  CompileOptions result = configuration.options;
  result.padGrowth = unlimitedGrowth;
  return result;
}
