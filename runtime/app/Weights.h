// A session's tensors to and from safetensors files, under their logical names.
#ifndef GPTC_RUNTIME_APP_WEIGHTS_H
#define GPTC_RUNTIME_APP_WEIGHTS_H

#include "runtime/data/Safetensors.h"
#include "runtime/execute/Session.h"

namespace gptc::runtime {

/// Which tensors a file holds.
enum class TensorSet {
  weights,    ///< parameters and states
  checkpoint, ///< and the optimizer's moments, and what loss scaling goes on with
};

/// Writes all elements of the set's tensors from the file. Numbers of other types are converted to
/// float32. Every tensor must be there with the plan's shape, and no other: except that for
/// `weights` a file may hold the moments too, which are left alone. What loss scaling goes on with
/// may be missing, and then keeps its values, or be there in vain. Error dataError names all that
/// are missing, extra, or of another shape; nothing has been written then.
Status loadTensors(Session &session, const SafetensorsFile &file, const std::string &path,
                   TensorSet set);

/// Writes the set's tensors as float32, atomically.
Status saveTensors(const Session &session, const std::string &path, TensorSet set,
                   const SafetensorsMetadata &metadata);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_WEIGHTS_H
