// The CPU as a device.
//
// Floating-point settings are left as the process has them: IEEE 754 with subnormal numbers, round
// to nearest.
#include "runtime/base/Parallel.h"
#include "runtime/device/CpuCommands.h"
#include "runtime/device/CpuFeatures.h"
#include "runtime/device/CpuMemory.h"
#include "runtime/device/Device.h"
#include "runtime/plan/Plan_generated.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace gptc::runtime {

namespace {

class CpuDevice : public Device {
public:
  explicit CpuDevice(int threads) { setThreadCount(threads); }

  std::string description() const override {
    int threads = threadCount();
    return fmt::format("cpu, {} thread{}", threads, threads == 1 ? "" : "s");
  }

  MemoryLimit availableMemory() const override { return availableHostMemory(); }

  Status prepare(const Plan &plan, std::span<const size_t> entries,
                 std::span<const uint64_t> segmentBytes) override {
    if (plan.target() != "cpu")
      return {Code::failedPrecondition,
              fmt::format("the plan was compiled for {}, this device is a cpu", plan.target())};
    GPTC_RETURN_IF_ERROR(checkCpuFeatures(plan.cpuFeatures()));
    GPTC_ASSIGN(kernels_, CpuKernels::load(plan));

    CpuResources resources;
    resources.kernels = kernels_.functions();
    resources.products = &kernels_.products();
    scratch_.bytes = 0;
    scratch_.threads = threadCount();
    resources.scratch = &scratch_;
    if (std::any_of(entries.begin(), entries.end(),
                    [&](size_t entry) { return usesLibrary(plan.entryTable(entry)); })) {
      GPTC_ASSIGN(resources.dnnl, openDnnl());
    }
    for (uint64_t bytes : segmentBytes) {
      GPTC_ASSIGN(CpuMemory memory, CpuMemory::allocate(bytes));
      resources.segments.push_back(memory.data());
      memory_.push_back(std::move(memory));
    }
    for (size_t entry : entries)
      entries_[entry] = {plan.entries()[entry].name,
                         resolveCommands(plan, plan.entryTable(entry), resources)};
    GPTC_ASSIGN(scratch_.memory, CpuMemory::allocate(static_cast<uint64_t>(scratch_.bytes) *
                                                     static_cast<uint64_t>(scratch_.threads)));
    return {};
  }

  Status run(size_t entry, Profile *profile) override {
    auto found = entries_.find(entry);
    if (found == entries_.end())
      return {Code::internal, fmt::format("entry {} was not prepared", entry)};
    return runCommands(found->second.commands, found->second.name, profile);
  }

  Status access(Place place, uint64_t bytes, Access,
                FunctionRef<Status(std::span<std::byte>)> use) override {
    if (place.segment >= memory_.size() || place.offset > memory_[place.segment].size() ||
        bytes > memory_[place.segment].size() - place.offset)
      return {Code::internal, fmt::format("{} bytes at {} of segment {} were not allocated", bytes,
                                          place.offset, place.segment)};
    return use({memory_[place.segment].data() + place.offset, bytes});
  }

private:
  struct PreparedEntry {
    std::string name;
    std::vector<CpuCommand> commands;
  };

  CpuKernels kernels_;
  CpuScratch scratch_;
  std::vector<CpuMemory> memory_; ///< by segment
  std::map<size_t, PreparedEntry> entries_;
};

} // namespace

std::unique_ptr<Device> makeCpuDevice(int threads) { return std::make_unique<CpuDevice>(threads); }

} // namespace gptc::runtime
