// Loading plans: what a good one says, and that every kind of damage is an error with a reason.
#include "TestPlan.h"
#include "test/Runtime/TestFiles.h"

#include <nlohmann/json.hpp>

namespace gptc::runtime::test {
namespace {

TEST(Plan, SaysWhatWasWritten) {
  Result<Plan> plan = bigramPlan().load();
  ASSERT_SUCCESS(plan);
  EXPECT_EQ(plan->model(), "Bigram");
  EXPECT_EQ(plan->target(), "cpu");
  EXPECT_EQ(plan->compilerVersion(), "test");
  EXPECT_EQ(plan->settings().at("batch_size"), 2);
  EXPECT_EQ(plan->parameterCount(), 25);
  EXPECT_EQ(plan->segments().size(), 6u);
  EXPECT_EQ(plan->transientIndex(), 5);
  EXPECT_EQ(plan->findEntry("update"), 2);
  EXPECT_EQ(plan->findEntry("nothing"), -1);
  const TensorInfo *table = plan->findTensor("table");
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->kind, TensorKind::parameter);
  EXPECT_EQ(table->shape, (std::vector<int64_t>{5, 5}));
  EXPECT_EQ(table->strides, (std::vector<int64_t>{8, 1}));
  EXPECT_EQ(table->init, InitKind::normal);
  EXPECT_TRUE(table->decay);
  EXPECT_EQ(plan->findTensor("moment2:table")->owner, "table");
  EXPECT_EQ(plan->findTensor("tokens")->limit, 5);
  EXPECT_EQ(plan->findTensor("nothing"), nullptr);
}

TEST(Plan, AddsTheTransientSegmentToEntriesThatUseIt) {
  TestPlan test = bigramPlan();
  test.plan.entries[0]->segments.pop_back();
  Result<Plan> plan = test.load();
  ASSERT_SUCCESS(plan);
  EXPECT_THAT(plan->entries()[0].segments, testing::Contains(5u));
}

TEST(Plan, IsReadFromAnUnalignedAddress) {
  std::string bytes = " " + bigramPlan().pack();
  Result<Plan> plan = Plan::parse(asBytes(bytes).subspan(1), nullptr, "unaligned");
  ASSERT_SUCCESS(plan);
  bytes.assign(bytes.size(), '\0');
  EXPECT_EQ(plan->model(), "Bigram");
}

TEST(Plan, LoadsFilesAndNamesThemInErrors) {
  TemporaryFolder folder;
  ASSERT_SUCCESS(Plan::load(folder.write("good.plan", bigramPlan().pack())));
  expectFailure(Plan::load(folder / "none.plan"), Code::notFound, {"none.plan"});
  expectFailure(Plan::load(folder.write("empty.plan", "")), Code::dataError,
                {"empty.plan", "not a plan file"});
  expectFailure(Plan::load(folder.write("text.plan", "a text that is no plan")), Code::dataError,
                {"text.plan", "not a plan file"});
}

TEST(Plan, RefusesNewerFormats) {
  TestPlan test = bigramPlan();
  test.plan.format_version = planFormatVersion + 1;
  test.plan.compiler_version = "9.0";
  expectFailure(test.load(), Code::failedPrecondition,
                {"format version 5", "reads up to 4", "9.0"});
  test.plan.format_version = 0;
  expectFailure(test.load(), Code::dataError, {"no format version"});
}

TEST(Plan, RefusesCutFiles) {
  std::string bytes = bigramPlan().pack();
  for (size_t size = 0; size < bytes.size(); size += 1 + size / 7)
    EXPECT_FALSE(loadPlan(bytes.substr(0, size)).ok()) << size;
}

/// Flipped bits may go unnoticed (in a name, say), but must not do harm.
TEST(Plan, SurvivesFlippedBits) {
  TestPlan test = bigramPlan();
  test.plan.object.resize(256);
  test.plan.object_hash = 0;
  std::string bytes = test.pack();
  int refused = 0;
  for (size_t i = 0; i < bytes.size(); ++i)
    for (int bit : {0, 3, 7}) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      refused += !loadPlan(damaged).ok();
    }
  EXPECT_GT(refused, 1000);
}

TEST(Plan, RefusesOperationsThatItDoesNotKnow) {
  std::string bytes = bigramPlan().pack();
  const fb::Command *command = fb::GetPlan(bytes.data())->entries()->Get(0)->commands()->Get(0);
  const uint8_t *type = reinterpret_cast<const flatbuffers::Table *>(command)->GetAddressOf(
      fb::Command::VT_OPERATION_TYPE);
  const_cast<uint8_t &>(*type) = 9;
  expectFailure(loadPlan(bytes), Code::dataError,
                {"entry \"accumulate_first\", command 0", "operation that is not known"});
}

/// FlatBuffers' own verifier lets vectors through whose elements are not aligned; fuzzing found it.
TEST(Plan, RefusesVectorsThatAreNotAligned) {
  std::string bytes = bigramPlan().pack();
  const auto *tensor = reinterpret_cast<const flatbuffers::Table *>(
      fb::GetPlan(bytes.data())->tensors()->Get(1)); // its strides are [1]
  // Four bytes on, what was the stride's lower half is the vector's length: 1 again.
  const uint8_t *offset = tensor->GetAddressOf(fb::Tensor::VT_STRIDES);
  const_cast<uint8_t &>(*offset) = static_cast<uint8_t>(*offset + 4);
  expectFailure(loadPlan(bytes), Code::dataError, {"tensor \"count\"", "not aligned"});
}

struct Damage {
  const char *what; ///< is part of the message
  void (*apply)(TestPlan &);
};
void PrintTo(const Damage &damage, std::ostream *stream) { *stream << damage.what; }

class DamagedPlan : public testing::TestWithParam<Damage> {};

TEST_P(DamagedPlan, IsAnError) {
  TestPlan test = bigramPlan();
  fb::EntryT &products = test.addEntry("products", {0, 3});
  test.matmul(products, {0, 0}, {0, 3}, {0, 3}, 3, 2, 4);
  test.epilogue(products, "test_touch", {{0, 3}}, 3, 2);
  auto argsort = std::make_unique<fb::CommandT>();
  fb::ArgsortT sort;
  sort.indices = std::make_unique<fb::Address>(test.at("tokens"));
  sort.order = std::make_unique<fb::Address>(test.at("order:tokens"));
  sort.count = 8;
  argsort->operation.Set(std::move(sort));
  products.commands.push_back(std::move(argsort));
  ASSERT_SUCCESS(test.load());
  GetParam().apply(test);
  expectFailure(test.load(), Code::dataError, {"test.plan: the plan is damaged", GetParam().what});
}

fb::LaunchT &firstLaunch(TestPlan &test) {
  return *test.plan.entries[0]->commands[0]->operation.AsLaunch();
}
fb::MatmulT &product(TestPlan &test) {
  return *test.plan.entries.back()->commands[0]->operation.AsMatmul();
}
fb::LaunchT &epilogue(TestPlan &test) { return *product(test).epilogue; }
fb::ArgsortT &sorting(TestPlan &test) {
  return *test.plan.entries.back()->commands[1]->operation.AsArgsort();
}
fb::TensorT &table(TestPlan &test) { return *test.plan.tensors[0]; }

constexpr int64_t huge = INT64_MAX;

const Damage damages[] = {
    {"no entries", [](TestPlan &t) { t.plan.entries.clear(); }},
    {"settings", [](TestPlan &t) { t.plan.settings = "[1, 2"; }},
    {"name of the target", [](TestPlan &t) { t.plan.target = "\x01"; }},
    {"segment \"io\" stands there twice", [](TestPlan &t) { t.plan.segments[0]->name = "io"; }},
    {"segment \"parameters\" has", [](TestPlan &t) { t.plan.segments[0]->bytes = UINT64_MAX; }},
    {"tensor \"count\" stands there twice", [](TestPlan &t) { table(t).name = "count"; }},
    {"name of a tensor", [](TestPlan &t) { table(t).name = ""; }},
    {"tensor \"table\" has no address", [](TestPlan &t) { table(t).address = nullptr; }},
    {"do not lie within a segment",
     [](TestPlan &t) { table(t).address = std::make_unique<fb::Address>(0, 99); }},
    {"do not lie within a segment",
     [](TestPlan &t) { table(t).address = std::make_unique<fb::Address>(UINT64_MAX - 3, 0); }},
    {"do not lie within a segment",
     [](TestPlan &t) { table(t).address = std::make_unique<fb::Address>(2, 0); }},
    {"do not lie within a segment", [](TestPlan &t) { table(t).bytes = UINT64_MAX - 3; }},
    {"does not fit into its 144 bytes", [](TestPlan &t) { table(t).bytes = 144; }},
    {"does not fit",
     [](TestPlan &t) {
       table(t).strides = {9, 1};
     }},
    {"does not fit",
     [](TestPlan &t) {
       table(t).strides = {0, 0}, table(t).bytes = 96;
     }},
    {"stride", [](TestPlan &t) { table(t).strides = {8}; }},
    {"stride -1", [](TestPlan &t) { table(t).strides[1] = -1; }},
    {"size 0", [](TestPlan &t) { table(t).shape[0] = 0; }},
    {"size", [](TestPlan &t) { table(t).shape[0] = huge; }},
    {"too many elements",
     [](TestPlan &t) {
       table(t).shape = {int64_t{1} << 40, int64_t{1} << 40};
     }},
    {"axes", [](TestPlan &t) { table(t).shape.assign(9, 1), table(t).strides.assign(9, 1); }},
    {"must be float32", [](TestPlan &t) { table(t).type = fb::DataType::int32; }},
    {"unknown kind", [](TestPlan &t) { table(t).kind = static_cast<fb::TensorKind>(100); }},
    {"unknown kind", [](TestPlan &t) { table(t).init = static_cast<fb::InitKind>(-1); }},
    {"unknown kind, type", [](TestPlan &t) { table(t).type = static_cast<fb::DataType>(4); }},
    {"must be float32", [](TestPlan &t) { table(t).type = fb::DataType::bfloat16; }},
    {"not finite", [](TestPlan &t) { table(t).init_a = std::numeric_limits<double>::infinity(); }},
    {"limit", [](TestPlan &t) { t.plan.tensors[5]->limit = -1; }},
    {"derived, but not an input", [](TestPlan &t) { table(t).derived = "order"; }},
    {"which is not known", [](TestPlan &t) { t.plan.tensors[7]->derived = "sum"; }},
    {"which is not known", [](TestPlan &t) { t.plan.tensors[7]->owner = "nobody"; }},
    {"cannot be the order of \"table\"", [](TestPlan &t) { t.plan.tensors[7]->owner = "table"; }},
    {"not a 64-bit ELF object", [](TestPlan &t) { t.plan.object.clear(); }},
    {"not a 64-bit ELF object", [](TestPlan &t) { t.plan.object[0] = 0; }},
    {"recorded hash", [](TestPlan &t) { t.plan.object[t.plan.object.size() / 2] ^= 1; }},
    {"name of a kernel", [](TestPlan &t) { t.plan.kernels[0]->symbol = ""; }},
    {"entry \"update\" stands there twice",
     [](TestPlan &t) { t.plan.entries[0]->name = "update"; }},
    {"uses segment 7", [](TestPlan &t) { t.plan.entries[0]->segments.push_back(7); }},
    {"more than there are", [](TestPlan &t) { t.plan.entries[0]->transient_bytes = 1025; }},
    {"command 0: kernel", [](TestPlan &t) { firstLaunch(t).kernel = 1000; }},
    {"grain of 0", [](TestPlan &t) { firstLaunch(t).grain = 0; }},
    {"-1 rows", [](TestPlan &t) { firstLaunch(t).instances[0]->rows = -1; }},
    {"rows", [](TestPlan &t) { firstLaunch(t).instances[0]->rows = huge; }},
    {"operands here", [](TestPlan &t) { firstLaunch(t).instances[0]->operands.pop_back(); }},
    {"lies outside",
     [](TestPlan &t) {
       firstLaunch(t).instances[0]->operands[0] = {4096, 3};
     }},
    {"lies outside",
     [](TestPlan &t) {
       firstLaunch(t).instances[0]->operands[0] = {0, 99};
     }},
    {"lies outside",
     [](TestPlan &t) {
       firstLaunch(t).instances[0]->operands[0] = {0, 1};
     }}, // not this entry's
    {"lies outside",
     [](TestPlan &t) {
       firstLaunch(t).instances[0]->operands[0] = {1, 0};
     }},
    {"lies outside", [](TestPlan &t) { t.plan.entries[0]->transient_bytes = 0; }},
    {"a matmul of", [](TestPlan &t) { product(t).k = 0; }},
    {"a matmul of", [](TestPlan &t) { product(t).m = huge; }},
    {"left matrix has elements of type 1 (float32, bfloat16 or float16)",
     [](TestPlan &t) { product(t).lhs_type = fb::DataType::int32; }},
    {"right matrix has elements of type -1",
     [](TestPlan &t) { product(t).rhs_type = static_cast<fb::DataType>(-1); }},
    {"result has elements of type 4",
     [](TestPlan &t) { product(t).result_type = static_cast<fb::DataType>(4); }},
    {"by TF32 of operands that are not float32",
     [](TestPlan &t) { product(t).tf32 = true, product(t).rhs_type = fb::DataType::float16; }},
    {"rounds elements of type 0 to type 1",
     [](TestPlan &t) { product(t).lhs_factor = fb::DataType::int32; }},
    {"rounds elements of type 2 to type 3",
     [](TestPlan &t) {
       product(t).rhs_type = fb::DataType::bfloat16, product(t).rhs_factor = fb::DataType::float16;
     }},
    {"left matrix has no address", [](TestPlan &t) { product(t).lhs = nullptr; }},
    {"left matrix has rows", [](TestPlan &t) { product(t).lhs_stride = 3; }},
    {"left matrix has rows",
     [](TestPlan &t) { product(t).transpose_lhs = true, product(t).lhs_stride = 2; }},
    {"right matrix", [](TestPlan &t) { product(t).rhs_stride = huge; }},
    {"right matrix at", [](TestPlan &t) { product(t).rhs_stride = 1 << 20; }},
    {"result at", [](TestPlan &t) { product(t).result_stride = 1 << 20; }},
    {"result at",
     [](TestPlan &t) {
       product(t).batch = {{2, 0, 0, 4096}};
     }},
    {"right matrix at",
     [](TestPlan &t) {
       product(t).batch = {{int64_t{1} << 40, 0, int64_t{1} << 40, 1}};
     }},
    {"impossible batch axis",
     [](TestPlan &t) {
       product(t).batch = {{0, 0, 0, 1}};
     }},
    {"impossible batch axis",
     [](TestPlan &t) {
       product(t).batch = {{2, -1, 0, 1}};
     }},
    {"impossible batch axis",
     [](TestPlan &t) {
       product(t).batch.assign(2, {int64_t{1} << 40, 0, 0, 0}), product(t).accumulate = true;
     }},
    {"overwrite each other",
     [](TestPlan &t) {
       product(t).batch = {{2, 0, 0, 0}};
     }},
    {"9 batch axes",
     [](TestPlan &t) {
       product(t).batch.assign(9, {1, 0, 0, 0});
     }},
    {"the epilogue: kernel", [](TestPlan &t) { epilogue(t).kernel = 1000; }},
    {"the epilogue: a grain of 0", [](TestPlan &t) { epilogue(t).grain = 0; }},
    {"the epilogue: an operand at",
     [](TestPlan &t) {
       epilogue(t).instances[0]->operands[0] = {1 << 20, 3};
     }},
    {"the epilogue: an operand at",
     [](TestPlan &t) {
       epilogue(t).instances[0]->operands[0] = {0, 1};
     }}, // not this entry's
    {"the epilogue: kernel",
     [](TestPlan &t) { epilogue(t).kernel = firstLaunch(t).kernel; }}, // other operands
    {"the epilogue: a launch without instances", [](TestPlan &t) { epilogue(t).instances.clear(); }},
    {"an epilogue of 2 instances",
     [](TestPlan &t) {
       epilogue(t).instances.push_back(
           std::make_unique<fb::InstanceT>(*epilogue(t).instances[0]));
     }},
    {"an epilogue of 0 rows", [](TestPlan &t) { epilogue(t).instances[0]->rows = 0; }},
    {"an epilogue of 2 rows for a product of 3",
     [](TestPlan &t) { epilogue(t).instances[0]->rows = 2; }},
    {"an epilogue of 6 rows for a product of 3",
     [](TestPlan &t) { epilogue(t).instances[0]->rows = 6; }},
    {"does not use the product",
     [](TestPlan &t) {
       epilogue(t).instances[0]->operands[0] = {4, 3};
     }},
    {"batch axes and an epilogue",
     [](TestPlan &t) {
       product(t).batch = {{1, 0, 0, 0}};
     }},
    {"a sort of 0", [](TestPlan &t) { sorting(t).count = 0; }},
    {"numbers to sort", [](TestPlan &t) { sorting(t).count = 1 << 20; }},
    {"the order has no address", [](TestPlan &t) { sorting(t).order = nullptr; }},
};

INSTANTIATE_TEST_SUITE_P(Each, DamagedPlan, testing::ValuesIn(damages));

} // namespace
} // namespace gptc::runtime::test
