// libFuzzer entry for the safetensors reader: the tensors must lie within the file and cover its
// data once.
#include "runtime/data/Safetensors.h"

#include "test/fuzz/FuzzArray.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using namespace gptc::runtime;
  auto file = SafetensorsFile::parse(std::as_bytes(std::span(data, size)), nullptr);
  if (!file.ok())
    return 0;
  const std::byte *position = nullptr;
  for (const SafetensorsFile::Tensor &tensor : file->tensors()) {
    if (position && tensor.array.bytes.data() != position)
      __builtin_trap();
    position = tensor.array.bytes.data() + tensor.array.bytes.size();
    if (file->find(tensor.name) != &tensor.array)
      __builtin_trap();
    test::useArray(tensor.array);
  }
  if (position && position != reinterpret_cast<const std::byte *>(data) + size)
    __builtin_trap();
  return 0;
}
