// From the syntax tree of a description to the gpt dialect: one evaluation of the program, at
// compile time, that leaves operations behind.
//
// Names, calls and arguments have been checked before (CheckNames.h), so here a name that is not
// found is already reported. What is checked here are numbers and shapes.
//
// The methods are defined in Elaborate*.cpp, one file for each heading below.
#ifndef GPTC_LIB_MODEL_ELABORATOR_H
#define GPTC_LIB_MODEL_ELABORATOR_H

#include "Builtins.h"
#include "Meaning.h"

#include "gptc/Model/Diagnostics.h"
#include "gptc/Model/Model.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <set>

namespace gptc::model {

/// `--set name=value`, parsed.
struct Override {
  std::string name;
  ast::ExprPtr value;
};
using Overrides = std::vector<Override>;

/// A value of the config, and what it was set by.
struct ConfigValue {
  enum class State { Pending, Active, Done };
  const ast::Setting *setting = nullptr;
  const ast::Expr *expr = nullptr; ///< of the override, the preset or the setting
  std::string origin;              ///< `--set`, `preset xl`; empty for the file's own value
  Meaning value;
  State state = State::Pending;
};

/// A tensor that the data fills.
struct InputVariable {
  const ast::Input *input = nullptr;
  Dims dims;
  std::optional<int64_t> limit;
  bool isOfLoss = false;
};

/// A tensor beside a declared shape: what a message about them says.
struct MatchSite {
  llvm::StringRef what;                ///< begins the message
  SourceRange range;                   ///< of the tensor
  const Frame *frame = nullptr;        ///< in which `range` stands
  const ast::Type *declared = nullptr; ///< the type that the tensor was declared with, if it was
  bool isInt = false;                  ///< what is required
};

class Elaborator {
public:
  /// `namesAreSound`: the check of names found nothing.
  Elaborator(const Library &library, const ast::Module &model, const LoadOptions &options,
             const Overrides &overrides, bool namesAreSound, mlir::MLIRContext &context,
             DiagnosticEngine &diagnostics);

  /// Elaborates everything; null after errors.
  mlir::OwningOpRef<mlir::ModuleOp> run(ModelInfo &info);

  Graph graph;
  const LoadOptions &options;
  bool training = false;

  /// An error at `range` in the text of `frame`. What goes wrong inside the prelude is shown at the
  /// user's call.
  Diagnostic &error(const Frame &frame, SourceRange range, std::string message);
  /// What `range` in `frame` becomes in the IR: the module's path, the line, the calls around it.
  mlir::Location locate(const Frame &frame, SourceRange range);
  void at(const Frame &frame, SourceRange range) { graph.location = locate(frame, range); }

  //===- Expressions --------------------------------------------------------------------------===//
  Meaning evaluate(const ast::Expr &expr, Frame &frame);
  /// The argument of l2: `parameters`, a module, or a tensor.
  Meaning evaluateParameters(const ast::Expr &expr, Frame &frame);
  std::optional<Number> evaluateNumber(const ast::Expr &expr, Frame &frame, llvm::StringRef what);
  /// A number that is true or false while compiling; `what` needs it.
  std::optional<bool> evaluateCondition(const ast::Expr &expr, Frame &frame, llvm::StringRef what);
  /// An elementwise function of numbers and tensors; `label` names it in messages, `texts` are the
  /// operands as written, if they are.
  Meaning applyScalar(Scalar scalar, llvm::ArrayRef<Meaning> operands, Frame &frame,
                      SourceRange range, llvm::StringRef label,
                      llvm::ArrayRef<const ast::Expr *> texts = {});
  /// Reports tensors that no operand's shape can hold; `texts` as above.
  bool checkStretch(llvm::ArrayRef<Tensor *> tensors, Frame &frame, SourceRange range,
                    llvm::StringRef label, llvm::ArrayRef<const ast::Expr *> texts);
  /// `meaning` as a tensor; a number becomes one without axes. Null when reported.
  Tensor *toTensor(const Meaning &meaning, Frame &frame, SourceRange range, llvm::StringRef what);

  //===- Calls --------------------------------------------------------------------------------===//
  /// An argument; without a range it is missing, and its default counts.
  struct Given {
    Meaning meaning;
    SourceRange range;
    const ast::Expr *expr = nullptr; ///< as written, if it is
  };
  /// Inlines a function; `given` are as many as its inputs. `instance` is the module whose members
  /// it sees, null for a def.
  Meaning callFunction(Found<ast::Function> function, Frame &caller, SourceRange callRange,
                       llvm::ArrayRef<Given> given, llvm::StringRef name, Instance *instance);

  //===- Shapes -------------------------------------------------------------------------------===//
  /// Binds the names that `type` binds, in `scope`, and checks the rest against `tensor`.
  bool matchType(const ast::Type &type, Tensor *tensor, Frame &scope, MatchSite site);
  bool matchShape(const ast::Shape &shape, Tensor *tensor, Frame &scope,
                  std::optional<Dims> &leading, const MatchSite &site);
  /// A whole number from `least` to `most`, written as `expr`.
  std::optional<Number> checkSize(Number size, const Frame &frame, const ast::Expr &expr,
                                  int64_t least, int64_t most = maxSize);
  /// The sizes of a shape all of whose names are known.
  std::optional<Dims> evaluateShape(const ast::Shape &shape, Frame &frame);
  /// What a name stands for in a shape; nothing if it is not known yet.
  std::optional<Meaning> lookUpSize(llvm::StringRef name, Frame &frame);

  //===- The whole graph ----------------------------------------------------------------------===//
  /// Notes that the values of `indices`, if they come from an input, lie below `count`.
  void limitIndices(Tensor *indices, const Number &count);
  /// The value of `step:random`.
  mlir::Value randomKey();
  /// Keeps the first terms of a loss of an entry, unless they are inside of copies.
  void noteLossTerms(Tensor *terms);
  /// The sum of the squares of a parameter, or of all below a module; null when there is none.
  Tensor *sumOfSquares(const Member &member, Frame &frame) {
    return addSquares(nullptr, member, frame);
  }

private:
  static constexpr int64_t maxSize = int64_t(1) << 31;
  static constexpr int64_t maxElements = int64_t(1) << 40;
  static constexpr int64_t maxCopies = 4096;
  static constexpr size_t maxInstances = 100'000;
  static constexpr size_t maxCalls = 100'000;
  static constexpr size_t maxDepth = 1000;

  //===- Config -------------------------------------------------------------------------------===//
  void collectConfig(const Overrides &overrides);
  Meaning configValue(llvm::StringRef name);

  //===- Modules ------------------------------------------------------------------------------===//
  Instance *instantiate(Found<ast::Module> module, std::string path, llvm::ArrayRef<int64_t> copies,
                        const ast::SubmoduleMember *construction, Frame *parent);
  void addTensor(const ast::TensorMember &declaration, Instance &instance, Frame &frame,
                 const ast::Expr *replacement, Frame *replacementFrame);
  void addSubmodule(const ast::SubmoduleMember &declaration, Instance &instance, Frame &frame);
  bool evaluateInitializer(const ast::Expr &expr, Frame &frame, Variable &variable, bool &isNone);
  Frame memberFrame(Instance &instance, const Frame *parent);
  Meaning useVariable(Variable &variable, const Frame &frame, SourceRange range);
  Tensor *addSquares(Tensor *sum, const Member &member, Frame &frame);

  //===- Expressions --------------------------------------------------------------------------===//
  Meaning evaluateName(const ast::NameExpr &name, Frame &frame);
  Meaning evaluateBinary(const ast::BinaryExpr &binary, Frame &frame);
  Meaning evaluateMatmul(const ast::BinaryExpr &binary, Frame &frame);
  Meaning evaluateIndex(const ast::IndexExpr &index, Frame &frame);
  Meaning evaluateMember(const ast::MemberExpr &member, Frame &frame);
  const Member *findMember(const ast::Expr &path, Frame &frame, const Instance *&owner);

  //===- Calls --------------------------------------------------------------------------------===//
  Meaning evaluateCall(const ast::CallExpr &call, Frame &frame);
  Meaning callBuiltin(const Builtin &builtin, const ast::CallExpr &call, Frame &frame);
  Meaning callElementwise(const ast::Function &function, Frame &frame, Frame &caller,
                          llvm::ArrayRef<Given> given);
  Meaning callMember(const Member &member, const ast::CallExpr &call, Frame &frame);
  Meaning callCopies(const Member &member, const ast::CallExpr &call, Frame &frame,
                     std::vector<Given> given, llvm::StringRef name);
  std::vector<Given> evaluateArguments(const std::vector<ast::Input> &inputs,
                                       const std::vector<ast::Argument> &arguments, Frame &frame);
  bool bindInput(const ast::Input &input, Given given, Frame &callee, Frame &caller);
  Meaning recover(const ast::Signature &signature, Frame &frame);

  //===- Bodies -------------------------------------------------------------------------------===//
  bool evaluateBody(const ast::Function &function, Frame &frame, std::vector<Meaning> &results);
  void assign(const ast::Assignment &assignment, Frame &frame);
  void assignTarget(const ast::Target &target, Meaning value, SourceRange range, Frame &frame);
  void update(const ast::Update &update, Frame &frame);
  std::optional<bool> peekCondition(const ast::Expr &expr, Frame &frame);
  unsigned countUses(const ast::Expr &expr, llvm::StringRef name, Frame &frame);
  /// The names in a body, and how often each stands there.
  struct BodyNames {
    llvm::StringMap<unsigned> uses;
    bool hasConditions = false;
  };
  const BodyNames &namesOf(const ast::Function &function);
  void keep(llvm::StringRef name, Frame &frame);

  //===- Shapes -------------------------------------------------------------------------------===//
  enum class Fit { Yes, No, Reported };
  Fit matchSize(const ast::Expr &expr, const Number &actual, const ast::Expr *axisText,
                Frame &frame);
  bool checkLimits(const ast::Shape &shape, llvm::ArrayRef<Number> dims, Frame &scope,
                   const MatchSite &site);
  std::optional<Number> solveFactor(const Number &actual, const Number &known,
                                    const ast::NameExpr &unknown, const ast::Expr &product,
                                    const ast::Expr *axisText, Frame &frame);
  std::string requiredText(const ast::Shape &shape, bool isInt, Frame &frame,
                           const Dims *leading = nullptr);
  std::string originOf(const ast::Expr &size, const Frame &frame);
  std::string overrideNote(llvm::ArrayRef<const ast::Expr *> exprs, const Frame &frame);

  //===- Entries ------------------------------------------------------------------------------===//
  Frame rootFrame();
  void findFreeSizes();
  std::optional<Number> freeSize(Symbol symbol, const ast::Expr *limit, SourceRange range,
                                 Frame &frame);
  bool declareInput(const ast::Input &input, bool isOfLoss, Frame &frame);
  Tensor *readInput(const ast::Input &input);
  void buildEntry(llvm::StringRef name, bool isTraining, bool withLoss);
  struct Output {
    Tensor *tensor;
    std::string label;
  };
  bool buildOutputs(bool withLoss, std::vector<Output> &outputs);
  bool buildForward(std::vector<Meaning> &results);
  Tensor *buildLoss(llvm::ArrayRef<Meaning> results);
  void declareVariables();
  void fillInfo(ModelInfo &info);
  void listVariables(const Instance &instance, const std::string &path, ModelInfo &info);
  void warnUnused();

  const Library &library_;
  const ast::Module &model_;
  const Overrides &overrides_;
  bool namesAreSound_;
  std::set<std::pair<const SourceFile *, uint32_t>> preludeErrors_; ///< the calls reported
  Diagnostic ignored_; ///< takes what would be said of one of them once more
  mlir::MLIRContext &context_;
  DiagnosticEngine &diagnostics_;
  mlir::OwningOpRef<mlir::ModuleOp> moduleOp_;

  std::vector<std::string> configOrder_;
  llvm::StringMap<ConfigValue> config_;
  std::deque<Instance> instances_;
  std::deque<Variable> variables_;
  Instance *root_ = nullptr;
  Member rootMember_; ///< stands for `parameters`
  bool tooManyInstances_ = false;
  llvm::DenseMap<const ast::Function *, BodyNames> bodyNames_;

  std::optional<Number> free_[symbolCount]; ///< B and T, where the model's forward leaves them free
  std::optional<int64_t> sequenceLimit_;
  std::deque<InputVariable> inputs_;

  // Of the entry at hand.
  std::vector<llvm::StringMap<mlir::Value>> reads_; ///< of the blocks being built, innermost last
  Tensor *lossTerms_ = nullptr;
  bool usesRandom_ = false;
  size_t callCount_ = 0;
  size_t depth_ = 0;          ///< of expressions inside each other, calls included
  bool hasRecovered_ = false; ///< something was wrong, so something was reported
};

} // namespace gptc::model

#endif // GPTC_LIB_MODEL_ELABORATOR_H
