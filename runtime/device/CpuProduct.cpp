// How a product is cut into blocks, and its blocks into tiles.
#include "runtime/device/CpuProduct.h"

#include "runtime/base/Parallel.h"

#include <algorithm>
#include <unistd.h>

namespace gptc::runtime {

namespace {

/// Steps of k that are summed in registers: rows of a tile of L then fit into half of the first
/// level cache, and results are rarely read and written again.
constexpr int64_t mostSteps = 768;
/// Tiles fetch ahead once in as many steps.
constexpr int64_t stepsOfFetch = 16;
constexpr int64_t lineBytes = 64;
constexpr int64_t pageFloats = 1024;
/// So many tiles of a panel of R are not worth packing it.
constexpr int64_t fewTiles = 48;
/// Rows or columns of a block of sums that wait for more steps, where the result cannot hold them; a
/// multiple of any tile's (PlanCheck.cpp).
constexpr int64_t mostWaiting = 1024;

int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t alignUp(int64_t a, int64_t b) { return divideUp(a, b) * b; }

/// Half of the second level cache, in floats: a block that stays there leaves room for what
/// streams past. The blocks' sizes never change results.
int64_t blockFloats() {
  static const int64_t floats = [] {
    long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return std::clamp<int64_t>(bytes, 512 << 10, 2 << 20) / 2 / static_cast<int64_t>(sizeof(float));
  }();
  return floats;
}

/// Blocks of k: of one size, which depends on K alone, but for the last.
int64_t stepsOf(int64_t k) {
  int64_t blocks = std::max<int64_t>(1, divideUp(k, mostSteps));
  return std::max<int64_t>(1, alignUp(divideUp(k, blocks), stepsOfFetch));
}

struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

/// Part `index` of `parts` of [0, size), cut at multiples of `unit`.
Range partOf(int64_t size, int64_t unit, int64_t parts, int64_t index) {
  int64_t units = divideUp(size, unit);
  return {std::min(size, units * index / parts * unit),
          std::min(size, units * (index + 1) / parts * unit)};
}

/// The product as the tiles see it, and one thread's part of it.
class PartialProduct {
public:
  PartialProduct(const ProductFunctions &functions, int64_t k, ProductMatrix left,
                 ProductMatrix right, ProductMatrix result, bool accumulate, Range rows,
                 Range columns)
      : functions_(functions), k_(k), left_(left), right_(right), result_(result),
        accumulate_(accumulate), rows_(rows), columns_(columns), steps_(stepsOf(k)) {}

  int64_t rowsAtOnce() const {
    int64_t rows = functions_.rows;
    return std::max<int64_t>(blockFloats() / std::min(steps_, k_), rows) / rows * rows;
  }
  int64_t columnsAtOnce() const {
    int64_t width = getWidth();
    return std::max<int64_t>(blockFloats() / std::min(steps_, k_), width) / width * width;
  }

  int64_t scratchFloats(bool streamsLeft) const {
    int64_t rows = std::min(rowsAtOnce(), alignUp(rows_.size(), functions_.rows)),
            columns = std::min(columnsAtOnce(), alignUp(columns_.size(), functions_.lanes));
    int64_t count = steps_ * (streamsLeft ? columns : getWidth()) + tileFloats();
    count += leftTileFloats() * (streamsLeft ? 1 : divideUp(rows, functions_.rows));
    if (waits())
      count += streamsLeft
                   ? std::min(mostWaiting, alignUp(rows_.size(), functions_.rows)) * columns
                   : rows * std::min(mostWaiting, alignUp(columns_.size(), functions_.lanes));
    return alignUp(count, lineBytes);
  }

  void run(bool streamsLeft, float *scratch) {
    tile_ = scratch;
    leftPanels_ = tile_ + tileFloats();
    int64_t rows = std::min(rowsAtOnce(), alignUp(rows_.size(), functions_.rows));
    rightPanels_ =
        leftPanels_ + leftTileFloats() * (streamsLeft ? 1 : divideUp(rows, functions_.rows));
    int64_t columns = std::min(columnsAtOnce(), alignUp(columns_.size(), functions_.lanes));
    waiting_ = rightPanels_ + steps_ * (streamsLeft ? columns : getWidth());
    if (streamsLeft)
      streamLeft();
    else
      streamRight();
  }

  /// Cycles beside and with those of the sums. What a pass over memory costs was measured on a
  /// server of 2023 and holds roughly elsewhere: it decides between orders, not about results.
  double cycles(bool streamsLeft) const {
    auto lanes = static_cast<double>(functions_.lanes);
    auto p = static_cast<double>(rows_.size()), q = static_cast<double>(columns_.size()),
         k = static_cast<double>(k_);
    int64_t vectors = divideUp(columns_.size(), functions_.lanes);
    // Two products a cycle; a tile of one vector waits for its loads.
    double sums = static_cast<double>(alignUp(rows_.size(), functions_.rows) * vectors) * k / 2 *
                  (vectors == 1 ? 1.4 : 1);
    // Copying is two cycles a vector, transposing 0.4 a number.
    double copy = 2 / lanes, transpose = 0.4, line = lineBytes / sizeof(float);
    double rowBlocks = static_cast<double>(divideUp(rows_.size(), rowsAtOnce())),
           columnBlocks = static_cast<double>(divideUp(columns_.size(), columnsAtOnce()));
    double leftTimes = streamsLeft ? columnBlocks : 1, rightTimes = streamsLeft ? 1 : rowBlocks;
    if (waits())
      (streamsLeft ? rightTimes : leftTimes) *=
          static_cast<double>(divideUp(streamsLeft ? rows_.size() : columns_.size(), mostWaiting));
    double left = p * k * leftTimes, right = k * q * rightTimes;
    double moves = (left_.isFloat() && left_.columnStride == 1 ? 0 : left * copy) +
                   right * (right_.columnStride != 1 ? transpose : copy);
    // What stays is not fetched ahead.
    moves += (streamsLeft ? right * 8 + left : left * 8 + right) / line;
    auto blocks = static_cast<double>(waits() ? 1 : divideUp(k_, steps_));
    moves += p * q * blocks * (result_.columnStride == 1 ? copy : transpose + copy);
    return sums + moves;
  }

private:
  int64_t getWidth() const {
    return functions_.lanes * static_cast<int64_t>(functions_.tiles.size());
  }
  int64_t tileFloats() const { return functions_.rows * getWidth(); }
  /// Rows at a distance that no two of them share sets of the first level cache.
  int64_t leftTileFloats() const { return functions_.rows * (steps_ + lineBytes / 4); }
  /// Whether unfinished sums have to be kept: a result of 16 bits is rounded once.
  bool waits() const { return !result_.isFloat() && steps_ < k_; }
  bool leftIsInPlace(Range rows) const {
    return left_.isFloat() && rows.size() == functions_.rows && left_.columnStride == 1;
  }

  /// The next panel of [column, end): three vectors, say, but two where that leaves one more.
  int64_t panelColumns(int64_t column, int64_t end) const {
    int64_t vectors = divideUp(end - column, functions_.lanes);
    int64_t most = static_cast<int64_t>(functions_.tiles.size());
    if (vectors > most)
      vectors = most > 2 && vectors == most + 1 ? most - 1 : most;
    return std::min(end - column, vectors * functions_.lanes);
  }
  Range rowsOfTile(int64_t row, int64_t end) const {
    return {row, std::min(end, row + functions_.rows)};
  }

  struct RightTile {
    const float *data;
    int64_t stride;
  };

  /// Whether tiles read R where it lies: packing would cost more than it saves if few of them
  /// share a panel. Rows further apart than a page are always packed.
  bool rightIsInPlace(Range columns, int64_t tiles) const {
    return right_.isFloat() && right_.columnStride == 1 && right_.rowStride <= pageFloats &&
           columns.size() % functions_.lanes == 0 && tiles <= fewTiles;
  }

  /// R[steps, columns] where so many tiles find it: in place, or as a panel.
  RightTile packRight(Range steps, Range columns, int64_t tiles, float *panel) const {
    int64_t width = alignUp(columns.size(), functions_.lanes);
    const std::byte *from = right_.at(steps.begin, columns.begin);
    if (rightIsInPlace(columns, tiles))
      return {reinterpret_cast<const float *>(from), right_.rowStride};
    if (right_.columnStride == 1)
      right_.element->read(from, right_.rowStride, panel, width, steps.size(), columns.size(), 0);
    else
      right_.element->readTransposed(from, right_.columnStride, panel, width, columns.size(),
                                     steps.size(), 0);
    return {panel, width};
  }

  struct LeftTile {
    const float *data;
    int64_t rowStride, stepStride;
  };

  /// L[rows, steps] where a tile finds it: in place, or in `memory`.
  LeftTile packLeft(Range steps, Range rows, float *memory) const {
    const std::byte *from = left_.at(rows.begin, steps.begin);
    if (leftIsInPlace(rows))
      return {reinterpret_cast<const float *>(from), left_.rowStride, left_.columnStride};
    if (left_.columnStride == 1) {
      int64_t stride = steps_ + lineBytes / 4;
      left_.element->read(from, left_.rowStride, memory, stride, rows.size(), steps.size(), 0);
      return {memory, stride, 1};
    }
    left_.element->read(from, left_.columnStride, memory, functions_.rows, steps.size(),
                        rows.size(), 0);
    return {memory, 1, functions_.rows};
  }

  struct Fetch {
    const std::byte *address;
    int64_t step, other;
  };

  /// What the tile of number `index` fetches of `matrix`, `units` rows of which, from (unit, step),
  /// come next. Rows of neighbours along k: two rows a tile. Otherwise two lines of each k, for a
  /// 16th of them.
  Fetch fetch(const ProductMatrix &matrix, int64_t unit, int64_t units, Range steps,
              int64_t index) const {
    int64_t bytes = matrix.element->bytes;
    if (matrix.columnStride == 1) {
      int64_t row = 2 * index;
      if (row >= units)
        return {matrix.at(unit, steps.begin), 0, 0};
      return {matrix.at(unit + row, steps.begin), stepsOfFetch * bytes,
              row + 1 < units ? matrix.rowStride * bytes : 0};
    }
    int64_t lines = divideUp(units * bytes, lineBytes), line = index / stepsOfFetch * 2;
    if (line >= lines)
      return {matrix.at(unit, steps.begin), 0, 0};
    int64_t first = steps.begin + steps.size() / stepsOfFetch * (index % stepsOfFetch);
    return {matrix.at(unit, first) + line * lineBytes, matrix.columnStride * bytes,
            line + 1 < lines ? lineBytes : 0};
  }

  void multiply(const LeftTile &left, const RightTile &right, Range steps, Range rows,
                Range columns, float *waiting, int64_t waitingStride, Fetch fetch) const {
    int64_t width = alignUp(columns.size(), functions_.lanes);
    auto tile = functions_.tiles[static_cast<size_t>(width / functions_.lanes - 1)];
    bool isFirst = steps.begin == 0, isLast = steps.end == k_;
    auto compute = [&](float *to, int64_t stride, bool add) {
      tile(left.data, left.rowStride, left.stepStride, right.data, right.stride, steps.size(), to,
           stride, add, fetch.address, fetch.step, fetch.other);
    };
    bool isWhole = rows.size() == functions_.rows && columns.size() == width;
    std::byte *place = result_.at(rows.begin, columns.begin);
    if (isWhole && result_.isFloat() && result_.columnStride == 1)
      return compute(reinterpret_cast<float *>(place), result_.rowStride, accumulate_ || !isFirst);
    float *sums = tile_;
    int64_t stride = width;
    bool add = accumulate_ || !isFirst;
    if (waits()) {
      sums = waiting, stride = waitingStride, add = accumulate_;
      compute(sums, stride, !isFirst);
      if (!isLast)
        return;
    } else {
      compute(sums, stride, false);
    }
    if (result_.columnStride == 1)
      result_.element->write(sums, stride, place, result_.rowStride, rows.size(), columns.size(),
                             add);
    else
      result_.element->writeTransposed(sums, stride, place, result_.columnStride, rows.size(),
                                       columns.size(), add);
  }

  template <typename Body> void forSteps(Body body) const {
    for (int64_t begin = 0; begin < k_; begin += steps_)
      body(Range{begin, std::min(k_, begin + steps_)});
  }

  /// Blocks of R stay, tiles of L stream past.
  void streamLeft() const {
    int64_t columnsOnce = columnsAtOnce(), rowsOnce = waits() ? mostWaiting : rows_.size();
    for (int64_t q = columns_.begin; q < columns_.end; q += columnsOnce)
      for (int64_t p = rows_.begin; p < rows_.end; p += rowsOnce) {
        Range columns{q, std::min(columns_.end, q + columnsOnce)},
            rows{p, std::min(rows_.end, p + rowsOnce)};
        forSteps([&](Range steps) { streamLeft(rows, columns, steps); });
      }
  }

  void streamLeft(Range rows, Range columns, Range steps) const {
    std::vector<RightTile> panels;
    int64_t tiles = divideUp(rows.size(), functions_.rows);
    for (int64_t q = columns.begin, next; q < columns.end; q = next) {
      next = q + panelColumns(q, columns.end);
      panels.push_back(
          packRight(steps, {q, next}, tiles, rightPanels_ + (q - columns.begin) * steps.size()));
    }
    int64_t stride = alignUp(columns.size(), functions_.lanes);
    for (int64_t p = rows.begin; p < rows.end; p += functions_.rows) {
      Range own = rowsOfTile(p, rows.end), ahead = rowsOfTile(own.end, rows.end);
      LeftTile left = packLeft(steps, own, leftPanels_);
      int64_t index = 0;
      for (int64_t q = columns.begin, next; q < columns.end; q = next, ++index) {
        next = q + panelColumns(q, columns.end);
        Fetch ahead1 = ahead.size() > 0 ? fetch(left_, ahead.begin, ahead.size(), steps, index)
                                        : Fetch{left_.at(p, steps.begin), 0, 0};
        multiply(left, panels[static_cast<size_t>(index)], steps, own, {q, next},
                 waiting_ + (p - rows.begin) * stride + (q - columns.begin), stride, ahead1);
      }
    }
  }

  /// Blocks of L stay, panels of R stream past.
  void streamRight() const {
    int64_t rowsOnce = rowsAtOnce(), columnsOnce = waits() ? mostWaiting : columns_.size();
    for (int64_t p = rows_.begin; p < rows_.end; p += rowsOnce)
      for (int64_t q = columns_.begin; q < columns_.end; q += columnsOnce) {
        Range columns{q, std::min(columns_.end, q + columnsOnce)},
            rows{p, std::min(rows_.end, p + rowsOnce)};
        forSteps([&](Range steps) { streamRight(rows, columns, steps); });
      }
  }

  void streamRight(Range rows, Range columns, Range steps) const {
    std::vector<LeftTile> tiles;
    for (int64_t p = rows.begin; p < rows.end; p += functions_.rows)
      tiles.push_back(
          packLeft(steps, rowsOfTile(p, rows.end),
                   leftPanels_ + (p - rows.begin) / functions_.rows * leftTileFloats()));
    int64_t stride = alignUp(columns.size(), functions_.lanes);
    ProductMatrix across = right_.transposed();
    for (int64_t q = columns.begin, next; q < columns.end; q = next) {
      next = q + panelColumns(q, columns.end);
      int64_t ahead = next < columns.end ? panelColumns(next, columns.end) : 0;
      RightTile right =
          packRight(steps, {q, next}, static_cast<int64_t>(tiles.size()), rightPanels_);
      for (int64_t p = rows.begin; p < rows.end; p += functions_.rows) {
        int64_t index = (p - rows.begin) / functions_.rows;
        Fetch fetched = ahead > 0 ? fetch(across, next, ahead, steps, index)
                                  : Fetch{across.at(q, steps.begin), 0, 0};
        multiply(tiles[static_cast<size_t>(index)], right, steps, rowsOfTile(p, rows.end),
                 {q, next}, waiting_ + (p - rows.begin) * stride + (q - columns.begin), stride,
                 fetched);
      }
    }
  }

  const ProductFunctions &functions_;
  int64_t k_;
  ProductMatrix left_, right_, result_;
  bool accumulate_;
  Range rows_, columns_;
  int64_t steps_;
  float *tile_ = nullptr, *leftPanels_ = nullptr, *rightPanels_ = nullptr, *waiting_ = nullptr;
};

} // namespace

/// One of the strategy's parts of D.
static PartialProduct makePart(const CpuProduct::Operands &all,
                               const CpuProduct::Strategy &strategy, int64_t row, int64_t column) {
  const ProductFunctions &functions = *all.functions;
  int64_t m = strategy.transposed ? all.n : all.m, n = strategy.transposed ? all.m : all.n;
  Range rows = partOf(m, functions.rows, strategy.rowParts, row),
        columns = partOf(n, functions.lanes, strategy.columnParts, column);
  if (strategy.transposed)
    return {functions,
            all.k,
            all.right.transposed(),
            all.left.transposed(),
            all.result.transposed(),
            all.accumulate,
            rows,
            columns};
  return {functions, all.k, all.left, all.right, all.result, all.accumulate, rows, columns};
}

CpuProduct::Strategy CpuProduct::choose(int threads) const {
  Strategy best = {};
  best.cycles = -1;
  for (bool transposed : {false, true})
    for (int rowParts = 1; rowParts <= threads; ++rowParts)
      for (bool streamsLeft : {true, false}) {
        Strategy strategy{transposed, streamsLeft, rowParts, threads / rowParts, 0};
        // The last part is as large as any.
        strategy.cycles = makePart(operands_, strategy, rowParts - 1, strategy.columnParts - 1)
                              .cycles(streamsLeft);
        if (best.cycles < 0 || strategy.cycles < best.cycles)
          best = strategy;
      }
  return best;
}

int64_t CpuProduct::scratchBytes() const {
  int64_t floats = 0;
  for (bool transposed : {false, true})
    for (bool streamsLeft : {true, false})
      floats = std::max(
          floats,
          makePart(operands_, {transposed, streamsLeft, 1, 1, 0}, 0, 0).scratchFloats(streamsLeft));
  return floats * static_cast<int64_t>(sizeof(float));
}

void CpuProduct::run(int threads, std::byte *scratch) const { run(choose(threads), scratch); }

void CpuProduct::run(const Strategy &strategy, std::byte *scratch) const {
  int64_t parts = strategy.rowParts * strategy.columnParts, bytes = scratchBytes();
  parallelFor(parts, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t part = begin; part < end; ++part)
      makePart(operands_, strategy, part / strategy.columnParts, part % strategy.columnParts)
          .run(strategy.streamsLeft, reinterpret_cast<float *>(scratch + part * bytes));
  });
}

} // namespace gptc::runtime
