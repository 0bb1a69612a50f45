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

/// The tiles, and the moves of the types that the plan's products have.
Status CpuKernels::loadProducts(const fb::MatmulTile &tile) {
  products_.rows = tile.rows();
  products_.lanes = tile.lanes();
  for (uint32_t vectors = 1; vectors <= tile.vectors(); ++vectors) {
    std::string symbol = fmt::format("gptc_matmul_tile{}", vectors);
    void *address = dlsym(library_, symbol.c_str());
    if (!address)
      return {Code::dataError, fmt::format("the plan's kernels lack the function {}", symbol)};
    products_.tiles.push_back(reinterpret_cast<ProductFunctions::Tile>(address));
  }
  auto move = [&](fb::DataType from, fb::DataType to, const char *suffix) {
    std::string symbol = fmt::format("gptc_matmul_move_{}_{}{}", fb::EnumNameDataType(from),
                                     fb::EnumNameDataType(to), suffix);
    return reinterpret_cast<ProductFunctions::Move>(dlsym(library_, symbol.c_str()));
  };
  for (fb::DataType type : {fb::DataType::float32, fb::DataType::bfloat16, fb::DataType::float16}) {
    ProductFunctions::Element &element = products_.elements[static_cast<size_t>(type)];
    element.read = move(type, fb::DataType::float32, "");
    element.readTransposed = move(type, fb::DataType::float32, "_transposed");
    element.write = move(fb::DataType::float32, type, "");
    element.writeTransposed = move(fb::DataType::float32, type, "_transposed");
    if (element.isFloat)
      continue;
    ProductFunctions::Element &rounded = products_.elements[roundedElement(type)];
    rounded.read = move(fb::DataType::float32, type, "_as_float32");
    rounded.readTransposed = move(fb::DataType::float32, type, "_as_float32_transposed");
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
  if (tile)
    GPTC_RETURN_IF_ERROR(kernels.loadProducts(*tile));
  if (!tables)
    return kernels;
  for (const fb::Kernel *table : *tables) {
    void *symbol = dlsym(kernels.library_, table->symbol()->c_str());
    if (!symbol)
      return Status(Code::dataError, fmt::format("the plan's kernels lack the function {}",
                                                 table->symbol()->c_str()));
    kernels.functions_.push_back(reinterpret_cast<KernelFunction>(symbol));
  }
  return kernels;
}

} // namespace gptc::runtime
