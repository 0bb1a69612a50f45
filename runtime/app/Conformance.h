// The command `conformance`: entries of a plan on given values, compared with what they must give.
#ifndef GPTC_RUNTIME_APP_CONFORMANCE_H
#define GPTC_RUNTIME_APP_CONFORMANCE_H

#include "runtime/app/Console.h"
#include "runtime/app/Options.h"
#include "runtime/plan/Plan.h"

namespace gptc::runtime {

/// Runs each entry that a file has values for, and compares all of its tensors.
///
/// The file (safetensors) holds for each entry `in/ENTRY/TENSOR`, what a tensor holds before the
/// entry runs, and `out/ENTRY/TENSOR`, what it must hold afterwards; under "tolerances" its
/// metadata has a JSON object {"ENTRY": {"TENSOR": largest difference, …}, …} of all outputs of
/// real numbers. Indices must be equal; tensors without an `out` must stay as they were; padding
/// must stay 0; further runs (`repeat`) must give the same bits.
///
/// Prints a line for each tensor that fails, with its worst element, and a summary, or one JSON
/// object. Errors: failedPrecondition, if a case failed or the file is for another plan; dataError,
/// for a file that is not of this form; those of Session.
Status conformance(const Plan &plan, const ConformanceOptions &options, const Console &console);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_CONFORMANCE_H
