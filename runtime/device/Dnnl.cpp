// Opening oneDNN.
#include "runtime/device/Dnnl.h"

#include "runtime/base/Parallel.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace gptc::runtime {

namespace {

Status unavailable(const std::string &problem) {
  return {Code::unavailable,
          fmt::format("the plan's matrix products need oneDNN, which cannot be opened: {} "
                      "(install the package libdnnl2)",
                      problem)};
}

Result<void *> openLibrary() {
  // The pool first: libgomp reads its settings when oneDNN would load it.
  openThreadPool();
  std::string problem;
  for (const char *name : {"libdnnl.so.2", "libdnnl.so.3"}) {
    if (void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL))
      return library;
    if (problem.empty())
      problem = dlerror();
  }
  return unavailable(problem);
}

Result<Dnnl> open() {
  GPTC_ASSIGN(void *library, openDnnlLibrary());
  Dnnl table = {};
  table.sgemm = reinterpret_cast<decltype(Dnnl::sgemm)>(dlsym(library, "dnnl_sgemm"));
  if (!table.sgemm)
    return unavailable("it has no dnnl_sgemm");
  return table;
}

} // namespace

Result<void *> openDnnlLibrary() {
  static const Result<void *> opened = openLibrary();
  return opened;
}

Result<const Dnnl *> openDnnl() {
  static const Result<Dnnl> opened = open();
  if (!opened.ok())
    return opened.status();
  return &*opened;
}

} // namespace gptc::runtime
