// Kernels on the emulator: positions of threads, shared memory, barriers, reductions, poison,
// sources with many kernels.
#include "test/emulator/Harness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

namespace gptc::emulator {
namespace {

Harness &cuda() { return Harness::get(GPTC_EMULATOR_FOLDER); }

std::vector<float> run(const std::string &body, unsigned blocks, unsigned threads,
                       const std::vector<float> &in, size_t outs) {
  std::string source =
      "#include \"gptc_device.h\"\nGPTC_KERNEL(1024) kernel(const float *in, float *out) {\n" +
      body + "\n}\n";
  Handle kernel = cuda().kernel(source, "kernel");
  uint64_t input = cuda().upload(in), output = cuda().allocate(outs * 4);
  cuda().launch(kernel, blocks, threads, input, output);
  auto result = cuda().download<float>(output, outs);
  cuda().free(input);
  cuda().free(output);
  return result;
}

std::vector<float> ramp(size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

TEST(EmulatedKernel, EveryThreadRunsOnce) {
  auto out =
      run("out[gptc_block() * 96 + gptc_thread()] = 2 * in[gptc_block() * 96 + gptc_thread()];",
          131, 96, ramp(131 * 96), 131 * 96);
  for (size_t i = 0; i < out.size(); ++i)
    ASSERT_EQ(out[i], 2.0f * i);
}

TEST(EmulatedKernel, AllocationsHoldNaN) {
  auto out = run("if (gptc_thread() == 3) out[3] = in[3];", 1, 32, ramp(32), 32);
  EXPECT_EQ(out[3], 3.0f);
  EXPECT_TRUE(std::isnan(out[4]));
}

TEST(EmulatedKernel, SharedMemoryHoldsNaNInEveryBlock) {
  auto out = run("GPTC_SHARED(float, values, 32); out[gptc_block() * 32 + gptc_thread()] = "
                 "values[gptc_thread()];"
                 "gptc_sync(); values[gptc_thread()] = 1;",
                 100, 32, ramp(1), 3200);
  for (float value : out)
    ASSERT_TRUE(std::isnan(value));
}

TEST(EmulatedKernel, SharedMemoryIsTheBlocks) {
  auto out = run("GPTC_SHARED(float, values, 256); gptc_u32 t = gptc_thread();"
                 "for (int round = 0; round < 3; ++round) {"
                 "  values[t] = in[t] + round; gptc_sync();"
                 "  out[gptc_block() * 256 + t] = values[255 - t]; gptc_sync(); }",
                 20, 256, ramp(256), 20 * 256);
  for (size_t i = 0; i < out.size(); ++i)
    ASSERT_EQ(out[i], 255.0f - i % 256 + 2);
}

TEST(EmulatedKernel, ReductionsOfBlocks) {
  for (unsigned threads : {32u, 64u, 256u, 1024u}) {
    std::string reduce = "<" + std::to_string(threads) + ">(in[t + gptc_block()]);";
    auto out =
        run("gptc_u32 t = gptc_thread(); float *to = out + (gptc_block() * 1024 + t) * 3;"
            "to[0] = gptc_block_sum" +
                reduce + "to[1] = gptc_block_max" + reduce + "to[2] = gptc_block_min" + reduce,
            3, threads, ramp(1100), 3 * 1024 * 3);
    for (unsigned block = 0; block < 3; ++block)
      for (unsigned t = 0; t < threads; ++t) {
        const float *got = &out[(block * 1024 + t) * 3];
        ASSERT_EQ(got[0], threads * (threads - 1) / 2 + block * threads);
        ASSERT_EQ(got[1], threads - 1 + block);
        ASSERT_EQ(got[2], block);
      }
  }
}

TEST(EmulatedKernel, MaximumPropagatesNaNAndMaxnumDoesNot) {
  auto out = run(
      "float nan = gptc_as_float(0x7fc00000), z = -0.0f;"
      "out[0] = gptc_maximum(nan, 1); out[1] = gptc_minimum(1, nan); out[2] = gptc_maxnum(nan, 1);"
      "out[3] = gptc_minnum(1, nan); out[4] = gptc_maximum(z, 0.0f); out[5] = gptc_minimum(0.0f, "
      "z);"
      "out[6] = gptc_ipow(-2, 5); out[7] = gptc_ipow(2, -3); out[8] = gptc_roundeven(2.5f);"
      "out[9] = gptc_mulhi(0x80000000u, 6);",
      1, 1, ramp(1), 10);
  EXPECT_TRUE(std::isnan(out[0]) && std::isnan(out[1]));
  EXPECT_EQ(std::vector<float>(out.begin() + 2, out.end()),
            (std::vector<float>{1, 1, 0, -0.0f, -32, 0.125f, 2, 3}));
  EXPECT_FALSE(std::signbit(out[4]));
  EXPECT_TRUE(std::signbit(out[5]));
}

TEST(EmulatedKernel, AsynchronousCopiesArriveAtTheWait) {
  auto out = run("GPTC_SHARED(float, values, 64); gptc_u32 t = gptc_thread();"
                 "values[t] = values[t + 32] = 7;"
                 "gptc_copy_async_4(&values[t], in + t); gptc_copy_commit();"
                 "gptc_copy_async_4(&values[t + 32], in + 32 + t); gptc_copy_commit();"
                 "out[t] = values[t]; gptc_copy_wait<1>(); out[32 + t] = values[t]; out[64 + t] = "
                 "values[t + 32];"
                 "gptc_copy_wait<0>(); out[96 + t] = values[t + 32];",
                 1, 32, ramp(64), 128);
  for (int t = 0; t < 32; ++t) {
    EXPECT_TRUE(std::isnan(out[t]));
    EXPECT_EQ(out[32 + t], t);
    EXPECT_TRUE(std::isnan(out[64 + t]));
    EXPECT_EQ(out[96 + t], 32 + t);
  }
}

TEST(EmulatedKernel, InstanceTables) {
  Handle kernel =
      cuda().kernel("#include \"gptc_device.h\"\n"
                    "GPTC_KERNEL(32) kernel(const gptc_u64 *table, int instances) {\n"
                    "  int i = instances - 1;\n"
                    "  while (gptc_block() < table[i * 4 + 3]) --i;\n"
                    "  gptc_view<float, 64> out(gptc_address<float>(table[i * 4]));\n"
                    "  out[(gptc_block() - table[i * 4 + 3]) * 32 + gptc_thread()] = i;\n}\n",
                    "kernel");
  uint64_t first = cuda().allocate(256), second = cuda().allocate(256);
  uint64_t table = cuda().upload(std::vector<uint64_t>{first, 0, 64, 0, second, 0, 64, 2});
  cuda().launch(kernel, 4, 32, table, 2);
  EXPECT_EQ(cuda().download<float>(first, 64), std::vector<float>(64, 0));
  EXPECT_EQ(cuda().download<float>(second, 64), std::vector<float>(64, 1));
}

TEST(EmulatedKernel, StructuresAreParameters) {
  struct Batch {
    int count;
    int size[4];
    int64_t stride[4];
  } batch = {2, {3, 4, 5, 6}, {7, 8, 9, 10}};
  Handle kernel =
      cuda().kernel("#include \"gptc_device.h\"\n"
                    "struct batch { int count; int size[4]; gptc_i64 stride[4]; };\n"
                    "GPTC_KERNEL(32) kernel(float *out, float x, batch b, gptc_i64 n) {\n"
                    "  out[0] = x; out[1] = b.count; out[2] = b.size[3]; out[3] = b.stride[3]; "
                    "out[4] = n;\n}\n",
                    "kernel");
  uint64_t out = cuda().allocate(20);
  cuda().launch(kernel, 1, 1, out, 0.5f, batch, int64_t(11));
  EXPECT_EQ(cuda().download<float>(out, 5), (std::vector<float>{0.5f, 2, 6, 10, 11}));
}

} // namespace
} // namespace gptc::emulator
