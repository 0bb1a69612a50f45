// How far the compilation of kernels has come: a bar on a terminal, a line before and after in a
// pipe.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_COMPILEPROGRESS_H
#define GPTC_RUNTIME_DEVICE_CUDA_COMPILEPROGRESS_H

#include <cstddef>
#include <functional>
#include <mutex>
#include <string_view>

namespace gptc::runtime::cuda {

class CompileProgress {
public:
  /// `note` takes whole lines; if it is empty nothing is shown.
  CompileProgress(size_t modules, std::function<void(std::string_view)> note);
  CompileProgress(const CompileProgress &) = delete;
  CompileProgress &operator=(const CompileProgress &) = delete;
  /// Wipes the bar away.
  ~CompileProgress();

  /// After each module; on any thread.
  void advance();

private:
  void draw() const;

  const size_t modules_;
  const bool terminal_;
  size_t done_ = 0;
  std::mutex mutex_;
};

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_COMPILEPROGRESS_H
