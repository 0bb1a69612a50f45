// What a user is told when something is wrong with the GPU, its driver or its memory: gptc-run with
// the emulator, which can be told to fail.
#include "CudaTestPlan.h"
#include "RunFixture.h"
#include "runtime/device/cuda/ModuleCompiler.h"

#include <fmt/format.h>
#include <sys/wait.h>

namespace gptc::runtime::test {
namespace {

class CudaFaults : public RunFixture {
protected:
  struct Outcome {
    int code;
    std::string out, err;
  };

  void SetUp() override {
    useCudaKernels(bigram);
    folder.write("bigram.plan", bigram.pack());
    folder.write("empty/README", "no libraries");
  }

  /// Runs gptc-run with settings of the environment before it.
  Outcome call(const std::string &settings, const std::string &arguments) {
    std::string command = fmt::format("cd {} && {} {} {} >stdout 2>stderr", folder.path(), settings,
                                      GPTC_RUN, arguments);
    int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, *readWholeFile(folder / "stdout"),
            *readWholeFile(folder / "stderr")};
  }

  void expectError(const std::string &settings, const std::string &arguments,
                   const std::vector<std::string> &parts) {
    Outcome outcome = call(settings, arguments);
    EXPECT_EQ(outcome.code, 1) << outcome.err;
    EXPECT_THAT(outcome.err, testing::HasSubstr("gptc-run: error: "));
    for (const std::string &part : parts)
      EXPECT_THAT(outcome.err, testing::HasSubstr(part));
  }

  const std::string bench = "bench bigram.plan --steps 3 --warmup 1";
};

TEST_F(CudaFaults, WithoutThemItRuns) {
  for (const char *flags : {"", " --device cuda", " --device cuda:0 --no-graphs",
                            " --matmul generated", " --profile trace.json"}) {
    Outcome outcome = call("", bench + flags);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, testing::HasSubstr("Bigram on cuda:0, "));
  }
}

TEST_F(CudaFaults, NoDriver) {
  for (const char *device : {"", " --device cuda"})
    expectError("GPTC_CUDA_LIBRARIES=empty", bench + device,
                {"bigram.plan: the plan was compiled for cuda:sm_90a: no CUDA driver found "
                 "(empty/libcuda.so: "});
}

TEST_F(CudaFaults, OldDriver) {
  expectError("GPTC_EMULATOR_DRIVER_VERSION=11040", bench,
              {"the CUDA driver is too old: it serves CUDA 11.4, needed is 12.0 or newer"});
  expectError("GPTC_EMULATOR_DRIVER_VERSION=12060", bench,
              {"CUDA 12.6", "NVRTC 13.", "newer driver"});
}

TEST_F(CudaFaults, NoDevice) {
  expectError("GPTC_EMULATOR_NO_DEVICE=1", bench, {"the CUDA driver finds no GPU"});
  expectError("", bench + " --device cuda:3", {"there is no cuda:3; there is cuda:0"});
  expectError("GPTC_EMULATOR_ARCHITECTURE=75", bench,
              {"compute capability 7.5; needed is 8.0 or newer"});
}

TEST_F(CudaFaults, AnotherArchitectureIsCompiledFor) {
  bigram.plan.cuda->modules[0]->images.push_back(std::make_unique<fb::CudaImageT>());
  bigram.plan.cuda->modules[0]->images[0]->architecture = "sm_80";
  bigram.plan.cuda->modules[0]->images[0]->cubin = {0x7f, 'E', 'L', 'F', 2, 1};
  bigram.plan.cuda->modules[0]->images[0]->cubin.resize(64); // and nothing else
  folder.write("bigram.plan", bigram.pack());
  EXPECT_EQ(call("", bench).code, 0);
  // Where the image fits it is taken, and this one is no cubin.
  expectError("GPTC_EMULATOR_ARCHITECTURE=80", bench, {"cuModuleLoadData", "compiled for sm_80"});
}

TEST_F(CudaFaults, AnImageForTheFamilyIsTaken) {
  fb::CudaModuleT &module = *bigram.plan.cuda->modules[0];
  std::vector<cuda::ModuleSource> sources = {{module.source, {}, {}}};
  auto compiled = cuda::compileModules(bigram.plan.cuda->header, sources,
                                       {.architecture = "sm_90", .note = {}});
  ASSERT_SUCCESS(compiled);
  for (const char *architecture : {"sm_80", "sm_90", "sm_100a"}) {
    module.images.push_back(std::make_unique<fb::CudaImageT>());
    module.images.back()->architecture = architecture;
    const std::string &cubin = compiled->front().cubin;
    module.images.back()->cubin.assign(cubin.begin(), cubin.end());
  }
  folder.write("bigram.plan", bigram.pack());
  Outcome outcome = call("", bench);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, testing::HasSubstr("kernels: 1 module, 1 in the plan"));
}

TEST_F(CudaFaults, OutOfMemory) {
  // There before anything is allocated.
  bigram.plan.segments[1]->bytes = uint64_t{100} << 20;
  folder.write("large.plan", bigram.pack());
  expectError("GPTC_EMULATOR_MEMORY=80000000", "bench large.plan",
              {"large.plan: the plan needs 1048", "optimizer 100 MiB", "memory of the GPU"});
  // Only when cuBLASLt asks for its workspace.
  fb::EntryT &update = *bigram.plan.entries[2];
  bigram.matmul(update, bigram.at("table"), bigram.at("table"), bigram.at("gradient:table"), 1, 1,
                1);
  folder.write("product.plan", bigram.pack());
  expectError("GPTC_EMULATOR_MEMORY=120000000", "bench product.plan",
              {"the workspace of cuBLASLt", "CUDA_ERROR_OUT_OF_MEMORY"});
  EXPECT_EQ(call("GPTC_EMULATOR_MEMORY=120000000", "bench product.plan --matmul generated").code,
            0);
}

TEST_F(CudaFaults, LostDevice) {
  Outcome outcome = call("GPTC_EMULATOR_LOSE_DEVICE=60",
                         "train bigram.plan --data data --steps 40 --checkpoint-dir c "
                         "--checkpoint-every 2 --eval-every 0 --log log.jsonl --save w");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, testing::HasSubstr("CUDA_ERROR_ILLEGAL_ADDRESS"));
  EXPECT_THAT(outcome.err, testing::HasSubstr("the GPU's memory is lost and the run has ended"));
  EXPECT_FALSE(std::filesystem::exists(folder / "w"));
  // Wherever it is first seen, also while a loss is waited for, it is told alike.
  for (const std::string &run :
       {bench, bench + " --no-graphs", std::string("train bigram.plan --data data --steps 9"),
        std::string("train bigram.plan --data data --steps 9 --eval-every 0 --no-graphs")})
    expectError("GPTC_EMULATOR_LOSE_DEVICE=7", run,
                {"error: bigram.plan: during or before entry \"", "CUDA_ERROR_ILLEGAL_ADDRESS",
                 "the GPU's memory is lost and the run has ended"});
  // What was written before goes on.
  outcome = call("", "train bigram.plan --data data --steps 40 --checkpoint-dir c "
                     "--eval-every 0 --log log.jsonl --resume");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(readLog(folder / "log.jsonl").size(), 40u);
}

TEST_F(CudaFaults, NoCublasLt) {
  std::filesystem::create_directory(folder / "partly");
  for (const char *name : {"libcuda.so", "libnvrtc.so"})
    std::filesystem::create_symlink(std::string(GPTC_EMULATOR "/") + name,
                                    folder / ("partly/" + std::string(name)));
  EXPECT_EQ(call("GPTC_CUDA_LIBRARIES=partly", bench).code, 0); // there are no products
  bigram.matmul(*bigram.plan.entries[2], bigram.at("table"), bigram.at("table"),
                bigram.at("gradient:table"), 1, 1, 1);
  folder.write("bigram.plan", bigram.pack());
  Outcome outcome = call("GPTC_CUDA_LIBRARIES=partly", bench);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err,
              testing::HasSubstr("the plan's own kernels, since cuBLASLt cannot be opened"));
  expectError("GPTC_CUDA_LIBRARIES=partly", bench + " --matmul library",
              {"matrix products: cuBLASLt cannot be opened"});
  bigram.plan.cuda->matmuls.clear();
  folder.write("bigram.plan", bigram.pack());
  expectError("GPTC_CUDA_LIBRARIES=partly", bench, {"matrix products: cuBLASLt cannot be opened"});
  expectError("", bench + " --matmul generated", {"no kernel of its own for a product"});
}

TEST_F(CudaFaults, CublasLtRefuses) {
  std::filesystem::create_directory(folder / "refusing");
  for (const char *name : {"libcuda.so", "libnvrtc.so"})
    std::filesystem::create_symlink(std::string(GPTC_EMULATOR "/") + name,
                                    folder / ("refusing/" + std::string(name)));
  std::filesystem::create_symlink(GPTC_REFUSING_CUBLASLT, folder / "refusing/libcublasLt.so");
  fb::EntryT &update = *bigram.plan.entries[2];
  for (int64_t size : {1, 2})
    bigram.matmul(update, bigram.at("table"), bigram.at("table"), bigram.at("gradient:table"), size,
                  1, 1);
  folder.write("bigram.plan", bigram.pack());
  for (auto [refused, note] : std::vector<std::pair<std::string, std::string>>{
           {"create", "the plan's own kernels, since cuBLASLt 13.0.0 does not start: "
                      "cublasLtCreate: refused (1)\n"},
           {"products", "the plan's own kernels where cuBLASLt cannot: a product of 1 x 1 x 1: "
                        "cuBLASLt has no algorithm for it\n"},
           {"heuristic", "the plan's own kernels where cuBLASLt cannot: a product of 1 x 1 x 1: "
                         "cuBLASLt has no algorithm for it\n"}}) {
    std::string settings = "GPTC_CUDA_LIBRARIES=refusing GPTC_TEST_REFUSED=" + refused;
    Outcome outcome = call(settings, bench);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    size_t at = outcome.err.find("matrix products: " + note);
    EXPECT_NE(at, std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.find("own kernels", at + note.size() + 17), std::string::npos) // once
        << outcome.err;
    expectError(settings, bench + " --matmul library",
                {refused == "create" ? "does not start" : "no algorithm"});
  }
}

TEST_F(CudaFaults, NoNvrtc) {
  std::filesystem::create_directory(folder / "partly");
  std::filesystem::create_symlink(GPTC_EMULATOR "/libcuda.so", folder / "partly/libcuda.so");
  expectError("GPTC_CUDA_LIBRARIES=partly", bench,
              {"NVRTC, which compiles kernels, cannot be opened"});
}

TEST_F(CudaFaults, AnUnusableCacheIsAWarning) {
  Outcome outcome = call("GPTC_CACHE_DIR=empty/README", bench);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, testing::HasSubstr("warning: compiled kernels cannot be kept"));
  outcome = call("GPTC_CACHE_DIR=cache", bench);
  EXPECT_THAT(outcome.err, testing::HasSubstr("kernels: 1 module, 1 compiled in "));
  outcome = call("GPTC_CACHE_DIR=cache", bench);
  EXPECT_THAT(outcome.err, testing::HasSubstr("kernels: 1 module, 1 from the cache"));
}

} // namespace
} // namespace gptc::runtime::test
