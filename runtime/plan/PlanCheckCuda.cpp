// Checks of a plan's CUDA modules and of how its kernels are launched.
#include "runtime/plan/PlanCheck.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <tuple>

namespace gptc::runtime {

namespace {

constexpr uint32_t maximumModules = 1 << 16;
/// A warp; blocks are whole warps.
constexpr uint32_t warpThreads = 32;
constexpr uint32_t maximumThreads = 1024;
constexpr uint32_t maximumTile = 1024;

Status damaged(std::string message) {
  return {Code::dataError, "the plan is damaged: " + std::move(message)};
}

Status checkModules(const fb::Cuda &cuda) {
  if (!cuda.modules())
    return {};
  if (cuda.modules()->size() > maximumModules)
    return damaged(
        fmt::format("{} CUDA modules (at most {})", cuda.modules()->size(), maximumModules));
  uint32_t index = 0;
  for (const fb::CudaModule *module : *cuda.modules()) {
    if (module->source()->size() == 0)
      return damaged(fmt::format("CUDA module {} has no source", index));
    if (module->images())
      for (const fb::CudaImage *image : *module->images()) {
        GPTC_RETURN_IF_ERROR(checkName(textOf(image->architecture()), "an architecture"));
        // The driver is given an image's address alone: it believes what the image says of itself.
        GPTC_RETURN_IF_ERROR(checkElf(image->cubin(), image->hash(),
                                      fmt::format("the image of CUDA module {} for {}", index,
                                                  textOf(image->architecture()))));
      }
    ++index;
  }
  return {};
}

/// What every kernel says: its module and how many threads a block has.
Status checkPlacement(const fb::Cuda &cuda, std::string_view symbol, uint32_t module,
                      uint32_t threads) {
  GPTC_RETURN_IF_ERROR(checkName(symbol, "a CUDA kernel"));
  uint32_t modules = cuda.modules() ? cuda.modules()->size() : 0;
  if (module >= modules)
    return damaged(fmt::format("CUDA kernel {} is in module {} of {}", symbol, module, modules));
  if (threads < warpThreads || threads > maximumThreads || threads % warpThreads != 0)
    return damaged(fmt::format("CUDA kernel {} has blocks of {} threads (a multiple of {} up to "
                               "{})",
                               symbol, threads, warpThreads, maximumThreads));
  return {};
}

Status checkCudaKernels(const fb::Plan &plan, const fb::Cuda &cuda) {
  uint32_t kernels = plan.kernels() ? plan.kernels()->size() : 0;
  uint32_t described = cuda.kernels() ? cuda.kernels()->size() : 0;
  if (kernels != described)
    return damaged(fmt::format("{} kernels, of which {} are CUDA kernels", kernels, described));
  for (uint32_t i = 0; i < kernels; ++i) {
    const fb::CudaKernel &kernel = *cuda.kernels()->Get(i);
    std::string_view symbol = textOf(plan.kernels()->Get(i)->symbol());
    GPTC_RETURN_IF_ERROR(checkPlacement(cuda, symbol, kernel.module_(), kernel.threads()));
    for (int64_t items : {kernel.items_per_row(), kernel.items_per_block()})
      if (items < 1 || uint64_t(items) > planSizeLimit)
        return damaged(fmt::format("CUDA kernel {} has {} items a row and {} a block", symbol,
                                   kernel.items_per_row(), kernel.items_per_block()));
    if (!kernel.single() && !kernel.instances())
      return damaged(fmt::format("CUDA kernel {} has no entry point", symbol));
  }
  return {};
}

Status checkTiles(std::string_view symbol, uint32_t m, uint32_t n) {
  if (std::min(m, n) < 1 || std::max(m, n) > maximumTile)
    return damaged(fmt::format("CUDA kernel {} has tiles of {} x {}", symbol, m, n));
  return {};
}

Status checkCudaMatmuls(const fb::Cuda &cuda) {
  if (!cuda.matmuls())
    return {};
  std::set<std::tuple<bool, bool, fb::DataType, fb::DataType, bool>> variants;
  for (const fb::CudaMatmul *matmul : *cuda.matmuls()) {
    std::string_view symbol = textOf(matmul->symbol());
    GPTC_RETURN_IF_ERROR(checkPlacement(cuda, symbol, matmul->module_(), matmul->threads()));
    GPTC_RETURN_IF_ERROR(checkTiles(symbol, matmul->tile_m(), matmul->tile_n()));
    if (!variants
             .insert({matmul->transpose_lhs(), matmul->transpose_rhs(), matmul->operand_type(),
                      matmul->result_type(), matmul->tf32()})
             .second)
      return damaged(
          fmt::format("CUDA kernel {} is the second for its transposes and types", symbol));
  }
  return {};
}

Status checkCudaEpilogues(const fb::Cuda &cuda) {
  if (!cuda.epilogues())
    return {};
  uint32_t kernels = cuda.kernels() ? cuda.kernels()->size() : 0;
  std::set<std::tuple<uint32_t, bool, bool, fb::DataType, bool>> variants;
  for (const fb::CudaEpilogue *epilogue : *cuda.epilogues()) {
    std::string_view symbol = textOf(epilogue->symbol());
    GPTC_RETURN_IF_ERROR(checkPlacement(cuda, symbol, epilogue->module_(), epilogue->threads()));
    GPTC_RETURN_IF_ERROR(checkTiles(symbol, epilogue->tile_m(), epilogue->tile_n()));
    if (epilogue->kernel() >= kernels)
      return damaged(fmt::format("CUDA kernel {} is a product with kernel {} of {}", symbol,
                                 epilogue->kernel(), kernels));
    if (!variants
             .insert({epilogue->kernel(), epilogue->transpose_lhs(), epilogue->transpose_rhs(),
                      epilogue->operand_type(), epilogue->tf32()})
             .second)
      return damaged(
          fmt::format("CUDA kernel {} is the second for its transposes and types", symbol));
  }
  return {};
}

} // namespace

bool isCudaTarget(std::string_view target) {
  return target == "cuda" || target.starts_with("cuda:");
}

Status checkCuda(const Plan::Content &content) {
  const fb::Plan &plan = *content.table;
  const fb::Cuda *cuda = plan.cuda();
  if (isCudaTarget(textOf(plan.target())) != (cuda != nullptr))
    return damaged(fmt::format("its target is {}, and it has {}CUDA code", textOf(plan.target()),
                               cuda ? "" : "no "));
  if (!cuda)
    return {};
  GPTC_RETURN_IF_ERROR(checkModules(*cuda));
  GPTC_RETURN_IF_ERROR(checkCudaKernels(plan, *cuda));
  GPTC_RETURN_IF_ERROR(checkCudaMatmuls(*cuda));
  GPTC_RETURN_IF_ERROR(checkCudaEpilogues(*cuda));
  if (const fb::CudaArgsort *argsort = cuda->argsort())
    GPTC_RETURN_IF_ERROR(
        checkPlacement(*cuda, textOf(argsort->symbol()), argsort->module_(), argsort->threads()));
  return {};
}

} // namespace gptc::runtime
