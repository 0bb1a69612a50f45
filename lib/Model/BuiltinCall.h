// One call of a built-in function: its arguments, checked for their kind, and how to report.
#ifndef GPTC_LIB_MODEL_BUILTINCALL_H
#define GPTC_LIB_MODEL_BUILTINCALL_H

#include "Elaborator.h"

namespace gptc::model {

class BuiltinCall {
public:
  BuiltinCall(Elaborator &elaborator, Frame &frame, const Builtin &builtin,
              const ast::CallExpr &call)
      : elaborator(elaborator), graph(elaborator.graph), frame(frame), builtin(builtin), call(call),
        arguments(builtin.inputs.size()), values(builtin.inputs.size()) {}

  /// Evaluates the arguments; false when one of them is not what its input takes. Then builds.
  bool prepare();
  Meaning build();

  bool has(size_t i) const { return arguments[i] != nullptr; }
  Tensor *tensor(size_t i) const { return values[i].tensor(); }
  /// An optional number, or `otherwise`.
  Number number(size_t i, Number otherwise = 0) const;
  SourceRange range(size_t i) const { return arguments[i] ? arguments[i]->range : call.range; }
  const ast::Expr *expr(size_t i) const { return arguments[i]->value.get(); }
  /// The whole of the text that the call is.
  void at() { elaborator.at(frame, call.range); }

  /// Reports `name: message` at an argument and gives what the call then is.
  Meaning fail(SourceRange range, std::string message);
  /// The same with what shape was needed and which was found.
  Meaning failShape(SourceRange range, std::string message, std::string required,
                    std::string found);

  Elaborator &elaborator;
  Graph &graph;
  Frame &frame;
  const Builtin &builtin;
  const ast::CallExpr &call;
  /// By input; null where an optional one was not given. Of a variadic function, see `call`.
  std::vector<const ast::Argument *> arguments;
  std::vector<Meaning> values;

private:
  bool prepare(size_t index, const ast::Argument &argument);
};

// What the functions build; each is described in the language's table of functions.
Meaning buildRearrange(BuiltinCall &call);
Meaning buildTranspose(BuiltinCall &call);
Meaning buildSplit(BuiltinCall &call);
Meaning buildConcat(BuiltinCall &call);
Meaning buildShift(BuiltinCall &call);
Meaning buildArange(BuiltinCall &call);
Meaning buildTril(BuiltinCall &call);
Meaning buildSum(BuiltinCall &call);
Meaning buildMean(BuiltinCall &call);
Meaning buildMax(BuiltinCall &call);
Meaning buildMin(BuiltinCall &call);
Meaning buildVar(BuiltinCall &call);
Meaning buildEinsum(BuiltinCall &call);
Meaning buildL2(BuiltinCall &call);
Meaning buildLinear(BuiltinCall &call);
Meaning buildEmbedding(BuiltinCall &call);
Meaning buildPick(BuiltinCall &call);
Meaning buildCrossEntropy(BuiltinCall &call);
Meaning buildSoftmax(BuiltinCall &call);
Meaning buildLogsumexp(BuiltinCall &call);
Meaning buildLayerNorm(BuiltinCall &call);
Meaning buildAttention(BuiltinCall &call);
Meaning buildRandom(BuiltinCall &call);
Meaning buildDetach(BuiltinCall &call);

} // namespace gptc::model

#endif // GPTC_LIB_MODEL_BUILTINCALL_H
