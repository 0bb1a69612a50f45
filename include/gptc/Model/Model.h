// From a description to the gpt dialect: the whole front end behind one function.
//
// What comes out is the *graph* stage: a module named like the model with a gpt.variable for each
// parameter, state, input and scalar of the step, and the entries
//
//   @train()    -> (tensor<f32> {gpt.output = "loss"})              training = true; writes states
//   @evaluate() -> (tensor<f32> {gpt.output = "loss"},              training = false
//                   tensor<...xf32> {gpt.output = "token_losses"})  if there is a cross entropy
//   @logits()   -> (... {gpt.output = "logits"}, ...)               what `forward` returns
//
// of which a model without a `loss` has only the last. B and T stay symbols while shapes are
// checked and are bound to numbers in what is emitted.
#ifndef GPTC_MODEL_MODEL_H
#define GPTC_MODEL_MODEL_H

#include "gptc/Dialect/GPT/GPTOps.h"
#include "gptc/Model/Diagnostics.h"
#include "gptc/Model/Source.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gptc {

struct LoadOptions {
  std::string preset; ///< empty: the config as it stands
  std::vector<std::string>
      overrides; ///< `name=expression`, as given to --set; they win over the preset
  /// The size B; defaultBatchSize when not given. An error for a model whose `forward` has no free
  /// B.
  std::optional<int64_t> batchSize;
  /// The size T; when not given, its limit in `forward` (`T <= block_size`), or else
  /// defaultSequenceLength. An error for a model whose `forward` has no free T.
  std::optional<int64_t> sequenceLength;

  static constexpr int64_t defaultBatchSize = 4;
  static constexpr int64_t defaultSequenceLength = 64;
};

/// What a model is, besides its graph.
struct ModelInfo {
  struct ConfigValue {
    std::string name;
    std::optional<double> value; ///< nothing is `none`
  };
  /// A parameter or state tensor. Copies under `repeat` stand one by one.
  struct Variable {
    std::string path;
    std::vector<int64_t> shape;
    gpt::InitKind init = gpt::InitKind::constant;
    double a = 0, b = 0; ///< of the initialiser, as in #gpt.init
    bool decays = false; ///< under weight decay; never for a state
    int64_t count() const;
  };
  struct Input {
    std::string name;
    std::vector<int64_t> shape;
    bool isInt = false;
    std::optional<int64_t> limit; ///< values lie below it
    bool isOfLoss = false;        ///< only the loss takes it
  };
  struct FreeSize {
    std::string name; ///< `B` or `T`
    int64_t value = 0;
  };

  std::string name;
  std::vector<ConfigValue> config; ///< in the order of the file, preset and overrides applied
  std::vector<Variable> parameters, states;
  std::vector<Input> inputs; ///< of `forward`, then those of `loss`
  std::vector<FreeSize> freeSizes;
  std::optional<int64_t> sequenceLimit; ///< the largest T (`T <= block_size`)
  bool hasLoss = false;

  /// The number of all parameters' elements.
  int64_t parameterCount() const;
  std::optional<int64_t> freeSize(const std::string &name) const;
};

struct LoadedModel {
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< null after errors
  ModelInfo info;                           ///< complete only with `module`
  /// Texts that diagnostics point into, besides the file: keep them until these are rendered.
  std::vector<std::unique_ptr<SourceFile>> sources;
  explicit operator bool() const { return static_cast<bool>(module.get()); }
};

/// Parses, checks and elaborates a description. Loads the dialects that it needs into `context`.
/// Every mistake that can be found is reported; warnings may be, too, when it succeeds.
LoadedModel loadModel(const SourceFile &source, const LoadOptions &options,
                      mlir::MLIRContext &context, DiagnosticEngine &diagnostics);

/// The same for the file at `path` (`-` is standard input), which LoadedModel::sources then holds.
LoadedModel loadModel(const std::string &path, const LoadOptions &options,
                      mlir::MLIRContext &context, DiagnosticEngine &diagnostics);

/// The text that every description can use.
const SourceFile &preludeSource();

} // namespace gptc

#endif // GPTC_MODEL_MODEL_H
