// Host memory by mmap, and the limits on it.
#include "runtime/device/CpuMemory.h"

#include "runtime/base/File.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace gptc::runtime {

namespace {

constexpr uint64_t hugePage = uint64_t{2} << 20;

/// The number behind `key` in a text of lines like "MemAvailable:   1234 kB".
std::optional<uint64_t> numberAfter(std::string_view text, std::string_view key) {
  size_t position = text.find(key);
  if (position == std::string_view::npos)
    return std::nullopt;
  text.remove_prefix(position + key.size());
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t:")));
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc())
    return std::nullopt;
  return value;
}

/// The number that a file of the system holds; none if there is no such file or no number ("max").
std::optional<uint64_t> numberIn(const std::string &path, std::string_view key = "") {
  Result<std::string> text = readWholeFile(path);
  return text.ok() ? numberAfter(*text, key) : std::nullopt;
}

void lower(MemoryLimit &limit, uint64_t bytes, std::string source) {
  if (bytes < limit.bytes)
    limit = {bytes, std::move(source)};
}

/// `total` less `used`.
uint64_t rest(uint64_t total, uint64_t used) { return total > used ? total - used : 0; }

void applyProcessLimit(MemoryLimit &limit, __rlimit_resource resource, std::string_view usedKey,
                       std::string source) {
  rlimit value;
  if (getrlimit(resource, &value) != 0 || value.rlim_cur == RLIM_INFINITY)
    return;
  uint64_t usedKilobytes = numberIn("/proc/self/status", usedKey).value_or(0);
  lower(limit, rest(value.rlim_cur, usedKilobytes * 1024), std::move(source));
}

/// What the group's limit leaves; pages of files that can be dropped count as free.
void applyGroupLimit(MemoryLimit &limit, const std::string &maximum, const std::string &current,
                     const std::string &statistics, std::string_view droppable) {
  std::optional<uint64_t> total = numberIn(maximum), used = numberIn(current);
  if (total && used)
    lower(limit, rest(*total, rest(*used, numberIn(statistics, droppable).value_or(0))),
          "the memory limit of the control group");
}

} // namespace

CpuMemory::CpuMemory(CpuMemory &&other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, 0)) {}

CpuMemory &CpuMemory::operator=(CpuMemory &&other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

CpuMemory::~CpuMemory() {
  if (data_)
    munmap(data_, mapped_);
}

Result<CpuMemory> CpuMemory::allocate(uint64_t bytes) {
  CpuMemory memory;
  if (bytes == 0)
    return memory;
  uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  uint64_t mapped = (bytes + page - 1) / page * page;
  // A huge page must begin on a multiple of its size: map as much more, and give back what lies
  // before and behind.
  uint64_t slack = mapped >= hugePage ? hugePage : 0;
  void *base =
      mmap(nullptr, mapped + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED)
    return Status(Code::outOfMemory,
                  fmt::format("cannot allocate {} bytes: {}", bytes, std::strerror(errno)));
  std::byte *data = static_cast<std::byte *>(base);
  if (slack > 0) {
    uint64_t before = (hugePage - reinterpret_cast<uintptr_t>(base) % hugePage) % hugePage;
    if (before > 0)
      munmap(base, before);
    data += before;
    if (before < slack)
      munmap(data + mapped, slack - before);
    madvise(data, mapped, MADV_HUGEPAGE); // a wish: where it is refused, small pages serve
  }
  memory.data_ = data;
  memory.size_ = bytes;
  memory.mapped_ = mapped;
  return memory;
}

MemoryLimit availableHostMemory() {
  MemoryLimit limit;
  if (std::optional<uint64_t> kilobytes = numberIn("/proc/meminfo", "MemAvailable"))
    lower(limit, *kilobytes * 1024, "MemAvailable of /proc/meminfo");
  applyProcessLimit(limit, RLIMIT_AS, "VmSize", "the limit on virtual memory (ulimit -v)");
  applyProcessLimit(limit, RLIMIT_DATA, "VmData", "the limit on data (ulimit -d)");
  applyGroupLimit(limit, "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current",
                  "/sys/fs/cgroup/memory.stat", "inactive_file");
  applyGroupLimit(limit, "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                  "/sys/fs/cgroup/memory/memory.usage_in_bytes",
                  "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file");
  return limit;
}

} // namespace gptc::runtime
