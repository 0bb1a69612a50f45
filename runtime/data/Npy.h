// NumPy's .npy files: one array each (format versions 1 to 3). Input is not trusted: whatever a
// header says is checked against the bytes that are there before it is believed.
#ifndef GPTC_RUNTIME_DATA_NPY_H
#define GPTC_RUNTIME_DATA_NPY_H

#include "runtime/data/HostArray.h"

namespace gptc::runtime {

/// Reads an array out of the bytes of a .npy file; the result points into `bytes`, which `owner`
/// keeps alive. Errors (dataError) say what was required and found; the caller adds the file's name
/// with Status::within. Fortran order is refused for 2 axes and more, bytes after the array too.
Result<HostArray> parseNpy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

/// Maps the file and parses it; messages begin with the path.
Result<HostArray> readNpy(const std::string &path);

/// The header of a version 1.0 file, padded so that the data that follows is aligned to 64 bytes;
/// failed if numpy has no such type.
Result<std::string> npyHeader(HostType type, std::span<const int64_t> shape);

/// Writes `path` atomically. `bytes` must be as long as shape and type say (else invalidArgument).
Status writeNpy(const std::string &path, HostType type, std::span<const int64_t> shape,
                std::span<const std::byte> bytes);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DATA_NPY_H
