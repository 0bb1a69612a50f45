// The templates of attention and of its adjoint (lib/CodeGen/Cuda/Attention*.cuh) beside the same
// in double precision: sizes around the tiles, groups, masks, strides and alignments. Runs on the
// emulator; with GPTC_CUDA_LIBRARIES set and empty, on the machine's GPU.
#include "runtime/device/cuda/Driver.h"
#include "runtime/device/cuda/Nvrtc.h"
#include "test/emulator/AttentionProblem.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <random>
#include <sstream>
#include <vector>

using namespace gptc::runtime;
using namespace gptc::runtime::cuda;
using namespace gptc::test;

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

std::string textOf(const char *name) {
  std::ifstream file(std::string(GPTC_CUDA_SOURCES) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

/// The device, and the kernels that it has compiled.
class Gpu {
public:
  Status open() {
    GPTC_ASSIGN(driver, openDriver());
    GPTC_ASSIGN(nvrtc, openNvrtc());
    CUdevice device = 0;
    CUcontext context = nullptr;
    GPTC_RETURN_IF_ERROR(driver->check(driver->deviceGet(&device, 0), "cuDeviceGet"));
    driver->deviceGetAttribute(&major, cudaComputeCapabilityMajor, device);
    driver->deviceGetAttribute(&minor, cudaComputeCapabilityMinor, device);
    GPTC_RETURN_IF_ERROR(
        driver->check(driver->primaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain"));
    return driver->check(driver->ctxSetCurrent(context), "cuCtxSetCurrent");
  }

  void forward(Problem &p, bool withLogSum = true) {
    const Shape &s = p.s;
    std::vector<Operand *> operands = p.forwardOperands();
    std::string call = fmt::format("gptc_attention<shape>({}, {}, {}, {}, {}, {}f, gptc_block());",
                                   p.q.view("p0", false), p.k.view("p1", false),
                                   p.v.view("p2", false), p.o.view("p3", true),
                                   withLogSum ? p.lse.view("p4", true) : "gptc_attention_unused()",
                                   fmt::format("{:.9e}", s.scale));
    run(s, "Attention.cuh", call, operands, 3, s.batches * s.heads * ((s.queries + 63) / 64));
  }

  void grad(Problem &p) {
    const Shape &s = p.s;
    std::vector<Operand *> operands = p.gradOperands();
    std::string call = "gptc_attention_grad<shape>(";
    for (size_t i = 0; i < operands.size(); ++i)
      call += operands[i]->view(fmt::format("p{}", i).c_str(), i >= 6) + ", ";
    call += fmt::format("{:.9e}f, gptc_block());", s.scale);
    auto padded = [](int columns) { return (columns + 15) / 16 * 16; };
    int block = padded(s.depth) + padded(s.width) <= 128 ? 64 : 32;
    int items =
        (s.keys + block - 1) / block + s.heads / s.groups * ((s.queries + block - 1) / block);
    run(s, "AttentionGrad.cuh", call, operands, 6, s.batches * s.groups * items);
  }

private:
  void run(const Shape &s, const char *file, const std::string &call,
           const std::vector<Operand *> &operands, size_t inputs, int blocks) {
    std::string source = "#include \"gptc_device.h\"\n" + textOf("AttentionTiles.cuh") +
                         textOf(file) + "GPTC_KERNEL(128) attention(";
    for (size_t i = 0; i < operands.size(); ++i)
      source += fmt::format("{}{}float *p{}", i ? ", " : "", i < inputs ? "const " : "", i);
    source += fmt::format(") {{\n  typedef gptc_attention_shape<{}, {}, {}, {}, {}, {}, {}> "
                          "shape;\n  {}\n}}\n",
                          s.heads, s.groups, s.queries, s.keys, s.depth, s.width, s.causal, call);
    CUfunction function = nullptr;
    ASSERT_NO_FATAL_FAILURE(find(source, function));
    std::vector<CUdeviceptr> buffers(operands.size()), pointers(operands.size());
    std::vector<void *> parameters;
    for (size_t i = 0; i < operands.size(); ++i) {
      size_t bytes = 4 * operands[i]->values.size();
      ASSERT_EQ(driver->memAlloc(&buffers[i], bytes), 0);
      ASSERT_EQ(driver->memcpyHtoDAsync(buffers[i], operands[i]->values.data(), bytes, nullptr), 0);
      pointers[i] = buffers[i] + 4 * operands[i]->offset;
      parameters.push_back(&pointers[i]);
    }
    ASSERT_EQ(driver->launchKernel(function, blocks, 1, 1, 128, 1, 1, 0, nullptr, parameters.data(),
                                   nullptr),
              0);
    for (size_t i = 0; i < operands.size(); ++i)
      ASSERT_EQ(driver->memcpyDtoHAsync(operands[i]->values.data(), buffers[i],
                                        4 * operands[i]->values.size(), nullptr),
                0);
    ASSERT_EQ(driver->streamSynchronize(nullptr), 0);
    for (CUdeviceptr buffer : buffers)
      driver->memFree(buffer);
  }

  void find(const std::string &source, CUfunction &function) {
    CUfunction &known = functions[source];
    if (!known) {
      std::string options[] = {fmt::format("--gpu-architecture=sm_{}{}", major, minor),
                               "-std=c++17"};
      Result<Nvrtc::Compiled> compiled =
          nvrtc->compile(source, "attention.cu", textOf("HostTwin.cuh") + textOf("Device.cuh"),
                         options, Nvrtc::Output::cubin);
      ASSERT_TRUE(compiled.ok()) << compiled.status().message();
      ASSERT_TRUE(compiled->ok) << compiled->log;
      CUmodule module = nullptr;
      ASSERT_EQ(driver->moduleLoadData(&module, compiled->code.data()), 0);
      ASSERT_EQ(driver->moduleGetFunction(&known, module, "attention"), 0);
    }
    function = known;
  }

  const Driver *driver = nullptr;
  const Nvrtc *nvrtc = nullptr;
  int major = 0, minor = 0;
  std::map<std::string, CUfunction> functions;
};

class GeneratedAttention : public testing::Test {
protected:
  static void SetUpTestSuite() {
#ifdef GPTC_EMULATOR
    setenv("GPTC_CUDA_LIBRARIES", GPTC_EMULATOR, 0);
#endif
    gpu = new Gpu;
    opened = gpu->open();
  }
  static void TearDownTestSuite() { delete gpu; }
  void SetUp() override {
    if (opened.code() == Code::unavailable)
      GTEST_SKIP() << opened.message();
    ASSERT_TRUE(opened.ok()) << opened.message();
  }

  void fill(Operand &operand, float size = 1.0f) {
    operand.each([&](float &value, int, int, int, int) {
      value = size * std::normal_distribution<float>()(random);
    });
  }
  void verify(const Shape &s) {
    SCOPED_TRACE(s.text());
    Problem p(s);
    for (Operand *operand : {&p.q, &p.k, &p.v, &p.gradient})
      fill(*operand);
    gpu->forward(p);
    Problem again = p;
    p.checkForward();
    if (HasFailure())
      return;
    p.o.values = again.o.values;
    p.lse.values = again.lse.values;
    Expected dq(p.dq), dk(p.dk), dv(p.dv);
    p.expectGrad(dq, dk, dv);
    gpu->grad(p);
    dq.check("dq");
    dk.check("dk");
    dv.check("dv");
  }

  static inline Gpu *gpu = nullptr;
  static inline Status opened;
  std::mt19937 random{1};
};

TEST_F(GeneratedAttention, Small) {
  verify({1, 1, 1, 1, 1, 1, 1, true});
  verify({1, 1, 1, 1, 1, 7, 3});
  verify({2, 3, 1, 7, 11, 7, 1});
  verify({1, 2, 1, 5, 5, 16, 24, true});
}

TEST_F(GeneratedAttention, AroundTheTiles) {
  verify({1, 1, 1, 64, 64, 32, 32, true});
  verify({1, 1, 1, 65, 65, 16, 16, true, Place::rows});
  verify({1, 1, 1, 17, 129, 8, 8});
  verify({1, 1, 1, 131, 31, 4, 12, false, Place::rows});
}

TEST_F(GeneratedAttention, ManyTiles) { verify({1, 2, 1, 200, 200, 12, 8, true, Place::packed}); }

TEST_F(GeneratedAttention, HeadsOf64) {
  verify({1, 2, 2, 80, 80, 64, 64, true, Place::packed});
  verify({1, 2, 1, 33, 70, 64, 64, false, Place::rows});
}

TEST_F(GeneratedAttention, HeadsOf80) { verify({1, 1, 1, 40, 40, 80, 80, true, Place::rows}); }

TEST_F(GeneratedAttention, HeadsOf128) {
  verify({1, 2, 1, 65, 65, 128, 128, true, Place::packed});
  verify({1, 1, 1, 20, 37, 128, 64});
}

// Where the own rows of a block of queries or keys do not fit into shared memory, or are narrow.
TEST_F(GeneratedAttention, OneWideOneNarrow) {
  verify({1, 1, 1, 40, 40, 5, 112, true});
  verify({1, 1, 1, 40, 40, 112, 5, true});
  verify({1, 1, 1, 20, 21, 1, 128});
}

TEST_F(GeneratedAttention, Unaligned) {
  verify({2, 4, 2, 37, 37, 12, 20, true, Place::unaligned});
  verify({1, 1, 1, 18, 50, 32, 6, false, Place::unaligned});
}

TEST_F(GeneratedAttention, ScalesOfAnySign) {
  Shape s{1, 1, 1, 40, 40, 8, 8, true};
  s.scale = -0.5f;
  verify(s);
  s.scale = 0.0f;
  verify(s);
}

TEST_F(GeneratedAttention, LargeScoresDoNotOverflow) {
  Shape s{1, 1, 1, 40, 90, 8, 8};
  Problem p(s);
  for (Operand *operand : {&p.q, &p.k, &p.v})
    fill(*operand, operand == &p.v ? 1.0f : 60.0f);
  gpu->forward(p);
  Problem again = p;
  p.checkForward();
}

TEST_F(GeneratedAttention, WithoutLogSum) {
  Problem p({1, 2, 1, 9, 9, 8, 8, true}), other = p;
  for (Operand *operand : {&p.q, &p.k, &p.v})
    fill(*operand);
  other = p;
  gpu->forward(p);
  gpu->forward(other, false);
  EXPECT_EQ(std::memcmp(p.o.values.data(), other.o.values.data(), 4 * p.o.values.size()), 0);
  for (float value : other.lse.values)
    EXPECT_TRUE(std::isnan(value));
}

// A score of -inf is a key that is not seen, be it in the first tile or later; one of NaN makes the
// query's result NaN, and no other query's.
TEST_F(GeneratedAttention, InfinitiesAndNan) {
  Problem p({1, 1, 1, 8, 80, 1, 1});
  p.q.each([](float &value, int, int, int t, int) { value = t == 5 ? nan : 1.0f; });
  p.k.each(
      [](float &value, int, int, int j, int) { value = j < 40 || j == 70 ? -infinity : 0.0f; });
  p.v.each([](float &value, int, int, int j, int) { value = float(j); });
  gpu->forward(p);
  for (int t = 0; t < 8; ++t) {
    if (t == 5) {
      EXPECT_TRUE(std::isnan(p.o.at(0, 0, t, 0)));
      EXPECT_TRUE(std::isnan(p.lse.at(0, 0, t, 0)));
    } else {
      EXPECT_NEAR(p.o.at(0, 0, t, 0), ((40 + 79) * 20 - 70) / 39.0, 1e-4);
      EXPECT_NEAR(p.lse.at(0, 0, t, 0), std::log(39.0), 1e-6);
    }
  }
}

TEST_F(GeneratedAttention, SameBitsEachTime) {
  Problem p({1, 2, 1, 70, 70, 8, 8, true});
  for (Operand *operand : {&p.q, &p.k, &p.v, &p.gradient})
    fill(*operand);
  gpu->forward(p);
  Problem again = p;
  gpu->grad(p);
  gpu->grad(again);
  for (auto [one, other] : {std::pair(&p.dq, &again.dq), {&p.dk, &again.dk}, {&p.dv, &again.dv}})
    EXPECT_EQ(std::memcmp(one->values.data(), other->values.data(), 4 * one->values.size()), 0);
}

} // namespace
