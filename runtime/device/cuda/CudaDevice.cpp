// A GPU as a device.
//
// Everything goes through one stream, so that writes, runs and reads happen in the order in which
// they were asked for, while the host goes on. An entry is captured as a graph when it is first run
// and launched as a whole from then on: nothing about its launches varies.
#include "runtime/device/cuda/CudaDevice.h"

#include "runtime/device/cuda/CudaCommands.h"
#include "runtime/device/cuda/SmallReads.h"
#include "runtime/device/cuda/Staging.h"
#include "runtime/plan/Plan_generated.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace gptc::runtime::cuda {

namespace {

constexpr size_t stagingBytes = size_t{4} << 20;
/// A segment of inputs to the step that is smaller than this is kept on the host too.
constexpr uint64_t largestBlock = size_t{64} << 10;

class CudaDevice : public Device {
public:
  CudaDevice(std::unique_ptr<Context> context, const DeviceOptions &options)
      : context_(std::move(context)), driver_(context_->driver()), options_(options),
        smallReads_(driver_, [this](Status status) { return noteLoss(std::move(status)); }) {}

  ~CudaDevice() override {
    // What the members give back, they give back to this context, when nothing uses it any more.
    (void)context_->makeCurrent();
    (void)driver_.ctxSynchronize();
  }

  std::string description() const override {
    const Gpu &gpu = context_->gpu();
    return fmt::format("cuda:{}, {}, {} GiB", gpu.ordinal, gpu.name,
                       (gpu.bytes + (uint64_t{1} << 29)) >> 30);
  }

  MemoryLimit availableMemory() const override {
    size_t free = 0, total = 0;
    if (!context_->makeCurrent().ok() || driver_.memGetInfo(&free, &total) != 0)
      return {};
    return {free, "free memory of the GPU"};
  }

  Status prepare(const Plan &plan, std::span<const size_t> entries,
                 std::span<const uint64_t> segmentBytes) override;
  Status run(size_t entry, Profile *profile) override;
  Status access(Place place, uint64_t bytes, Access access,
                FunctionRef<Status(std::span<std::byte>)> use) override;
  Result<std::unique_ptr<PendingRead>> startRead(Place place, uint64_t bytes) override;

private:
  struct PreparedEntry {
    std::string name;
    std::vector<CudaCommand> commands;
    GraphExec graph; ///< from the first run on
  };

  /// The step's parameter block: the host's copy, which goes to the GPU as a whole before a run.
  struct ParameterBlock {
    uint32_t segment = UINT32_MAX;
    std::vector<std::byte> bytes;
    bool changed = false;
  };

  bool isAllocated(Place place, uint64_t bytes) const {
    return place.segment < sizes_.size() && place.offset <= sizes_[place.segment] &&
           bytes <= sizes_[place.segment] - place.offset;
  }
  Status allocate(std::span<const uint64_t> segmentBytes);
  void findParameterBlock(const Plan &plan, std::span<const uint64_t> segmentBytes);
  Status openMatmuls(const Plan &plan, std::span<const size_t> entries);
  Status openLibrary();
  std::vector<CUdeviceptr> segmentAddresses() const;
  Status loadKernels(const Plan &plan, std::span<const size_t> entries);
  Status resolve(const Plan &plan, std::span<const size_t> entries);
  Status uploadParameters();
  Status capture(PreparedEntry &entry);
  Queue queue() const { return {driver_, stream_.get(), tables_.get(), library_.get()}; }
  /// Keeps the first failure that cost the GPU's state: nothing works after it.
  Status noteLoss(Status status);

  std::unique_ptr<Context> context_; ///< the first to come and the last to go
  const Driver &driver_;
  DeviceOptions options_;
  Stream stream_;
  std::optional<Staging> staging_;
  std::vector<DeviceMemory> memory_; ///< by segment
  std::vector<uint64_t> sizes_;      ///< of the segments
  ParameterBlock block_;
  SmallReads smallReads_;
  DeviceMemory tables_;
  CudaKernels kernels_;
  std::unique_ptr<LibraryMatmuls> library_; ///< null: products are the plan's own kernels
  bool generatedMatmuls_ = false; ///< whether the plan's own kernels are needed for products
  std::map<size_t, PreparedEntry> entries_;
  std::string lastRun_;
  Status lost_;
};

Status CudaDevice::prepare(const Plan &plan, std::span<const size_t> entries,
                           std::span<const uint64_t> segmentBytes) {
  if (!plan.target().starts_with("cuda"))
    return {Code::failedPrecondition,
            fmt::format("the plan was compiled for {}, this device is a GPU", plan.target())};
  GPTC_RETURN_IF_ERROR(context_->makeCurrent());
  GPTC_ASSIGN(stream_, makeStream(driver_));
  // Memory first: if it does not suffice, nobody should wait for a compiler before that is said.
  GPTC_RETURN_IF_ERROR(allocate(segmentBytes));
  findParameterBlock(plan, segmentBytes);
  GPTC_RETURN_IF_ERROR(openMatmuls(plan, entries));
  GPTC_RETURN_IF_ERROR(loadKernels(plan, entries));
  return resolve(plan, entries);
}

Status CudaDevice::allocate(std::span<const uint64_t> segmentBytes) {
  sizes_.assign(segmentBytes.begin(), segmentBytes.end());
  for (uint64_t bytes : segmentBytes) {
    GPTC_ASSIGN(DeviceMemory memory, allocateDevice(driver_, bytes, stream_.get()));
    memory_.push_back(std::move(memory));
  }
  GPTC_ASSIGN(Staging staging, Staging::create(driver_, stream_.get(), stagingBytes));
  staging_.emplace(std::move(staging));
  return {};
}

/// A segment with tensors of the kind `step` only, which no entry writes.
void CudaDevice::findParameterBlock(const Plan &plan, std::span<const uint64_t> segmentBytes) {
  std::vector<bool> holdsStep(segmentBytes.size()), holdsOther(segmentBytes.size());
  for (const TensorInfo &tensor : plan.tensors())
    (tensor.kind == TensorKind::step ? holdsStep : holdsOther)[tensor.place.segment] = true;
  for (uint32_t i = 0; i < segmentBytes.size(); ++i)
    if (holdsStep[i] && !holdsOther[i] && segmentBytes[i] > 0 && segmentBytes[i] <= largestBlock)
      block_ = {i, std::vector<std::byte>(segmentBytes[i]), false};
}

Status CudaDevice::openMatmuls(const Plan &plan, std::span<const size_t> entries) {
  CudaKernels::Needs needs = CudaKernels::needs(plan, entries, /*generatedMatmuls=*/true);
  if (!needs.matmuls)
    return {};
  generatedMatmuls_ = options_.matmul == MatmulChoice::generated;
  if (generatedMatmuls_)
    return {};
  const auto *own = plan.table().cuda()->matmuls();
  bool mayFallBack = options_.matmul == MatmulChoice::automatic && own && own->size() > 0;
  if (Status status = openLibrary(); !status.ok()) {
    if (status.code() != Code::unavailable || !mayFallBack)
      return status.within("the plan's matrix products");
    options_.say("matrix products: the plan's own kernels, since " + status.message());
    generatedMatmuls_ = true;
    return {};
  }
  // What the library cannot do must be known before kernels are loaded; what it can, it remembers.
  std::vector<CUdeviceptr> segments = segmentAddresses();
  for (size_t entry : entries)
    for (const CudaMatmul &product : productsOf(plan.entryTable(entry), segments)) {
      Status status = library_->prepare(product).status();
      if (status.ok())
        continue;
      if (status.code() != Code::unavailable || !mayFallBack)
        return status;
      if (!generatedMatmuls_)
        options_.say("matrix products: the plan's own kernels where cuBLASLt cannot: " +
                     status.message());
      generatedMatmuls_ = true;
    }
  return {};
}

Status CudaDevice::openLibrary() {
  GPTC_ASSIGN(const CublasLt *library, openCublasLt());
  GPTC_ASSIGN(library_, LibraryMatmuls::create(driver_, *library, stream_.get()));
  options_.say(fmt::format("matrix products: cuBLASLt {}, with {} MiB of workspace",
                           library->versionText(), LibraryMatmuls::workspaceBytes >> 20));
  return {};
}

std::vector<CUdeviceptr> CudaDevice::segmentAddresses() const {
  std::vector<CUdeviceptr> addresses;
  for (const DeviceMemory &memory : memory_)
    addresses.push_back(memory.get());
  return addresses;
}

Status CudaDevice::loadKernels(const Plan &plan, std::span<const size_t> entries) {
  // The cache's warning is kept until the compiler's progress bar is gone.
  std::string warning;
  CubinCache cache(CubinCache::defaultFolder(), [&](std::string_view text) { warning = text; });
  CompileSettings settings;
  settings.architecture = context_->gpu().architecture();
  settings.cache = &cache;
  settings.driverVersion = driver_.version;
  settings.note = options_.note;
  CompileCounts counts;
  Result<CudaKernels> kernels = CudaKernels::load(
      plan, CudaKernels::needs(plan, entries, generatedMatmuls_), *context_, settings, counts);
  if (!warning.empty())
    options_.say(warning);
  GPTC_RETURN_IF_ERROR(kernels.status());
  kernels_ = std::move(*kernels);
  options_.say("kernels: " + counts.text());
  return {};
}

Status CudaDevice::resolve(const Plan &plan, std::span<const size_t> entries) {
  CudaResources resources{segmentAddresses(), kernels_, library_.get(), generatedMatmuls_};
  std::vector<uint64_t> tables;
  for (size_t entry : entries) {
    GPTC_ASSIGN(std::vector<CudaCommand> commands,
                resolveCommands(plan, plan.entryTable(entry), resources, tables));
    entries_[entry] = {plan.entries()[entry].name, std::move(commands), {}};
  }
  std::span<const std::byte> bytes = std::as_bytes(std::span(tables));
  GPTC_ASSIGN(tables_, allocateDevice(driver_, bytes.size(), stream_.get()));
  GPTC_RETURN_IF_ERROR(staging_->upload(tables_.get(), bytes));
  return driver_.check(driver_.streamSynchronize(stream_.get()), "cuStreamSynchronize");
}

Status CudaDevice::uploadParameters() {
  if (!block_.changed)
    return {};
  GPTC_RETURN_IF_ERROR(staging_->upload(memory_[block_.segment].get(), block_.bytes));
  block_.changed = false;
  return {};
}

Status CudaDevice::capture(PreparedEntry &entry) {
  // Relaxed: cuBLASLt may load a kernel of its own meanwhile, which other modes forbid.
  GPTC_RETURN_IF_ERROR(driver_.check(driver_.streamBeginCapture(stream_.get(), cudaCaptureRelaxed),
                                     "cuStreamBeginCapture"));
  Status status = enqueueCommands(entry.commands, entry.name, queue());
  CUgraph handle = nullptr;
  Status ended =
      driver_.check(driver_.streamEndCapture(stream_.get(), &handle), "cuStreamEndCapture");
  Owned<CUgraph> graph(handle, driver_.graphDestroy);
  GPTC_RETURN_IF_ERROR(status);
  GPTC_RETURN_IF_ERROR(ended.within(entry.name));
  CUgraphExec exec = nullptr;
  GPTC_RETURN_IF_ERROR(driver_.check(driver_.graphInstantiate(&exec, graph.get(), 0),
                                     entry.name + ": cuGraphInstantiate"));
  entry.graph = GraphExec(exec, driver_.graphExecDestroy);
  return {};
}

Status CudaDevice::run(size_t index, Profile *profile) {
  GPTC_RETURN_IF_ERROR(lost_);
  auto found = entries_.find(index);
  if (found == entries_.end())
    return {Code::internal, fmt::format("entry {} was not prepared", index)};
  PreparedEntry &entry = found->second;
  GPTC_RETURN_IF_ERROR(context_->makeCurrent());
  GPTC_RETURN_IF_ERROR(noteLoss(uploadParameters()));
  lastRun_ = entry.name;
  if (profile)
    return noteLoss(profileCommands(entry.commands, entry.name, queue(), *profile));
  if (!options_.graphs)
    return noteLoss(enqueueCommands(entry.commands, entry.name, queue()));
  if (!entry.graph)
    GPTC_RETURN_IF_ERROR(noteLoss(capture(entry)));
  return noteLoss(driver_.check(driver_.graphLaunch(entry.graph.get(), stream_.get()),
                                entry.name + ": cuGraphLaunch"));
}

Status CudaDevice::access(Place place, uint64_t bytes, Access access,
                          FunctionRef<Status(std::span<std::byte>)> use) {
  GPTC_RETURN_IF_ERROR(lost_);
  if (!isAllocated(place, bytes))
    return {Code::internal, fmt::format("{} bytes at {} of segment {} were not allocated", bytes,
                                        place.offset, place.segment)};
  if (place.segment == block_.segment) {
    block_.changed |= access != Access::read;
    return use(std::span(block_.bytes).subspan(place.offset, bytes));
  }
  GPTC_RETURN_IF_ERROR(context_->makeCurrent());
  CUdeviceptr address = memory_[place.segment].get() + place.offset;
  std::vector<std::byte> view(bytes);
  if (access != Access::replace)
    GPTC_RETURN_IF_ERROR(noteLoss(staging_->download(view, address)));
  GPTC_RETURN_IF_ERROR(use(view));
  return access == Access::read ? Status() : noteLoss(staging_->upload(address, view));
}

Result<std::unique_ptr<PendingRead>> CudaDevice::startRead(Place place, uint64_t bytes) {
  if (bytes > SmallReads::largest || place.segment == block_.segment || !isAllocated(place, bytes))
    return Device::startRead(place, bytes);
  GPTC_RETURN_IF_ERROR(lost_);
  GPTC_RETURN_IF_ERROR(context_->makeCurrent());
  auto read = smallReads_.start(memory_[place.segment].get() + place.offset, bytes, stream_.get());
  if (!read.ok())
    return noteLoss(read.status());
  return read;
}

Status CudaDevice::noteLoss(Status status) {
  if (status.code() != Code::deviceLost)
    return status;
  if (!lost_.ok())
    return lost_;
  // Failures show when somebody waits: what ran last is a hint, not a proof.
  if (!lastRun_.empty() && !status.message().starts_with(lastRun_))
    status = status.within(fmt::format("during or before entry \"{}\"", lastRun_));
  lost_ = status;
  return status;
}

} // namespace

Result<std::unique_ptr<Device>> makeCudaDevice(const Driver &driver, const Gpu &gpu,
                                               const DeviceOptions &options) {
  GPTC_ASSIGN(std::unique_ptr<Context> context, Context::create(driver, gpu));
  return std::unique_ptr<Device>(std::make_unique<CudaDevice>(std::move(context), options));
}

} // namespace gptc::runtime::cuda
