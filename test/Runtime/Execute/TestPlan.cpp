// Building plans by hand.
#include "TestPlan.h"

#include "TestSizes.h"
#include "runtime/base/File.h"
#include "runtime/base/Hash.h"

#include <gtest/gtest.h>

namespace gptc::runtime::test {

TestPlan::TestPlan() {
  plan.format_version = planFormatVersion;
  plan.compiler_version = "test";
  plan.model = "Test";
  plan.target = "cpu";
}

uint32_t TestPlan::addSegment(const std::string &name, uint64_t bytes) {
  auto segment = std::make_unique<fb::SegmentT>();
  segment->name = name;
  segment->bytes = bytes;
  plan.segments.push_back(std::move(segment));
  used_.push_back(0);
  return static_cast<uint32_t>(plan.segments.size() - 1);
}

uint32_t TestPlan::addKernel(const std::string &symbol) {
  for (uint32_t i = 0; i < plan.kernels.size(); ++i)
    if (plan.kernels[i]->symbol == symbol)
      return i;
  auto kernel = std::make_unique<fb::KernelT>();
  kernel->symbol = symbol;
  plan.kernels.push_back(std::move(kernel));
  return static_cast<uint32_t>(plan.kernels.size() - 1);
}

fb::TensorT &TestPlan::addTensor(const std::string &name, fb::TensorKind kind, uint32_t segment,
                                 std::vector<int64_t> shape, int64_t stride, fb::DataType type) {
  auto tensor = std::make_unique<fb::TensorT>();
  tensor->name = name;
  tensor->kind = kind;
  tensor->type = type;
  tensor->strides.assign(shape.size(), 1);
  int64_t distance = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    tensor->strides[axis] = distance;
    distance *= axis + 1 == shape.size() && stride > 0 ? stride : shape[axis];
  }
  tensor->shape = std::move(shape);
  tensor->address = std::make_unique<fb::Address>(used_[segment], segment);
  tensor->bytes = static_cast<uint64_t>(distance) * elementBytes(static_cast<DataType>(type));
  used_[segment] += (tensor->bytes + 63) / 64 * 64;
  plan.segments[segment]->bytes = std::max(plan.segments[segment]->bytes, used_[segment]);
  plan.tensors.push_back(std::move(tensor));
  return *plan.tensors.back();
}

fb::Address TestPlan::at(const std::string &name) const {
  for (const auto &tensor : plan.tensors)
    if (tensor->name == name)
      return *tensor->address;
  ADD_FAILURE() << "no tensor " << name;
  return {};
}

fb::EntryT &TestPlan::addEntry(const std::string &name, std::vector<uint32_t> segments,
                               uint64_t transientBytes) {
  auto entry = std::make_unique<fb::EntryT>();
  entry->name = name;
  entry->segments = std::move(segments);
  entry->transient_bytes = transientBytes;
  plan.entries.push_back(std::move(entry));
  return *plan.entries.back();
}

fb::LaunchT &TestPlan::launch(fb::EntryT &entry, const std::string &symbol,
                              std::vector<fb::Address> operands, int64_t rows, int64_t grain) {
  fb::LaunchT launch;
  launch.kernel = addKernel(symbol);
  launch.grain = grain;
  auto instance = std::make_unique<fb::InstanceT>();
  instance->operands = std::move(operands);
  instance->rows = rows;
  launch.instances.push_back(std::move(instance));
  auto command = std::make_unique<fb::CommandT>();
  command->name = symbol + " of the test";
  command->operation.Set(std::move(launch));
  entry.commands.push_back(std::move(command));
  return *entry.commands.back()->operation.AsLaunch();
}

fb::MatmulT &TestPlan::matmul(fb::EntryT &entry, fb::Address lhs, fb::Address rhs,
                              fb::Address result, int64_t m, int64_t n, int64_t k) {
  fb::MatmulT matmul;
  matmul.lhs = std::make_unique<fb::Address>(lhs);
  matmul.rhs = std::make_unique<fb::Address>(rhs);
  matmul.result = std::make_unique<fb::Address>(result);
  matmul.m = m;
  matmul.n = n;
  matmul.k = k;
  matmul.lhs_stride = k;
  matmul.rhs_stride = n;
  matmul.result_stride = n;
  auto command = std::make_unique<fb::CommandT>();
  command->operation.Set(std::move(matmul));
  entry.commands.push_back(std::move(command));
  return *entry.commands.back()->operation.AsMatmul();
}

fb::LaunchT &TestPlan::epilogue(fb::EntryT &entry, const std::string &symbol,
                                std::vector<fb::Address> operands, int64_t rows, int64_t grain) {
  launch(entry, symbol, std::move(operands), rows, grain);
  auto epilogue = std::make_unique<fb::LaunchT>(*entry.commands.back()->operation.AsLaunch());
  entry.commands.pop_back();
  fb::MatmulT &matmul = *entry.commands.back()->operation.AsMatmul();
  matmul.epilogue = std::move(epilogue);
  return *matmul.epilogue;
}

fb::CudaT &TestPlan::useCuda(const std::string &source) {
  plan.target = "cuda:sm_90a";
  plan.cuda = std::make_unique<fb::CudaT>();
  plan.cuda->modules.push_back(std::make_unique<fb::CudaModuleT>());
  plan.cuda->modules[0]->source = source;
  for (size_t i = 0; i < plan.kernels.size(); ++i) {
    auto kernel = std::make_unique<fb::CudaKernelT>();
    kernel->threads = 32;
    kernel->items_per_block = 32;
    kernel->single = kernel->instances = true;
    plan.cuda->kernels.push_back(std::move(kernel));
  }
  return *plan.cuda;
}

void TestPlan::useTestKernels() {
  Result<std::string> object = readWholeFile(GPTC_TEST_KERNELS);
  ASSERT_TRUE(object.ok()) << object.status().message();
  plan.object.assign(object->begin(), object->end());
  plan.object_hash = fnv1a64(*object);
}

std::string TestPlan::pack() const {
  flatbuffers::FlatBufferBuilder builder;
  fb::FinishPlanBuffer(builder, fb::Plan::Pack(builder, &plan));
  return {reinterpret_cast<const char *>(builder.GetBufferPointer()), builder.GetSize()};
}

Result<Plan> TestPlan::load() const { return loadPlan(pack()); }

Result<Plan> loadPlan(const std::string &bytes) {
  auto copy = std::make_shared<std::string>(bytes);
  return Plan::parse(std::as_bytes(std::span(*copy)), copy, "test.plan");
}

namespace {

using Kind = fb::TensorKind;

/// Commands that two or more of the bigram's entries share.
class BigramEntries {
public:
  BigramEntries(TestPlan &test, uint32_t transient, bool lastOnly)
      : test_(test), lossesPlace_(0, transient), logitsPlace_(64, transient), lastOnly_(lastOnly) {}

  void forward(fb::EntryT &entry) {
    test_.launch(entry, "test_forward", {at("tokens"), at("table"), logitsPlace()}, positions, 2);
  }
  void losses(fb::EntryT &entry, const std::string &mean) {
    test_.launch(entry, "test_losses", {logitsPlace(), at("targets"), lossesPlace_}, positions, 3);
    test_.launch(entry, mean, {lossesPlace_, at("step:inverse_accumulation"), at("output:loss")},
                 1);
  }
  void accumulate(fb::EntryT &entry, const std::string &suffix) {
    forward(entry);
    losses(entry, "test_mean" + suffix);
    test_.launch(entry, "test_gradient" + suffix,
                 {at("tokens"), at("order:tokens"), at("targets"), logitsPlace(),
                  at("step:inverse_accumulation"), at("gradient:table")},
                 vocabulary, 2);
    test_.launch(entry, "test_count", {at("step:random"), at("count")}, 1);
  }
  void update(fb::EntryT &entry) {
    test_.launch(entry, "test_norm", {at("gradient:table"), at("output:norm")}, 1);
    test_.launch(entry, "test_adamw",
                 {at("table"), at("gradient:table"), at("moment1:table"), at("moment2:table"),
                  at("output:norm"), at("step:clip_norm"), at("step:learning_rate"),
                  at("step:weight_decay"), at("step:beta1"), at("step:beta2"),
                  at("step:correction1"), at("step:correction2"), at("step:epsilon")},
                 vocabulary, 1);
  }

private:
  fb::Address at(const std::string &name) const { return test_.at(name); }
  /// The logits as such are an output; where they are those of the last position only, training
  /// keeps all of them in transient memory.
  fb::Address logitsPlace() const { return lastOnly_ ? logitsPlace_ : at("output:logits"); }

  TestPlan &test_;
  fb::Address lossesPlace_, logitsPlace_;
  bool lastOnly_;
};

} // namespace

TestPlan bigramPlan(bool lastOnly) {
  TestPlan test;
  test.useTestKernels();
  test.plan.model = "Bigram";
  test.plan.description = "model Bigram: …";
  test.plan.settings = R"({"batch_size": 2, "sequence_length": 4})";
  uint32_t parameters = test.addSegment("parameters", 0),
           optimizer = test.addSegment("optimizer", 0);
  uint32_t gradients = test.addSegment("gradients", 0), io = test.addSegment("io", 0);
  uint32_t step = test.addSegment("step", 0), transient = test.addSegment("transient", 1024);

  auto &table =
      test.addTensor("table", Kind::parameter, parameters, {vocabulary, vocabulary}, tableStride);
  table.init = fb::InitKind::normal;
  table.init_a = 0.5;
  table.decay = true;
  auto &count = test.addTensor("count", Kind::state, parameters, {4});
  count.init = fb::InitKind::constant;
  for (const char *name : {"moment1:table", "moment2:table"}) {
    auto &moment =
        test.addTensor(name, Kind::moment, optimizer, {vocabulary, vocabulary}, tableStride);
    moment.owner = "table";
    moment.init = fb::InitKind::constant;
  }
  test.addTensor("gradient:table", Kind::gradient, gradients, {vocabulary, vocabulary}, tableStride)
      .owner = "table";
  for (const char *name : {"tokens", "targets"})
    test.addTensor(name, Kind::input, io, {batchRows, sequenceSize}, 0, fb::DataType::int32).limit =
        vocabulary;
  auto &order =
      test.addTensor("order:tokens", Kind::input, io, {positions}, 0, fb::DataType::int32);
  order.owner = "tokens";
  order.derived = "order";
  if (lastOnly)
    test.addTensor("output:logits", Kind::output, io, {batchRows, vocabulary});
  else
    test.addTensor("output:logits", Kind::output, io, {batchRows, sequenceSize, vocabulary},
                   logitsStride);
  test.addTensor("output:loss", Kind::output, io, {});
  test.addTensor("output:norm", Kind::output, io, {});
  for (const char *name : {"learning_rate", "weight_decay", "beta1", "beta2", "epsilon",
                           "clip_norm", "correction1", "correction2", "inverse_accumulation"})
    test.addTensor(std::string("step:") + name, Kind::step, step, {});
  test.addTensor("step:random", Kind::step, step, {4}, 0, fb::DataType::int32);

  BigramEntries entries(test, transient, lastOnly);
  entries.accumulate(
      test.addEntry("accumulate_first", {parameters, gradients, io, step, transient}, 512), "");
  entries.accumulate(
      test.addEntry("accumulate_middle", {parameters, gradients, io, step, transient}, 768),
      "_add");
  entries.update(test.addEntry("update", {parameters, optimizer, gradients, io, step}));
  fb::EntryT &evaluate = test.addEntry("evaluate", {parameters, io, step, transient}, 1024);
  entries.forward(evaluate);
  entries.losses(evaluate, "test_mean");
  fb::EntryT &logits = test.addEntry("logits", {parameters, io});
  if (lastOnly)
    test.launch(logits, "test_forward_last",
                {test.at("tokens"), test.at("table"), test.at("output:logits")}, batchRows);
  else
    entries.forward(logits);
  return test;
}

TestPlan sortPlan() {
  TestPlan test;
  uint32_t io = test.addSegment("io", 0);
  test.addTensor("tokens", fb::TensorKind::input, io, {6}, 0, fb::DataType::int32);
  test.addTensor("order", fb::TensorKind::output, io, {6}, 0, fb::DataType::int32);
  fb::EntryT &entry = test.addEntry("sort", {io});
  fb::ArgsortT sort;
  sort.indices = std::make_unique<fb::Address>(test.at("tokens"));
  sort.order = std::make_unique<fb::Address>(test.at("order"));
  sort.count = 6;
  entry.commands.push_back(std::make_unique<fb::CommandT>());
  entry.commands.back()->operation.Set(std::move(sort));
  return test;
}

} // namespace gptc::runtime::test
