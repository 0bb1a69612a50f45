// Running commands on the CPU.
#include "runtime/device/CpuCommands.h"

#include "runtime/base/Parallel.h"
#include "runtime/data/Order.h"
#include "runtime/plan/Plan_generated.h"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>

namespace gptc::runtime {

/// Rows of a product with an epilogue that are computed at a time. oneDNN packs the right matrix
/// anew for each panel, which costs 4096 x 3072 x 768 products 5 % of their time with panels of 128
/// to 512 rows and nothing that can be measured with 1024.
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
  parallelFor(firstUnit_.back(), 1, [&](int64_t begin, int64_t end, int) { runUnits(begin, end); });
  return {};
}

void CpuLaunch::runRows(int64_t begin, int64_t end) const {
  int64_t first = begin / grain_, count = (end - begin + grain_ - 1) / grain_;
  parallelFor(count, 1, [&](int64_t from, int64_t to, int) {
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

int CpuMatmul::runItem(int64_t item) const {
  const float *a = lhs, *b = rhs;
  float *c = result;
  for (size_t i = batch.size(); i-- > 0;) {
    const Axis &axis = batch[i];
    int64_t index = item % axis.size;
    item /= axis.size;
    a += index * axis.lhs;
    b += index * axis.rhs;
    c += index * axis.result;
  }
  return library->sgemm(transposeLhs ? 'T' : 'N', transposeRhs ? 'T' : 'N', m, n, k, 1.0f, a,
                        lhsStride, b, rhsStride, accumulate ? 1.0f : 0.0f, c, resultStride);
}

int CpuMatmul::runRows(int64_t begin, int64_t end) const {
  return library->sgemm(transposeLhs ? 'T' : 'N', transposeRhs ? 'T' : 'N', end - begin, n, k, 1.0f,
                        lhs + begin * (transposeLhs ? 1 : lhsStride), lhsStride, rhs, rhsStride,
                        accumulate ? 1.0f : 0.0f, result + begin * resultStride, resultStride);
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
  auto runItems = [&](int64_t begin, int64_t end, int) {
    for (int64_t item = begin; item < end; ++item)
      if (int code = runItem(item); code != 0)
        failure = code;
  };
  if (runsItemsInParallel())
    parallelFor(items(), 1, runItems);
  else
    runItems(0, items(), 0);
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

bool usesMatmul(const fb::Entry &entry) {
  if (entry.commands())
    for (const fb::Command *command : *entry.commands())
      if (command->operation_as_Matmul())
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
    return reinterpret_cast<T *>(resources_.segments[address.segment()] + address.offset());
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
    CpuMatmul resolved;
    resolved.library = resources_.dnnl;
    resolved.lhs = at<float>(*matmul.lhs());
    resolved.rhs = at<float>(*matmul.rhs());
    resolved.result = at<float>(*matmul.result());
    resolved.m = matmul.m();
    resolved.n = matmul.n();
    resolved.k = matmul.k();
    resolved.transposeLhs = matmul.transpose_lhs();
    resolved.transposeRhs = matmul.transpose_rhs();
    resolved.accumulate = matmul.accumulate();
    // Of a single stored row the stride says nothing; oneDNN wants one that is long enough anyway.
    resolved.lhsStride =
        std::max(matmul.lhs_stride(), matmul.transpose_lhs() ? matmul.m() : matmul.k());
    resolved.rhsStride =
        std::max(matmul.rhs_stride(), matmul.transpose_rhs() ? matmul.k() : matmul.n());
    resolved.resultStride = std::max(matmul.result_stride(), matmul.n());
    if (matmul.batch())
      for (const fb::BatchAxis *axis : *matmul.batch())
        resolved.batch.push_back(
            {axis->size(), axis->lhs_stride(), axis->rhs_stride(), axis->result_stride()});
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
