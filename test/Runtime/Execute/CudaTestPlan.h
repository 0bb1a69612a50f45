// Plans made by hand for GPUs, and the emulator that runs them in these tests.
#ifndef GPTC_TEST_RUNTIME_EXECUTE_CUDATESTPLAN_H
#define GPTC_TEST_RUNTIME_EXECUTE_CUDATESTPLAN_H

#include "TestPlan.h"
#include "runtime/execute/Session.h"

namespace gptc::runtime::test {

/// The device header, from the compiler's sources.
std::string deviceHeader();

/// Makes it a plan for GPUs whose kernels are those of Kernels.cuh: a module with an entry point
/// for one instance and one for several of each, and one with the generated matrix products and the
/// argsort.
void useCudaKernels(TestPlan &test);

/// Options for the emulated GPU.
DeviceOptions cudaOptions(bool graphs = true, MatmulChoice matmul = MatmulChoice::automatic);

} // namespace gptc::runtime::test

#endif // GPTC_TEST_RUNTIME_EXECUTE_CUDATESTPLAN_H
