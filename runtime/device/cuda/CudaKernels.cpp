// Loading kernels.
#include "runtime/device/cuda/CudaKernels.h"

#include "runtime/plan/Plan_generated.h"

#include <fmt/format.h>
#include <set>

namespace gptc::runtime::cuda {

namespace {

std::vector<uint32_t> neededModules(const fb::Cuda &cuda, const CudaKernels::Needs &needs) {
  std::set<uint32_t> modules;
  for (size_t i = 0; i < needs.kernels.size(); ++i)
    if (needs.kernels[i])
      modules.insert(cuda.kernels()->Get(static_cast<flatbuffers::uoffset_t>(i))->module_());
  if (needs.matmuls && cuda.matmuls())
    for (const fb::CudaMatmul *matmul : *cuda.matmuls())
      modules.insert(matmul->module_());
  if (needs.matmuls && cuda.epilogues())
    for (const fb::CudaEpilogue *epilogue : *cuda.epilogues())
      if (needs.kernels[epilogue->kernel()])
        modules.insert(epilogue->module_());
  if (needs.argsort)
    modules.insert(cuda.argsort()->module_());
  return {modules.begin(), modules.end()};
}

Status findFunction(const Driver &driver, CUmodule module, const std::string &symbol,
                    CUfunction &function) {
  if (driver.moduleGetFunction(&function, module, symbol.c_str()) == 0)
    return {};
  return {Code::dataError, fmt::format("its compiled module has no kernel {}", symbol)};
}

} // namespace

CudaKernels::Needs CudaKernels::needs(const Plan &plan, std::span<const size_t> entries,
                                      bool generatedMatmuls) {
  Needs needs;
  needs.kernels.resize(plan.table().kernels() ? plan.table().kernels()->size() : 0);
  for (size_t entry : entries) {
    const auto *commands = plan.entryTable(entry).commands();
    if (!commands)
      continue;
    for (const fb::Command *command : *commands) {
      if (const fb::Launch *launch = command->operation_as_Launch()) {
        needs.kernels[launch->kernel()] = true;
      } else if (const fb::Matmul *matmul = command->operation_as_Matmul()) {
        needs.matmuls = generatedMatmuls;
        if (matmul->epilogue())
          needs.kernels[matmul->epilogue()->kernel()] = true;
      } else {
        needs.argsort = true;
      }
    }
  }
  return needs;
}

Result<CudaKernels> CudaKernels::load(const Plan &plan, const Needs &needs, const Context &context,
                                      const CompileSettings &settings, CompileCounts &counts) {
  const fb::Cuda &cuda = *plan.table().cuda();
  const Driver &driver = context.driver();
  std::vector<uint32_t> numbers = neededModules(cuda, needs);
  std::vector<ModuleSource> sources = moduleSources(plan, numbers, settings.architecture);
  GPTC_ASSIGN(std::vector<CompiledModule> compiled,
              compileModules(cuda.header()->str(), sources, settings, &counts));
  CudaKernels kernels;
  std::vector<CUmodule> byNumber(cuda.modules() ? cuda.modules()->size() : 0, nullptr);
  for (size_t i = 0; i < numbers.size(); ++i) {
    CUmodule module = nullptr;
    Status status =
        driver.check(driver.moduleLoadData(&module, compiled[i].cubin.data()), "cuModuleLoadData");
    if (!status.ok())
      return status.within(
          fmt::format("module {} of the plan, compiled for {}", numbers[i], settings.architecture));
    kernels.modules_.emplace_back(module, driver.moduleUnload);
    byNumber[numbers[i]] = module;
  }
  GPTC_RETURN_IF_ERROR(kernels.findFunctions(plan, needs, driver, byNumber));
  return kernels;
}

Status CudaKernels::findFunctions(const Plan &plan, const Needs &needs, const Driver &driver,
                                  std::span<const CUmodule> byNumber) {
  const fb::Cuda &cuda = *plan.table().cuda();
  single_.resize(needs.kernels.size());
  instances_.resize(needs.kernels.size());
  for (uint32_t i = 0; i < needs.kernels.size(); ++i) {
    if (!needs.kernels[i])
      continue;
    const fb::CudaKernel &kernel = *cuda.kernels()->Get(i);
    std::string symbol = plan.table().kernels()->Get(i)->symbol()->str();
    CUmodule module = byNumber[kernel.module_()];
    if (kernel.single())
      GPTC_RETURN_IF_ERROR(findFunction(driver, module, symbol, single_[i]));
    if (kernel.instances())
      GPTC_RETURN_IF_ERROR(findFunction(driver, module, symbol + "_instances", instances_[i]));
  }
  if (needs.matmuls && cuda.matmuls())
    for (const fb::CudaMatmul *table : *cuda.matmuls()) {
      DataType operands = DataType(table->operand_type());
      MatmulTypes types = {operands, operands, DataType(table->result_type()), table->tf32()};
      MatmulKernel &kernel = matmuls_[{table->transpose_lhs(), table->transpose_rhs(), types}];
      kernel.threads = table->threads();
      kernel.tileM = table->tile_m();
      kernel.tileN = table->tile_n();
      GPTC_RETURN_IF_ERROR(findFunction(driver, byNumber[table->module_()], table->symbol()->str(),
                                        kernel.function));
    }
  if (needs.matmuls && cuda.epilogues())
    for (const fb::CudaEpilogue *table : *cuda.epilogues()) {
      if (!needs.kernels[table->kernel()])
        continue;
      DataType operands = DataType(table->operand_type());
      MatmulTypes types = {operands, operands, DataType::float32, table->tf32()};
      MatmulKernel &kernel =
          epilogues_[{table->kernel(), {table->transpose_lhs(), table->transpose_rhs(), types}}];
      kernel = {nullptr, table->threads(), table->tile_m(), table->tile_n()};
      GPTC_RETURN_IF_ERROR(findFunction(driver, byNumber[table->module_()], table->symbol()->str(),
                                        kernel.function));
    }
  if (needs.argsort)
    GPTC_RETURN_IF_ERROR(findFunction(driver, byNumber[cuda.argsort()->module_()],
                                      cuda.argsort()->symbol()->str(), argsort_));
  return {};
}

} // namespace gptc::runtime::cuda
