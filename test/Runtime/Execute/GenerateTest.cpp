// Sampling with the bigram plan: where a sequence stands in its row, batches of samples, prompts.
#include "runtime/app/Generate.h"
#include "RunFixture.h"
#include "runtime/app/Sample.h"
#include "runtime/app/Weights.h"

namespace gptc::runtime::test {
namespace {

/// A session whose table makes `token` be followed by 2 · token + 1 (mod 5) for certain.
Result<Session> certainSession(bool lastOnly) {
  Result<Plan> plan = bigramPlan(lastOnly).load();
  if (!plan.ok())
    return plan.status();
  std::vector<std::string> entries = {logitsEntry};
  Result<Session> session = Session::create(*plan, entries);
  if (!session.ok())
    return session;
  std::vector<float> table(25, -100);
  for (size_t token = 0; token < vocabulary; ++token)
    table[token * vocabulary + (2 * token + 1) % vocabulary] = 100;
  GPTC_RETURN_IF_ERROR(session->write(*plan->findTensor("table"), std::span<const float>(table)));
  return session;
}

class GenerateTest : public testing::TestWithParam<bool> {};

TEST_P(GenerateTest, ContinuesEachSequenceFromItsLastToken) {
  Result<Session> session = certainSession(GetParam());
  ASSERT_SUCCESS(session);
  Result<Generator> generator = Generator::create(*session);
  ASSERT_SUCCESS(generator);
  EXPECT_EQ(generator->vocabSize(), 5);
  EXPECT_EQ(generator->startsFromNothing(), GetParam());
  Result<Sampler> sampler = Sampler::create({});
  ASSERT_SUCCESS(sampler);
  // Prompts shorter and longer than T = 4, and more samples than rows. 0 1 3 2 0 …, and 4 4 4.
  struct Case {
    std::vector<int32_t> prompt, continuation;
  };
  for (const Case &c :
       {Case{{0}, {1, 3, 2, 0, 1, 3, 2}}, Case{{4, 1, 3}, {2, 0, 1, 3, 2, 0, 1}},
        Case{{0, 0, 0, 0, 0, 3}, {2, 0, 1, 3, 2, 0, 1}}, Case{{1, 4}, {4, 4, 4, 4, 4, 4, 4}}}) {
    auto samples = generator->generate(c.prompt, 3, 7, 5, *sampler);
    ASSERT_SUCCESS(samples);
    EXPECT_EQ(*samples, std::vector<std::vector<int32_t>>(3, c.continuation));
  }
  auto nothing = generator->generate(std::vector<int32_t>(), 1, 3, 5, *sampler);
  if (GetParam())
    EXPECT_EQ(nothing->front(), (std::vector<int32_t>{1, 3, 2})); // the empty places are 0
  else
    expectFailure(nothing, Code::invalidArgument, {"empty prompt"});
}

INSTANTIATE_TEST_SUITE_P(Shapes, GenerateTest, testing::Bool());

TEST(Generate, SamplesDoNotDependOnHowManyThereAre) {
  Result<Plan> plan = bigramPlan().load();
  std::vector<std::string> entries = {logitsEntry};
  Result<Session> session = Session::create(*plan, entries);
  ASSERT_SUCCESS(session->initialize(5));
  Result<Generator> generator = Generator::create(*session);
  Result<Sampler> sampler = Sampler::create({1, 0, 9});
  std::vector<int32_t> prompt = {2};
  auto five = generator->generate(prompt, 5, 20, 5, *sampler),
       three = generator->generate(prompt, 3, 20, 5, *sampler);
  ASSERT_SUCCESS(five);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ((*three)[i], (*five)[i]);
  EXPECT_NE((*five)[0], (*five)[1]);
  auto limited = generator->generate(prompt, 5, 20, 3, *sampler);
  for (const auto &sample : *limited)
    EXPECT_THAT(sample, testing::Each(testing::Lt(3)));
}

TEST(Generate, RefusesOtherShapes) {
  TestPlan test = bigramPlan();
  for (auto &tensor : test.plan.tensors)
    if (tensor->name == "output:logits")
      tensor->shape = {2, 3, 5};
  std::vector<std::string> entries = {logitsEntry};
  Result<Session> session = Session::create(*test.load(), entries);
  expectFailure(Generator::create(*session), Code::failedPrecondition, {"[2, 4]", "[2, 3, 5]"});
}

TEST(Generate, Prompts) {
  auto characters = CharTokenizer::create({U'\n', U'a', U'b'});
  ASSERT_SUCCESS(characters);
  EXPECT_EQ(*promptTokens("ab", characters->get(), false), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(*promptTokens("", characters->get(), false), (std::vector<int32_t>{0}));
  EXPECT_EQ(*promptTokens("", characters->get(), true), (std::vector<int32_t>{}));
  EXPECT_EQ(*promptTokens("", nullptr, false), (std::vector<int32_t>{0}));
  expectFailure(promptTokens("x", characters->get(), false), Code::dataError, {"--prompt"});
  expectFailure(promptTokens("x", nullptr, false), Code::invalidArgument, {"--tokenizer"});
  std::vector<int32_t> tokens = {1, 2, 0};
  EXPECT_EQ(tokensText(tokens, characters->get()), "ab\n");
  EXPECT_EQ(tokensText(tokens, nullptr), "1 2 0");
}

class SampleCommand : public RunFixture {};

TEST_F(SampleCommand, UsesTheTokenizerOfTheWeights) {
  TrainOptions options = this->options();
  options.data = folder.write("text/all.txt", [] {
    std::string text;
    for (int i = 0; i < 40; ++i)
      text += "abcd\n";
    return text;
  }());
  options.steps = 60;
  options.learningRate = 0.3;
  options.weightDecay = 0;
  options.sampleEvery = 30;
  options.save = folder / "weights.safetensors";
  ASSERT_SUCCESS(run(options));

  SampleOptions sampling;
  sampling.weights.init = options.save;
  sampling.prompt = "a";
  sampling.maxTokens = 11;
  sampling.temperature = 0;
  sampling.count = 1;
  output.clear();
  ASSERT_SUCCESS(sample(*bigram.load(), sampling, console));
  EXPECT_EQ(output, "abcd\nabcd\nab\n");
  sampling.count = 3;
  output.clear();
  ASSERT_SUCCESS(sample(*bigram.load(), sampling, console));
  EXPECT_THAT(output, testing::HasSubstr("--- sample 2 of 3 ---\nabcd\n"));
  sampling.prompt = "xyz";
  expectFailure(sample(*bigram.load(), sampling, console), Code::dataError, {"--prompt"});
}

TEST_F(SampleCommand, WithoutATokenizerPrintsNumbers) {
  TrainOptions options = this->options();
  options.checkpointDir = folder / "checkpoints";
  ASSERT_SUCCESS(run(options));
  SampleOptions sampling;
  sampling.weights.checkpoint = options.checkpointDir;
  sampling.maxTokens = 5;
  sampling.count = 1;
  output.clear();
  ASSERT_SUCCESS(sample(*bigram.load(), sampling, console));
  EXPECT_THAT(output, testing::MatchesRegex("[0-4] [0-4] [0-4] [0-4] [0-4]\n"));
  sampling.tokenizer = "char";
  expectFailure(sample(*bigram.load(), sampling, console), Code::invalidArgument,
                {"--tokenizer char"});
  sampling.tokenizer.clear();
  sampling.temperature = -1;
  expectFailure(sample(*bigram.load(), sampling, console), Code::invalidArgument, {"temperature"});
  sampling.temperature = 1;
  sampling.weights.init = "also.safetensors";
  expectFailure(sample(*bigram.load(), sampling, console), Code::invalidArgument,
                {"--checkpoint and --init"});
}

} // namespace
} // namespace gptc::runtime::test
