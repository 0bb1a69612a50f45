// Checks of a plan's segments, binding table and object.
#include "runtime/plan/PlanCheck.h"

#include "runtime/base/Hash.h"

#include <algorithm>
#include <cmath>
#include <elf.h>
#include <fmt/format.h>
#include <set>

namespace gptc::runtime {

namespace {

constexpr size_t maximumSegments = 64;
/// With planSizeLimit it keeps the sum of all elements below 2^63.
constexpr size_t maximumTensors = 1 << 14;
constexpr size_t maximumRank = 8;
constexpr size_t maximumNameBytes = 4096;

Status damaged(std::string message) {
  return {Code::dataError, "the plan is damaged: " + std::move(message)};
}

template <typename Enum> bool inRange(Enum value, Enum largest) {
  return static_cast<int>(value) >= 0 && static_cast<int>(value) <= static_cast<int>(largest);
}

static_assert(int(fb::DataType::MAX) == int(DataType::float16));
static_assert(int(fb::TensorKind::MAX) == int(TensorKind::step));
static_assert(int(fb::InitKind::MAX) == int(InitKind::uniform));

/// Shape and strides, and that every element lies within the tensor's own bytes.
Status checkLayout(const TensorInfo &tensor) {
  if (tensor.shape.size() > maximumRank || tensor.strides.size() != tensor.shape.size())
    return damaged(
        fmt::format("tensor \"{}\": {} sizes and {} strides (at most {} axes, a stride each)",
                    tensor.name, tensor.shape.size(), tensor.strides.size(), maximumRank));
  __extension__ using Wide = unsigned __int128;
  Wide count = 1, last = 0;
  for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    int64_t size = tensor.shape[axis], stride = tensor.strides[axis];
    if (size < 1 || stride < 0 || uint64_t(size) > planSizeLimit ||
        uint64_t(stride) > planSizeLimit)
      return damaged(fmt::format("tensor \"{}\": axis {} has size {} and stride {}", tensor.name,
                                 axis, size, stride));
    count *= Wide(size);
    last += Wide(size - 1) * Wide(stride);
    if (count > planSizeLimit)
      return damaged(fmt::format("tensor \"{}\" has too many elements", tensor.name));
  }
  // Elements are distinct, so the bytes must hold as many as there are.
  if (std::max(count, last + 1) * elementBytes(tensor.type) > tensor.bytes)
    return damaged(
        fmt::format("tensor \"{}\" does not fit into its {} bytes", tensor.name, tensor.bytes));
  return {};
}

/// What a tensor's kind asks for.
Status checkMeaning(const TensorInfo &tensor) {
  bool initialised = tensor.kind == TensorKind::parameter || tensor.kind == TensorKind::state ||
                     tensor.kind == TensorKind::moment;
  if (!std::isfinite(tensor.initA) || !std::isfinite(tensor.initB))
    return damaged(fmt::format("tensor \"{}\": its initial value is not finite", tensor.name));
  if (initialised && tensor.type != DataType::float32)
    return damaged(fmt::format("tensor \"{}\" must be float32", tensor.name));
  if (tensor.limit < 0)
    return damaged(fmt::format("tensor \"{}\": its limit is {}", tensor.name, tensor.limit));
  if (!tensor.derived.empty() && tensor.kind != TensorKind::input)
    return damaged(fmt::format("tensor \"{}\" is derived, but not an input", tensor.name));
  return {};
}

Result<TensorInfo> readTensor(const Plan::Content &content, const fb::Tensor &table) {
  TensorInfo tensor;
  tensor.name = textOf(table.name());
  GPTC_RETURN_IF_ERROR(checkName(tensor.name, "a tensor"));
  if (!inRange(table.kind(), fb::TensorKind::MAX) || !inRange(table.type(), fb::DataType::MAX) ||
      !inRange(table.init(), fb::InitKind::MAX))
    return damaged(fmt::format("tensor \"{}\": unknown kind, type or initial value", tensor.name));
  tensor.kind = static_cast<TensorKind>(table.kind());
  tensor.type = static_cast<DataType>(table.type());
  tensor.init = static_cast<InitKind>(table.init());
  tensor.initA = table.init_a();
  tensor.initB = table.init_b();
  tensor.decay = table.decay();
  tensor.owner = textOf(table.owner());
  tensor.derived = textOf(table.derived());
  tensor.limit = table.limit();
  tensor.bytes = table.bytes();
  if (!isAligned(table.shape(), alignof(int64_t)) || !isAligned(table.strides(), alignof(int64_t)))
    return damaged(fmt::format("tensor \"{}\": its shape is not aligned", tensor.name));
  if (table.shape())
    tensor.shape.assign(table.shape()->begin(), table.shape()->end());
  if (table.strides())
    tensor.strides.assign(table.strides()->begin(), table.strides()->end());
  if (!table.address())
    return damaged(fmt::format("tensor \"{}\" has no address", tensor.name));
  tensor.place = {table.address()->segment(), table.address()->offset()};
  if (tensor.place.offset % elementBytes(tensor.type) != 0 ||
      tensor.bytes % elementBytes(tensor.type) != 0 ||
      tensor.bytes > bytesBehind(content, tensor.place))
    return damaged(fmt::format("tensor \"{}\": {} bytes at {} do not lie within a segment",
                               tensor.name, tensor.bytes, tensor.place.offset));
  GPTC_RETURN_IF_ERROR(checkLayout(tensor));
  GPTC_RETURN_IF_ERROR(checkMeaning(tensor));
  return tensor;
}

/// Derived inputs are made from another input of as many whole numbers.
Status checkDerived(const Plan::Content &content, const TensorInfo &tensor) {
  if (tensor.derived.empty())
    return {};
  auto owner = content.tensorIndex.find(tensor.owner);
  if (tensor.derived != "order" || owner == content.tensorIndex.end())
    return damaged(fmt::format("input \"{}\" is derived as \"{}\" from \"{}\", which is not known",
                               tensor.name, tensor.derived, tensor.owner));
  const TensorInfo &source = content.tensors[owner->second];
  if (source.kind != TensorKind::input || !source.derived.empty() ||
      source.type != DataType::int32 || tensor.type != DataType::int32 ||
      source.count() != tensor.count())
    return damaged(
        fmt::format("input \"{}\" cannot be the order of \"{}\"", tensor.name, tensor.owner));
  return {};
}

} // namespace

Status checkName(std::string_view name, std::string_view what) {
  bool prints =
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
  if (name.empty() || name.size() > maximumNameBytes || !prints)
    return damaged(fmt::format("the name of {} is missing or no name", what));
  return {};
}

Status checkElf(const flatbuffers::Vector<uint8_t> *bytes, uint64_t hash, std::string_view what) {
  if (!bytes || bytes->size() < sizeof(Elf64_Ehdr) ||
      !std::equal(bytes->begin(), bytes->begin() + SELFMAG, ELFMAG) ||
      bytes->Get(EI_CLASS) != ELFCLASS64 || bytes->Get(EI_DATA) != ELFDATA2LSB)
    return damaged(fmt::format("{}: not a 64-bit ELF object", what));
  std::string_view text(reinterpret_cast<const char *>(bytes->data()), bytes->size());
  if (hash != 0 && hash != fnv1a64(text))
    return damaged(fmt::format("{}: the bytes do not have the recorded hash", what));
  return {};
}

Status checkSegments(Plan::Content &content) {
  const auto *segments = content.table->segments();
  if (!segments)
    return {};
  if (segments->size() > maximumSegments)
    return damaged(fmt::format("{} segments (at most {})", segments->size(), maximumSegments));
  std::set<std::string> names;
  for (const fb::Segment *table : *segments) {
    SegmentInfo segment{std::string(textOf(table->name())), table->bytes()};
    GPTC_RETURN_IF_ERROR(checkName(segment.name, "a segment"));
    if (!names.insert(segment.name).second)
      return damaged(fmt::format("segment \"{}\" stands there twice", segment.name));
    if (segment.bytes > planSizeLimit)
      return damaged(fmt::format("segment \"{}\" has {} bytes", segment.name, segment.bytes));
    if (segment.name == transientSegment)
      content.transientIndex = static_cast<int>(content.segments.size());
    content.segments.push_back(std::move(segment));
  }
  return {};
}

Status checkTensors(Plan::Content &content) {
  const auto *tensors = content.table->tensors();
  if (!tensors)
    return {};
  if (tensors->size() > maximumTensors)
    return damaged(fmt::format("{} tensors (at most {})", tensors->size(), maximumTensors));
  for (const fb::Tensor *table : *tensors) {
    GPTC_ASSIGN(TensorInfo tensor, readTensor(content, *table));
    if (!content.tensorIndex.emplace(tensor.name, content.tensors.size()).second)
      return damaged(fmt::format("tensor \"{}\" stands there twice", tensor.name));
    content.tensors.push_back(std::move(tensor));
  }
  for (const TensorInfo &tensor : content.tensors)
    GPTC_RETURN_IF_ERROR(checkDerived(content, tensor));
  return {};
}

Status checkKernels(const Plan::Content &content) {
  const auto *kernels = content.table->kernels();
  const fb::MatmulTile *tile = content.table->matmul_tile();
  if ((!kernels || kernels->size() == 0) && !tile)
    return {};
  if (kernels)
    for (const fb::Kernel *kernel : *kernels)
      GPTC_RETURN_IF_ERROR(checkName(textOf(kernel->symbol()), "a kernel"));
  // Tiles know the addresses of 8 rows at most (CpuProduct.h); the rest is much larger than any
  // processor's registers.
  if (tile && (tile->rows() - 1 >= 8 || tile->lanes() - 1 >= 256 || tile->vectors() - 1 >= 16 ||
               uint64_t{tile->lanes()} * tile->vectors() > 1024))
    return damaged(fmt::format("tiles of matmuls of {} rows and {} vectors of {}", tile->rows(),
                               tile->vectors(), tile->lanes()));

  if (isCudaTarget(textOf(content.table->target())))
    return {}; // its kernels are in CUDA modules

  return checkElf(content.table->object(), content.table->object_hash(), "the kernels");
}

} // namespace gptc::runtime
