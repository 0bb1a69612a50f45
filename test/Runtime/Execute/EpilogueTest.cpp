// Matrix products with an epilogue on each device, against loops: panels that end before the last
// row, grains that no panel is a multiple of, rows that stand for two of the product. The GPU is
// the emulator.
#include "CudaTestPlan.h"
#include "runtime/device/Dnnl.h"
#include "runtime/execute/Session.h"
#include "test/Runtime/TestFiles.h"

namespace gptc::runtime::test {
namespace {

struct Panels {
  const char *name;
  int64_t m, grain;
  bool transposeLhs = false;
};
void PrintTo(const Panels &panels, std::ostream *stream) { *stream << panels.name; }

struct Runner {
  const char *name;
  DeviceOptions options;
};
void PrintTo(const Runner &runner, std::ostream *stream) { *stream << runner.name; }

constexpr int64_t depth = 3;

class EpilogueTest : public testing::TestWithParam<std::tuple<Panels, Runner>> {
protected:
  void SetUp() override {
    std::tie(panels, runner) = GetParam();
    if (runner.options.device != "cuda" && !openDnnl().ok())
      GTEST_SKIP() << openDnnl().status().message();
    io = test.addSegment("io", 0);
    test.addTensor(
        "lhs", fb::TensorKind::input, io,
        {panels.transposeLhs ? depth : panels.m, panels.transposeLhs ? panels.m : depth});
    test.addTensor("rhs", fb::TensorKind::input, io, {depth, epilogueColumns});
    test.addTensor("bias", fb::TensorKind::input, io, {epilogueColumns});
    test.addTensor("product", fb::TensorKind::output, io, {panels.m, epilogueColumns},
                   epilogueStride);
    test.addTensor("result", fb::TensorKind::output, io, {panels.m, epilogueColumns});
    fb::MatmulT &matmul =
        test.matmul(test.addEntry("multiply", {io}), test.at("lhs"), test.at("rhs"),
                    test.at("product"), panels.m, epilogueColumns, depth);
    matmul.result_stride = epilogueStride;
    matmul.transpose_lhs = panels.transposeLhs;
    if (panels.transposeLhs)
      matmul.lhs_stride = panels.m;
  }

  /// Runs the entry on small integers, whose products are exact.
  void run() {
    if (runner.options.device == "cuda")
      useCudaKernels(test);
    else
      test.useTestKernels();
    Result<Plan> plan = test.load();
    ASSERT_SUCCESS(plan);
    std::vector<std::string> entries = {"multiply"};
    Result<Session> session = Session::create(*plan, entries, {.device = runner.options});
    ASSERT_SUCCESS(session);
    auto write = [&](const char *name, std::vector<float> values) {
      ASSERT_SUCCESS(session->write(*plan->findTensor(name), std::span<const float>(values)));
    };
    auto read = [&](const char *name, std::vector<float> &values) {
      values.resize(static_cast<size_t>(panels.m * epilogueColumns));
      ASSERT_SUCCESS(session->read(*plan->findTensor(name), std::span(values)));
    };
    std::vector<float> lhs, rhs, bias;
    for (int64_t i = 0; i < panels.m * depth; ++i)
      lhs.push_back(static_cast<float>(i % 17 - 8));
    for (int64_t i = 0; i < depth * epilogueColumns; ++i)
      rhs.push_back(static_cast<float>(i % 7 - 3));
    for (int64_t j = 0; j < epilogueColumns; ++j)
      bias.push_back(static_cast<float>(10 * j));
    write("lhs", lhs);
    write("rhs", rhs);
    write("bias", bias);
    ASSERT_SUCCESS(session->run("multiply"));
    read("product", product);
    read("result", result);
    for (int64_t i = 0; i < panels.m; ++i)
      for (int64_t j = 0; j < epilogueColumns; ++j) {
        float sum = 0;
        for (int64_t l = 0; l < depth; ++l)
          sum += lhs[static_cast<size_t>(panels.transposeLhs ? l * panels.m + i : i * depth + l)] *
                 rhs[static_cast<size_t>(l * epilogueColumns + j)];
        exact.push_back(sum);
      }
  }

  Panels panels;
  Runner runner;
  TestPlan test;
  uint32_t io = 0;
  std::vector<float> product, result; ///< what the entry computed
  std::vector<float> exact;           ///< the product
};

TEST_P(EpilogueTest, RunsOnAllRows) {
  test.epilogue(*test.plan.entries[0], "test_epilogue",
                {test.at("bias"), test.at("product"), test.at("result")}, panels.m, panels.grain);
  run();
  for (size_t i = 0; i < exact.size(); ++i) {
    float sum = exact[i] + 10 * static_cast<float>(i % epilogueColumns);
    ASSERT_EQ(product[i], sum) << i;
    ASSERT_EQ(result[i], sum * sum) << i;
  }
}

TEST_P(EpilogueTest, TakesSeveralRowsForOne) {
  if (panels.m % 2 != 0)
    GTEST_SKIP() << "rows without a partner";
  test.epilogue(*test.plan.entries[0], "test_epilogue_pairs",
                {test.at("product"), test.at("result")}, panels.m / 2, panels.grain);
  run();
  for (int64_t i = 0; i < panels.m / 2; ++i)
    for (int64_t j = 0; j < epilogueColumns; ++j) {
      size_t first = static_cast<size_t>(2 * i * epilogueColumns + j);
      ASSERT_EQ(result[static_cast<size_t>(i * epilogueColumns + j)],
                exact[first] + exact[first + epilogueColumns])
          << i << " " << j;
    }
}

const Panels panels[] = {
    {"oneRow", 1, 1},
    {"one", 30, 7},
    {"whole", 2048, 16},
    {"part", 2500, 1},
    {"grainOfNoPanel", 2500, 300},
    {"grainBeyondAll", 1030, 5000},
    {"leftTransposed", 2500, 9, true},
};

const Runner runners[] = {
    {"one thread", {.threads = 1}},
    {"two threads", {.threads = 2}},
    {"five threads", {.threads = 5}},
    {"cuBLASLt", cudaOptions(true, MatmulChoice::library)},
    {"generated", cudaOptions(true, MatmulChoice::generated)},
};

INSTANTIATE_TEST_SUITE_P(Each, EpilogueTest,
                         testing::Combine(testing::ValuesIn(panels), testing::ValuesIn(runners)));

} // namespace
} // namespace gptc::runtime::test
