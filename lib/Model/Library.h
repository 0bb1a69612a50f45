// Which functions and modules a text can name: its own, then the prelude's, then the built-in ones.
#ifndef GPTC_LIB_MODEL_LIBRARY_H
#define GPTC_LIB_MODEL_LIBRARY_H

#include "gptc/Model/AST.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <string>
#include <vector>

namespace gptc::model {

class Library;

/// A `def` or a module, and the library that the names inside it are looked up in.
template <typename Node> struct Found {
  const Node *node = nullptr;
  const Library *library = nullptr;
  explicit operator bool() const { return node != nullptr; }
};

class Library {
public:
  /// The declarations of `file`; names that it lacks are looked up in `base`, which may be null.
  Library(const ast::File &file, const Library *base);

  Found<ast::Function> function(llvm::StringRef name) const;
  Found<ast::Module> module(llvm::StringRef name) const;
  bool hasConfig(llvm::StringRef name) const { return config_.contains(name); }
  const ast::File &file() const { return file_; }
  bool isPrelude() const { return base_ == nullptr; }

  /// What could have been meant by an unknown name.
  std::vector<std::string> functionNames() const;
  std::vector<std::string> moduleNames() const;

private:
  const ast::File &file_;
  const Library *base_;
  llvm::StringMap<const ast::Function *> functions_;
  llvm::StringMap<const ast::Module *> modules_;
  llvm::StringSet<> config_;
};

/// The functions and modules that are written in the language itself; parsed once.
const Library &prelude();

/// A `def` whose inputs are all numbers: on tensors it works element by element.
bool isElementwise(const ast::Function &function);

/// The position of an input, or nothing.
std::optional<size_t> indexOfInput(const std::vector<ast::Input> &inputs, llvm::StringRef name);

} // namespace gptc::model

#endif // GPTC_LIB_MODEL_LIBRARY_H
