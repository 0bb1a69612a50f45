// Text to syntax tree.
//
// Recursive descent over the grammar of the language, with two tokens of lookahead. One run
// reports every syntax error: after an error the parser resumes at the next line that is indented
// no deeper than the one at fault.
#ifndef GPTC_MODEL_PARSER_H
#define GPTC_MODEL_PARSER_H

#include "gptc/Model/AST.h"
#include "gptc/Model/Diagnostics.h"
#include "gptc/Model/Source.h"

#include <memory>

namespace gptc {

struct ParseOptions {
  /// Report a file without a `model`. (Two models are an error in any case.)
  bool requireModel = false;
};

/// Parses a whole file. Never null: with errors (see `diagnostics.hasErrors()`) the tree holds what
/// could be read, with ast::ErrorExpr where an expression could not, and `incomplete` set on the
/// nodes that lack something, so that later checks can stay silent about its absence.
///
/// Checked here: layout, grammar, numbers, at most one model, no definition of a fixed name.
/// Left to elaboration: duplicate names, types of module arguments, what names mean.
std::unique_ptr<ast::File> parse(const SourceFile &source, DiagnosticEngine &diagnostics,
                                 ParseOptions options = {});

/// Parses one expression that fills the whole text, such as the value of `--set name=value` (give
/// it a SourceFile of kind Argument). On error reports and returns null.
ast::ExprPtr parseExpression(const SourceFile &source, DiagnosticEngine &diagnostics);

} // namespace gptc

#endif // GPTC_MODEL_PARSER_H
