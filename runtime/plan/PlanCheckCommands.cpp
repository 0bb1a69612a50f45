// Checks of a plan's entries: every command's indices, addresses and extents.
#include "runtime/plan/PlanCheck.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <vector>

namespace gptc::runtime {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr size_t maximumEntries = 1024;
constexpr size_t maximumBatchAxes = 8;
/// Bytes of the smallest element: a launch does not say what its operands hold.
constexpr uint64_t smallestElement = 2;
/// Vectors can be shared within a file, so its size does not bound the operands that are visited;
/// nor the items of a product's batch, which a GPU's commands may hold one by one.
constexpr uint64_t maximumOperands = 16'000'000;

/// Checks the commands of one entry.
class EntryCheck {
public:
  EntryCheck(const Plan::Content &content, const EntryInfo &entry,
             std::vector<int64_t> &operandCounts, uint64_t &operandsSeen)
      : entry_(entry), cuda_(content.table->cuda()), tile_(content.table->matmul_tile()),
        operandCounts_(operandCounts), operandsSeen_(operandsSeen),
        room_(content.segments.size(), 0) {
    for (uint32_t segment : entry.segments)
      room_[segment] = static_cast<int>(segment) == content.transientIndex
                           ? entry.transientBytes
                           : content.segments[segment].bytes;
  }

  Status check(const fb::Command &command, size_t index) {
    Status status = checkOperation(command);
    if (status.ok())
      return status;
    return {Code::dataError, fmt::format("the plan is damaged: entry \"{}\", command {}: {}",
                                         entry_.name, index, status.message())};
  }

private:
  static Status refuse(std::string message) { return {Code::dataError, std::move(message)}; }

  Status checkOperation(const fb::Command &command) {
    if (command.name() && command.name()->size() > 0)
      GPTC_RETURN_IF_ERROR(checkName(textOf(command.name()), "a command"));
    if (const fb::Launch *launch = command.operation_as_Launch())
      return checkLaunch(*launch);
    if (const fb::Matmul *matmul = command.operation_as_Matmul())
      return checkMatmul(*matmul);
    if (const fb::Argsort *argsort = command.operation_as_Argsort())
      return checkArgsort(*argsort);
    return refuse("an operation that is not known");
  }

  /// `count` elements of `size` bytes from the address lie within what this entry uses of the
  /// segment.
  Status checkPlace(const fb::Address *address, Wide count, uint64_t size,
                    std::string_view what) const {
    if (!address)
      return refuse(fmt::format("{} has no address", what));
    uint64_t room = address->segment() < room_.size() ? room_[address->segment()] : 0;
    if (address->offset() % size != 0 || Wide(address->offset()) + count * size > room)
      return refuse(
          fmt::format("{} at byte {} of segment {} lies outside of what the entry uses ({} bytes)",
                      what, address->offset(), address->segment(), room));
    return {};
  }

  Status checkLaunch(const fb::Launch &launch) {
    if (launch.kernel() >= operandCounts_.size())
      return refuse(fmt::format("kernel {} of {}", launch.kernel(), operandCounts_.size()));
    if (launch.grain() < 1)
      return refuse(fmt::format("a grain of {} rows", launch.grain()));
    if (!launch.instances())
      return refuse("a launch without instances");
    int64_t &operandCount = operandCounts_[launch.kernel()];
    for (const fb::Instance *instance : *launch.instances()) {
      if (!isAligned(instance->operands(), alignof(fb::Address)))
        return refuse("operands that are not aligned");
      int64_t count = instance->operands() ? instance->operands()->size() : 0;
      if (operandCount < 0)
        operandCount = count;
      if (count != operandCount)
        return refuse(fmt::format("kernel {} is given {} operands here and {} elsewhere",
                                  launch.kernel(), count, operandCount));
      if (instance->rows() < 0 || uint64_t(instance->rows()) > planSizeLimit)
        return refuse(fmt::format("{} rows", instance->rows()));
      if ((operandsSeen_ += uint64_t(count) + 1) > maximumOperands)
        return refuse(fmt::format("more than {} operands in all", maximumOperands));
      for (int64_t i = 0; i < count; ++i)
        GPTC_RETURN_IF_ERROR(
            checkPlace(instance->operands()->Get(static_cast<flatbuffers::uoffset_t>(i)), 1,
                       smallestElement, "an operand"));
    }
    return cuda_ ? checkCudaLaunch(launch) : Status();
  }

  /// A matrix as it is stored, with its batch axes.
  Status checkMatrix(const fb::Address *address, fb::DataType type, int64_t rows, int64_t columns,
                     int64_t stride, Wide batchReach, std::string_view what) const {
    if (type != fb::DataType::float32 && type != fb::DataType::bfloat16 &&
        type != fb::DataType::float16)
      return refuse(fmt::format("the {} has elements of type {} (float32, bfloat16 or float16)",
                                what, static_cast<int>(type)));
    if (stride < 0 || uint64_t(stride) > planSizeLimit || (rows > 1 && stride < columns))
      return refuse(fmt::format("the {} has rows of {} elements and a leading stride of {}", what,
                                columns, stride));
    Wide elements = Wide(rows - 1) * Wide(stride) + Wide(columns) + batchReach;
    return checkPlace(address, elements, elementBytes(static_cast<DataType>(type)), what);
  }

  Status checkMatmul(const fb::Matmul &matmul) {
    for (int64_t size : {matmul.m(), matmul.n(), matmul.k()})
      if (size < 1 || uint64_t(size) > planSizeLimit)
        return refuse(fmt::format("a matmul of {} x {} x {}", matmul.m(), matmul.n(), matmul.k()));
    Wide lhsReach = 0, rhsReach = 0, resultReach = 0, items = 1;
    if (const auto *axes = matmul.batch()) {
      if (!isAligned(axes, alignof(fb::BatchAxis)))
        return refuse("batch axes that are not aligned");
      if (axes->size() > maximumBatchAxes)
        return refuse(fmt::format("a matmul with {} batch axes (at most {})", axes->size(),
                                  maximumBatchAxes));
      for (const fb::BatchAxis *axis : *axes) {
        for (int64_t value :
             {axis->size(), axis->lhs_stride(), axis->rhs_stride(), axis->result_stride()})
          if (value < 0 || uint64_t(value) > planSizeLimit)
            return refuse("a matmul with an impossible batch axis");
        items *= Wide(axis->size());
        if (axis->size() < 1 || items > planSizeLimit)
          return refuse("a matmul with an impossible batch axis");
        // Results of different items that share memory are sums, or nothing sensible.
        if (axis->size() > 1 && axis->result_stride() == 0 && !matmul.accumulate())
          return refuse("a matmul whose items overwrite each other's result");
        Wide last = Wide(axis->size() - 1);
        lhsReach += last * Wide(axis->lhs_stride());
        rhsReach += last * Wide(axis->rhs_stride());
        resultReach += last * Wide(axis->result_stride());
      }
    }
    if (cuda_ && (operandsSeen_ += uint64_t(items)) > maximumOperands)
      return refuse(
          fmt::format("more than {} operands and items of matmuls in all", maximumOperands));
    int64_t m = matmul.m(), n = matmul.n(), k = matmul.k();
    bool left = matmul.transpose_lhs(), right = matmul.transpose_rhs();
    GPTC_RETURN_IF_ERROR(checkMatrix(matmul.lhs(), matmul.lhs_type(), left ? k : m, left ? m : k,
                                     matmul.lhs_stride(), lhsReach, "left matrix"));
    GPTC_RETURN_IF_ERROR(checkMatrix(matmul.rhs(), matmul.rhs_type(), right ? n : k, right ? k : n,
                                     matmul.rhs_stride(), rhsReach, "right matrix"));
    GPTC_RETURN_IF_ERROR(checkMatrix(matmul.result(), matmul.result_type(), m, n,
                                     matmul.result_stride(), resultReach, "result"));
    for (auto [type, factor] : {std::pair(matmul.lhs_type(), matmul.lhs_factor()),
                                std::pair(matmul.rhs_type(), matmul.rhs_factor())})
      if (factor != fb::DataType::float32 &&
          (type != fb::DataType::float32 ||
           (factor != fb::DataType::bfloat16 && factor != fb::DataType::float16)))
        return refuse(fmt::format("a matmul that rounds elements of type {} to type {}",
                                  static_cast<int>(type), static_cast<int>(factor)));
    if (matmul.tf32() &&
        (matmul.lhs_type() != fb::DataType::float32 || matmul.rhs_type() != fb::DataType::float32))
      return refuse("a matmul by TF32 of operands that are not float32");
    if (!cuda_ && matmul.generated() && !tile_)
      return refuse("a generated matmul, but no functions for it");
    if (!cuda_ && !matmul.generated() &&
        (matmul.lhs_type() != fb::DataType::float32 || matmul.rhs_type() != fb::DataType::float32 ||
         matmul.result_type() != fb::DataType::float32 ||
         matmul.lhs_factor() != fb::DataType::float32 ||
         matmul.rhs_factor() != fb::DataType::float32))
      return refuse("a matmul by the library that is not all float32");
    return matmul.epilogue() ? checkEpilogue(matmul, *matmul.epilogue()) : Status();
  }

  /// A launch of one instance, whose rows divide those of the one product and which reads it.
  Status checkEpilogue(const fb::Matmul &matmul, const fb::Launch &epilogue) {
    Status status = checkLaunch(epilogue);
    if (!status.ok())
      return refuse(fmt::format("the epilogue: {}", status.message()));
    if (epilogue.instances()->size() != 1)
      return refuse(fmt::format("an epilogue of {} instances", epilogue.instances()->size()));
    if (matmul.batch() && matmul.batch()->size() > 0)
      return refuse("a matmul with batch axes and an epilogue");
    const fb::Instance &instance = *epilogue.instances()->Get(0);
    if (instance.rows() < 1 || matmul.m() % instance.rows() != 0)
      return refuse(
          fmt::format("an epilogue of {} rows for a product of {}", instance.rows(), matmul.m()));
    auto isProduct = [&](const fb::Address *address) {
      return address->segment() == matmul.result()->segment() &&
             address->offset() == matmul.result()->offset();
    };
    if (!instance.operands() ||
        std::none_of(instance.operands()->begin(), instance.operands()->end(), isProduct))
      return refuse("an epilogue that does not use the product");
    return {};
  }

  Status checkArgsort(const fb::Argsort &argsort) const {
    if (argsort.count() < 1 || argsort.count() > INT32_MAX)
      return refuse(fmt::format("a sort of {} numbers", argsort.count()));
    if (cuda_ && !cuda_->argsort())
      return refuse("a sort, for which there is no CUDA kernel");
    Wide count = Wide(argsort.count());
    GPTC_RETURN_IF_ERROR(
        checkPlace(argsort.indices(), count, sizeof(int32_t), "the numbers to sort"));
    return checkPlace(argsort.order(), count, sizeof(int32_t), "the order");
  }

  /// A GPU's launch: one whose entry point is there and whose blocks it can count.
  Status checkCudaLaunch(const fb::Launch &launch) const {
    const fb::CudaKernel &kernel = *cuda_->kernels()->Get(launch.kernel());
    uint32_t instances = 0;
    Wide blocks = 0;
    for (const fb::Instance *instance : *launch.instances()) {
      instances += instance->rows() > 0;
      blocks += (Wide(instance->rows()) * Wide(kernel.items_per_row()) +
                 Wide(kernel.items_per_block()) - 1) /
                Wide(kernel.items_per_block());
    }
    if (instances > 1 && !kernel.instances())
      return refuse(
          fmt::format("{} instances of kernel {}, which takes one", instances, launch.kernel()));
    if (blocks > INT32_MAX)
      return refuse(fmt::format("more blocks of kernel {} than a GPU counts", launch.kernel()));
    return {};
  }

  const EntryInfo &entry_;
  const fb::Cuda *cuda_;       ///< null: not for a GPU
  const fb::MatmulTile *tile_; ///< may be null
  std::vector<int64_t> &operandCounts_;
  uint64_t &operandsSeen_;
  std::vector<uint64_t> room_; ///< by segment: bytes that the entry may touch
};

Result<EntryInfo> readEntry(const Plan::Content &content, const fb::Entry &table) {
  auto damaged = [](std::string message) {
    return Status(Code::dataError, "the plan is damaged: " + std::move(message));
  };
  EntryInfo entry;
  entry.name = textOf(table.name());
  GPTC_RETURN_IF_ERROR(checkName(entry.name, "an entry"));
  std::set<uint32_t> segments;
  if (table.segments())
    segments.insert(table.segments()->begin(), table.segments()->end());
  for (uint32_t segment : segments)
    if (segment >= content.segments.size())
      return damaged(fmt::format("entry \"{}\" uses segment {} of {}", entry.name, segment,
                                 content.segments.size()));
  entry.transientBytes = table.transient_bytes();
  if (entry.transientBytes > 0) {
    if (content.transientIndex < 0 ||
        entry.transientBytes > content.segments[static_cast<size_t>(content.transientIndex)].bytes)
      return damaged(fmt::format("entry \"{}\" needs {} transient bytes, more than there are",
                                 entry.name, entry.transientBytes));
    segments.insert(static_cast<uint32_t>(content.transientIndex));
  }
  entry.segments.assign(segments.begin(), segments.end());
  return entry;
}

} // namespace

Status checkEntries(Plan::Content &content) {
  const auto *entries = content.table->entries();
  if (!entries || entries->size() == 0)
    return {Code::dataError, "the plan is damaged: it has no entries"};
  if (entries->size() > maximumEntries)
    return {Code::dataError, fmt::format("the plan is damaged: {} entries (at most {})",
                                         entries->size(), maximumEntries)};
  std::vector<int64_t> operandCounts(
      content.table->kernels() ? content.table->kernels()->size() : 0, -1);
  uint64_t operandsSeen = 0;
  std::set<std::string> names;
  for (const fb::Entry *table : *entries) {
    GPTC_ASSIGN(EntryInfo entry, readEntry(content, *table));
    if (!names.insert(entry.name).second)
      return {Code::dataError,
              fmt::format("the plan is damaged: entry \"{}\" stands there twice", entry.name)};
    if (table->commands()) {
      EntryCheck check(content, entry, operandCounts, operandsSeen);
      size_t index = 0;
      for (const fb::Command *command : *table->commands())
        GPTC_RETURN_IF_ERROR(check.check(*command, index++));
    }
    content.entries.push_back(std::move(entry));
  }
  return {};
}

} // namespace gptc::runtime
