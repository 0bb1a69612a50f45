// Loading plans for GPUs: every kind of damage to their CUDA tables is an error with a reason.
#include "TestPlan.h"
#include "runtime/base/Hash.h"
#include "test/Runtime/TestFiles.h"

namespace gptc::runtime::test {
namespace {

/// A launch of two instances and one of one, a product, a sort.
TestPlan cudaPlan() {
  TestPlan test;
  uint32_t io = test.addSegment("io", 0);
  test.addTensor("x", fb::TensorKind::output, io, {64});
  test.addTensor("order", fb::TensorKind::output, io, {8}, 0, fb::DataType::int32);
  fb::EntryT &entry = test.addEntry("run", {io});
  fb::LaunchT &launch = test.launch(entry, "touch", {test.at("x")}, 30);
  launch.instances.push_back(std::make_unique<fb::InstanceT>(*launch.instances[0]));
  test.matmul(entry, test.at("x"), test.at("x"), test.at("x"), 2, 2, 2);
  fb::ArgsortT sort;
  sort.indices = std::make_unique<fb::Address>(test.at("x"));
  sort.order = std::make_unique<fb::Address>(test.at("order"));
  sort.count = 8;
  entry.commands.push_back(std::make_unique<fb::CommandT>());
  entry.commands.back()->operation.Set(std::move(sort));
  fb::CudaT &cuda = test.useCuda();
  cuda.argsort = std::make_unique<fb::CudaArgsortT>();
  cuda.argsort->symbol = "argsort";
  cuda.argsort->threads = 256;
  for (bool transposed : {false, true}) {
    auto matmul = std::make_unique<fb::CudaMatmulT>();
    matmul->symbol = transposed ? "matmul_t" : "matmul";
    matmul->threads = 128;
    matmul->tile_m = matmul->tile_n = 64;
    matmul->transpose_lhs = transposed;
    cuda.matmuls.push_back(std::move(matmul));
  }
  for (bool transposed : {false, true}) {
    auto epilogue = std::make_unique<fb::CudaEpilogueT>();
    epilogue->symbol = transposed ? "touch_behind_t" : "touch_behind";
    epilogue->threads = 128;
    epilogue->tile_m = epilogue->tile_n = 64;
    epilogue->transpose_lhs = transposed;
    cuda.epilogues.push_back(std::move(epilogue));
  }
  auto image = std::make_unique<fb::CudaImageT>();
  image->architecture = "sm_80";
  image->cubin = {0x7f, 'E', 'L', 'F', 2, 1};
  image->cubin.resize(100);
  image->hash = fnv1a64({reinterpret_cast<const char *>(image->cubin.data()), image->cubin.size()});
  cuda.modules[0]->images.push_back(std::move(image));
  return test;
}

TEST(CudaPlan, IsRead) {
  TestPlan test = cudaPlan();
  Result<Plan> plan = test.load();
  ASSERT_SUCCESS(plan);
  EXPECT_EQ(plan->target(), "cuda:sm_90a");
  test.plan.cuda->modules[0]->images[0]->hash = 0; // older plans record none
  ASSERT_SUCCESS(test.load());
}

/// Flipped bits may go unnoticed (in a source, say), but must not do harm.
TEST(CudaPlan, SurvivesFlippedBits) {
  std::string bytes = cudaPlan().pack();
  int refused = 0;
  for (size_t i = 0; i < bytes.size(); ++i)
    for (int bit : {0, 3, 7}) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      refused += !loadPlan(damaged).ok();
    }
  EXPECT_GT(refused, 500);
}

struct Damage {
  const char *what; ///< is part of the message
  void (*apply)(fb::PlanT &, fb::CudaT &);
};
void PrintTo(const Damage &damage, std::ostream *stream) { *stream << damage.what; }

class DamagedCudaPlan : public testing::TestWithParam<Damage> {};

TEST_P(DamagedCudaPlan, IsAnError) {
  TestPlan test = cudaPlan();
  GetParam().apply(test.plan, *test.plan.cuda);
  expectFailure(test.load(), Code::dataError, {"test.plan: the plan is damaged", GetParam().what});
}

fb::LaunchT &launch(fb::PlanT &plan) { return *plan.entries[0]->commands[0]->operation.AsLaunch(); }

const Damage damages[] = {
    {"it has no CUDA code", [](fb::PlanT &p, fb::CudaT &) { p.cuda.reset(); }},
    {"its target is cpu", [](fb::PlanT &p, fb::CudaT &) { p.target = "cpu", p.kernels.clear(); }},
    {"module 0 has no source", [](fb::PlanT &, fb::CudaT &c) { c.modules[0]->source = ""; }},
    {"the image of CUDA module 0 for sm_80: not a 64-bit ELF object",
     [](fb::PlanT &, fb::CudaT &c) { c.modules[0]->images[0]->cubin.clear(); }},
    {"for sm_80: not a 64-bit ELF object",
     [](fb::PlanT &, fb::CudaT &c) { c.modules[0]->images[0]->cubin.resize(63); }},
    {"for sm_80: not a 64-bit ELF object",
     [](fb::PlanT &, fb::CudaT &c) { c.modules[0]->images[0]->cubin[0] = 'x'; }},
    {"for sm_80: the bytes do not have the recorded hash",
     [](fb::PlanT &, fb::CudaT &c) { c.modules[0]->images[0]->cubin[99] = 1; }},
    {"name of an architecture",
     [](fb::PlanT &, fb::CudaT &c) { c.modules[0]->images[0]->architecture = "\n"; }},
    {"1 kernels, of which 0", [](fb::PlanT &, fb::CudaT &c) { c.kernels.clear(); }},
    {"touch is in module 1 of 1", [](fb::PlanT &, fb::CudaT &c) { c.kernels[0]->module_ = 1; }},
    {"touch is in module 0 of 0", [](fb::PlanT &, fb::CudaT &c) { c.modules.clear(); }},
    {"blocks of 0 threads", [](fb::PlanT &, fb::CudaT &c) { c.kernels[0]->threads = 0; }},
    {"blocks of 48 threads", [](fb::PlanT &, fb::CudaT &c) { c.kernels[0]->threads = 48; }},
    {"blocks of 1056 threads", [](fb::PlanT &, fb::CudaT &c) { c.argsort->threads = 1056; }},
    {"0 items a row", [](fb::PlanT &, fb::CudaT &c) { c.kernels[0]->items_per_row = 0; }},
    {"-1 a block", [](fb::PlanT &, fb::CudaT &c) { c.kernels[0]->items_per_block = -1; }},
    {"no entry point",
     [](fb::PlanT &, fb::CudaT &c) { c.kernels[0]->single = c.kernels[0]->instances = false; }},
    {"2 instances of kernel 0, which takes one",
     [](fb::PlanT &, fb::CudaT &c) { c.kernels[0]->instances = false; }},
    {"more blocks of kernel 0",
     [](fb::PlanT &, fb::CudaT &c) { c.kernels[0]->items_per_row = int64_t{1} << 40; }},
    {"-1 rows", [](fb::PlanT &p, fb::CudaT &) { launch(p).instances[0]->rows = -1; }},
    {"tiles of 0 x 64", [](fb::PlanT &, fb::CudaT &c) { c.matmuls[0]->tile_m = 0; }},
    {"matmul_t is the second",
     [](fb::PlanT &, fb::CudaT &c) { c.matmuls[1]->transpose_lhs = false; }},
    {"name of a CUDA kernel", [](fb::PlanT &, fb::CudaT &c) { c.matmuls[0]->symbol = ""; }},
    {"tiles of 64 x 2000", [](fb::PlanT &, fb::CudaT &c) { c.epilogues[0]->tile_n = 2000; }},
    {"touch_behind is in module 3",
     [](fb::PlanT &, fb::CudaT &c) { c.epilogues[0]->module_ = 3; }},
    {"touch_behind is a product with kernel 1 of 1",
     [](fb::PlanT &, fb::CudaT &c) { c.epilogues[0]->kernel = 1; }},
    {"touch_behind_t is the second",
     [](fb::PlanT &, fb::CudaT &c) { c.epilogues[1]->transpose_lhs = false; }},
    {"argsort is in module 7", [](fb::PlanT &, fb::CudaT &c) { c.argsort->module_ = 7; }},
    {"more than 16000000 operands and items of matmuls",
     [](fb::PlanT &p, fb::CudaT &) {
       fb::MatmulT &matmul = *p.entries[0]->commands[1]->operation.AsMatmul();
       matmul.accumulate = true;
       matmul.batch = {{int64_t{1} << 40, 0, 0, 0}};
     }},
    {"no CUDA kernel", [](fb::PlanT &, fb::CudaT &c) { c.argsort.reset(); }},
};

INSTANTIATE_TEST_SUITE_P(Each, DamagedCudaPlan, testing::ValuesIn(damages));

} // namespace
} // namespace gptc::runtime::test
