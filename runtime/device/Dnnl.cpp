// Opening oneDNN.
#include "runtime/device/Dnnl.h"

#include "runtime/base/Parallel.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace gptc::runtime {

namespace {

struct Opened {
  Dnnl table = {};
  std::string problem;
};

Opened open() {
  Opened opened;
  // The pool first: libgomp reads its settings when oneDNN would load it.
  openThreadPool();
  void *library = nullptr;
  for (const char *name : {"libdnnl.so.2", "libdnnl.so.3"}) {
    library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library)
      break;
    if (opened.problem.empty())
      opened.problem = dlerror();
  }
  if (!library)
    return opened;
  opened.problem.clear();
  opened.table.sgemm = reinterpret_cast<decltype(Dnnl::sgemm)>(dlsym(library, "dnnl_sgemm"));
  if (!opened.table.sgemm)
    opened.problem = "it has no dnnl_sgemm";
  return opened;
}

} // namespace

Result<const Dnnl *> openDnnl() {
  static const Opened opened = open();
  if (!opened.problem.empty())
    return Status(Code::unavailable,
                  fmt::format("the plan's matrix products need oneDNN, which cannot be opened: {} "
                              "(install the package libdnnl2)",
                              opened.problem));
  return &opened.table;
}

} // namespace gptc::runtime
