// The driver's interface: streams, events, graphs.
#include "test/emulator/cuda/Api.h"

using namespace gptc::emulator;

/// Calls `body` with the stream that `handle` names.
template <typename Body> static CUresult withStream(CUstream handle, Body body) {
  return call([&] {
    Stream *stream = Streams::get().find(handle);
    return stream ? body(*stream) : CUDA_ERROR_INVALID_HANDLE;
  });
}

GPTC_EXPORT CUresult cuStreamCreate(CUstream *stream, unsigned) {
  return call([&] {
    *stream = Streams::get().create();
    return CUDA_SUCCESS;
  });
}

GPTC_EXPORT CUresult cuStreamDestroy_v2(CUstream handle) {
  if (!handle)
    return CUDA_ERROR_INVALID_HANDLE;
  return withStream(handle, [&](Stream &stream) { return Streams::get().destroy(&stream); });
}

GPTC_EXPORT CUresult cuStreamSynchronize(CUstream handle) {
  return withStream(handle, [&](Stream &stream) { return Streams::get().synchronize(stream); });
}

GPTC_EXPORT CUresult cuStreamWaitEvent(CUstream handle, CUevent event, unsigned) {
  if (!event)
    return CUDA_ERROR_INVALID_HANDLE;
  return withStream(handle, [&](Stream &stream) { return Streams::get().wait(stream, *event); });
}

GPTC_EXPORT CUresult cuStreamBeginCapture_v2(CUstream handle, int mode) {
  return withStream(handle,
                    [&](Stream &stream) { return Streams::get().beginCapture(stream, mode); });
}

GPTC_EXPORT CUresult cuStreamEndCapture(CUstream handle, CUgraph *graph) {
  return withStream(handle,
                    [&](Stream &stream) { return Streams::get().endCapture(stream, graph); });
}

GPTC_EXPORT CUresult cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph,
                                                 unsigned long long) {
  return call([&] {
    if (!graph)
      return CUDA_ERROR_INVALID_VALUE;
    *executable = new Graph(*graph);
    return CUDA_SUCCESS;
  });
}

/// A launch that is under way keeps what it needs.
GPTC_EXPORT CUresult cuGraphLaunch(CUgraphExec executable, CUstream handle) {
  return withStream(handle, [&](Stream &stream) {
    if (!executable)
      return CUDA_ERROR_INVALID_VALUE;
    for (const Work &node : executable->nodes)
      if (CUresult error = Streams::get().enqueue(stream, node))
        return error;
    return CUDA_SUCCESS;
  });
}

GPTC_EXPORT CUresult cuGraphExecDestroy(CUgraphExec executable) {
  return call([&] {
    delete executable;
    return CUDA_SUCCESS;
  });
}

GPTC_EXPORT CUresult cuGraphDestroy(CUgraph graph) {
  return call([&] {
    delete graph;
    return CUDA_SUCCESS;
  });
}

GPTC_EXPORT CUresult cuEventCreate(CUevent *event, unsigned) {
  return call([&] {
    *event = new Event();
    return CUDA_SUCCESS;
  });
}

GPTC_EXPORT CUresult cuEventDestroy_v2(CUevent event) {
  return call([&] {
    delete event;
    return event ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
  });
}

GPTC_EXPORT CUresult cuEventRecord(CUevent event, CUstream handle) {
  if (!event)
    return CUDA_ERROR_INVALID_HANDLE;
  return withStream(handle, [&](Stream &stream) { return Streams::get().record(stream, *event); });
}

GPTC_EXPORT CUresult cuEventQuery(CUevent event) {
  return call([&] {
    if (!event)
      return CUDA_ERROR_INVALID_HANDLE;
    CUresult error = Streams::get().forbiddenInCapture();
    return error ? error : Streams::get().query(*event);
  });
}

GPTC_EXPORT CUresult cuEventSynchronize(CUevent event) {
  return call([&] {
    if (!event)
      return CUDA_ERROR_INVALID_HANDLE;
    CUresult error = Streams::get().forbiddenInCapture();
    return error ? error : Streams::get().synchronize(*event);
  });
}

GPTC_EXPORT CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) {
  return call([&] {
    if (!start || !end || !start->state->recorded || !end->state->recorded)
      return CUDA_ERROR_INVALID_HANDLE;
    for (Event *event : {start, end})
      if (event->state->reached < event->state->recorded)
        return CUDA_ERROR_NOT_READY;
    *milliseconds =
        std::chrono::duration<float, std::milli>(end->state->time - start->state->time).count();
    return CUDA_SUCCESS;
  });
}

/// For the cuBLASLt stand-in: `work` gets `data`, a copy of `bytes`, whenever the stream comes to
/// it.
GPTC_EXPORT CUresult gptc_emulator_enqueue(CUstream handle, void (*work)(const void *data),
                                           const void *data, size_t bytes) {
  return withStream(handle, [&](Stream &stream) {
    auto *from = static_cast<const char *>(data);
    return Streams::get().enqueue(stream, [work, copy = std::vector<char>(from, from + bytes)] {
      work(copy.data());
      return CUDA_SUCCESS;
    });
  });
}
