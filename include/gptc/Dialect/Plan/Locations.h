// What locations tell a user: lines of the description, parts of the model.
#ifndef GPTC_DIALECT_PLAN_LOCATIONS_H
#define GPTC_DIALECT_PLAN_LOCATIONS_H

#include "mlir/IR/Location.h"

#include <string>

namespace gptc::plan {

/// The lines of the description that a location speaks of, as "file:line, file:line".
std::string sourceLines(mlir::Location location);

/// The part of the model that a location names, "" if it names none.
std::string modelPath(mlir::Location location);

} // namespace gptc::plan

#endif // GPTC_DIALECT_PLAN_LOCATIONS_H
