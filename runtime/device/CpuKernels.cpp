// Loading the plan's shared object.
#include "runtime/device/CpuKernels.h"

#include "runtime/base/File.h"
#include "runtime/plan/Plan_generated.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace gptc::runtime {

namespace {

/// The dynamic linker takes a path; /proc gives a file that exists in memory only one. The linker
/// knows a library by its path, and gives the old one for a path that comes again: `descriptor`,
/// whose number is in it, stays open as long as the library.
Result<void *> openFromMemory(std::span<const std::byte> object, int &descriptor) {
  descriptor = memfd_create("gptc-kernels", MFD_CLOEXEC);
  if (descriptor < 0)
    return Status(Code::unavailable,
                  fmt::format("cannot create a file in memory for the plan's kernels: {}",
                              std::strerror(errno)));
  FileWriter writer(descriptor, "the plan's kernels");
  Status status = writer.write(object);
  if (status.ok())
    status = writer.flush();
  if (!status.ok())
    return status;
  void *library =
      dlopen(fmt::format("/proc/self/fd/{}", descriptor).c_str(), RTLD_NOW | RTLD_LOCAL);
  const char *problem = library ? nullptr : dlerror();
  if (!library)
    return Status(Code::dataError, fmt::format("the plan's kernels do not load: {}",
                                               problem ? problem : "no reason given"));
  return library;
}

} // namespace

CpuKernels::CpuKernels(CpuKernels &&other) noexcept
    : library_(std::exchange(other.library_, nullptr)),
      descriptor_(std::exchange(other.descriptor_, -1)), functions_(std::move(other.functions_)),
      products_(std::move(other.products_)) {}

CpuKernels &CpuKernels::operator=(CpuKernels &&other) noexcept {
  std::swap(library_, other.library_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(functions_, other.functions_);
  std::swap(products_, other.products_);
  return *this;
}

CpuKernels::~CpuKernels() {
  if (library_)
    dlclose(library_);
  if (descriptor_ >= 0)
    close(descriptor_);
}

/// Where elements of float32 stand that are rounded to `factor`.
static size_t roundedElement(fb::DataType factor) {
  return factor == fb::DataType::bfloat16 ? 4 : 5;
}

const ProductFunctions::Element &ProductFunctions::element(fb::DataType type,
                                                           fb::DataType factor) const {
  return elements[factor == fb::DataType::float32 ? static_cast<size_t>(type)
                                                  : roundedElement(factor)];
}

/// Looks a function up; `function` stays as it is if there is none.
template <typename Function>
static Status find(void *library, const std::string &symbol, Function &function) {
  void *address = dlsym(library, symbol.c_str());
  if (!address)
    return {Code::dataError, fmt::format("the plan's kernels lack the function {}", symbol)};
  function = reinterpret_cast<Function>(address);
  return {};
}

Status CpuKernels::loadTiles(const fb::MatmulTile &tile) {
  products_.rows = tile.rows();
  products_.lanes = tile.lanes();
  products_.tiles.resize(tile.vectors());
  products_.packedTiles.resize(tile.vectors());
  for (size_t i = 0; i < products_.tiles.size(); ++i) {
    GPTC_RETURN_IF_ERROR(
        find(library_, fmt::format("gptc_matmul_tile{}", i + 1), products_.tiles[i]));
    GPTC_RETURN_IF_ERROR(
        find(library_, fmt::format("gptc_matmul_packed_tile{}", i + 1), products_.packedTiles[i]));
  }
  return {};
}

/// Moves from elements of type `type`, which are rounded to `factor` where that is narrower, to
/// float32.
Status CpuKernels::loadReads(fb::DataType type, fb::DataType factor) {
  size_t index =
      factor == fb::DataType::float32 ? static_cast<size_t>(type) : roundedElement(factor);
  ProductFunctions::Element &element = products_.elements[index];
  if (element.readTransposed)
    return {};
  std::string symbol = fmt::format("gptc_matmul_move_{}_{}", fb::EnumNameDataType(type),
                                   factor == fb::DataType::float32
                                       ? "float32"
                                       : fb::EnumNameDataType(factor) + std::string("_as_float32"));
  GPTC_RETURN_IF_ERROR(find(library_, symbol, element.read));
  return find(library_, symbol + "_transposed", element.readTransposed);
}

/// Moves from float32 to elements of type `type`.
Status CpuKernels::loadWrites(fb::DataType type) {
  return find(library_, fmt::format("gptc_matmul_move_float32_{}", fb::EnumNameDataType(type)),
              products_.elements[static_cast<size_t>(type)].write);
}

/// The moves of the types that the plan's products have.
Status CpuKernels::loadMoves(const Plan &plan) {
  for (size_t i = 0; i < plan.entries().size(); ++i) {
    const auto *commands = plan.entryTable(i).commands();
    if (!commands)
      continue;
    for (const fb::Command *command : *commands) {
      const fb::Matmul *matmul = command->operation_as_Matmul();
      if (!matmul || !matmul->generated())
        continue;
      GPTC_RETURN_IF_ERROR(loadReads(matmul->lhs_type(), matmul->lhs_factor()));
      GPTC_RETURN_IF_ERROR(loadReads(matmul->rhs_type(), matmul->rhs_factor()));
      GPTC_RETURN_IF_ERROR(loadWrites(matmul->result_type()));
    }
  }
  return {};
}

Result<CpuKernels> CpuKernels::load(const Plan &plan) {
  CpuKernels kernels;
  const auto *tables = plan.table().kernels();
  const fb::MatmulTile *tile = plan.table().matmul_tile();
  if ((!tables || tables->size() == 0) && !tile)
    return kernels;
  GPTC_ASSIGN(kernels.library_, openFromMemory(plan.object(), kernels.descriptor_));
  if (tile) {
    GPTC_RETURN_IF_ERROR(kernels.loadTiles(*tile));
    GPTC_RETURN_IF_ERROR(kernels.loadMoves(plan));
  }
  if (!tables)
    return kernels;
  for (const fb::Kernel *table : *tables)
    GPTC_RETURN_IF_ERROR(
        find(kernels.library_, table->symbol()->str(), kernels.functions_.emplace_back()));
  return kernels;
}

} // namespace gptc::runtime
