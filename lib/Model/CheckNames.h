// The check of names: everything that can be said of a description before any number is known.
//
// It looks at all of the text, also at what this configuration does not build: names, calls,
// arguments, where tensors may stand, what is defined twice, recursion. Elaboration then takes
// names as given.
#ifndef GPTC_LIB_MODEL_CHECKNAMES_H
#define GPTC_LIB_MODEL_CHECKNAMES_H

#include "Library.h"

#include "gptc/Model/Diagnostics.h"

namespace gptc::model {

/// Checks the file of `library`. True if functions or modules contain themselves: such a file
/// cannot be elaborated.
bool checkNames(const Library &library, DiagnosticEngine &diagnostics);

/// Checks an expression as the value of a config setting.
void checkConfigValue(const ast::Expr &expr, const Library &library, DiagnosticEngine &diagnostics);

} // namespace gptc::model

#endif // GPTC_LIB_MODEL_CHECKNAMES_H
