// libFuzzer entry for the .npz reader: the directory, and every array in it.
#include "runtime/data/Npz.h"

#include "test/fuzz/FuzzArray.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto file = gptc::runtime::NpzFile::parse(std::as_bytes(std::span(data, size)), nullptr);
  if (!file.ok())
    return 0;
  for (const std::string &name : file->names()) {
    auto array = file->read(name);
    if (array.ok())
      gptc::runtime::test::useArray(*array);
  }
  return 0;
}
