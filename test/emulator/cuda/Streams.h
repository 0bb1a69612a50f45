// Streams, events and graphs. Work is queued and done as late as the program can tell: when it
// waits, the streams go on in a random order that respects events alone. So a copy that is not
// waited for, or a missing event, shows.
#ifndef GPTC_TEST_EMULATOR_CUDA_STREAMS_H
#define GPTC_TEST_EMULATOR_CUDA_STREAMS_H

#include "test/emulator/cuda/Driver.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace gptc::emulator {

/// Something that a stream does. It must not hold on to memory of the caller that CUDA lets the
/// caller reuse.
using Work = std::function<CUresult()>;

/// The state of an event outlives its handle where queued work still needs it.
struct EventState {
  uint64_t recorded = 0, reached = 0;
  std::chrono::steady_clock::time_point time;
  /// The capture in which it was recorded last, or 0, and how much work its stream had captured
  /// there.
  uint64_t capture = 0;
  Stream *capturedOn = nullptr;
  uint64_t capturedWork = 0;
};

struct Event {
  std::shared_ptr<EventState> state = std::make_shared<EventState>();
};

/// Work, or an event's recording or waiting.
struct Operation {
  Work work;
  std::shared_ptr<EventState> record, wait;
  uint64_t ticket = 0;
};

struct Graph {
  std::vector<Work> nodes;
};

struct Stream {
  std::deque<Operation> queue;
  /// The capture that the stream takes part in, or 0; how much of it the stream has captured, and
  /// how much of that the capture's first stream has waited for.
  uint64_t capture = 0, capturedWork = 0, joinedWork = 0;
};

/// A capture under way; there is at most one.
struct Capture {
  uint64_t id = 0;
  Stream *origin = nullptr;
  std::unique_ptr<Graph> graph;
  /// The first error, which the end of the capture reports.
  CUresult error = CUDA_SUCCESS;
  /// CU_STREAM_CAPTURE_MODE_RELAXED allows calls that a capture otherwise forbids.
  bool relaxed = false;
};

class Streams {
public:
  static Streams &get();

  Stream *create();
  CUresult destroy(Stream *stream);
  /// Null, or a stream of this process; null stands for the default stream.
  Stream *find(Stream *stream);

  CUresult enqueue(Stream &stream, Work work);
  CUresult record(Stream &stream, Event &event);
  CUresult wait(Stream &stream, Event &event);

  CUresult beginCapture(Stream &stream, int mode);
  CUresult endCapture(Stream &stream, Graph **graph);
  /// For calls that a capture forbids: the error, which also spoils the capture.
  CUresult forbiddenInCapture();

  CUresult synchronize(Stream &stream);
  CUresult synchronize(Event &event);
  CUresult synchronizeAll();
  /// Goes on a little; CUDA_ERROR_NOT_READY until the event has been reached.
  CUresult query(Event &event);

  /// The error of the device, which stays.
  CUresult error = CUDA_SUCCESS;

private:
  /// Does one operation of a random stream that can go on; false if none can.
  bool step();
  CUresult forbid(CUresult code);

  std::vector<std::unique_ptr<Stream>> streams;
  Capture capture;
  uint64_t captures = 0;
};

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_CUDA_STREAMS_H
