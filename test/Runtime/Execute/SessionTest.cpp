// Sessions: memory by entry, tensors through strides and padding, initial values, inputs, scalars.
#include "runtime/execute/Session.h"
#include "TestPlan.h"
#include "runtime/execute/StepScalars.h"
#include "runtime/execute/TensorCopy.h"
#include "test/Runtime/TestFiles.h"

#include <cmath>
#include <numeric>

namespace gptc::runtime::test {
namespace {

using Kind = fb::TensorKind;

Result<Session> open(const TestPlan &test, std::vector<std::string> entries,
                     const SessionOptions &options = {}) {
  Result<Plan> plan = test.load();
  if (!plan.ok())
    return plan.status();
  return Session::create(*plan, entries, options);
}

/// The tensor's own bytes as floats, padding included: a second tensor of the same place shows
/// them.
std::vector<float> physical(const Session &session, const std::string &name) {
  const TensorInfo &tensor = *session.plan().findTensor(name);
  TensorInfo raw = tensor;
  raw.shape = {static_cast<int64_t>(tensor.bytes / 4)};
  raw.strides = {1};
  std::vector<float> values(tensor.bytes / 4);
  EXPECT_TRUE(session.read(raw, std::span(values)).ok());
  return values;
}

std::vector<float> logical(const Session &session, const std::string &name) {
  const TensorInfo &tensor = *session.plan().findTensor(name);
  std::vector<float> values(static_cast<size_t>(tensor.count()));
  EXPECT_TRUE(session.read(tensor, std::span(values)).ok());
  return values;
}

TEST(Session, AllocatesWhatItsEntriesName) {
  TestPlan test = bigramPlan();
  auto bytes = [&](std::vector<std::string> entries) {
    Result<Session> session = open(test, entries);
    EXPECT_TRUE(session.ok()) << session.status().message();
    std::vector<uint64_t> result;
    for (const SegmentInfo &segment : session->memory().segments)
      result.push_back(segment.bytes);
    EXPECT_EQ(session->memory().total(),
              std::accumulate(result.begin(), result.end(), uint64_t{0}));
    return result;
  };
  std::vector<uint64_t> all;
  for (const auto &segment : test.plan.segments)
    all.push_back(segment->bytes);
  // parameters, optimizer, gradients, io, step, transient
  EXPECT_EQ(bytes({"logits"}), (std::vector<uint64_t>{all[0], 0, 0, all[3], 0, 0}));
  EXPECT_EQ(bytes({"accumulate_first"}),
            (std::vector<uint64_t>{all[0], 0, all[2], all[3], all[4], 512}));
  EXPECT_EQ(bytes({"accumulate_first", "accumulate_middle"}),
            (std::vector<uint64_t>{all[0], 0, all[2], all[3], all[4], 768}));
  EXPECT_EQ(bytes({"update", "evaluate"}),
            (std::vector<uint64_t>{all[0], all[1], all[2], all[3], all[4], 1024}));
}

// Numbers come and go as float32, rounded on the way in.
TEST(Session, RoundsForTensorsOf16Bits) {
  TestPlan test = bigramPlan();
  constexpr uint32_t io = 3;
  test.addTensor("brain", Kind::input, io, {3, 5}, 8, fb::DataType::bfloat16);
  test.addTensor("half", Kind::input, io, {15}, 0, fb::DataType::float16);
  Result<Session> session = open(test, {"evaluate"});
  ASSERT_TRUE(session.ok()) << session.status().message();
  std::vector<float> values(15);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = 1 + static_cast<float>(i) * 0x1.4p-9f;
  values[14] = 1e6f;
  for (auto [name, unit, large] :
       {std::tuple("brain", 0x1p7, 999424.0), std::tuple("half", 0x1p10, double(INFINITY))}) {
    ASSERT_TRUE(
        session->write(*session->plan().findTensor(name), std::span<const float>(values)).ok());
    std::vector<float> found = logical(*session, name);
    for (size_t i = 0; i < 14; ++i)
      EXPECT_EQ(found[i], std::nearbyint(values[i] * unit) / unit) << name << " " << i;
    EXPECT_EQ(found[14], large);
  }
  std::vector<float> row(5);
  ASSERT_TRUE(session->readRow(*session->plan().findTensor("brain"), 2, row).ok());
  EXPECT_EQ(row[4], 999424.0f);
  expectFailure(session->write(*session->plan().findTensor("half"), std::vector<int32_t>(15)),
                Code::invalidArgument, {"\"half\" holds float16, not int32"});
}

TEST(Session, RefusesEntriesThatThePlanLacks) {
  expectFailure(open(bigramPlan(), {"decode"}), Code::failedPrecondition,
                {"no entry \"decode\"", "evaluate, logits"});
}

TEST(Session, SaysHowMuchMemoryIsMissing) {
  TestPlan test = bigramPlan();
  test.plan.segments[0]->bytes = uint64_t{1} << 47;
  SessionOptions options;
  uint64_t available = 0;
  options.whatWouldFit = [&](uint64_t bytes) {
    available = bytes;
    return std::string("--batch-size 1 would fit");
  };
  std::string needed = std::to_string((uint64_t{1} << 47) + test.plan.segments[3]->bytes);
  expectFailure(open(test, {"logits"}, options), Code::outOfMemory,
                {"test.plan", needed, "128 TiB", "there are", "--batch-size 1 would fit"});
  EXPECT_GT(available, 0u);
  EXPECT_LT(available, uint64_t{1} << 47);
}

TEST(Session, WritesThroughStridesAndLeavesPadding) {
  Result<Session> session = open(bigramPlan(), {"update"});
  ASSERT_SUCCESS(session);
  const TensorInfo &table = *session->plan().findTensor("table");
  std::vector<float> values(25);
  std::iota(values.begin(), values.end(), 1.0f);
  ASSERT_SUCCESS(session->write(table, std::span<const float>(values)));
  EXPECT_EQ(logical(*session, "table"), values);
  std::vector<float> all = physical(*session, "table");
  ASSERT_EQ(all.size(), 40u);
  for (size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(all[i], i % 8 < 5 ? values[i / 8 * 5 + i % 8] : 0) << i;

  std::vector<float> row(5);
  ASSERT_SUCCESS(session->readRow(table, 2, row));
  EXPECT_EQ(row, (std::vector<float>{11, 12, 13, 14, 15}));
  expectFailure(session->readRow(table, 5, row), Code::invalidArgument, {"table", "row 5"});
  expectFailure(session->readRow(table, -1, row), Code::invalidArgument, {"table"});
}

TEST(Session, HandlesTransposedAndHigherTensors) {
  TestPlan test;
  uint32_t io = test.addSegment("io", 0);
  test.addTensor("transposed", Kind::output, io, {3, 4}).strides = {1, 3};
  test.addTensor("cube", Kind::output, io, {2, 3, 4}, 6);
  test.addTensor("scalar", Kind::output, io, {});
  test.addEntry("nothing", {io});
  Result<Session> session = open(test, {"nothing"});
  ASSERT_SUCCESS(session);
  for (const char *name : {"transposed", "cube", "scalar"}) {
    const TensorInfo &tensor = *session->plan().findTensor(name);
    std::vector<float> values(static_cast<size_t>(tensor.count()));
    std::iota(values.begin(), values.end(), 1.0f);
    ASSERT_SUCCESS(session->write(tensor, std::span<const float>(values)));
    EXPECT_EQ(logical(*session, name), values);
    std::vector<float> rows;
    ASSERT_SUCCESS(session->readRows(tensor, [&](std::span<const std::byte> bytes) {
      std::vector<float> row(bytes.size() / 4);
      std::memcpy(row.data(), bytes.data(), bytes.size());
      rows.insert(rows.end(), row.begin(), row.end());
      return Status();
    }));
    EXPECT_EQ(rows, values);
  }
  EXPECT_EQ(physical(*session, "transposed")[1], 5); // element (1, 0)
  EXPECT_EQ(physical(*session, "cube")[6], 5);       // element (0, 1, 0)
}

TEST(Session, ChecksTypesAndCounts) {
  Result<Session> session = open(bigramPlan(), {"logits"});
  ASSERT_SUCCESS(session);
  const TensorInfo &table = *session->plan().findTensor("table");
  std::vector<int32_t> integers(25);
  std::vector<float> few(24), loss(1);
  expectFailure(session->write(table, std::span<const int32_t>(integers)), Code::invalidArgument,
                {"\"table\"", "float32, not int32"});
  expectFailure(session->write(table, std::span<const float>(few)), Code::invalidArgument,
                {"25 elements, not 24"});
  expectFailure(session->read(*session->plan().findTensor("gradient:table"), std::span(few)),
                Code::internal, {"gradient:table", "no entry that is in use"});
  expectFailure(session->readScalar("nothing"), Code::failedPrecondition,
                {"no tensor \"nothing\""});
}

TEST(Session, InitialValuesDependOnSeedAndNameOnly) {
  auto initial = [](int64_t stride, uint64_t seed, bool transposed = false) {
    TestPlan test;
    uint32_t parameters = test.addSegment("parameters", 0);
    auto &weight = test.addTensor("weight", Kind::parameter, parameters, {2, 6, 5}, stride);
    weight.init = fb::InitKind::normal;
    weight.init_a = 0.02;
    if (transposed)
      weight.strides = {30, 1, 6};
    auto &bias = test.addTensor("bias", Kind::state, parameters, {7});
    bias.init = fb::InitKind::constant;
    bias.init_a = 1;
    test.addTensor("gradient:weight", Kind::gradient, parameters, {2});
    test.addEntry("nothing", {parameters});
    Result<Session> session = open(test, {"nothing"});
    EXPECT_TRUE(session.ok());
    std::vector<float> ones = {1, 1};
    EXPECT_TRUE(
        session->write(*session->plan().findTensor("gradient:weight"), std::span<const float>(ones))
            .ok());
    EXPECT_TRUE(session->initialize(seed).ok());
    EXPECT_EQ(logical(*session, "bias"), std::vector<float>(7, 1));
    EXPECT_EQ(logical(*session, "gradient:weight"), ones); // gradients have no initial value
    for (size_t i = 0; stride > 5 && i < physical(*session, "weight").size(); ++i)
      EXPECT_TRUE(i % static_cast<size_t>(stride) < 5 || physical(*session, "weight")[i] == 0);
    return logical(*session, "weight");
  };
  std::vector<float> dense = initial(0, 1);
  EXPECT_EQ(initial(8, 1), dense);
  EXPECT_EQ(initial(0, 1, true), dense);
  EXPECT_NE(initial(0, 2), dense);
  EXPECT_NE(dense[0], dense[1]);
}

TEST(Session, MatrixRowStrides) {
  auto stride = [](std::vector<int64_t> shape, std::vector<int64_t> strides) {
    TensorInfo tensor;
    tensor.shape = std::move(shape);
    tensor.strides = std::move(strides);
    return matrixRowStride(tensor).value_or(-1);
  };
  EXPECT_EQ(stride({}, {}), 1);
  EXPECT_EQ(stride({4}, {1}), 4);
  EXPECT_EQ(stride({4}, {2}), -1);
  EXPECT_EQ(stride({3, 4}, {8, 1}), 8);
  EXPECT_EQ(stride({3, 4}, {1, 3}), -1);
  EXPECT_EQ(stride({2, 3, 4}, {24, 8, 1}), 8);
  EXPECT_EQ(stride({2, 3, 4}, {32, 8, 1}), -1);
  EXPECT_EQ(stride({2, 1, 4}, {8, 99, 1}), 8);
  EXPECT_EQ(stride({3, 1}, {5, 7}), 5);
}

TEST(Session, InputsAreCheckedAndSorted) {
  Result<Session> session = open(bigramPlan(), {"accumulate_first"});
  ASSERT_SUCCESS(session);
  const Plan &plan = session->plan();
  std::vector<int32_t> tokens = {4, 1, 0, 1, 4, 2, 0, 0};
  ASSERT_SUCCESS(session->setInput(*plan.findTensor("tokens"), std::span<const int32_t>(tokens)));
  std::vector<int32_t> order(8);
  ASSERT_SUCCESS(session->read(*plan.findTensor("order:tokens"), std::span(order)));
  EXPECT_EQ(order, (std::vector<int32_t>{2, 6, 7, 1, 3, 5, 0, 4}));

  tokens[3] = 5;
  expectFailure(session->setInput(*plan.findTensor("tokens"), std::span<const int32_t>(tokens)),
                Code::dataError, {"\"tokens\"", "element 3 is 5", "from 0 to 4"});
  tokens[3] = -1;
  expectFailure(session->setInput(*plan.findTensor("tokens"), std::span<const int32_t>(tokens)),
                Code::dataError, {"element 3 is -1"});
  // A target below 0 is left out of the loss.
  ASSERT_SUCCESS(session->setInput(*plan.findTensor("targets"), std::span<const int32_t>(tokens)));
}

TEST(StepScalars, AreWrittenAsThePlanReadsThem) {
  Result<Session> session = open(bigramPlan(), {"accumulate_first", "update"});
  ASSERT_SUCCESS(session);
  ASSERT_SUCCESS(setUpdateScalars(*session, {1e-3, 0.1, 0.9, 0.95, 1e-8, 0.5, 3}));
  auto scalar = [&](const char *name) { return *session->readScalar(std::string("step:") + name); };
  EXPECT_EQ(scalar("learning_rate"), 1e-3f);
  EXPECT_EQ(scalar("weight_decay"), 0.1f);
  EXPECT_EQ(scalar("beta2"), 0.95f);
  EXPECT_EQ(scalar("epsilon"), 1e-8f);
  EXPECT_EQ(scalar("clip_norm"), 0.5f);
  EXPECT_EQ(scalar("correction1"), static_cast<float>(1 / (1 - std::pow(double{0.9f}, 3))));
  EXPECT_EQ(scalar("correction2"), static_cast<float>(1 / (1 - std::pow(double{0.95f}, 3))));
  ASSERT_SUCCESS(setUpdateScalars(*session, {}));
  EXPECT_EQ(scalar("clip_norm"), std::numeric_limits<float>::max());

  ASSERT_SUCCESS(setMicroBatch(*session, 0x123456789abcdef0, 7, 2, 4));
  EXPECT_EQ(scalar("inverse_accumulation"), 0.25f);
  std::vector<int32_t> key(4);
  ASSERT_SUCCESS(session->read(*session->plan().findTensor("step:random"), std::span(key)));
  EXPECT_EQ(key, (std::vector<int32_t>{static_cast<int32_t>(0x9abcdef0), 0x12345678, 7, 2}));
}

TEST(StepScalars, MustBeKnown) {
  TestPlan test = bigramPlan();
  EXPECT_TRUE(checkStepScalars(*test.load()).ok());
  test.plan.tensors.back()->shape = {2};
  expectFailure(checkStepScalars(*test.load()), Code::failedPrecondition, {"step:random"});
  test.plan.tensors.back()->name = "step:loss_scale";
  expectFailure(checkStepScalars(*test.load()), Code::failedPrecondition, {"step:loss_scale"});
}

TEST(Memory, Texts) {
  EXPECT_EQ(byteText(0), "0 bytes");
  EXPECT_EQ(byteText(1023), "1023 bytes");
  EXPECT_EQ(byteText(1024), "1.00 KiB");
  EXPECT_EQ(byteText(10240), "10.0 KiB");
  EXPECT_EQ(byteText(uint64_t{999} << 20), "999 MiB");
  EXPECT_EQ(byteText(uint64_t{1000} << 20), "0.98 GiB");
  EXPECT_EQ(byteText(UINT64_MAX), "16384 PiB");
}

} // namespace
} // namespace gptc::runtime::test
