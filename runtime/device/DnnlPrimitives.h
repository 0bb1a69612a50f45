// oneDNN's primitives: the entry points of its C API that are used, found at run time.
//
// They are those of oneDNN 2; descriptors, whose size is part of its ABI, are filled and read by
// the library alone.
#ifndef GPTC_RUNTIME_DEVICE_DNNLPRIMITIVES_H
#define GPTC_RUNTIME_DEVICE_DNNLPRIMITIVES_H

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace gptc::runtime {

struct DnnlPrimitives {
  /// Room for a dnnl_memory_desc_t (696 bytes in 2.6) or for any dnnl_*_desc_t of an operation (up
  /// to 5584).
  struct alignas(16) MemoryDescriptor {
    std::byte bytes[1024];
  };
  struct alignas(16) Descriptor {
    std::byte bytes[8192];
  };
  /// dnnl_exec_arg_t.
  struct Argument {
    int index;
    void *memory;
  };

  // Functions return 0 for success, but for the last two groups.
  int (*engineCreate)(void **engine, int kind, size_t index);
  int (*engineDestroy)(void *engine);
  int (*streamCreate)(void **stream, void *engine, unsigned flags);
  int (*streamWait)(void *stream);
  int (*streamDestroy)(void *stream);

  int (*memoryDescribe)(MemoryDescriptor *descriptor, int axes, const int64_t *sizes, int type,
                        int tag);
  int (*describeMatmul)(Descriptor *descriptor, const MemoryDescriptor *source,
                        const MemoryDescriptor *weights, const MemoryDescriptor *bias,
                        const MemoryDescriptor *result);
  int (*describeForward)(Descriptor *descriptor, int kind, const MemoryDescriptor *source,
                         const MemoryDescriptor *weights, const MemoryDescriptor *bias,
                         const MemoryDescriptor *result);
  int (*describeBackwardData)(Descriptor *descriptor, const MemoryDescriptor *sourceGradient,
                              const MemoryDescriptor *weights,
                              const MemoryDescriptor *resultGradient);
  int (*describeBackwardWeights)(Descriptor *descriptor, const MemoryDescriptor *source,
                                 const MemoryDescriptor *weightsGradient,
                                 const MemoryDescriptor *biasGradient,
                                 const MemoryDescriptor *resultGradient);

  int (*attributesCreate)(void **attributes);
  int (*attributesDestroy)(void *attributes);
  int (*attributesSetPostOps)(void *attributes, const void *postOps);
  int (*postOpsCreate)(void **postOps);
  int (*postOpsDestroy)(void *postOps);
  int (*postOpsAppendSum)(void *postOps, float scale);

  int (*choiceCreate)(void **choice, const void *descriptor, const void *attributes, void *engine,
                      const void *forwardHint);
  int (*choiceDestroy)(void *choice);
  int (*choiceQuery)(const void *choice, int what, int index, void *answer);
  int (*primitiveCreate)(void **primitive, const void *choice);
  int (*primitiveDestroy)(void *primitive);
  int (*primitiveExecute)(const void *primitive, void *stream, int count,
                          const Argument *arguments);
  int (*memoryCreate)(void **memory, const MemoryDescriptor *descriptor, void *engine, void *data);
  int (*memoryDestroy)(void *memory);

  /// The layout of an argument that oneDNN chose.
  const MemoryDescriptor *(*choiceQueryMemory)(const void *choice, int what, int index);
  size_t (*memoryBytes)(const MemoryDescriptor *descriptor);

  std::string version; ///< "2.6.3"
};

/// The table, opened once. Errors unavailable: there is no oneDNN, or it is not oneDNN 2.
Result<const DnnlPrimitives *> openDnnlPrimitives();

/// An object of oneDNN's, destroyed by the function that goes with it.
struct DnnlDestroy {
  int (*function)(void *) = nullptr;
  void operator()(void *object) const { function(object); }
};
using DnnlHandle = std::unique_ptr<void, DnnlDestroy>;

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_DNNLPRIMITIVES_H
