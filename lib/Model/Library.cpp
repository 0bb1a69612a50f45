// Looking up functions and modules, and the prelude.
#include "Library.h"

#include "Builtins.h"

#include "gptc/Model/Model.h"
#include "gptc/Model/Parser.h"

#include "llvm/ADT/STLExtras.h"

namespace gptc::model {

/// The text of Prelude.gpt; the build puts it into a source file.
extern const char *const preludeText;

Library::Library(const ast::File &file, const Library *base) : file_(file), base_(base) {
  for (const ast::Function &function : file.functions)
    functions_.try_emplace(function.name.text, &function);
  for (const ast::Module &module : file.modules)
    modules_.try_emplace(module.name.text, &module);
  for (const ast::Config &config : file.configs)
    for (const ast::Setting &setting : config.settings)
      config_.insert(setting.name.text);
}

Found<ast::Function> Library::function(llvm::StringRef name) const {
  if (auto it = functions_.find(name); it != functions_.end())
    return {it->second, this};
  return base_ ? base_->function(name) : Found<ast::Function>();
}

Found<ast::Module> Library::module(llvm::StringRef name) const {
  if (auto it = modules_.find(name); it != modules_.end())
    return {it->second, this};
  return base_ ? base_->module(name) : Found<ast::Module>();
}

std::vector<std::string> Library::functionNames() const {
  std::vector<std::string> names;
  for (const ast::Function &function : file_.functions)
    names.push_back(function.name.text);
  std::vector<std::string> more = base_ ? base_->functionNames() : builtinNames();
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

std::vector<std::string> Library::moduleNames() const {
  std::vector<std::string> names;
  for (const ast::Module &module : file_.modules)
    names.push_back(module.name.text);
  if (base_) {
    std::vector<std::string> more = base_->moduleNames();
    names.insert(names.end(), more.begin(), more.end());
  }
  return names;
}

const Library &prelude() {
  const SourceFile &source = preludeSource();
  static const std::unique_ptr<ast::File> file = [&] {
    DiagnosticEngine diagnostics;
    return parse(source, diagnostics);
  }();
  static const Library library(*file, nullptr);
  return library;
}

bool isElementwise(const ast::Function &function) {
  const std::vector<ast::Input> &inputs = function.signature.inputs;
  return !inputs.empty() &&
         llvm::none_of(inputs, [](const ast::Input &i) { return i.type.has_value(); });
}

std::optional<size_t> indexOfInput(const std::vector<ast::Input> &inputs, llvm::StringRef name) {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (name == inputs[i].name.text)
      return i;
  return std::nullopt;
}

} // namespace gptc::model

const gptc::SourceFile &gptc::preludeSource() {
  static const SourceFile source("prelude.gpt", model::preludeText, SourceFile::Kind::Prelude);
  return source;
}
