// The part of the CUDA driver's interface that the emulator implements: types and error codes,
// restated so that no CUDA toolkit is needed.
#ifndef GPTC_TEST_EMULATOR_CUDA_DRIVER_H
#define GPTC_TEST_EMULATOR_CUDA_DRIVER_H

#include <cstddef>

namespace gptc::emulator {
struct Stream;
struct Event;
struct Module;
struct Function;
struct Graph;
} // namespace gptc::emulator

enum CUresult : int {
  CUDA_SUCCESS = 0,
  CUDA_ERROR_INVALID_VALUE = 1,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_NOT_INITIALIZED = 3,
  CUDA_ERROR_NO_DEVICE = 100,
  CUDA_ERROR_INVALID_DEVICE = 101,
  CUDA_ERROR_INVALID_IMAGE = 200,
  CUDA_ERROR_INVALID_CONTEXT = 201,
  CUDA_ERROR_NO_BINARY_FOR_GPU = 209,
  CUDA_ERROR_INVALID_HANDLE = 400,
  CUDA_ERROR_ILLEGAL_STATE = 401,
  CUDA_ERROR_NOT_FOUND = 500,
  CUDA_ERROR_NOT_READY = 600,
  CUDA_ERROR_ILLEGAL_ADDRESS = 700,
  CUDA_ERROR_NOT_SUPPORTED = 801,
  CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900,
  CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901,
  CUDA_ERROR_STREAM_CAPTURE_MERGE = 902,
  CUDA_ERROR_STREAM_CAPTURE_UNMATCHED = 903,
  CUDA_ERROR_STREAM_CAPTURE_UNJOINED = 904,
  CUDA_ERROR_STREAM_CAPTURE_ISOLATION = 905,
  CUDA_ERROR_CAPTURED_EVENT = 907,
  CUDA_ERROR_UNKNOWN = 999,
};

using CUdeviceptr = unsigned long long;
using CUdevice = int;
using CUcontext = struct EmulatedContext *;
using CUstream = gptc::emulator::Stream *;
using CUevent = gptc::emulator::Event *;
using CUmodule = gptc::emulator::Module *;
using CUfunction = gptc::emulator::Function *;
using CUgraph = gptc::emulator::Graph *;
using CUgraphExec = gptc::emulator::Graph *;

/// What every function that the libraries offer is marked with.
#define GPTC_EXPORT extern "C" __attribute__((visibility("default")))

#endif // GPTC_TEST_EMULATOR_CUDA_DRIVER_H
