// The thread pool: libgomp's entry points, found at run time.
#include "runtime/base/Parallel.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <dlfcn.h>

namespace gptc::runtime {

namespace {

/// The functions of libgomp that are used here. GOMP_parallel is what GCC compiles `#pragma omp
/// parallel` to ("The libgomp ABI", GCC manual): it runs function(data) on each thread of a team
/// and returns when all have ended; threads = 0 stands for the current setting.
struct Libgomp {
  void (*parallel)(void (*function)(void *), void *data, unsigned threads, unsigned flags);
  int (*threadNumber)();
  int (*teamSize)();
  void (*setThreads)(int count);
  int (*maximumThreads)();
  int defaultThreads;
};

template <typename Function> bool load(void *library, const char *name, Function &function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

/// The table, or nullptr where there is no libgomp.
const Libgomp *openLibgomp() {
  // Between two parallel loops a worker first spins, then sleeps. Waking a sleeper costs about 65
  // µs, so spinning for a few times that is never much worse than the best that could have been
  // done. Longer spinning is not faster when the machine is quiet, and costs dearly when it is busy
  // with other work, since the system then prefers those who have not been spinning: a loop of
  // short kernels took 10 s instead of 0.4 with OMP_WAIT_POLICY=active, and 3 s with 20 ms of
  // spinning. This is about 0.2 ms.
  if (!std::getenv("OMP_WAIT_POLICY") && !std::getenv("GOMP_SPINCOUNT"))
    setenv("GOMP_SPINCOUNT", "10000", 0);

  void *library = dlopen("libgomp.so.1", RTLD_NOW | RTLD_GLOBAL);
  static Libgomp table;
  if (!library || !load(library, "GOMP_parallel", table.parallel) ||
      !load(library, "omp_get_thread_num", table.threadNumber) ||
      !load(library, "omp_get_num_threads", table.teamSize) ||
      !load(library, "omp_set_num_threads", table.setThreads) ||
      !load(library, "omp_get_max_threads", table.maximumThreads))
    return nullptr;
  table.defaultThreads = std::max(1, table.maximumThreads());
  return &table;
}

const Libgomp *libgomp() {
  static const Libgomp *const table = openLibgomp();
  return table;
}

/// The number of this thread in the parallel loop that it is in, or -1 outside of all loops.
thread_local int currentThread = -1;

struct Loop {
  int64_t count;
  int64_t parts;
  const FunctionRef<void(int64_t, int64_t, int)> &body;
};

void runPart(void *data) {
  const Loop &loop = *static_cast<const Loop *>(data);
  int thread = libgomp()->threadNumber();
  // libgomp may give fewer threads than were asked for (a thread limit); the parts are then dealt
  // out in turn.
  int64_t team = libgomp()->teamSize();
  int64_t size = loop.count / loop.parts, longer = loop.count % loop.parts;
  currentThread = thread;
  for (int64_t part = thread; part < loop.parts; part += team) {
    int64_t begin = part * size + std::min(part, longer);
    loop.body(begin, begin + size + (part < longer), thread);
  }
  currentThread = -1;
}

/// A loop whose threads take parts as they get done with the ones before.
struct SharedLoop {
  int64_t count, grain, threads;
  const FunctionRef<void(int64_t, int64_t)> &body;
  std::atomic<int64_t> next = 0;

  /// Half of what is left for each thread: the last parts are small, so that no thread waits long.
  bool take(int64_t &begin, int64_t &end) {
    begin = next.load(std::memory_order_relaxed);
    do {
      if (begin >= count)
        return false;
      end = std::min(count, begin + std::max(grain, (count - begin) / (2 * threads)));
    } while (!next.compare_exchange_weak(begin, end, std::memory_order_relaxed));
    return true;
  }
};

void takeParts(void *data) {
  SharedLoop &loop = *static_cast<SharedLoop *>(data);
  currentThread = libgomp()->threadNumber();
  for (int64_t begin, end; loop.take(begin, end);)
    loop.body(begin, end);
  currentThread = -1;
}

} // namespace

bool openThreadPool() { return libgomp() != nullptr; }

void setThreadCount(int count) {
  if (const Libgomp *pool = libgomp())
    pool->setThreads(count > 0 ? count : pool->defaultThreads);
}

int threadCount() {
  const Libgomp *pool = libgomp();
  return pool ? std::max(1, pool->maximumThreads()) : 1;
}

void parallelFor(int64_t count, int64_t grain,
                 FunctionRef<void(int64_t begin, int64_t end, int thread)> body) {
  if (count <= 0)
    return;
  if (currentThread >= 0 || count <= grain)
    return body(0, count, std::max(0, currentThread));
  int64_t threads = threadCount();
  int64_t parts = std::min(threads, count / std::max<int64_t>(1, grain));
  if (parts <= 1)
    return body(0, count, 0);
  Loop loop{count, parts, body};
  libgomp()->parallel(runPart, &loop, static_cast<unsigned>(parts), 0);
}

void parallelForAny(int64_t count, int64_t grain,
                    FunctionRef<void(int64_t begin, int64_t end)> body) {
  if (count <= 0)
    return;
  grain = std::max<int64_t>(1, grain);
  int64_t threads = std::min<int64_t>(threadCount(), count / grain);
  if (currentThread >= 0 || threads <= 1)
    return body(0, count);
  SharedLoop loop{count, grain, threads, body};
  libgomp()->parallel(takeParts, &loop, static_cast<unsigned>(threads), 0);
}

} // namespace gptc::runtime
