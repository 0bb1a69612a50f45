// A thread of the host that runs blocks: each CUDA thread that waits for others has a stack of its
// own (a fiber) and the worker switches between them. CUDA threads that never wait run one after
// another on one fiber.
#ifndef GPTC_TEST_EMULATOR_CUDA_WORKER_H
#define GPTC_TEST_EMULATOR_CUDA_WORKER_H

#include "test/emulator/cuda/Context.h"
#include "test/emulator/cuda/Launch.h"
#include "test/emulator/cuda/Random.h"

#include <array>
#include <memory>
#include <vector>

namespace gptc::emulator {

constexpr uint32_t maxThreads = 1024;
constexpr size_t sharedBytes = 48 * 1024;

/// A copy to shared memory that is under way.
struct AsyncCopy {
  char *to;
  const char *from;
  int bytes;
  bool valid;
};

struct Fiber {
  Context context;
  uint32_t thread = 0;
  /// Copies not yet delivered, and how many of them each committed group ends with.
  std::vector<AsyncCopy> copies;
  std::vector<size_t> groups;
};

/// What all workers of a launch share.
struct LaunchState {
  const Launch &launch;
  std::vector<void *> parameters;
  /// The order in which the threads of a block begin, but for where it starts.
  std::vector<uint32_t> order;
  uint64_t seed;
  /// The number of its first block, counting those of all launches.
  uint64_t firstBlock;
};

class Worker {
public:
  /// The worker of this thread of the host, made at the first call.
  static Worker &get();
  /// The same, or null if there is none.
  static Worker *find();

  /// Runs one block.
  void runBlock(LaunchState &state, uint64_t block);

  /// For the hooks; all are called on the fiber of the CUDA thread that asks.
  void sync(int line);
  template <bool ordersMemory>
  void warp(void (*operation)(void *const *), void *lane, const char *name);
  void *shared(const void *site, size_t bytes, size_t alignment);
  /// An access of the running thread to any memory, for races.
  void access(const void *address, size_t bytes, bool write, const void *instruction);
  bool isShared(const void *address, size_t bytes) const;
  Fiber &running() { return *current; }

  /// The kernel that runs, or null.
  const Launch *launch() const { return state ? &state->launch : nullptr; }

private:
  struct Warp {
    uint32_t arrived = 0, done = 0;
    uint32_t barriers = 0;
    void (*operation)(void *const *) = nullptr;
    const char *name = nullptr;
    std::array<void *, 32> records{};
    std::array<Fiber *, 32> waiting{};
  };
  struct Site {
    const void *name;
    void *memory;
  };

  Worker();
  static void fiberMain();
  void runThreads(Fiber &fiber);
  void finish(Fiber &fiber);
  void suspend();
  void resume(Fiber *const *fibers, size_t count);
  Fiber *next();
  Fiber *beginner();
  Fiber &makeFiber();
  void switchTo(Context &from, Fiber &to);
  [[noreturn]] void stuck();

  uint32_t orderAt(uint32_t i) const {
    uint32_t at = start + i;
    return state->order[at < threads ? at : at - threads];
  }

  LaunchState *state = nullptr;
  std::vector<std::unique_ptr<Fiber>> fibers;
  char *sharedMemory = nullptr;
  Context main;
  Fiber *current = nullptr;
  std::vector<Fiber *> ready, idle, waiting;
  std::array<Warp, maxThreads / 32> warps;
  std::vector<Site> sites;
  size_t sharedUsed = 0;
  Random random{0};
  /// Of the running block, for races.
  uint64_t serial = 0;
  uint32_t barriers = 0;
  uint32_t threads = 0, start = 0, started = 0, done = 0, arrived = 0;
  int barrierLine = 0;
  bool readyFirst = false;
};

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_CUDA_WORKER_H
