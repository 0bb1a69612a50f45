// What lies in memory while an entry runs, command by command.
#ifndef GPTC_LIB_DRIVER_MEMORYTIMELINE_H
#define GPTC_LIB_DRIVER_MEMORYTIMELINE_H

#include "gptc/Dialect/Plan/PlanOps.h"
#include "gptc/Driver/Memory.h"

namespace gptc {

/// `gradientBytes`: of the gradients' segment, 0 if there is none.
MemoryReport::Timeline timelineOf(plan::EntryOp entry, uint64_t gradientBytes);

} // namespace gptc

#endif // GPTC_LIB_DRIVER_MEMORYTIMELINE_H
