// A shared library that is opened at run time, so that the program starts without it.
//
// With GPTC_CUDA_LIBRARIES=FOLDER in the environment, CUDA's libraries are those in that folder and
// no others; tests load their stand-ins so.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_LIBRARY_H
#define GPTC_RUNTIME_DEVICE_CUDA_LIBRARY_H

#include "runtime/base/Status.h"

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace gptc::runtime::cuda {

class Library {
public:
  /// Opens the first of `names` that is there; where GPTC_CUDA_LIBRARIES is set, FOLDER/`plainName`
  /// only. It is never closed. Error unavailable: the loader's own message about the first name.
  static Result<Library> open(std::span<const std::string> names, const std::string &plainName);

  /// Sets a function pointer to the symbol, or to null: then missing() names it.
  template <typename Function> void find(const char *symbol, Function *&function) {
    function = reinterpret_cast<Function *>(address(symbol));
  }
  /// The first symbol that was looked for and is not there; empty if all are.
  const std::string &missing() const { return missing_; }

private:
  void *address(const char *symbol);

  void *handle_ = nullptr;
  std::string missing_;
};

/// A library's table, filled by `open` when it is first asked for, and kept with what came of that.
template <typename Table> Result<const Table *> openOnce(Status (*open)(Table &table)) {
  static Table table = {};
  static const Status status = open(table);
  if (!status.ok())
    return status;
  return &std::as_const(table);
}

/// Where a library of the CUDA toolkit may be, `name` as "libnvrtc.so": by its versions, that of
/// the driver (as Driver::version; 0: not known) first, then the newest.
std::vector<std::string> toolkitNames(const std::string &name, int driverVersion);

/// FOLDER of GPTC_CUDA_LIBRARIES; empty if it is not set.
std::string libraryFolder();

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_LIBRARY_H
