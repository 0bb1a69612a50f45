// The state of the check of names, shared by the files that define it: CheckNames.cpp
// (declarations), CheckStatements.cpp (functions), CheckExpressions.cpp, CheckCalls.cpp and
// CheckShapes.cpp.
#ifndef GPTC_LIB_MODEL_NAMECHECKER_H
#define GPTC_LIB_MODEL_NAMECHECKER_H

#include "Builtins.h"
#include "CheckNames.h"

#include "llvm/ADT/StringSet.h"

namespace gptc::model {

/// What a name can stand for.
enum class NameKind { Unknown, Local, Size, Argument, Parameter, State, Submodule, Config, Fixed };

/// What the text at hand sees.
struct Scope {
  const Library *library = nullptr;
  const ast::Module *module = nullptr;     ///< whose members are seen; null in a file's defs
  const ast::Function *function = nullptr; ///< null in config, constructions and the like
  /// Why no tensor can stand here, as "softcap is elementwise: its inputs have no shape"; else
  /// empty.
  std::string numbersOnly;
  std::string hint; ///< what would let a tensor stand here
  llvm::StringSet<> locals;
  llvm::StringSet<> sizes; ///< bound by a shape so far
  bool incomplete = false; ///< names may be missing: unknown ones are not reported
};

/// What a function, a built-in one or a module takes.
struct Parameters {
  struct One {
    std::string name;
    bool isOptional = false;
  };
  std::vector<One> list;
};

class NameChecker {
public:
  NameChecker(const Library &library, DiagnosticEngine &diagnostics)
      : library_(library), diagnostics_(diagnostics) {}

  bool checkFile();
  void checkConfigValue(const ast::Expr &expr);

private:
  // Declarations.
  void checkConfig();
  void checkModule(const ast::Module &module);
  void checkTensor(const ast::TensorMember &member, const ast::Module &module);
  void checkSubmodule(const ast::SubmoduleMember &member, const ast::Module &module);
  void checkFreeOfEntries(const ast::Identifier &name);
  void checkInitializer(const ast::Expr &expr, Scope &scope);
  bool checkRecursion();
  void define(llvm::StringMap<SourceRange> &names, const ast::Identifier &name);
  Scope configScope() const;
  Scope memberScope(const ast::Module &module, std::string numbersOnly) const;

  // Functions.
  void checkFunction(const ast::Function &function, const ast::Module *module, bool isLoss);
  void checkModelSignature(const ast::Function &function, const ast::Module &module, bool isLoss);
  void checkStatement(const ast::Assignment &assignment, Scope &scope);
  void checkStatement(const ast::Update &update, Scope &scope);
  void checkTarget(const ast::Target &target, Scope &scope);

  // Expressions.
  void check(const ast::Expr &expr, Scope &scope);
  void checkName(const ast::NameExpr &name, Scope &scope);
  void checkMember(const ast::MemberExpr &member, Scope &scope);
  void checkTensorAllowed(SourceRange range, const std::string &what, const Scope &scope);
  NameKind resolve(llvm::StringRef name, const Scope &scope) const;
  std::vector<std::string> visibleNames(const Scope &scope) const;

  /// What a path of names leads to.
  struct Path {
    const ast::ModuleMember *member = nullptr;
    const ast::Module *module = nullptr; ///< of a submodule
    const Library *library = nullptr;
    bool isRepeat = false;
    explicit operator bool() const { return member != nullptr; }
  };
  /// Reports a member that is not there.
  Path findPath(const ast::Expr &expr, Scope &scope);
  const ast::ModuleMember *findMember(const ast::Module &module, llvm::StringRef name) const;

  // Calls.
  void checkCall(const ast::CallExpr &call, Scope &scope);
  void checkNamedCall(const ast::CallExpr &call, const ast::NameExpr &name, Scope &scope);
  void reportUnknownFunction(const ast::NameExpr &name, const Scope &scope);
  void checkForwardCall(const ast::CallExpr &call, const ast::Module &module, Scope &scope);
  void checkBuiltinCall(const ast::CallExpr &call, llvm::StringRef name, Scope &scope);
  void checkEinsum(const ast::CallExpr &call, Scope &scope);
  void checkBuiltinArgument(const ast::CallExpr &call, const Builtin &builtin,
                            const BuiltinInput &input, const ast::Argument &argument, Scope &scope);
  /// Matches arguments with inputs; gives the input of each, or nothing.
  std::vector<std::optional<size_t>> matchArguments(llvm::StringRef name, const Parameters &inputs,
                                                    const std::vector<ast::Argument> &arguments,
                                                    SourceRange callRange);
  void checkArguments(llvm::StringRef name, const std::vector<ast::Input> &inputs,
                      const ast::CallExpr &call, Scope &scope);
  void checkConstruction(const ast::SubmoduleMember &member, const ast::Module &module,
                         Scope &scope);
  void reportNoParameter(const ast::Argument &argument, const ast::Module &module);

  // Shapes.
  enum class Binds { No, Yes };
  void checkShape(const ast::Shape &shape, Scope &scope, Binds binds, bool mayLimit = false);
  void checkSize(const ast::Expr &expr, Scope &scope, Binds binds);
  void checkSizeName(const ast::NameExpr &name, Scope &scope, Binds binds);
  void checkPattern(const ast::Argument &pattern, bool mayReduce, Scope &scope);
  bool checkPatternSide(const ast::Shape &shape, Scope &scope, Binds binds,
                        llvm::StringMap<SourceRange> &keys);
  void checkRightSide(const ast::Shape &after, llvm::ArrayRef<const ast::Shape *> before,
                      bool mayReduce, Scope &scope);

  Diagnostic &error(SourceRange range, std::string message) {
    return diagnostics_.error(range, std::move(message));
  }

  const Library &library_;
  DiagnosticEngine &diagnostics_;
  /// The members of modules by name, as far as they were asked for.
  mutable llvm::DenseMap<const ast::Module *, llvm::StringMap<const ast::ModuleMember *>> members_;
};

/// `1 input`, `2 inputs`.
std::string counted(size_t count, llvm::StringRef noun);

} // namespace gptc::model

#endif // GPTC_LIB_MODEL_NAMECHECKER_H
