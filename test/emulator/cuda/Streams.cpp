// Streams, events and graphs; see Streams.h.
#include "test/emulator/cuda/Streams.h"

#include "test/emulator/cuda/Fault.h"
#include "test/emulator/cuda/Memory.h"
#include "test/emulator/cuda/Random.h"
#include "test/emulator/cuda/Settings.h"

#include <algorithm>

namespace gptc::emulator {

/// Queues longer than this are worked off a little, as by a device that does not wait to be asked.
static constexpr size_t maxQueue = 4096;

Streams &Streams::get() {
  static Streams *streams = [] {
    auto *made = new Streams();
    made->create(); // The default stream.
    return made;
  }();
  return *streams;
}

Stream *Streams::create() {
  streams.push_back(std::make_unique<Stream>());
  return streams.back().get();
}

Stream *Streams::find(Stream *stream) {
  if (!stream)
    return streams.front().get();
  for (auto &known : streams)
    if (known.get() == stream)
      return stream;
  return nullptr;
}

CUresult Streams::destroy(Stream *stream) {
  synchronize(*stream);
  std::erase_if(streams, [&](auto &known) { return known.get() == stream; });
  return error;
}

CUresult Streams::enqueue(Stream &stream, Work work) {
  if (stream.capture) {
    capture.graph->nodes.push_back(std::move(work));
    ++stream.capturedWork;
    return CUDA_SUCCESS;
  }
  stream.queue.push_back({std::move(work), nullptr, nullptr, 0});
  while (stream.queue.size() > maxQueue && step())
    ;
  return error;
}

CUresult Streams::record(Stream &stream, Event &event) {
  EventState &state = *event.state;
  state.capture = stream.capture;
  if (stream.capture) {
    state.capturedOn = &stream;
    state.capturedWork = stream.capturedWork;
    return CUDA_SUCCESS;
  }
  stream.queue.push_back({nullptr, event.state, nullptr, ++state.recorded});
  return error;
}

CUresult Streams::wait(Stream &stream, Event &event) {
  EventState &state = *event.state;
  if (state.capture) {
    if (state.capture != capture.id)
      return CUDA_ERROR_CAPTURED_EVENT;
    if (stream.capture && stream.capture != state.capture)
      return CUDA_ERROR_STREAM_CAPTURE_MERGE;
    // Nodes run in the order of their capture, which respects all dependencies; what is left is who
    // takes part.
    if (!stream.capture)
      stream.joinedWork = stream.capturedWork = 0;
    stream.capture = state.capture;
    if (&stream == capture.origin)
      state.capturedOn->joinedWork = std::max(state.capturedOn->joinedWork, state.capturedWork);
    else
      ++stream.capturedWork; // Must be joined even if it captures nothing.
    return CUDA_SUCCESS;
  }
  if (stream.capture)
    return forbid(CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
  if (state.recorded > state.reached)
    stream.queue.push_back({nullptr, nullptr, event.state, state.recorded});
  return error;
}

CUresult Streams::beginCapture(Stream &stream, int mode) {
  if (&stream == streams.front().get())
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  if (capture.id)
    return CUDA_ERROR_ILLEGAL_STATE;
  capture = {++captures, &stream, std::make_unique<Graph>(), CUDA_SUCCESS, mode == 2};
  stream.capture = capture.id;
  return CUDA_SUCCESS;
}

CUresult Streams::endCapture(Stream &stream, Graph **graph) {
  *graph = nullptr;
  if (!stream.capture)
    return CUDA_ERROR_ILLEGAL_STATE;
  if (&stream != capture.origin)
    return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
  CUresult result = capture.error;
  for (auto &other : streams)
    if (other->capture) {
      if (!result && other.get() != &stream && other->joinedWork < other->capturedWork)
        result = CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
      *other = {std::move(other->queue)};
    }
  if (!result)
    *graph = capture.graph.release();
  capture = {};
  return result;
}

CUresult Streams::forbid(CUresult code) {
  capture.error = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  return code;
}

CUresult Streams::forbiddenInCapture() {
  return capture.id && !capture.relaxed ? forbid(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED)
                                        : CUDA_SUCCESS;
}

bool Streams::step() {
  static Random random(Settings::get().seed ^ 0x5bd1e995);
  std::vector<Stream *> able;
  for (auto &stream : streams)
    if (!stream->queue.empty()) {
      const Operation &head = stream->queue.front();
      if (!head.wait || head.wait->reached >= head.ticket)
        able.push_back(stream.get());
    }
  if (able.empty())
    return false;
  Stream &stream = *able[random.below(able.size())];
  Operation operation = std::move(stream.queue.front());
  stream.queue.pop_front();
  if (operation.record) {
    operation.record->reached = operation.ticket;
    operation.record->time = std::chrono::steady_clock::now();
  }
  if (operation.work && !error)
    error = operation.work();
  return true;
}

CUresult Streams::synchronize(Stream &stream) {
  if (stream.capture)
    return forbid(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  while (!stream.queue.empty())
    if (!step())
      fault("a stream waits for an event that no stream will record");
  checkGuards();
  return error;
}

CUresult Streams::synchronize(Event &event) {
  if (event.state->capture)
    return forbid(CUDA_ERROR_CAPTURED_EVENT);
  while (event.state->reached < event.state->recorded)
    if (!step())
      fault("an event is waited for that no stream will record");
  checkGuards();
  return error;
}

CUresult Streams::synchronizeAll() {
  while (step())
    ;
  for (auto &stream : streams)
    if (!stream->queue.empty())
      fault("a stream waits for an event that no stream will record");
  checkGuards();
  return error;
}

CUresult Streams::query(Event &event) {
  if (event.state->capture)
    return forbid(CUDA_ERROR_CAPTURED_EVENT);
  if (event.state->reached >= event.state->recorded)
    return error;
  for (int i = 0; i < 4; ++i)
    step();
  return error ? error : CUDA_ERROR_NOT_READY;
}

} // namespace gptc::emulator
