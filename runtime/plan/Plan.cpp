// Loading a plan file.
#include "runtime/plan/Plan.h"

#include "runtime/base/File.h"
#include "runtime/plan/PlanCheck.h"

#include <cstring>
#include <fmt/format.h>

namespace gptc::runtime {

namespace {

/// FlatBuffers reads its numbers in place: the bytes must be aligned to the widest.
constexpr size_t planAlignment = 8;

/// The verifier's bounds. Tables can be shared within a file, so its size alone does not bound the
/// work; the largest plan known (1558M parameters) has 3 % of these.
constexpr uint32_t maximumTables = 2'000'000;
constexpr uint32_t maximumDepth = 16;

Status damaged(std::string_view what) {
  return {Code::dataError, fmt::format("the plan is damaged: {}", what)};
}

Status checkHeader(std::span<const std::byte> bytes) {
  if (bytes.size() < 2 * sizeof(flatbuffers::uoffset_t) + 4 ||
      !fb::PlanBufferHasIdentifier(bytes.data()))
    return {Code::dataError, "not a plan file (its first bytes are not those of one)"};
  // FlatBuffers' offsets are signed 32-bit numbers.
  if (bytes.size() >= FLATBUFFERS_MAX_BUFFER_SIZE)
    return {Code::dataError,
            fmt::format("a plan file has less than 2 GiB, found {} bytes", bytes.size())};
  flatbuffers::Verifier::Options options;
  options.max_depth = maximumDepth;
  options.max_tables = maximumTables;
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(),
                                 options);
  if (!fb::VerifyPlanBuffer(verifier))
    return damaged("its structure does not hold together (cut short or overwritten)");
  return {};
}

Status checkVersion(const fb::Plan &plan) {
  if (plan.format_version() > planFormatVersion)
    return {
        Code::failedPrecondition,
        fmt::format(
            "the plan has format version {}, this gptc reads up to {}: use the gptc that wrote it "
            "(compiler {}) or a newer one",
            plan.format_version(), planFormatVersion, textOf(plan.compiler_version()))};
  if (plan.format_version() == 0)
    return damaged("it has no format version");
  return {};
}

Status checkTexts(Plan::Content &content) {
  const fb::Plan &plan = *content.table;
  GPTC_RETURN_IF_ERROR(checkName(textOf(plan.model()), "the model"));
  GPTC_RETURN_IF_ERROR(checkName(textOf(plan.target()), "the target"));
  if (plan.cpu_features())
    for (const flatbuffers::String *feature : *plan.cpu_features())
      GPTC_RETURN_IF_ERROR(checkName(textOf(feature), "a CPU feature"));
  std::string_view settings = textOf(plan.settings());
  if (settings.empty())
    return {};
  content.settings = nlohmann::json::parse(settings, nullptr, /*allow_exceptions=*/false);
  if (!content.settings.is_object())
    return damaged("its settings are not a JSON object");
  return {};
}

Result<std::shared_ptr<const Plan::Content>> makeContent(std::span<const std::byte> bytes,
                                                         std::shared_ptr<const void> owner,
                                                         const std::string &name) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % planAlignment != 0) {
    auto copy = std::make_shared<std::vector<uint64_t>>(bytes.size() / sizeof(uint64_t) + 1);
    std::memcpy(copy->data(), bytes.data(), bytes.size());
    bytes = {reinterpret_cast<const std::byte *>(copy->data()), bytes.size()};
    owner = std::move(copy);
  }
  GPTC_RETURN_IF_ERROR(checkHeader(bytes));

  auto content = std::make_shared<Plan::Content>();
  content->name = name;
  content->owner = std::move(owner);
  content->table = fb::GetPlan(bytes.data());
  GPTC_RETURN_IF_ERROR(checkVersion(*content->table));
  GPTC_RETURN_IF_ERROR(checkTexts(*content));
  GPTC_RETURN_IF_ERROR(checkSegments(*content));
  GPTC_RETURN_IF_ERROR(checkTensors(*content));
  GPTC_RETURN_IF_ERROR(checkKernels(*content));
  GPTC_RETURN_IF_ERROR(checkCuda(*content));
  GPTC_RETURN_IF_ERROR(checkEntries(*content));
  return std::shared_ptr<const Plan::Content>(std::move(content));
}

} // namespace

Result<Plan> Plan::load(const std::string &path) {
  GPTC_ASSIGN(MappedFile file, MappedFile::open(path));
  return parse(file.bytes(), file.owner(), path);
}

Result<Plan> Plan::parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                         const std::string &name) {
  Result<std::shared_ptr<const Content>> content = makeContent(bytes, std::move(owner), name);
  if (!content.ok())
    return content.status().within(name);
  return Plan(std::move(*content));
}

std::string_view nameOf(DataType type) {
  static constexpr std::string_view names[] = {"float32", "int32", "bfloat16", "float16"};
  return names[static_cast<size_t>(type)];
}

const std::string &Plan::name() const { return content_->name; }
std::string_view Plan::model() const { return textOf(content_->table->model()); }
std::string_view Plan::description() const { return textOf(content_->table->description()); }
std::string_view Plan::compilerVersion() const {
  return textOf(content_->table->compiler_version());
}
std::string_view Plan::target() const { return textOf(content_->table->target()); }

std::vector<std::string> Plan::cpuFeatures() const {
  std::vector<std::string> features;
  if (const auto *names = content_->table->cpu_features())
    for (const flatbuffers::String *name : *names)
      features.emplace_back(textOf(name));
  return features;
}

const nlohmann::json &Plan::settings() const { return content_->settings; }

std::span<const std::byte> Plan::object() const {
  const auto *object = content_->table->object();
  return object ? std::as_bytes(std::span(object->data(), object->size()))
                : std::span<const std::byte>();
}

const std::vector<SegmentInfo> &Plan::segments() const { return content_->segments; }
const std::vector<TensorInfo> &Plan::tensors() const { return content_->tensors; }
const std::vector<EntryInfo> &Plan::entries() const { return content_->entries; }

const TensorInfo *Plan::findTensor(std::string_view name) const {
  auto found = content_->tensorIndex.find(name);
  return found == content_->tensorIndex.end() ? nullptr : &content_->tensors[found->second];
}

int Plan::findEntry(std::string_view name) const {
  for (size_t i = 0; i < content_->entries.size(); ++i)
    if (content_->entries[i].name == name)
      return static_cast<int>(i);
  return -1;
}

int Plan::transientIndex() const { return content_->transientIndex; }

int64_t Plan::parameterCount() const {
  int64_t count = 0;
  for (const TensorInfo &tensor : content_->tensors)
    if (tensor.kind == TensorKind::parameter)
      count += tensor.count();
  return count;
}

const fb::Plan &Plan::table() const { return *content_->table; }

const fb::Entry &Plan::entryTable(size_t entry) const {
  return *content_->table->entries()->Get(static_cast<flatbuffers::uoffset_t>(entry));
}

} // namespace gptc::runtime
