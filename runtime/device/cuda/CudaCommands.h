// An entry as a GPU runs it: the plan's commands with addresses and kernels resolved.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_CUDACOMMANDS_H
#define GPTC_RUNTIME_DEVICE_CUDA_CUDACOMMANDS_H

#include "runtime/device/Profile.h"
#include "runtime/device/cuda/GeneratedMatmul.h"
#include "runtime/device/cuda/LibraryMatmul.h"

#include <span>
#include <variant>

namespace gptc::runtime::cuda {

/// Where commands are put.
struct Queue {
  const Driver &driver;
  CUstream stream;
  CUdeviceptr tables;            ///< the instance tables of all launches
  const LibraryMatmuls *library; ///< may be null
};

/// A kernel over one set of operands, or over several by a table in the GPU's memory.
struct CudaLaunch {
  CUfunction function = nullptr;
  unsigned blocks = 0; ///< 0: nothing to do
  unsigned threads = 0;
  /// One set: the operands' addresses and the rows.
  std::vector<uint64_t> arguments;
  /// Several: how many, and which word of the tables is their first.
  int32_t instances = 0;
  uint64_t firstWord = 0;

  Status run(const Queue &queue) const;
};

struct LibraryProduct {
  LibraryMatmuls::Prepared product;

  Status run(const Queue &queue) const { return queue.library->run(product, queue.stream); }
};

struct GeneratedProduct {
  GeneratedMatmul product;

  Status run(const Queue &queue) const { return product.run(queue.driver, queue.stream); }
};

struct CudaArgsort {
  CUfunction function = nullptr;
  unsigned blocks = 0, threads = 0;
  CUdeviceptr indices = 0, order = 0;
  int64_t count = 0;

  Status run(const Queue &queue) const;
};

struct CudaCommand {
  std::variant<CudaLaunch, LibraryProduct, GeneratedProduct, CudaArgsort> operation;
  CudaLaunch epilogue = {}; ///< of a product: what runs on it behind it
  // For messages and profiles:
  std::string code; ///< the kernel, or the sizes
  std::string part; ///< the part of the model that it works for; may be empty

  std::string_view kind() const;
};

/// What addresses and numbers in a plan stand for on this GPU.
struct CudaResources {
  std::vector<CUdeviceptr> segments; ///< 0: not allocated
  const CudaKernels &kernels;
  LibraryMatmuls *library; ///< null: products are the plan's own kernels
  bool generatedMatmuls;   ///< whether these are loaded, for products that the library cannot do
};

/// The matrix products of a checked entry.
std::vector<CudaMatmul> productsOf(const fb::Entry &entry, std::span<const CUdeviceptr> segments);

/// Resolves the commands of a checked entry. Tables of instances are appended to `tables`.
Result<std::vector<CudaCommand>> resolveCommands(const Plan &plan, const fb::Entry &entry,
                                                 const CudaResources &resources,
                                                 std::vector<uint64_t> &tables);

/// Puts the commands into the queue, in order, and does not wait for them.
Status enqueueCommands(std::span<const CudaCommand> commands, std::string_view entry,
                       const Queue &queue);

/// Runs them with an event between any two, waits, and records their times. For NVIDIA's profilers
/// each is a range (NVTX) that is named as the part of the model.
Status profileCommands(std::span<const CudaCommand> commands, std::string_view entry,
                       const Queue &queue, Profile &profile);

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_CUDACOMMANDS_H
