// NVTX, opened at run time: CUDA 13 has the functions in libnvtx3interop, older ones in
// libnvToolsExt.
#include "runtime/device/cuda/Nvtx.h"

#include "runtime/device/cuda/Library.h"

#include <array>

namespace gptc::runtime::cuda {

namespace {

struct Nvtx {
  int (*push)(const char *name) = nullptr;
  int (*pop)() = nullptr;
};

/// The functions, or none.
const Nvtx &nvtx() {
  static const Nvtx table = [] {
    const std::array<std::string, 3> names = {"libnvtx3interop.so.1", "libnvtx3interop.so",
                                              "libnvToolsExt.so.1"};
    Nvtx found;
    Result<Library> library = Library::open(names, "libnvtx3interop.so");
    if (!library.ok())
      return found;
    library->find("nvtxRangePushA", found.push);
    library->find("nvtxRangePop", found.pop);
    return library->missing().empty() ? found : Nvtx();
  }();
  return table;
}

} // namespace

NvtxRange::NvtxRange(const std::string &name) {
  if (nvtx().push)
    nvtx().push(name.c_str());
}

NvtxRange::~NvtxRange() {
  if (nvtx().pop)
    nvtx().pop();
}

} // namespace gptc::runtime::cuda
