// How blocks of a product are packed, and computed tile by tile.
#include "runtime/device/CpuProduct.h"

#include "runtime/base/Parallel.h"
#include "runtime/device/ProductTasks.h"

#include <algorithm>
#include <optional>
#include <unistd.h>

namespace gptc::runtime {

using namespace product;

namespace {

constexpr int64_t lineBytes = 64;
constexpr int64_t pageFloats = 1024;
/// So many tiles of a panel are not worth packing it.
constexpr int64_t fewTiles = 48;
/// Products of vectors that a thread is woken for, and that it takes at a time: half a cycle each,
/// so some 10 µs, where taking costs 0.1.
constexpr int64_t worthwhile = 60'000;
/// Times that a thread takes some: fewer, and one would wait for another's last.
constexpr int64_t leastTurns = 6;
/// Rows of a block that panels are worth packing for, whoever waits.
constexpr int64_t leastRows = 64;

/// Half of the second level cache, in floats: a block that stays there leaves room for what
/// streams past. The blocks' sizes never change results.
int64_t blockFloats() {
  static const int64_t floats = [] {
    long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return std::clamp<int64_t>(bytes, 512 << 10, 2 << 20) / 2 / static_cast<int64_t>(sizeof(float));
  }();
  return floats;
}

/// Whether tiles may read the right matrix where it lies. Rows further apart than a page are always
/// packed.
bool mayStay(const ProductMatrix &right) {
  return right.isFloat() && right.columnStride == 1 && right.rowStride <= pageFloats;
}

/// Where a thread's memory has what, in floats.
struct ScratchLayout {
  ScratchLayout(const CpuProduct::Operands &operands, const Blocks &blocks)
      : leftStride(blocks.steps + lineBytes / 4) {
    int64_t rows = std::min(blocks.rows, alignUp(blocks.m, operands.functions->rows));
    left = operands.functions->rows * blocks.width;
    panel = left + rows * leftStride;
    waiting = panel + blocks.steps * blocks.width;
    size = alignUp(waiting + (blocks.waits ? rows * blocks.columns : 0), lineBytes);
  }

  int64_t leftStride; ///< of rows: no two of a tile share sets of the first level cache
  int64_t left;       ///< behind a tile
  int64_t panel;
  int64_t waiting; ///< that of the first thread serves all
  int64_t size;
};

/// One thread that computes tasks.
class Worker {
public:
  Worker(const CpuProduct::Operands &operands, const Blocks &blocks, Tasks &tasks, int threads,
         float *scratch, float *waiting)
      : functions_(*operands.functions), left_(operands.left), right_(operands.right),
        result_(operands.result), accumulate_(operands.accumulate), blocks_(blocks), tasks_(tasks),
        threads_(threads), layout_(operands, blocks), scratch_(scratch), waiting_(waiting) {}

  void work() {
    for (int64_t index = tasks_.take(); index < tasks_.size(); index = tasks_.take()) {
      Task task = tasks_.get(index);
      // Who takes turns at one pace takes this next.
      int64_t next = index + threads_;
      std::optional<Task> ahead;
      if (next < tasks_.size())
        ahead = tasks_.get(next);
      if (!task.isWholeRow) {
        compute(task, ahead);
        continue;
      }
      for (task.stepBlock = 0; task.stepBlock < blocks_.stepBlocks; ++task.stepBlock) {
        Task more = task;
        ++more.stepBlock;
        compute(task, more.stepBlock < blocks_.stepBlocks ? more : ahead);
      }
    }
  }

private:
  struct LeftTile {
    const float *data;
    int64_t rowStride; ///< 0: packed
  };
  struct RightTile {
    const float *data;
    int64_t stride;
  };
  struct Fetch {
    const std::byte *address;
    int64_t step, other;
  };

  void compute(const Task &task, const std::optional<Task> &ahead) {
    Range rows = blocks_.rowsIn(task.rowBlock), steps = blocks_.stepsIn(task.stepBlock);
    if (rows.begin != rows_.begin || steps.begin != steps_.begin)
      packLeft(rows, steps);
    tasks_.wait(task);
    for (int64_t panel = task.firstPanel; panel < task.endPanel; ++panel) {
      Range columns = blocks_.panel(task.columnBlock, panel), next = {0, 0}, nextSteps = steps;
      if (panel + 1 < task.endPanel) {
        next = blocks_.panel(task.columnBlock, panel + 1);
      } else if (ahead) {
        next = blocks_.panel(ahead->columnBlock, ahead->firstPanel);
        nextSteps = blocks_.stepsIn(ahead->stepBlock);
      }
      RightTile right = packRight(columns);
      float *waiting = waiting_ + (columns.begin - blocks_.columnsIn(task.columnBlock).begin);
      for (size_t tile = 0; tile < tiles_.size(); ++tile)
        multiply(tile, right, columns, waiting, fetch(next, nextSteps, static_cast<int64_t>(tile)));
    }
    tasks_.finish(task);
  }

  Range rowsOfTile(int64_t tile) const {
    int64_t begin = rows_.begin + tile * functions_.rows;
    return {begin, std::min(rows_.end, begin + functions_.rows)};
  }

  /// Tiles of L[rows, steps]: in place, or in scratch memory.
  void packLeft(Range rows, Range steps) {
    rows_ = rows, steps_ = steps;
    tiles_.clear();
    int64_t count = divideUp(rows.size(), functions_.rows);
    for (int64_t tile = 0; tile < count; ++tile) {
      Range own = rowsOfTile(tile);
      const std::byte *from = left_.at(own.begin, steps.begin);
      float *memory = scratch_ + layout_.left + tile * functions_.rows * layout_.leftStride;
      if (left_.isFloat() && left_.columnStride == 1 && own.size() == functions_.rows) {
        tiles_.push_back({reinterpret_cast<const float *>(from), left_.rowStride});
      } else if (left_.columnStride == 1) {
        left_.element->read(from, left_.rowStride, memory, layout_.leftStride, own.size(),
                            steps.size(), 0);
        tiles_.push_back({memory, layout_.leftStride});
      } else {
        left_.element->read(from, left_.columnStride, memory, functions_.rows, steps.size(),
                            own.size(), 0);
        tiles_.push_back({memory, 0});
      }
    }
  }

  /// Packing would cost more than it saves if few tiles share a panel.
  bool rightIsInPlace(Range columns) const {
    return mayStay(right_) && columns.size() % functions_.lanes == 0 &&
           static_cast<int64_t>(tiles_.size()) <= fewTiles;
  }

  RightTile packRight(Range columns) const {
    int64_t width = alignUp(columns.size(), functions_.lanes);
    const std::byte *from = right_.at(steps_.begin, columns.begin);
    if (rightIsInPlace(columns))
      return {reinterpret_cast<const float *>(from), right_.rowStride};
    float *panel = scratch_ + layout_.panel;
    if (right_.columnStride == 1)
      right_.element->read(from, right_.rowStride, panel, width, steps_.size(), columns.size(), 0);
    else
      right_.element->readTransposed(from, right_.columnStride, panel, width, columns.size(),
                                     steps_.size(), 0);
    return {panel, width};
  }

  /// What tile `tile` of a panel fetches of the next one. Columns whose elements are neighbours:
  /// two of them a tile. Otherwise two lines of each step, for a 16th of the steps.
  Fetch fetch(Range columns, Range steps, int64_t tile) const {
    int64_t bytes = right_.element->bytes;
    Fetch nothing = {right_.data, 0, 0};
    if (right_.rowStride == 1) {
      int64_t column = columns.begin + 2 * tile;
      if (column >= columns.end)
        return nothing;
      return {right_.at(steps.begin, column), stepsOfFetch * bytes,
              column + 1 < columns.end ? right_.columnStride * bytes : 0};
    }
    int64_t lines = divideUp(columns.size() * bytes, lineBytes), line = tile / stepsOfFetch * 2;
    if (line >= lines)
      return nothing;
    int64_t first = steps.begin + steps.size() / stepsOfFetch * (tile % stepsOfFetch);
    return {right_.at(first, columns.begin) + line * lineBytes, right_.rowStride * bytes,
            line + 1 < lines ? lineBytes : 0};
  }

  void multiply(size_t tile, RightTile right, Range columns, float *waiting, Fetch fetch) const {
    Range rows = rowsOfTile(static_cast<int64_t>(tile));
    const LeftTile &left = tiles_[tile];
    int64_t width = alignUp(columns.size(), functions_.lanes);
    auto vectors = static_cast<size_t>(width / functions_.lanes);
    auto function = (left.rowStride ? functions_.tiles : functions_.packedTiles)[vectors - 1];
    int64_t stride1 = left.rowStride * static_cast<int64_t>(sizeof(float));
    int64_t strides[] = {stride1, 3 * stride1, 5 * stride1, 7 * stride1};
    bool isFirst = steps_.begin == 0, isLast = steps_.end == blocks_.k;
    auto compute = [&](float *to, int64_t stride, bool add) {
      function(left.data, strides, right.data, right.stride, steps_.size(), to, stride, add,
               fetch.address, fetch.step, fetch.other);
    };
    bool isWhole = rows.size() == functions_.rows && columns.size() == width;
    std::byte *place = result_.at(rows.begin, columns.begin);
    bool add = accumulate_ || !isFirst;
    if (isWhole && result_.isFloat())
      return compute(reinterpret_cast<float *>(place), result_.rowStride, add);
    float *sums = scratch_;
    int64_t stride = width;
    if (blocks_.waits) {
      stride = blocks_.columns;
      sums = waiting + (rows.begin - rows_.begin) * stride;
      compute(sums, stride, !isFirst);
      if (!isLast)
        return;
      add = accumulate_;
    } else {
      compute(sums, stride, false);
    }
    result_.element->write(sums, stride, place, result_.rowStride, rows.size(), columns.size(),
                           add);
  }

  const ProductFunctions &functions_;
  ProductMatrix left_, right_, result_;
  bool accumulate_;
  const Blocks &blocks_;
  Tasks &tasks_;
  int64_t threads_;
  ScratchLayout layout_;
  float *scratch_, *waiting_;
  // The block that is there:
  Range rows_ = {-1, -1}, steps_ = {-1, -1};
  std::vector<LeftTile> tiles_;
};

/// Rows of a block that fills its part of the cache.
int64_t mostRows(const CpuProduct::Operands &operands) {
  int64_t unit = operands.functions->rows, steps = std::max<int64_t>(1, operands.k);
  return std::max(unit, blockFloats() / std::min(stepsOf(steps), steps) / unit * unit);
}

} // namespace

CpuProduct::Shares CpuProduct::share(int threads) const {
  const ProductFunctions &functions = *operands_.functions;
  int64_t m = operands_.m, unit = functions.rows, vectors = divideUp(operands_.n, functions.lanes),
          panels = divideUp(operands_.n, widthOf(functions));
  int64_t useful =
      std::clamp<int64_t>(alignUp(m, unit) * vectors * operands_.k / worthwhile, 1, threads);
  int64_t blocks = divideUp(m, mostRows(operands_));
  auto rowsOf = [&](int64_t count) { return std::max(unit, alignUp(divideUp(m, count), unit)); };
  if (useful == 1)
    return {1, rowsOf(blocks), panels, 0};
  // Each thread packs the rows that it needs. Where all panels stay in the cache, that would be
  // all rows for little; where blocks are many, most are left to one thread.
  bool packsLeft = !operands_.left.isFloat() || operands_.left.columnStride != 1;
  int64_t takes = leastTurns * useful;
  if (packsLeft && mayStay(operands_.right) && m >= takes * leastRows / 2 &&
      operands_.n * std::min(operands_.k, mostSteps) <= blockFloats()) {
    blocks = std::max(blocks, takes);
    return {static_cast<int>(useful), rowsOf(blocks), 1, blocks};
  }
  blocks = std::max(blocks, std::min(divideUp(takes, panels), divideUp(m, leastRows)));
  int64_t rows = rowsOf(blocks),
          ofPanel = rows * divideUp(vectors, panels) * std::min(operands_.k, stepsOf(operands_.k));
  int64_t atOnce = std::min(divideUp(worthwhile, std::max<int64_t>(1, ofPanel)), panels / takes);
  return {static_cast<int>(useful), rows, std::max<int64_t>(1, atOnce),
          packsLeft ? std::max<int64_t>(0, blocks - 4 * useful) : 0};
}

int64_t CpuProduct::scratchBytes() const {
  Blocks blocks(operands_, {1, mostRows(operands_), 1, 0});
  return ScratchLayout(operands_, blocks).size * static_cast<int64_t>(sizeof(float));
}

void CpuProduct::run(const Shares &shares, std::byte *scratch) const {
  Blocks blocks(operands_, shares);
  Tasks tasks(blocks, shares);
  ScratchLayout layout(operands_, blocks);
  auto *memory = reinterpret_cast<float *>(scratch);
  int64_t size = scratchBytes() / static_cast<int64_t>(sizeof(float));
  parallelFor(shares.threads, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t thread = begin; thread < end; ++thread)
      Worker(operands_, blocks, tasks, shares.threads, memory + thread * size,
             memory + layout.waiting)
          .work();
  });
}

} // namespace gptc::runtime
