// One thread pool for the whole process: libgomp's, opened at run time through a table of entry
// points.
//
// oneDNN links libgomp, and a second pool would halve its throughput, so our own parallel loops use
// the same one. Where libgomp is not installed everything runs on the calling thread. The first use
// must come before oneDNN is opened, since libgomp reads its environment when it is loaded (see
// Parallel.cpp for what is set there).
#ifndef GPTC_RUNTIME_BASE_PARALLEL_H
#define GPTC_RUNTIME_BASE_PARALLEL_H

#include "runtime/base/FunctionRef.h"

#include <cstdint>

namespace gptc::runtime {

/// Opens the pool (once) and says whether there is one. Every function below does so by itself;
/// call this to open it before oneDNN.
bool openThreadPool();

/// How many threads parallel loops of the calling thread use, and oneDNN with them; 0 stands for
/// the pool's own choice (OMP_NUM_THREADS, else one per processor). Without a pool there is no
/// effect. Call it on the thread that runs the steps.
void setThreadCount(int count);

/// How many threads the next parallel loop of this thread may use: at least 1. `thread` below is
/// smaller than that.
int threadCount();

/// Calls `body(begin, end, thread)` on contiguous parts that together cover [0, count), one part
/// per thread at most, and waits for them. The partition depends on count, grain and the number of
/// threads only. No thread gets fewer than `grain` (at least 1) elements unless count is smaller;
/// with count <= grain, or one thread, body(0, count, 0) is called directly. No call with an empty
/// range. Inside of another parallel loop it runs as one part on that loop's thread.
void parallelFor(int64_t count, int64_t grain,
                 FunctionRef<void(int64_t begin, int64_t end, int thread)> body);

/// The same for a body that gives the same results whatever the parts: threads take them one after
/// another, at least `grain` elements each but for the last, so that a slow processor, or one that
/// others use too, holds none of them up.
void parallelForAny(int64_t count, int64_t grain,
                    FunctionRef<void(int64_t begin, int64_t end)> body);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_BASE_PARALLEL_H
