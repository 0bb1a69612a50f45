// Building plans for GPUs by hand.
#include "CudaTestPlan.h"

#include "test/Runtime/TestFiles.h"

#include <fmt/format.h>
#include <map>

namespace gptc::runtime::test {

namespace {

/// Loads the emulator instead of CUDA, and keeps compiled kernels in a folder of their own, unless
/// the environment says otherwise.
class CudaEnvironment : public testing::Environment {
public:
  void SetUp() override {
    ::setenv("GPTC_CUDA_LIBRARIES", GPTC_EMULATOR, /*overwrite=*/0);
    ::setenv("GPTC_CACHE_DIR", (folder_ / "cache").c_str(), /*overwrite=*/0);
  }

private:
  TemporaryFolder folder_;
};

[[maybe_unused]] const testing::Environment *environment =
    testing::AddGlobalTestEnvironment(new CudaEnvironment);

std::string read(const std::string &path) {
  Result<std::string> text = readWholeFile(path);
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *text : "";
}

/// How many operands each kernel is launched with.
std::map<uint32_t, size_t> operandCounts(const fb::PlanT &plan) {
  std::map<uint32_t, size_t> counts;
  for (const auto &entry : plan.entries)
    for (const auto &command : entry->commands)
      if (const fb::LaunchT *launch = command->operation.AsLaunch())
        counts[launch->kernel] = launch->instances.at(0)->operands.size();
      else if (const fb::MatmulT *matmul = command->operation.AsMatmul();
               matmul && matmul->epilogue)
        counts[matmul->epilogue->kernel] = matmul->epilogue->instances.at(0)->operands.size();
  return counts;
}

std::string entryPoints(const std::string &symbol, size_t operands) {
  std::string parameters, addresses;
  for (size_t i = 0; i < operands; ++i) {
    parameters += fmt::format("void *a{}, ", i);
    addresses += fmt::format("(gptc_u64)a{}, ", i);
  }
  return fmt::format(R"(
GPTC_KERNEL(32) {0}({1}gptc_i64 rows) {{
  const gptc_u64 o[] = {{{2}0}};
  gptc_i64 row = gptc_i64(gptc_block()) * 32 + gptc_thread();
  if (row < rows)
    row_{0}(o, row);
}}
GPTC_KERNEL(32) {0}_instances(const gptc_u64 *table, int instances) {{
  const gptc_u64 *o = table;
  for (int i = 1; i < instances; ++i)
    if (table[i * {3} + {3} - 1] <= gptc_block())
      o = table + i * {3};
  gptc_i64 row = (gptc_i64(gptc_block()) - gptc_i64(o[{3} - 1])) * 32 + gptc_thread();
  if (row < gptc_i64(o[{3} - 2]))
    row_{0}(o, row);
}}
)",
                     symbol, parameters, addresses, operands + 2);
}

std::string matmulSource() {
  std::string source = "#include \"gptc_device.h\"\n" + read(GPTC_CUDA_SOURCES "/Products.cuh") +
                       read(GPTC_CUDA_SOURCES "/Matmul.cuh");
  for (bool lhs : {false, true})
    for (bool rhs : {false, true})
      source += fmt::format(
          "GPTC_KERNEL(128) matmul_{0}{1}(const float *lhs, const float *rhs, float *result, int "
          "m, int n, int k, gptc_i64 lhs_stride, gptc_i64 rhs_stride, gptc_i64 result_stride, int "
          "accumulate, gptc_batch batch) {{\n  gptc_matmul<gptc_fp32_products, {0}, {1}>(lhs, rhs, result, m, n, k, "
          "lhs_stride, rhs_stride, result_stride, accumulate, batch);\n}}\n",
          int(lhs), int(rhs));
  return source + R"(
GPTC_KERNEL(64) argsort(const gptc_i32 *indices, gptc_i32 *order, gptc_i64 count) {
  gptc_i64 i = gptc_i64(gptc_block()) * 64 + gptc_thread(), before = 0;
  if (i >= count)
    return;
  for (gptc_i64 j = 0; j < count; ++j)
    before += indices[j] < indices[i] || (indices[j] == indices[i] && j < i);
  order[before] = gptc_i32(i);
}
)";
}

} // namespace

std::string deviceHeader() {
  return read(GPTC_CUDA_SOURCES "/HostTwin.cuh") + read(GPTC_CUDA_SOURCES "/Device.cuh");
}

void useCudaKernels(TestPlan &test) {
  std::string source = read(GPTC_TEST_CUDA_KERNELS);
  for (auto [kernel, operands] : operandCounts(test.plan))
    source += entryPoints(test.plan.kernels[kernel]->symbol, operands);
  fb::CudaT &cuda = test.useCuda(source);
  cuda.header = deviceHeader();
  cuda.modules.push_back(std::make_unique<fb::CudaModuleT>());
  cuda.modules[1]->source = matmulSource();
  for (bool lhs : {false, true})
    for (bool rhs : {false, true}) {
      auto matmul = std::make_unique<fb::CudaMatmulT>();
      matmul->symbol = fmt::format("matmul_{}{}", int(lhs), int(rhs));
      matmul->module_ = 1;
      matmul->threads = 128;
      matmul->tile_m = matmul->tile_n = 64;
      matmul->transpose_lhs = lhs;
      matmul->transpose_rhs = rhs;
      cuda.matmuls.push_back(std::move(matmul));
    }
  cuda.argsort = std::make_unique<fb::CudaArgsortT>();
  cuda.argsort->symbol = "argsort";
  cuda.argsort->module_ = 1;
  cuda.argsort->threads = 64;
}

DeviceOptions cudaOptions(bool graphs, MatmulChoice matmul) {
  DeviceOptions options;
  options.device = "cuda";
  options.graphs = graphs;
  options.matmul = matmul;
  return options;
}

} // namespace gptc::runtime::test
