// Running a block of threads on fibers; see Worker.h.
#include "test/emulator/cuda/Worker.h"

#include "test/emulator/cuda/Fault.h"
#include "test/emulator/cuda/Races.h"
#include "test/emulator/cuda/Settings.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace gptc::emulator {

static constexpr size_t stackBytes = 128 * 1024;
static constexpr size_t pageBytes = 4096;

/// What lies between a kernel's call of a hook and the switch of stacks is one function: each
/// return after a switch is mispredicted.
#define GPTC_HOT inline __attribute__((always_inline))

static __thread Worker *currentWorker __attribute__((tls_model("initial-exec")));

Worker &Worker::get() {
  if (!currentWorker) {
    catchWildAccesses();
    currentWorker = new Worker(); // Lives as long as its thread may run kernels.
  }
  return *currentWorker;
}

Worker *Worker::find() { return currentWorker; }

static void *map(size_t bytes) {
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    fault("no memory for the stacks of CUDA threads");
  return memory;
}

Worker::Worker() {
  sharedMemory = static_cast<char *>(map(sharedBytes));
  if (Settings::get().races)
    watchMemory(sharedMemory, sharedBytes, /*shared=*/true);
}

Fiber &Worker::makeFiber() {
  auto fiber = std::make_unique<Fiber>();
  char *stack = static_cast<char *>(map(stackBytes));
  mprotect(stack, pageBytes, PROT_NONE);
  // Stacks begin at different distances from a page, or all would meet in the same cache sets.
  size_t offset = fibers.size() % 48 * 64;
  prepare(fiber->context, stack, stackBytes - offset, fiberMain);
  fibers.push_back(std::move(fiber));
  return *fibers.back();
}

GPTC_HOT void Worker::switchTo(Context &from, Fiber &to) {
  current = &to;
  gptc_emulator_here.thread = to.thread;
  switchContext(from, to.context);
}

void Worker::runBlock(LaunchState &launchState, uint64_t block) {
  state = &launchState;
  const Launch &launch = state->launch;
  threads = launch.threads;
  random = Random(state->seed ^ block * 0xd1342543de82ef95);
  start = random.below(threads);
  readyFirst = random.next() & 1;
  started = done = arrived = 0;
  barriers = 0;
  serial = state->firstBlock + block;
  sites.clear();
  sharedUsed = 0;
  std::fill_n(warps.begin(), (threads + 31) / 32, Warp());
  gptc_emulator_here = {0, uint32_t(block % launch.grid.x),
                        uint32_t(block / launch.grid.x % launch.grid.y),
                        uint32_t(block / launch.grid.x / launch.grid.y)};

  switchTo(main, *beginner());
  current = nullptr;
  state = nullptr;
}

/// The fiber that the next thread of the order begins on.
Fiber *Worker::beginner() {
  if (idle.empty())
    return &makeFiber();
  Fiber *fiber = idle.back();
  idle.pop_back();
  return fiber;
}

/// The fiber to go on with, or null if none can.
GPTC_HOT Fiber *Worker::next() {
  bool begin = started < threads;
  if (!ready.empty() && (readyFirst || !begin)) {
    std::swap(ready[random.below(ready.size())], ready.back());
    Fiber *fiber = ready.back();
    ready.pop_back();
    return fiber;
  }
  return begin ? beginner() : nullptr;
}

void Worker::fiberMain() {
  for (;;)
    currentWorker->runThreads(*currentWorker->current);
}

/// Runs threads until none is left to begin, then leaves the fiber idle.
void Worker::runThreads(Fiber &fiber) {
  do {
    fiber.thread = orderAt(started++);
    gptc_emulator_here.thread = fiber.thread;
    state->launch.kernel->run(state->parameters.data());
    finish(fiber);
  } while (started < threads);
  idle.push_back(&fiber);
  if (Fiber *other = next())
    return switchTo(fiber.context, *other);
  if (done < threads)
    stuck();
  switchContext(fiber.context, main);
}

/// Ends a thread. None that wait for it will ever go on.
void Worker::finish(Fiber &fiber) {
  Warp &warp = warps[fiber.thread / 32];
  ++done;
  ++warp.done;
  fiber.copies.clear();
  fiber.groups.clear();
  if (warp.arrived)
    fault("the lane has exited while others of its warp wait at %s", warp.name);
  if (arrived)
    fault(
        "barrier divergence: the thread has exited while %u others wait at the barrier of line %d",
        arrived, barrierLine);
}

GPTC_HOT void Worker::suspend() {
  Fiber *fiber = current;
  Fiber *other = next();
  if (!other)
    stuck();
  switchTo(fiber->context, *other);
}

void Worker::resume(Fiber *const *fibers, size_t count) {
  ready.insert(ready.end(), fibers, fibers + count);
}

void Worker::stuck() {
  uint32_t lanes = 0;
  const char *name = "";
  for (uint32_t i = 0; i < (threads + 31) / 32; ++i)
    if (warps[i].arrived) {
      lanes += warps[i].arrived;
      name = warps[i].name;
    }
  fault("deadlock: %u threads wait at the barrier of line %d, %u at warp operations (%s), and no "
        "other is left",
        arrived, arrived ? barrierLine : 0, lanes, name);
}

GPTC_HOT void Worker::sync(int line) {
  if (done)
    fault("barrier divergence: the thread waits at the barrier of line %d, but %u threads have "
          "exited",
          line, done);
  if (arrived && line != barrierLine)
    fault("barrier divergence: the thread waits at the barrier of line %d, %u others at that of "
          "line %d",
          line, arrived, barrierLine);
  barrierLine = line;
  if (++arrived == threads) {
    arrived = 0;
    ++barriers;
    resume(waiting.data(), waiting.size());
    waiting.clear();
  } else {
    waiting.push_back(current);
    suspend();
  }
}

template <bool ordersMemory>
GPTC_HOT void Worker::warp(void (*operation)(void *const *), void *lane, const char *name) {
  uint32_t index = gptc_emulator_here.thread / 32;
  Warp &warp = warps[index];
  if (warp.done || index * 32 + 32 > threads)
    fault("warp operation (%s) with exited lanes", name);
  if (warp.arrived && warp.operation != operation)
    fault("the lane is at %s while others of its warp wait at %s", name, warp.name);
  warp.operation = operation;
  warp.name = name;
  warp.records[gptc_emulator_here.thread % 32] = lane;
  if (++warp.arrived == 32) {
    warp.arrived = 0;
    warp.barriers += ordersMemory;
    if (operation)
      operation(warp.records.data());
    resume(warp.waiting.data(), 31);
  } else {
    warp.waiting[warp.arrived - 1] = current;
    suspend();
  }
}

void *Worker::shared(const void *site, size_t bytes, size_t alignment) {
  for (const Site &known : sites)
    if (known.name == site)
      return known.memory;
  alignment = std::max<size_t>(alignment, 16);
  sharedUsed = (sharedUsed + alignment - 1) / alignment * alignment;
  if (sharedUsed + bytes > sharedBytes)
    fault("%zu bytes of shared memory; a block has %zu", sharedUsed + bytes, sharedBytes);
  char *memory = sharedMemory + sharedUsed;
  std::memset(memory, 0xff, bytes);
  sharedUsed += bytes;
  sites.push_back({site, memory});
  return memory;
}

void Worker::access(const void *address, size_t bytes, bool write, const void *instruction) {
  uint32_t thread = gptc_emulator_here.thread;
  watchAccess(address, bytes, write,
              {serial, barriers, warps[thread / 32].barriers, (uint16_t)thread, 0, instruction},
              state->firstBlock);
}

bool Worker::isShared(const void *address, size_t bytes) const {
  auto at = static_cast<const char *>(address);
  return at >= sharedMemory && at + bytes <= sharedMemory + sharedUsed;
}

} // namespace gptc::emulator

using gptc::emulator::currentWorker;

void gptc_emulator_sync(int line) { currentWorker->sync(line); }

void gptc_emulator_warp(void (*operation)(void *const *), void *lane, const char *name) {
  currentWorker->warp<false>(operation, lane, name);
}

void gptc_emulator_sync_warp(void) { currentWorker->warp<true>(nullptr, nullptr, "sync_warp"); }
