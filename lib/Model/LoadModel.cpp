// The front end as one function: read, parse, check names, elaborate.
#include "gptc/Model/Model.h"

#include "CheckNames.h"
#include "Elaborator.h"

#include "gptc/Model/Parser.h"

#include <fmt/format.h>

#include <numeric>

namespace gptc {

using namespace model;

int64_t ModelInfo::Variable::count() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
}

int64_t ModelInfo::parameterCount() const {
  int64_t sum = 0;
  for (const Variable &parameter : parameters)
    sum += parameter.count();
  return sum;
}

std::optional<int64_t> ModelInfo::freeSize(const std::string &name) const {
  for (const FreeSize &size : freeSizes)
    if (size.name == name)
      return size.value;
  return std::nullopt;
}

/// Parses `name=value` of --set and checks that the config has the name.
static std::optional<Override> parseOverride(const std::string &text, const ast::File &file,
                                             std::vector<std::unique_ptr<SourceFile>> &sources,
                                             DiagnosticEngine &diagnostics) {
  std::string subject = fmt::format("--set {}", text);
  size_t equals = text.find('=');
  std::string name(llvm::StringRef(text).substr(0, equals).trim());
  if (equals == std::string::npos || name.empty()) {
    diagnostics.error(subject, "required NAME=VALUE, such as n_layer=4");
    return std::nullopt;
  }
  std::vector<std::string> names;
  bool isIncomplete = file.incomplete;
  for (const ast::Config &config : file.configs) {
    isIncomplete |= config.incomplete;
    for (const ast::Setting &setting : config.settings)
      names.push_back(setting.name.text);
  }
  if (!llvm::is_contained(names, name)) {
    if (!isIncomplete)
      diagnostics.error(subject, fmt::format("{} has no config value {}{}", file.source->path(),
                                             name, suggestion(name, names)));
    return std::nullopt;
  }
  sources.push_back(
      std::make_unique<SourceFile>(subject, text.substr(equals + 1), SourceFile::Kind::Argument));
  ast::ExprPtr value = parseExpression(*sources.back(), diagnostics);
  return value ? std::optional<Override>({std::move(name), std::move(value)}) : std::nullopt;
}

static void checkPreset(const std::string &preset, const ast::File &file,
                        DiagnosticEngine &diagnostics) {
  std::vector<std::string> names;
  for (const ast::Preset &known : file.presets)
    names.push_back(known.name.text);
  if (preset.empty() || file.incomplete || llvm::is_contained(names, preset))
    return;
  std::string all =
      names.empty() ? "it has none" : fmt::format("it has {}", fmt::join(names, ", "));
  std::string guess = suggestion(preset, names);
  diagnostics.error(fmt::format("--preset {}", preset),
                    fmt::format("{} has no preset {}{}", file.source->path(), preset,
                                guess.empty() ? "; " + all : guess));
}

LoadedModel loadModel(const SourceFile &source, const LoadOptions &options,
                      mlir::MLIRContext &context, DiagnosticEngine &diagnostics) {
  LoadedModel loaded;
  std::unique_ptr<ast::File> file = parse(source, diagnostics, {.requireModel = true});
  checkPreset(options.preset, *file, diagnostics);
  Library library(*file, &prelude());

  size_t errors = diagnostics.errorCount();
  Overrides overrides;
  bool isRecursive = checkNames(library, diagnostics);
  for (const std::string &text : options.overrides)
    if (std::optional<Override> override =
            parseOverride(text, *file, loaded.sources, diagnostics)) {
      checkConfigValue(*override->value, library, diagnostics);
      overrides.push_back(std::move(*override));
    }
  const ast::Module *model = file->model();
  if (!model || isRecursive)
    return loaded;
  bool namesAreSound = diagnostics.errorCount() == errors && !diagnostics.hasErrors();
  Elaborator elaborator(library, *model, options, overrides, namesAreSound, context, diagnostics);
  loaded.module = elaborator.run(loaded.info);
  return loaded;
}

LoadedModel loadModel(const std::string &path, const LoadOptions &options,
                      mlir::MLIRContext &context, DiagnosticEngine &diagnostics) {
  std::string error;
  std::unique_ptr<SourceFile> source = SourceFile::load(path, error);
  if (!source) {
    diagnostics.error(std::string(), error);
    return {};
  }
  LoadedModel loaded = loadModel(*source, options, context, diagnostics);
  loaded.sources.push_back(std::move(source));
  return loaded;
}

} // namespace gptc
