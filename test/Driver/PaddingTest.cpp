// Plans with padded parameters: pads that stay 0, and tensors that go over to a plan without and
// back.
#include "gptc/Driver/Compile.h"

#include "runtime/execute/Session.h"
#include "runtime/execute/StepScalars.h"

#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>

using namespace gptc;
using runtime::TensorInfo;
using runtime::TensorKind;

/// The value, or the end of the test with what went wrong.
template <typename T> static T must(runtime::Result<T> result) {
  if (!result.ok())
    throw std::runtime_error(result.status().message());
  return std::move(*result);
}

namespace {
using Tensors = std::map<std::string, std::vector<float>>;

/// A tiny GPT-2, all of whose sizes are odd: 13 tokens, 10 columns, 30 of queries, keys and values,
/// 40 hidden ones.
class Trainer {
public:
  explicit Trainer(int64_t padMultiple) {
    CompileOptions options;
    options.model = std::string(GPTC_MODELS) + "/gpt2.gpt";
    options.load.batchSize = 2;
    options.load.sequenceLength = 6;
    options.load.overrides = {"n_layer=1", "n_head=2", "n_embd=10", "vocab_size=13",
                              "block_size=7"};
    options.padMultiple = padMultiple;
    Compilation compilation(options);
    runtime::Status compiled = compilation.runTo(Stage::plan);
    if (!compiled.ok())
      throw std::runtime_error(compiled.message());
    auto bytes = std::make_shared<std::vector<char>>(must(compilation.emitPlan()));
    runtime::Plan plan =
        must(runtime::Plan::parse(std::as_bytes(std::span<const char>(*bytes)), bytes, "test"));
    std::vector<std::string> entries{"accumulate_first", "update"};
    runtime::SessionOptions sessionOptions;
    sessionOptions.device.device = "cpu";
    sessionOptions.device.threads = 2;
    session.emplace(must(runtime::Session::create(plan, entries, sessionOptions)));
    EXPECT_TRUE(session->initialize(3).ok());
  }

  /// Trains on what depends on the step alone. The loss.
  float step(int number) {
    std::mt19937 random(number);
    for (const TensorInfo &tensor : session->plan().tensors()) {
      if (tensor.kind != TensorKind::input || !tensor.derived.empty())
        continue;
      std::vector<int32_t> values(tensor.count());
      for (int32_t &value : values)
        value = static_cast<int32_t>(random() % tensor.limit);
      EXPECT_TRUE(session->setInput(tensor, std::span<const int32_t>(values)).ok());
    }
    runtime::UpdateScalars scalars;
    scalars.learningRate = 0.01;
    scalars.weightDecay = 0.1;
    scalars.clipNorm = 1;
    scalars.update = number + 1;
    EXPECT_TRUE(runtime::setMicroBatch(*session, 3, number, 0, 1).ok());
    EXPECT_TRUE(session->run("accumulate_first").ok());
    EXPECT_TRUE(runtime::setUpdateScalars(*session, scalars).ok());
    EXPECT_TRUE(session->run("update").ok());
    return must(session->readScalar("output:loss"));
  }

  /// The tensors of these kinds, without pads, by name.
  Tensors read(std::initializer_list<TensorKind> kinds) const {
    Tensors result;
    for (const TensorInfo &tensor : session->plan().tensors()) {
      if (std::find(kinds.begin(), kinds.end(), tensor.kind) == kinds.end())
        continue;
      std::vector<float> &values = result[tensor.name];
      values.resize(tensor.count());
      EXPECT_TRUE(session->read(tensor, std::span(values)).ok());
    }
    return result;
  }

  /// Goes on from where another one was.
  void take(const Tensors &tensors) {
    for (auto &[name, values] : tensors) {
      const TensorInfo *tensor = session->plan().findTensor(name);
      ASSERT_TRUE(tensor);
      ASSERT_TRUE(session->write(*tensor, std::span<const float>(values)).ok());
    }
  }

  std::optional<runtime::Session> session;
};
} // namespace

TEST(Padding, PadsAreZeroAfterTwentySteps) {
  // One plan at a time.
  std::map<std::string, TensorInfo> plain;
  {
    Trainer trainer(1);
    for (const TensorInfo &tensor : trainer.session->plan().tensors())
      plain[tensor.name] = tensor;
  }
  Trainer padded(16);
  for (int number = 0; number < 20; ++number)
    padded.step(number);
  size_t grown = 0;
  for (const TensorInfo &tensor : padded.session->plan().tensors()) {
    if (tensor.kind != TensorKind::parameter && tensor.kind != TensorKind::moment &&
        tensor.kind != TensorKind::gradient)
      continue;
    ASSERT_TRUE(plain.contains(tensor.name));
    EXPECT_EQ(plain[tensor.name].shape, tensor.shape);
    grown +=
        tensor.strides != plain[tensor.name].strides || tensor.bytes > plain[tensor.name].bytes;
    // All of the memory that the tensor owns, against its elements.
    TensorInfo memory = tensor;
    memory.shape = {static_cast<int64_t>(tensor.bytes / runtime::elementBytes(tensor.type))};
    memory.strides = {1};
    std::vector<float> all(memory.count()), elements(tensor.count());
    ASSERT_TRUE(padded.session->read(memory, std::span(all)).ok());
    ASSERT_TRUE(padded.session->read(tensor, std::span(elements)).ok());
    auto nonzero = [](float value) { return value != 0; };
    EXPECT_EQ(std::count_if(all.begin(), all.end(), nonzero),
              std::count_if(elements.begin(), elements.end(), nonzero))
        << tensor.name;
  }
  EXPECT_GT(grown, 16u); // matrices and their gradients and moments at least
}

TEST(Padding, StartsFromTheSameRandomNumbers) {
  Tensors padded = Trainer(16).read({TensorKind::parameter});
  EXPECT_EQ(padded, Trainer(1).read({TensorKind::parameter}));
}

// Sums over a padded axis may be taken in another order: float32's rounding, which six steps of
// training multiply.
TEST(Padding, TrainingGoesOnInTheOtherPlan) {
  std::vector<float> losses;
  {
    Trainer whole(1);
    for (int number = 0; number < 6; ++number)
      losses.push_back(whole.step(number));
  }
  auto expectLoss = [&](int number, float loss) {
    EXPECT_NEAR(loss, losses[number], 1e-5 * std::fabs(losses[number])) << "step " << number;
  };
  for (auto [first, second] : {std::pair(16, 1), std::pair(1, 16), std::pair(16, 3)}) {
    SCOPED_TRACE(std::to_string(first) + ", then " + std::to_string(second));
    Tensors state;
    {
      Trainer before(first);
      for (int number = 0; number < 3; ++number)
        expectLoss(number, before.step(number));
      state = before.read({TensorKind::parameter, TensorKind::moment});
    }
    Trainer after(second);
    after.take(state);
    for (int number = 3; number < 6; ++number)
      expectLoss(number, after.step(number));
  }
}
