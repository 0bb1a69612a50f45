// What this machine can do at most: the roof over every kernel.
#ifndef GPTC_DRIVER_ROOFLINE_H
#define GPTC_DRIVER_ROOFLINE_H

#include "gptc/Driver/Costs.h"
#include "runtime/device/Device.h"

#include <string>

namespace gptc {

/// 0 stands for what is not known.
struct Roofline {
  double bytesPerSecond = 0; ///< memory, read and written
  double flopsPerSecond = 0; ///< float32, a fused multiply-add counts as 2
  std::string machine;       ///< "cpu, 2 threads", "NVIDIA H200"
  std::string origin;        ///< how they were found

  bool known() const { return bytesPerSecond > 0 && flopsPerSecond > 0; }
  /// The least time that something can take, in milliseconds: its bytes or its FLOPs, whichever
  /// take longer. 0 if the roof is not known.
  double milliseconds(const Cost &cost) const;
  /// Whether it is the bytes.
  bool boundByMemory(const Cost &cost) const;
};

/// The processor's: the best of a few runs of all threads (`threads` as in runtime::setThreadCount)
/// that read and write arrays larger than the caches, and that multiply and add in registers. A
/// GPU's: from its attributes. Takes about half a second on a CPU.
runtime::Result<Roofline> measureRoofline(const runtime::DeviceOptions &device, bool cuda);

} // namespace gptc

#endif // GPTC_DRIVER_ROOFLINE_H
