// Writes what entries must do into the file that `gptc-run conformance` reads.
#ifndef GPTC_TEST_CONFORMANCE_CONFORMANCEFILE_H
#define GPTC_TEST_CONFORMANCE_CONFORMANCEFILE_H

#include "Expectation.h"

#include "runtime/base/Status.h"

namespace gptc::test {

/// The form is that of runtime/app/Conformance.h.
runtime::Status writeConformanceFile(const std::string &path,
                                     const std::vector<EntryExpectation> &entries);

} // namespace gptc::test

#endif // GPTC_TEST_CONFORMANCE_CONFORMANCEFILE_H
