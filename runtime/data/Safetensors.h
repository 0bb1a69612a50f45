// safetensors files (https://github.com/huggingface/safetensors, "Format"): eight bytes with the
// header's length, a JSON header, then the tensors without gaps. Input is not trusted: the header
// is validated whole before any tensor is handed out.
#ifndef GPTC_RUNTIME_DATA_SAFETENSORS_H
#define GPTC_RUNTIME_DATA_SAFETENSORS_H

#include "runtime/base/File.h"
#include "runtime/data/HostArray.h"

#include <map>

namespace gptc::runtime {

using SafetensorsMetadata = std::map<std::string, std::string>;

class SafetensorsFile {
public:
  struct Tensor {
    std::string name;
    HostArray array;
  };

  /// Maps `path` and validates its header; messages begin with the path.
  static Result<SafetensorsFile> open(const std::string &path);
  /// The same for bytes in memory that `owner` keeps alive.
  static Result<SafetensorsFile> parse(std::span<const std::byte> bytes,
                                       std::shared_ptr<const void> owner);

  /// All tensors, in the order in which they lie in the file.
  const std::vector<Tensor> &tensors() const { return tensors_; }
  /// The tensor with that name, or nullptr.
  const HostArray *find(std::string_view name) const;
  /// What stands under "__metadata__".
  const SafetensorsMetadata &metadata() const { return metadata_; }

private:
  std::vector<Tensor> tensors_;
  std::map<std::string, size_t, std::less<>> index_;
  SafetensorsMetadata metadata_;
};

/// What a file to be written will hold under one name.
struct SafetensorsEntry {
  std::string name;
  HostType type = HostType::float32;
  std::vector<int64_t> shape;
};

/// Writes `path` atomically. `writeTensor(i, writer)` is called once per entry and must write
/// exactly the bytes of entries[i] (else: internal); it is called in the file's order, which is by
/// falling element size (so that all are aligned), else as given. Names must be unique and not
/// "__metadata__", names and metadata valid UTF-8 (else: invalidArgument).
Status writeSafetensors(const std::string &path, std::span<const SafetensorsEntry> entries,
                        const SafetensorsMetadata &metadata,
                        FunctionRef<Status(size_t index, FileWriter &writer)> writeTensor);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DATA_SAFETENSORS_H
