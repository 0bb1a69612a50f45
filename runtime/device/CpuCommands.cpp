// Running commands on the CPU.
#include "runtime/device/CpuCommands.h"

#include "runtime/base/Parallel.h"
#include "runtime/data/Order.h"
#include "runtime/plan/Plan_generated.h"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>

namespace gptc::runtime {

/// Rows of a product with an epilogue that are computed at a time. The right matrix is packed anew
/// for each panel, which costs oneDNN's 4096 x 3072 x 768 products 5 % of their time with panels of
/// 128 to 512 rows and nothing that can be measured with 1024.
static constexpr int64_t leastPanelRows = 1024;

void CpuLaunch::addInstance(std::span<void *const> operands, int64_t rows) {
  operandCount_ = operands.size();
  operands_.insert(operands_.end(), operands.begin(), operands.end());
  rows_.push_back(rows);
  firstUnit_.push_back(firstUnit_.back() + (rows + grain_ - 1) / grain_);
}

void CpuLaunch::runUnits(int64_t begin, int64_t end) const {
  // The last instance that begins at or before the first unit.
  size_t instance = static_cast<size_t>(
      std::upper_bound(firstUnit_.begin(), firstUnit_.end(), begin) - firstUnit_.begin() - 1);
  for (; begin < end; ++instance) {
    int64_t unitsEnd = std::min(end, firstUnit_[instance + 1]);
    if (unitsEnd > begin) {
      int64_t first = firstUnit_[instance];
      function_(operands_.data() + instance * operandCount_, (begin - first) * grain_,
                std::min(rows_[instance], (unitsEnd - first) * grain_));
    }
    begin = unitsEnd;
  }
}

Status CpuLaunch::run() const {
  parallelForAny(firstUnit_.back(), 1, [&](int64_t begin, int64_t end) { runUnits(begin, end); });
  return {};
}

void CpuLaunch::runRows(int64_t begin, int64_t end) const {
  int64_t first = begin / grain_, count = (end - begin + grain_ - 1) / grain_;
  parallelForAny(count, 1, [&](int64_t from, int64_t to) {
    function_(operands_.data(), (first + from) * grain_, std::min(end, (first + to) * grain_));
  });
}

int64_t CpuMatmul::items() const {
  int64_t count = 1;
  for (const Axis &axis : batch)
    count *= axis.size;
  return count;
}

/// A thread takes whole items where that keeps all threads busy. Items that add to one result must
/// come one after another.
bool CpuMatmul::runsItemsInParallel() const {
  for (const Axis &axis : batch)
    if (axis.size > 1 && axis.result == 0)
      return false;
  int64_t count = items(), threads = threadCount();
  return threads > 1 && count > 1 && (count % threads == 0 || count >= 4 * threads);
}

CpuProduct::Operands CpuMatmul::operands() const {
  return {functions, m, n, k, lhs, rhs, result, accumulate};
}

int64_t CpuMatmul::scratchBytes() const {
  return functions ? CpuProduct(operands()).scratchBytes() : 0;
}

/// `memory` is that of the first of the threads.
int CpuMatmul::multiply(const CpuProduct::Operands &operands, int threads,
                        std::byte *memory) const {
  if (functions) {
    CpuProduct(operands).run(threads, memory);
    return 0;
  }
  auto isTransposed = [](const ProductMatrix &matrix) { return matrix.columnStride != 1; };
  // Of a single stored row too, oneDNN wants a stride that is long enough.
  auto stride = [&](const ProductMatrix &matrix, int64_t rows, int64_t columns) {
    return isTransposed(matrix) ? std::max(matrix.columnStride, rows)
                                : std::max(matrix.rowStride, columns);
  };
  auto data = [](const ProductMatrix &matrix) { return reinterpret_cast<float *>(matrix.data); };
  const ProductMatrix &left = operands.left, &right = operands.right;
  return library->sgemm(isTransposed(left) ? 'T' : 'N', isTransposed(right) ? 'T' : 'N', operands.m,
                        operands.n, operands.k, 1.0f, data(left), stride(left, operands.m, k),
                        data(right), stride(right, k, n), accumulate ? 1.0f : 0.0f,
                        data(operands.result), result.rowStride);
}

int CpuMatmul::runItem(int64_t item, int threads, std::byte *memory) const {
  CpuProduct::Operands all = operands();
  for (size_t i = batch.size(); i-- > 0;) {
    const Axis &axis = batch[i];
    int64_t index = item % axis.size;
    item /= axis.size;
    all.left.data += index * axis.lhs * lhs.element->bytes;
    all.right.data += index * axis.rhs * rhs.element->bytes;
    all.result.data += index * axis.result * result.element->bytes;
  }
  return multiply(all, threads, memory);
}

int CpuMatmul::runRows(int64_t begin, int64_t end) const {
  CpuProduct::Operands all = operands();
  all.m = end - begin;
  all.left.data = lhs.at(begin, 0);
  all.result.data = result.at(begin, 0);
  return multiply(all, scratch->threads, scratch->memory.data());
}

int64_t CpuMatmul::panelRows() const {
  int64_t unit = epilogue->grain() * (m / epilogue->rows());
  return (leastPanelRows + unit - 1) / unit * unit;
}

/// A panel of the product, then the kernel on its rows.
Status CpuMatmul::runPanels() const {
  int64_t panel = panelRows(), rowsOfOne = m / epilogue->rows();
  for (int64_t begin = 0; begin < m; begin += panel) {
    int64_t end = std::min(m, begin + panel);
    if (int code = runRows(begin, end); code != 0)
      return checkedStatus(code);
    epilogue->runRows(begin / rowsOfOne, end / rowsOfOne);
  }
  return {};
}

Status CpuMatmul::run() const {
  if (epilogue)
    return runPanels();
  std::atomic<int> failure = 0;
  auto runItems = [&](int64_t begin, int64_t end, int threads, std::byte *memory) {
    for (int64_t item = begin; item < end; ++item)
      if (int code = runItem(item, threads, memory); code != 0)
        failure = code;
  };
  if (runsItemsInParallel())
    parallelFor(items(), 1, [&](int64_t begin, int64_t end, int thread) {
      runItems(begin, end, 1, scratch->memory.data() + thread * scratch->bytes);
    });
  else
    runItems(0, items(), scratch->threads, scratch->memory.data());
  return checkedStatus(failure);
}

Status CpuMatmul::checkedStatus(int failure) const {
  if (failure == 0)
    return {};
  // dnnl_status_t: 1 is out of memory.
  return {failure == 1 ? Code::outOfMemory : Code::internal,
          fmt::format("oneDNN refuses a product of {} x {} x {} (status {})", m, n, k, failure)};
}

Status CpuArgsort::run() const {
  embeddingOrder(indices, order);
  return {};
}

std::byte *CpuResources::at(const fb::Address &address) const {
  return segments[address.segment()] + address.offset();
}

bool usesLibrary(const fb::Entry &entry) {
  if (entry.commands())
    for (const fb::Command *command : *entry.commands())
      if (const fb::Matmul *matmul = command->operation_as_Matmul(); matmul && !matmul->generated())
        return true;
  return false;
}

namespace {

class Resolver {
public:
  Resolver(const Plan &plan, const CpuResources &resources) : plan_(plan), resources_(resources) {}

  CpuCommand resolve(const fb::Command &command) {
    std::string part = command.name() ? command.name()->str() : "";
    if (const fb::Launch *launch = command.operation_as_Launch())
      return {resolveLaunch(*launch), symbolOf(*launch), std::move(part)};
    if (const fb::Matmul *matmul = command.operation_as_Matmul())
      return {resolveMatmul(*matmul), codeOf(*matmul), std::move(part)};
    const fb::Argsort &argsort = *command.operation_as_Argsort();
    size_t count = static_cast<size_t>(argsort.count());
    return {CpuArgsort{{at<int32_t>(*argsort.indices()), count},
                       {at<int32_t>(*argsort.order()), count}},
            fmt::format("{} numbers", count), std::move(part)};
  }

private:
  template <typename T> T *at(const fb::Address &address) const {
    return reinterpret_cast<T *>(resources_.at(address));
  }

  std::string symbolOf(const fb::Launch &launch) const {
    return plan_.table().kernels()->Get(launch.kernel())->symbol()->str();
  }

  /// "2 x 12 x 64 x 64 x 768": batch, m, n, k; "256 x 3072 x 768 + gelu_1f3a" with an epilogue.
  std::string codeOf(const fb::Matmul &matmul) const {
    std::string text;
    if (matmul.batch())
      for (const fb::BatchAxis *axis : *matmul.batch())
        text += fmt::format("{} x ", axis->size());
    text += fmt::format("{} x {} x {}", matmul.m(), matmul.n(), matmul.k());
    return matmul.epilogue() ? text + " + " + symbolOf(*matmul.epilogue()) : text;
  }

  CpuLaunch resolveLaunch(const fb::Launch &launch) {
    CpuLaunch resolved(resources_.kernels[launch.kernel()], launch.grain());
    for (const fb::Instance *instance : *launch.instances()) {
      operands_.clear();
      if (instance->operands())
        for (const fb::Address *address : *instance->operands())
          operands_.push_back(at<void *>(*address));
      resolved.addInstance(operands_, instance->rows());
    }
    return resolved;
  }

  CpuMatmul resolveMatmul(const fb::Matmul &matmul) {
    CpuMatmul resolved = resolveProduct(matmul, resources_);
    resources_.scratch->bytes = std::max(resources_.scratch->bytes, resolved.scratchBytes());
    if (matmul.epilogue())
      resolved.epilogue = resolveLaunch(*matmul.epilogue());
    return resolved;
  }

  const Plan &plan_;
  const CpuResources &resources_;
  std::vector<void *> operands_;
};

std::string_view kindOf(const CpuCommand &command) {
  constexpr std::array<std::string_view, 3> names = {"launch", "matmul", "argsort"};
  return names[command.operation.index()];
}

} // namespace

CpuMatmul resolveProduct(const fb::Matmul &matmul, const CpuResources &resources) {
  CpuMatmul resolved;
  resolved.library = resources.dnnl;
  resolved.functions = matmul.generated() ? resources.products : nullptr;
  resolved.scratch = resources.scratch;
  resolved.m = matmul.m();
  resolved.n = matmul.n();
  resolved.k = matmul.k();
  resolved.accumulate = matmul.accumulate();
  // Of a single stored row the stride says nothing.
  auto matrix = [&](const fb::Address &address, fb::DataType type, fb::DataType factor,
                    int64_t stride, int64_t rows, int64_t columns, bool transposed) {
    stride = std::max(stride, transposed ? rows : columns);
    return ProductMatrix{resources.at(address), &resources.products->element(type, factor),
                         transposed ? 1 : stride, transposed ? stride : 1};
  };
  resolved.lhs = matrix(*matmul.lhs(), matmul.lhs_type(), matmul.lhs_factor(), matmul.lhs_stride(),
                        resolved.m, resolved.k, matmul.transpose_lhs());
  resolved.rhs = matrix(*matmul.rhs(), matmul.rhs_type(), matmul.rhs_factor(), matmul.rhs_stride(),
                        resolved.k, resolved.n, matmul.transpose_rhs());
  resolved.result = matrix(*matmul.result(), matmul.result_type(), fb::DataType::float32,
                           matmul.result_stride(), resolved.m, resolved.n, false);
  if (matmul.batch())
    for (const fb::BatchAxis *axis : *matmul.batch())
      resolved.batch.push_back(
          {axis->size(), axis->lhs_stride(), axis->rhs_stride(), axis->result_stride()});
  return resolved;
}

std::vector<CpuCommand> resolveCommands(const Plan &plan, const fb::Entry &entry,
                                        const CpuResources &resources) {
  std::vector<CpuCommand> commands;
  if (!entry.commands())
    return commands;
  commands.reserve(entry.commands()->size());
  Resolver resolver(plan, resources);
  for (const fb::Command *command : *entry.commands())
    commands.push_back(resolver.resolve(*command));
  return commands;
}

Status runCommands(std::span<const CpuCommand> commands, std::string_view entry, Profile *profile) {
  for (const CpuCommand &command : commands) {
    double begin = profile ? Profile::now() : 0;
    Status status =
        std::visit([](const auto &operation) { return operation.run(); }, command.operation);
    if (!status.ok())
      return status.within(fmt::format("{}: {} {}", entry, command.code, command.part));
    if (profile)
      profile->record(entry, kindOf(command), command.code, command.part, begin, Profile::now());
  }
  return {};
}

} // namespace gptc::runtime
