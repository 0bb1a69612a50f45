// Spreading the blocks of a launch over the threads of the host.
#include "test/emulator/cuda/Launch.h"

#include "test/emulator/cuda/Settings.h"
#include "test/emulator/cuda/Worker.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace gptc::emulator {

/// Launches of fewer CUDA threads are not worth waking other threads of the host.
static constexpr uint64_t smallLaunch = 2048;

namespace {

/// A launch under way, in chunks of blocks.
struct Job {
  LaunchState &state;
  Permutation blocks;
  uint64_t count, chunk;
  std::atomic<uint64_t> taken{0};

  void work() {
    Worker &worker = Worker::get();
    for (;;) {
      uint64_t first = taken.fetch_add(chunk);
      if (first >= count)
        break;
      for (uint64_t i = first; i < std::min(first + chunk, count); ++i)
        worker.runBlock(state, blocks[i]);
    }
  }
};

/// The threads of the host beside the caller's. Never destroyed: they wait for work when the
/// process ends.
class Pool {
public:
  static Pool &get() {
    static Pool *pool = new Pool(Settings::get().threads - 1);
    return *pool;
  }

  void run(Job &job) {
    std::unique_lock lock(mutex);
    current = &job;
    ++generation;
    lock.unlock();
    wake.notify_all();
    job.work();
    lock.lock();
    current = nullptr; // Who has not woken up yet has nothing to do.
    finished.wait(lock, [&] { return busy == 0; });
  }

private:
  explicit Pool(unsigned threads) {
    for (unsigned i = 0; i < threads; ++i)
      std::thread([this] { loop(); }).detach();
  }

  void loop() {
    uint64_t seen = 0;
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [&] { return current && generation != seen; });
      seen = generation;
      Job *job = current;
      ++busy;
      lock.unlock();
      job->work();
      lock.lock();
      if (--busy == 0)
        finished.notify_all();
    }
  }

  std::mutex mutex;
  std::condition_variable wake, finished;
  Job *current = nullptr;
  uint64_t generation = 0;
  unsigned busy = 0;
};

} // namespace

void run(const Launch &launch) {
  static uint64_t launches = 0;
  Random random(Settings::get().seed * 0x2545f4914f6cdd1d + ++launches);
  static uint64_t blocksBefore = 1;
  LaunchState state{launch, {}, {}, random.next(), blocksBefore};
  blocksBefore += launch.grid.count();
  for (size_t offset : launch.offsets)
    state.parameters.push_back(const_cast<unsigned char *>(launch.bytes.data()) + offset);
  for (uint32_t i = 0; i < launch.threads; ++i)
    state.order.push_back(i);
  for (uint32_t i = launch.threads; i > 1; --i)
    std::swap(state.order[i - 1], state.order[random.below(i)]);

  uint64_t blocks = launch.grid.count();
  unsigned threads = Settings::get().threads;
  Job job{state, Permutation(blocks, random), blocks,
          std::max<uint64_t>(1, blocks / (threads * uint64_t(8)))};
  if (threads == 1 || blocks == 1 || blocks * launch.threads < smallLaunch)
    job.work();
  else
    Pool::get().run(job);
}

} // namespace gptc::emulator
