// An entry as the CPU runs it: the plan's commands with addresses resolved.
#ifndef GPTC_RUNTIME_DEVICE_CPUCOMMANDS_H
#define GPTC_RUNTIME_DEVICE_CPUCOMMANDS_H

#include "runtime/device/CpuKernels.h"
#include "runtime/device/CpuMemory.h"
#include "runtime/device/Dnnl.h"
#include "runtime/device/Profile.h"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace gptc::runtime {

namespace fb {
struct Address;
struct Matmul;
} // namespace fb

/// A kernel over the rows of one or more independent sets of operands. Rows are dealt out in units
/// of `grain`, and the units of all instances together are split over the threads.
class CpuLaunch {
public:
  CpuLaunch(KernelFunction function, int64_t grain) : function_(function), grain_(grain) {}
  void addInstance(std::span<void *const> operands, int64_t rows);
  Status run() const;
  /// Runs rows [begin, end) of the only instance; begin is a multiple of the grain.
  void runRows(int64_t begin, int64_t end) const;
  int64_t grain() const { return grain_; }
  int64_t rows() const { return rows_.front(); } ///< of the first instance

private:
  void runUnits(int64_t begin, int64_t end) const;

  KernelFunction function_;
  int64_t grain_;
  size_t operandCount_ = 0;
  std::vector<void *> operands_; ///< operandCount_ for each instance
  std::vector<int64_t> rows_;
  std::vector<int64_t> firstUnit_ = {0}; ///< of each instance, and their number
};

/// Memory that a generated product computes with, from its beginning to its end: so much for each
/// of a number of threads.
struct CpuScratch {
  CpuMemory memory;
  int64_t bytes = 0;
  int threads = 1;
};

/// A matrix product, once or for each index of batch axes; or once, with a kernel that runs on rows
/// of it while they are in the cache.
struct CpuMatmul {
  struct Axis {
    int64_t size, lhs, rhs, result; ///< strides in elements
  };
  const Dnnl *library;               ///< of one that is not generated, and has float32 only
  const ProductFunctions *functions; ///< of one that is; else nullptr
  const CpuScratch *scratch;
  ProductMatrix lhs, rhs, result; ///< as they are multiplied, whatever they are stored like
  int64_t m, n, k;
  bool accumulate;
  std::vector<Axis> batch;
  std::optional<CpuLaunch> epilogue; ///< of a product without batch axes

  Status run() const;
  /// How many rows are computed at a time, the last ones left aside, where there is an epilogue: a
  /// multiple of what one unit of it works on. It depends on sizes alone, so that results do not
  /// depend on the number of threads.
  int64_t panelRows() const;
  /// For each thread.
  int64_t scratchBytes() const;

private:
  CpuProduct::Operands operands() const;
  int64_t items() const;
  bool runsItemsInParallel() const;
  int multiply(const CpuProduct::Operands &operands, int threads, std::byte *memory) const;
  int runItem(int64_t item, int threads, std::byte *memory) const;
  int runRows(int64_t begin, int64_t end) const;
  Status checkedStatus(int failure) const;
  Status runPanels() const;
};

struct CpuArgsort {
  std::span<const int32_t> indices;
  std::span<int32_t> order;

  Status run() const;
};

struct CpuCommand {
  std::variant<CpuLaunch, CpuMatmul, CpuArgsort> operation;
  // For messages and profiles:
  std::string code; ///< the kernel, or the sizes
  std::string part; ///< the part of the model that it works for; may be empty
};

/// What addresses and numbers in a plan stand for on this machine.
struct CpuResources {
  std::vector<std::byte *> segments; ///< nullptr: not allocated
  std::vector<KernelFunction> kernels;
  const Dnnl *dnnl = nullptr;
  const ProductFunctions *products = nullptr;
  CpuScratch *scratch = nullptr; ///< whose bytes grow to what the products need

  std::byte *at(const fb::Address &address) const;
};

/// Whether the entry has matrix products that the library computes.
bool usesLibrary(const fb::Entry &entry);
/// Resolves a product of a checked plan, without its epilogue.
CpuMatmul resolveProduct(const fb::Matmul &matmul, const CpuResources &resources);
/// Resolves the commands of a checked entry.
std::vector<CpuCommand> resolveCommands(const Plan &plan, const fb::Entry &entry,
                                        const CpuResources &resources);
/// Runs them in order; `profile` may be null.
Status runCommands(std::span<const CpuCommand> commands, std::string_view entry, Profile *profile);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_CPUCOMMANDS_H
