// A CUDA program in a few calls, for tests of the emulator: the three libraries of a folder by
// dlopen, one device, one stream. Errors end the process with a message.
#ifndef GPTC_TEST_EMULATOR_HARNESS_H
#define GPTC_TEST_EMULATOR_HARNESS_H

#include <cstdint>
#include <string>
#include <vector>

namespace gptc::emulator {

using Handle = void *;

/// Opens the libraries of `folder` once per process; the folder of the first call stays.
class Harness {
public:
  static Harness &get(const std::string &folder);

  /// A function of one of the libraries: `function<int(unsigned)>("cuInit")`.
  template <typename Signature> Signature *function(const char *name) {
    return reinterpret_cast<Signature *>(find(name));
  }

  /// Compiles CUDA source with the device header; false with NVRTC's log if it fails.
  bool compile(const std::string &source, std::string &cubin, std::string &log,
               const std::string &architecture = "sm_90a");
  /// A kernel of a source that must compile.
  Handle kernel(const std::string &source, const char *name);

  uint64_t allocate(size_t bytes);
  template <typename T> uint64_t upload(const std::vector<T> &data) {
    uint64_t address = allocate(data.size() * sizeof(T));
    copyIn(address, data.data(), data.size() * sizeof(T));
    return address;
  }
  template <typename T> std::vector<T> download(uint64_t address, size_t count) {
    std::vector<T> data(count);
    copyOut(data.data(), address, count * sizeof(T));
    return data;
  }
  void free(uint64_t address);

  template <typename... T>
  void launch(Handle kernel, unsigned blocks, unsigned threads, T... parameters) {
    void *addresses[] = {&parameters..., nullptr};
    launchRaw(kernel, blocks, threads, addresses);
  }
  void synchronize();
  Handle stream = nullptr;

  /// Ends the process if `status` of `what` is not success.
  static void check(int status, const char *what);

private:
  explicit Harness(const std::string &folder);
  void *find(const char *name);
  void copyIn(uint64_t to, const void *from, size_t bytes);
  void copyOut(void *to, uint64_t from, size_t bytes);
  void launchRaw(Handle kernel, unsigned blocks, unsigned threads, void **parameters);

  std::vector<void *> libraries;
};

/// The text of `gptc_device.h`.
const std::string &deviceHeader();
std::string readText(const std::string &path);

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_HARNESS_H
