// libFuzzer entry for the .npy reader: any bytes must give an array that is consistent, or an
// error.
#include "runtime/data/Npy.h"

#include "test/fuzz/FuzzArray.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto array = gptc::runtime::parseNpy(std::as_bytes(std::span(data, size)), nullptr);
  if (array.ok())
    gptc::runtime::test::useArray(*array);
  return 0;
}
