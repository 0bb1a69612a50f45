// Data races of kernels; see Races.h. Each word of watched memory, which is as small as
// the smallest element, remembers its last write and up to two reads, which is enough: of two
// readers, one is not the writer that comes.
#include "test/emulator/cuda/Races.h"

#include "test/emulator/cuda/Fault.h"
#include "test/emulator/cuda/Memory.h"

#include <dlfcn.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace gptc::emulator {

static constexpr uint64_t pageBits = 12, tableBits = 18, wordBytes = 2;
static constexpr uint64_t pageBytes = uint64_t(1) << pageBits;

namespace {

struct Word {
  Moment write, reads[2];
};

/// The words of a page of memory.
struct Page {
  Word *words = nullptr;
  bool shared = false;
};

/// The pages of 2^30 bytes.
struct Table {
  Page pages[1 << tableBits];
};

} // namespace

/// For addresses of up to 48 bits; made where memory is watched.
static Table *tables[1 << tableBits];

template <typename T> static T *reserve(size_t count) {
  void *memory = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    fault("no memory to watch accesses with");
  return static_cast<T *>(memory);
}

static Page *pageOf(uint64_t address) {
  Table *table = tables[address >> (pageBits + tableBits) & ((1 << tableBits) - 1)];
  return table ? &table->pages[address >> pageBits & ((1 << tableBits) - 1)] : nullptr;
}

void watchMemory(const void *memory, size_t bytes, bool shared) {
  uint64_t first = (uint64_t)memory / pageBytes * pageBytes, end = (uint64_t)memory + bytes;
  uint64_t pages = (end - first + pageBytes - 1) / pageBytes;
  Word *words = reserve<Word>(pages * (pageBytes / wordBytes));
  for (uint64_t i = 0; i < pages; ++i) {
    uint64_t address = first + i * pageBytes;
    Table *&table = tables[address >> (pageBits + tableBits) & ((1 << tableBits) - 1)];
    if (!table)
      table = reserve<Table>(1);
    *pageOf(address) = {words + i * (pageBytes / wordBytes), shared};
  }
}

void forgetMemory(const void *memory, size_t bytes) {
  uint64_t first = (uint64_t)memory / pageBytes * pageBytes, end = (uint64_t)memory + bytes;
  uint64_t pages = (end - first + pageBytes - 1) / pageBytes;
  munmap(pageOf(first)->words, pages * pageBytes / wordBytes * sizeof(Word));
  for (uint64_t i = 0; i < pages; ++i)
    *pageOf(first + i * pageBytes) = {};
}

/// Whether `before` is the same thread's, or a barrier lies between.
static bool isOrdered(const Moment &before, const Moment &now) {
  if (before.block != now.block)
    return false;
  if (before.thread == now.thread || before.barriers != now.barriers)
    return true;
  return before.thread / 32 == now.thread / 32 && before.warpBarriers != now.warpBarriers;
}

/// "file:line" of the innermost code that is not the device header's, or the kernel's function.
static std::string describeInstruction(const void *instruction) {
  Dl_info info;
  if (!dladdr(instruction, &info))
    return "unknown code";
  char command[512];
  std::snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%llx 2>/dev/null", info.dli_fname,
                (unsigned long long)((uintptr_t)instruction - (uintptr_t)info.dli_fbase - 1));
  std::string place;
  if (FILE *pipe = popen(command, "r")) {
    char line[512];
    while (std::fgets(line, sizeof line, pipe)) {
      std::string text(line);
      text = text.substr(text.rfind('/') + 1);
      text = text.substr(0, text.find_first_of(" \n"));
      if (text.find('?') == std::string::npos &&
          (place.empty() || place.find("gptc_device.h") != std::string::npos))
        place = text;
    }
    pclose(pipe);
  }
  return place.empty() ? "unknown line" : place;
}

[[noreturn]] static void report(const void *address, bool write, const Moment &now,
                                bool beforeWrites, const Moment &before, uint64_t firstBlock,
                                bool shared) {
  std::string where = describeInstruction(now.instruction),
              other = describeInstruction(before.instruction);
  fault("data race: %s at %s of %p%s, not ordered with the %s at %s by thread %u of %s",
        write ? "write" : "read", where.c_str(), address,
        shared ? " (shared memory)" : describe(address), beforeWrites ? "write" : "read",
        other.c_str(), before.thread,
        before.block == now.block
            ? "the same block"
            : ("block " + std::to_string(before.block - firstBlock) + " of the grid").c_str());
}

static void watchWord(Word &word, const void *address, bool write, const Moment &now,
                      uint64_t firstBlock, bool shared) {
  // What was before this launch is over; of shared memory, what another block did.
  auto isOver = [&](const Moment &before) {
    return shared ? before.block != now.block : before.block < firstBlock;
  };
  auto races = [&](const Moment &before) {
    return !isOver(before) && (before.mask & now.mask) && !isOrdered(before, now);
  };
  if (races(word.write))
    report(address, write, now, true, word.write, firstBlock, shared);
  if (write) {
    for (const Moment &read : word.reads)
      if (races(read))
        report(address, write, now, false, read, firstBlock, shared);
    word.write = now;
    word.reads[0] = word.reads[1] = Moment();
    return;
  }
  // A read that is ordered before this one adds nothing to it.
  auto isSpent = [&](const Moment &read) {
    return isOver(read) || (read.block == now.block &&
                            (read.thread == now.thread || read.barriers != now.barriers));
  };
  if (isSpent(word.reads[0])) {
    word.reads[0] = now;
    if (isSpent(word.reads[1]))
      word.reads[1] = Moment();
  } else {
    word.reads[1] = now;
  }
}

void watchAccess(const void *address, size_t bytes, bool write, const Moment &moment,
                 uint64_t firstBlock) {
  uint64_t at = (uint64_t)address, end = at + bytes;
  while (at < end) {
    uint64_t next = std::min(end, (at / wordBytes + 1) * wordBytes);
    Page *page = pageOf(at);
    if (page && page->words) {
      Moment now = moment;
      now.mask = ((1u << (next - at)) - 1) << at % wordBytes;
      watchWord(page->words[at % pageBytes / wordBytes], (const void *)at, write, now, firstBlock,
                page->shared);
    }
    at = next;
  }
}

} // namespace gptc::emulator
