// What threads take of a product: its blocks, and panels of them as tasks in an order.
#ifndef GPTC_RUNTIME_DEVICE_PRODUCTTASKS_H
#define GPTC_RUNTIME_DEVICE_PRODUCTTASKS_H

#include "runtime/device/CpuProduct.h"

#include <algorithm>
#include <atomic>
#include <sched.h>

namespace gptc::runtime::product {

/// Steps of k that are summed in registers: rows of a tile of the left matrix then fit into half of
/// the first level cache, and results are rarely read and written again.
inline constexpr int64_t mostSteps = 768;
/// Tiles fetch ahead once in as many steps.
inline constexpr int64_t stepsOfFetch = 16;
/// Columns whose unfinished sums are kept, where the result cannot hold them.
inline constexpr int64_t mostWaiting = 1024;

inline int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t alignUp(int64_t a, int64_t b) { return divideUp(a, b) * b; }

/// Blocks of k: of one size, which depends on K alone, but for the last.
inline int64_t stepsOf(int64_t k) {
  int64_t blocks = std::max<int64_t>(1, divideUp(k, mostSteps));
  return std::max<int64_t>(1, alignUp(divideUp(k, blocks), stepsOfFetch));
}

/// Columns of a panel, but for the last ones.
inline int64_t widthOf(const ProductFunctions &functions) {
  return functions.lanes * static_cast<int64_t>(functions.tiles.size());
}

struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

/// Block `index` of those of `size` that cover [0, all).
inline Range blockOf(int64_t all, int64_t size, int64_t index) {
  return {index * size, std::min(all, (index + 1) * size)};
}

/// Steps × rows of the left matrix that stay in the cache, and panels that stream past them; and
/// columns, all of them unless their sums must wait for more steps.
struct Blocks {
  Blocks(const CpuProduct::Operands &operands, const CpuProduct::Shares &shares)
      : m(operands.m), n(operands.n), k(operands.k), steps(stepsOf(k)),
        stepBlocks(std::max<int64_t>(1, divideUp(k, steps))),
        waits(!operands.result.isFloat() && stepBlocks > 1), rows(shares.rows),
        rowBlocks(divideUp(m, rows)), lanes(operands.functions->lanes),
        width(widthOf(*operands.functions)),
        columns(waits ? mostWaiting / width * width : alignUp(n, width)),
        columnBlocks(divideUp(n, columns)) {}

  Range stepsIn(int64_t block) const { return blockOf(k, steps, block); }
  Range rowsIn(int64_t block) const { return blockOf(m, rows, block); }
  Range columnsIn(int64_t block) const { return blockOf(n, columns, block); }

  int64_t panelsIn(int64_t columnBlock) const {
    return divideUp(columnsIn(columnBlock).size(), width);
  }
  /// Columns of a panel: three vectors, say, but two and two at the end where one would be left.
  Range panel(int64_t columnBlock, int64_t index) const {
    Range all = columnsIn(columnBlock);
    int64_t last = panelsIn(columnBlock) - 1;
    bool leavesOne = last > 0 && width > 2 * lanes && all.size() - last * width <= lanes;
    auto begin = [&](int64_t i) {
      return all.begin + i * width - (leavesOne && i == last) * lanes;
    };
    return {begin(index), index == last ? all.end : begin(index + 1)};
  }

  int64_t m, n, k;
  int64_t steps, stepBlocks;
  bool waits; ///< a result of 16 bits is rounded once: unfinished sums are kept
  int64_t rows, rowBlocks;
  int64_t lanes, width; ///< of a vector, and of a panel
  int64_t columns, columnBlocks;
};

/// Panels for one block of rows and one of steps: what a thread takes at a time.
struct Task {
  int64_t columnBlock, rowBlock, stepBlock;
  int64_t firstPanel, endPanel;
  int64_t counter; ///< of the tasks done on these columns
  int64_t turn;    ///< after so many of them
  bool isWholeRow; ///< all panels, for all steps, by one thread
};

/// The tasks in the order in which they are taken. Those on the same columns come one after the
/// other, since they add to the same sums: each waits for the one before, which was taken long ago.
class Tasks {
public:
  Tasks(const Blocks &blocks, const CpuProduct::Shares &shares)
      : blocks_(blocks), panels_(shares.panels),
        // What waits, waits for all threads.
        wholeRows_(blocks.waits ? 0 : std::min(shares.wholeRows, blocks.rowBlocks)) {
    int64_t last = blocks.columnBlocks - 1;
    count_ = wholeRows_ + (last * takes(0) + takes(last)) * rounds();
    if (blocks.stepBlocks > 1)
      done_ = std::vector<std::atomic<int64_t>>(static_cast<size_t>(last * takes(0) + takes(last)));
  }

  int64_t take() { return next_.fetch_add(1, std::memory_order_relaxed); }
  int64_t size() const { return count_; }

  Task get(int64_t index) const {
    if (index < wholeRows_)
      return {0, index, 0, 0, blocks_.panelsIn(0), 0, 0, true};
    index -= wholeRows_;
    int64_t ofBlock = takes(0) * rounds();
    int64_t columnBlock = std::min(index / ofBlock, blocks_.columnBlocks - 1);
    index -= columnBlock * ofBlock;
    int64_t own = takes(columnBlock), round = index / own, first = index % own * panels_;
    return {columnBlock,
            wholeRows_ + round / blocks_.stepBlocks,
            round % blocks_.stepBlocks,
            first,
            std::min(first + panels_, blocks_.panelsIn(columnBlock)),
            columnBlock * takes(0) + index % own,
            round,
            false};
  }

  void wait(const Task &task) const {
    if (done_.empty() || task.isWholeRow)
      return;
    // Sums of one block of columns wait where those of the block before did.
    int64_t before = task.columnBlock * takes(0) * rounds();
    while (finished_.load(std::memory_order_acquire) < before)
      sched_yield();
    const std::atomic<int64_t> &done = done_[static_cast<size_t>(task.counter)];
    // Whoever computes it may have lost its processor.
    while (done.load(std::memory_order_acquire) < task.turn)
      sched_yield();
  }
  void finish(const Task &task) {
    if (done_.empty() || task.isWholeRow)
      return;
    done_[static_cast<size_t>(task.counter)].fetch_add(1, std::memory_order_release);
    finished_.fetch_add(1, std::memory_order_acq_rel);
  }

private:
  int64_t takes(int64_t columnBlock) const {
    return divideUp(blocks_.panelsIn(columnBlock), panels_);
  }
  int64_t rounds() const { return (blocks_.rowBlocks - wholeRows_) * blocks_.stepBlocks; }

  const Blocks &blocks_;
  int64_t panels_, wholeRows_, count_ = 0;
  std::atomic<int64_t> next_ = 0, finished_ = 0;
  std::vector<std::atomic<int64_t>> done_;
};
} // namespace gptc::runtime::product

#endif // GPTC_RUNTIME_DEVICE_PRODUCTTASKS_H
