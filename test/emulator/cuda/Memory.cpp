// Device memory and pinned memory of the host; see Memory.h.
//
// An allocation is a mapping of its own: an inaccessible page, a guard zone up to a page, the
// allocation, a guard zone of less than its alignment, an inaccessible page.
#include "test/emulator/cuda/Memory.h"

#include "test/emulator/cuda/Fault.h"
#include "test/emulator/cuda/Races.h"
#include "test/emulator/cuda/Settings.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstring>
#include <map>

namespace gptc::emulator {

static constexpr uint64_t alignment = 512, page = 4096;
static constexpr unsigned char guardByte = 0xdb;

namespace {

struct Allocation {
  char *mapping;
  uint64_t mapped;
  char *begin;
  uint64_t bytes;
  bool freed = false;

  bool holds(const void *address, uint64_t size) const {
    auto at = static_cast<const char *>(address);
    return !freed && at >= begin && size <= bytes && at + size <= begin + bytes;
  }
};

/// By their mappings' first addresses.
struct Heap {
  std::map<uintptr_t, Allocation> allocations;
  uint64_t used = 0;

  Allocation *at(const void *address) {
    auto found = allocations.upper_bound((uintptr_t)address);
    if (found == allocations.begin())
      return nullptr;
    Allocation &allocation = std::prev(found)->second;
    return (uintptr_t)address < (uintptr_t)allocation.mapping + allocation.mapped ? &allocation
                                                                                  : nullptr;
  }
  char *allocate(uint64_t bytes);
  bool free(void *address);
};

} // namespace

static Heap device, pinned;

char *Heap::allocate(uint64_t bytes) {
  uint64_t padded = (bytes + alignment - 1) / alignment * alignment;
  uint64_t inner = (padded + page - 1) / page * page;
  void *mapping = mmap(nullptr, inner + 2 * page, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    return nullptr;
  char *first = static_cast<char *>(mapping) + page;
  mprotect(first, inner, PROT_READ | PROT_WRITE);
  char *begin = first + inner - padded;
  std::memset(first, guardByte, begin - first);
  std::memset(begin, 0xff, bytes);
  std::memset(begin + bytes, guardByte, padded - bytes);
  allocations[(uintptr_t)mapping] = {static_cast<char *>(mapping), inner + 2 * page, begin, bytes};
  used += bytes;
  return begin;
}

static void check(const Allocation &allocation) {
  if (allocation.freed)
    return;
  const char *end = allocation.mapping + allocation.mapped - page;
  for (const char *at = allocation.mapping + page; at < end; ++at) {
    if (at == allocation.begin)
      at += allocation.bytes;
    if (at < end && (unsigned char)*at != guardByte)
      fault("memory was written %lld bytes from the start of an allocation of %llu bytes at %p",
            (long long)(at - allocation.begin), (unsigned long long)allocation.bytes,
            (void *)allocation.begin);
  }
}

bool Heap::free(void *address) {
  Allocation *allocation = at(address);
  if (!allocation || allocation->begin != address || allocation->freed)
    return false;
  check(*allocation);
  // The addresses stay taken: a later use is an access to an inaccessible page.
  mmap(allocation->mapping, allocation->mapped, PROT_NONE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  allocation->freed = true;
  used -= allocation->bytes;
  return true;
}

CUresult allocateDevice(uint64_t bytes, CUdeviceptr &address) {
  if (bytes == 0)
    return CUDA_ERROR_INVALID_VALUE;
  if (bytes > deviceBytesFree())
    return CUDA_ERROR_OUT_OF_MEMORY;
  char *memory = device.allocate(bytes);
  if (memory && Settings::get().races)
    watchMemory(memory, bytes, /*shared=*/false);
  address = (CUdeviceptr)memory;
  return memory ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult freeDevice(CUdeviceptr address) {
  Allocation *allocation = device.at((void *)address);
  if (allocation && allocation->begin == (void *)address && !allocation->freed &&
      Settings::get().races)
    forgetMemory(allocation->begin, allocation->bytes);
  return !address || device.free((void *)address) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

bool isDevice(CUdeviceptr address, uint64_t bytes) {
  Allocation *allocation = device.at((void *)address);
  return allocation && allocation->holds((void *)address, bytes);
}

uint64_t deviceBytesFree() {
  uint64_t limit = Settings::get().memory;
  return device.used < limit ? limit - device.used : 0;
}

CUresult allocatePinned(uint64_t bytes, void **address) {
  if (bytes == 0)
    return CUDA_ERROR_INVALID_VALUE;
  *address = pinned.allocate(bytes);
  return *address ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult freePinned(void *address) {
  return pinned.free(address) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

bool isPinned(const void *address, uint64_t bytes) {
  Allocation *allocation = pinned.at(address);
  return allocation && allocation->holds(address, bytes);
}

void checkGuards() {
  for (auto *heap : {&device, &pinned})
    for (auto &[address, allocation] : heap->allocations)
      check(allocation);
}

const char *describe(const void *address) {
  for (auto *heap : {&device, &pinned})
    if (Allocation *allocation = heap->at(address)) {
      static char text[160];
      std::snprintf(text, sizeof text,
                    ", %lld bytes from the start of %s %s allocation of %llu bytes",
                    (long long)(static_cast<const char *>(address) - allocation->begin),
                    allocation->freed ? "a freed" : "a", heap == &device ? "device" : "pinned",
                    (unsigned long long)allocation->bytes);
      return text;
    }
  return ", which is not in device memory";
}

} // namespace gptc::emulator
