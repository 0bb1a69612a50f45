// A device for tests of the templates in lib/CodeGen/Cuda: compiles their text and launches kernels
// on operands that the host holds as floats. The emulator; with GPTC_CUDA_LIBRARIES set and empty,
// the machine's GPU.
#ifndef GPTC_TEST_EMULATOR_KERNELDEVICE_H
#define GPTC_TEST_EMULATOR_KERNELDEVICE_H

#include "runtime/device/cuda/Driver.h"
#include "runtime/device/cuda/Nvrtc.h"
#include "test/emulator/Element.h"

#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace gptc::test {

/// The text of a file of lib/CodeGen/Cuda.
inline std::string textOf(const char *name) {
  std::ifstream file(std::string(GPTC_CUDA_SOURCES) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

/// Elements in a device's memory, from `offset` of `values` on for the kernel.
struct DeviceOperand {
  Element element;
  std::vector<float> &values;
  int64_t offset;
};

struct Grid {
  unsigned x, y = 1, z = 1;
};

class KernelDevice {
public:
  runtime::Status open() {
    using namespace runtime::cuda;
    GPTC_ASSIGN(driver, openDriver());
    GPTC_ASSIGN(nvrtc, openNvrtc());
    CUdevice device = 0;
    CUcontext context = nullptr;
    int major = 0, minor = 0;
    GPTC_RETURN_IF_ERROR(driver->check(driver->deviceGet(&device, 0), "cuDeviceGet"));
    driver->deviceGetAttribute(&major, cudaComputeCapabilityMajor, device);
    driver->deviceGetAttribute(&minor, cudaComputeCapabilityMinor, device);
    architecture = fmt::format("sm_{}{}", major, minor);
    GPTC_RETURN_IF_ERROR(
        driver->check(driver->primaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain"));
    return driver->check(driver->ctxSetCurrent(context), "cuCtxSetCurrent");
  }

  /// Compiles `source` behind the device header, once, and launches its kernel `name`, 128 threads
  /// a block, on the operands and then `rest`. What the operands then hold is read back.
  void launch(const std::string &source, const std::string &name, const Grid &grid,
              const std::vector<DeviceOperand> &operands, const std::vector<void *> &rest = {}) {
    runtime::cuda::CUfunction function = nullptr;
    ASSERT_NO_FATAL_FAILURE(find(source, name, function));
    std::vector<runtime::cuda::CUdeviceptr> buffers(operands.size()), pointers(operands.size());
    std::vector<void *> parameters;
    for (size_t i = 0; i < operands.size(); ++i) {
      std::vector<char> data = encode(operands[i].element, operands[i].values);
      ASSERT_EQ(driver->memAlloc(&buffers[i], data.size()), 0);
      ASSERT_EQ(driver->memcpyHtoDAsync(buffers[i], data.data(), data.size(), nullptr), 0);
      ASSERT_EQ(driver->streamSynchronize(nullptr), 0); // `data` ends here
      pointers[i] =
          buffers[i] + bytesOf(operands[i].element) * static_cast<uint64_t>(operands[i].offset);
      parameters.push_back(&pointers[i]);
    }
    parameters.insert(parameters.end(), rest.begin(), rest.end());
    ASSERT_EQ(driver->launchKernel(function, grid.x, grid.y, grid.z, 128, 1, 1, 0, nullptr,
                                   parameters.data(), nullptr),
              0);
    for (size_t i = 0; i < operands.size(); ++i) {
      std::vector<char> data(operands[i].values.size() * bytesOf(operands[i].element));
      ASSERT_EQ(driver->memcpyDtoHAsync(data.data(), buffers[i], data.size(), nullptr), 0);
      ASSERT_EQ(driver->streamSynchronize(nullptr), 0);
      decode(operands[i].element, data, operands[i].values);
      driver->memFree(buffers[i]);
    }
  }

private:
  void find(const std::string &source, const std::string &name,
            runtime::cuda::CUfunction &function) {
    using namespace runtime::cuda;
    CUmodule &module = modules[source];
    if (!module) {
      std::string options[] = {"--gpu-architecture=" + architecture, "-std=c++17"};
      runtime::Result<Nvrtc::Compiled> compiled = nvrtc->compile(
          "#include \"gptc_device.h\"\n" + source, "test.cu",
          textOf("HostTwin.cuh") + textOf("Device.cuh"), options, Nvrtc::Output::cubin);
      ASSERT_TRUE(compiled.ok()) << compiled.status().message();
      ASSERT_TRUE(compiled->ok) << compiled->log;
      ASSERT_EQ(driver->moduleLoadData(&module, compiled->code.data()), 0);
    }
    ASSERT_EQ(driver->moduleGetFunction(&function, module, name.c_str()), 0);
  }

  const runtime::cuda::Driver *driver = nullptr;
  const runtime::cuda::Nvrtc *nvrtc = nullptr;
  std::string architecture;
  std::map<std::string, runtime::cuda::CUmodule> modules; ///< by source
};

/// Opens the device for a suite of tests, which are skipped where there is none.
class KernelTest : public testing::Test {
protected:
  static void SetUpTestSuite() {
#ifdef GPTC_EMULATOR
    setenv("GPTC_CUDA_LIBRARIES", GPTC_EMULATOR, 0);
#endif
    device = new KernelDevice;
    opened = device->open();
  }
  static void TearDownTestSuite() { delete device; }
  void SetUp() override {
    if (opened.code() == runtime::Code::unavailable)
      GTEST_SKIP() << opened.message();
    ASSERT_TRUE(opened.ok()) << opened.message();
  }

  float normal() { return std::normal_distribution<float>()(random); }
  int below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(random); }

  static inline KernelDevice *device = nullptr;
  static inline runtime::Status opened;
  std::mt19937 random{1};
};

} // namespace gptc::test

#endif // GPTC_TEST_EMULATOR_KERNELDEVICE_H
