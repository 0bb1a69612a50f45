// Compiling modules with NVRTC itself; where it is not installed these tests are skipped.
#include "runtime/device/cuda/ModuleCompiler.h"

#include "runtime/device/cuda/Nvrtc.h"
#include "test/Runtime/TestFiles.h"

namespace gptc::runtime::cuda {
namespace {

using test::TemporaryFolder;

const std::string kernel = R"(#include "gptc_device.h"
extern "C" __global__ void scale(float *values, long long rows) {
  __shared__ float part[64];
  part[threadIdx.x] = values[threadIdx.x];
  __syncthreads();
  values[threadIdx.x] = part[63 - threadIdx.x] * FACTOR;
})";

class ModuleCompiler : public testing::Test {
protected:
  void SetUp() override {
    if (!openNvrtc().ok())
      GTEST_SKIP() << openNvrtc().status().message();
  }

  CompileSettings settings(const std::string &architecture = "sm_90a") {
    CompileSettings settings;
    settings.architecture = architecture;
    settings.cache = &cache;
    settings.threads = 2;
    settings.note = [this](std::string_view line) { (notes += line) += "\n"; };
    return settings;
  }

  static ModuleSource source(const std::string &text = kernel) {
    return {text, {{"scale", "model.gpt:3:7"}}, {}};
  }

  TemporaryFolder folder;
  CubinCache cache{folder / "cache", {}};
  std::string header = "#define FACTOR 2.0f\n", notes;
};

TEST_F(ModuleCompiler, CompilesAndRemembers) {
  std::vector<ModuleSource> sources(3, source());
  sources[1].source += "\n// another";
  sources[2].source += "\n// a third";
  CompileCounts counts;
  auto first = compileModules(header, sources, settings(), &counts);
  ASSERT_SUCCESS(first);
  EXPECT_EQ(counts.compiled, 3u);
  EXPECT_THAT(counts.text(), testing::StartsWith("3 modules, 3 compiled in "));
  EXPECT_THAT(notes, testing::HasSubstr("compiling 3 modules of kernels"));
  for (const CompiledModule &module : *first) {
    EXPECT_EQ(module.cubin.substr(1, 3), "ELF");
    std::vector<KernelResources> resources = module.resources();
    ASSERT_EQ(resources.size(), 1u);
    EXPECT_EQ(resources[0].kernel, "scale");
    EXPECT_GT(resources[0].registers, 0);
    EXPECT_EQ(resources[0].sharedBytes, 256);
    EXPECT_EQ(resources[0].spillStoreBytes, 0);
  }
  notes.clear();
  auto second = compileModules(header, sources, settings(), &counts);
  ASSERT_SUCCESS(second);
  EXPECT_EQ(counts.text(), "3 modules, 3 from the cache");
  EXPECT_EQ(notes, "");
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*second)[i].cubin, (*first)[i].cubin);
    EXPECT_EQ((*second)[i].log, (*first)[i].log);
  }
}

TEST_F(ModuleCompiler, KeysAreOfEverythingThatDecides) {
  std::vector<ModuleSource> sources = {source()};
  CompileCounts counts;
  ASSERT_SUCCESS(compileModules(header, sources, settings(), &counts));
  ASSERT_SUCCESS(compileModules(header, sources, settings("sm_80"), &counts));
  EXPECT_EQ(counts.compiled, 1u);
  ASSERT_SUCCESS(compileModules(header + " ", sources, settings(), &counts));
  EXPECT_EQ(counts.compiled, 1u);
  ASSERT_SUCCESS(compileModules(header, sources, settings("sm_80"), &counts));
  EXPECT_EQ(counts.fromCache, 1u);
  // A damaged entry is compiled anew.
  for (const auto &entry : std::filesystem::directory_iterator(cache.folder()))
    std::filesystem::resize_file(entry, 100);
  ASSERT_SUCCESS(compileModules(header, sources, settings("sm_80"), &counts));
  EXPECT_EQ(counts.compiled, 1u);
  ASSERT_SUCCESS(compileModules(header, sources, settings("sm_80"), &counts));
  EXPECT_EQ(counts.fromCache, 1u);
}

TEST_F(ModuleCompiler, TakesWhatThePlanHolds) {
  std::vector<ModuleSource> sources = {source(), source()};
  sources[0].image = "compiled before";
  CompileCounts counts;
  auto modules = compileModules(header, sources, settings(), &counts);
  ASSERT_SUCCESS(modules);
  EXPECT_EQ((*modules)[0].cubin, "compiled before");
  EXPECT_EQ((*modules)[0].origin, CompiledModule::Origin::plan);
  EXPECT_EQ(counts.fromPlan, 1u);
  EXPECT_EQ(counts.compiled, 1u);
}

TEST_F(ModuleCompiler, SaysWhatDoesNotCompile) {
  std::vector<ModuleSource> sources = {source("#include \"gptc_device.h\"\nint broken = FACTOUR;")};
  auto result = compileModules(header, sources, settings());
  test::expectFailure(result, Code::dataError,
                      {"does not compile for sm_90a", "scale.cu(2)", "FACTOUR",
                       "its source is in " + (folder / "cache/failed-scale.cu"),
                       "scale, which computes model.gpt:3:7"});
  EXPECT_EQ(*readWholeFile(folder / "cache/failed-scale.cu"), sources[0].source);
  sources[0].kernels[0].symbol = "../a b/c-1.d\n" + std::string(300, 'x');
  test::expectFailure(compileModules(header, sources, settings()), Code::dataError,
                      {"its source is in " + (folder / "cache/failed-..abc-1.d") +
                       std::string(119, 'x') + ".cu\n"});
  sources = {source()};
  test::expectFailure(compileModules(header, sources, settings("sm_1")), Code::failedPrecondition,
                      {"NVRTC", "sm_1"});
}

TEST_F(ModuleCompiler, CompilesToPtx) {
  Result<std::string> ptx = compileToPtx(header, source(), "sm_90a");
  ASSERT_SUCCESS(ptx);
  EXPECT_THAT(*ptx, testing::HasSubstr(".target sm_90a"));
  EXPECT_THAT(*ptx, testing::HasSubstr(".entry scale("));
  test::expectFailure(compileToPtx(header, source("int x = y;"), "sm_80"), Code::dataError,
                      {"does not compile", "scale.cu(1)"});
}

} // namespace
} // namespace gptc::runtime::cuda
