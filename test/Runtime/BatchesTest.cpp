// Token batches: order, wrapping, ranks, resuming.
#include "runtime/data/Batches.h"

#include "test/Runtime/TestFiles.h"

#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

using namespace gptc::runtime;
using namespace gptc::runtime::test;

namespace {

/// Shards whose tokens count on: 0, 1, 2 … in the first, 1000, 1001 … in the second, and so on.
TokenStream streamOf(const std::vector<int64_t> &counts) {
  std::vector<TokenShard> shards;
  for (size_t s = 0; s < counts.size(); ++s) {
    auto tokens = std::make_shared<std::vector<uint16_t>>(static_cast<size_t>(counts[s]));
    std::iota(tokens->begin(), tokens->end(), static_cast<uint16_t>(1000 * s));
    TokenShard shard;
    shard.source = "shard" + std::to_string(s);
    shard.data = reinterpret_cast<const std::byte *>(tokens->data());
    shard.count = counts[s];
    shard.owner = tokens;
    shards.push_back(shard);
  }
  return TokenStream("training", std::move(shards));
}

struct Batch {
  std::vector<int32_t> tokens, targets;
  bool operator==(const Batch &) const = default;
};

Batch nextOf(TokenBatches &batches, int64_t size) {
  Batch batch{std::vector<int32_t>(static_cast<size_t>(size)),
              std::vector<int32_t>(static_cast<size_t>(size))};
  Status status = batches.next(batch.tokens, batch.targets);
  EXPECT_TRUE(status.ok()) << status.message();
  return batch;
}

/// The first token of each of the next batches.
std::vector<int32_t> starts(TokenBatches &batches, int64_t size, int count) {
  std::vector<int32_t> first;
  for (int i = 0; i < count; ++i) {
    Batch batch = nextOf(batches, size);
    for (size_t j = 0; j < batch.tokens.size(); ++j)
      EXPECT_EQ(batch.targets[j],
                batch.tokens[j] + 1); // in these streams the next token is one more
    first.push_back(batch.tokens[0]);
  }
  return first;
}

Result<TokenBatches> make(const TokenStream &stream, BatchShape shape, Shuffle shuffle,
                          uint64_t seed = 1) {
  return TokenBatches::create(stream, shape, shuffle, seed);
}

} // namespace

TEST(Batches, SequentialReadsOnAndWraps) {
  // 2 x 3 tokens a batch; batches of 7 tokens begin at 0, 6, 12 …; of 25 tokens the last begins at
  // 18 (18 + 7 = 25).
  TokenStream stream = streamOf({25});
  auto batches = make(stream, {2, 3}, Shuffle::none);
  ASSERT_SUCCESS(batches);
  EXPECT_EQ(starts(*batches, 6, 6), (std::vector<int32_t>{0, 6, 12, 18, 0, 6}));
  EXPECT_EQ(batches->batchesPerEpoch(), 4);
  // One token less and the last does not fit.
  TokenStream shorter = streamOf({24});
  auto fewer = make(shorter, {2, 3}, Shuffle::none);
  ASSERT_SUCCESS(fewer);
  EXPECT_EQ(starts(*fewer, 6, 4), (std::vector<int32_t>{0, 6, 12, 0}));
  fewer->reset();
  EXPECT_EQ(starts(*fewer, 6, 2), (std::vector<int32_t>{0, 6}));
}

TEST(Batches, SequentialGoesThroughTheShards) {
  TokenStream stream = streamOf({14, 5, 8});
  auto batches = make(stream, {2, 3}, Shuffle::none);
  ASSERT_SUCCESS(batches);
  EXPECT_EQ(starts(*batches, 6, 5), (std::vector<int32_t>{0, 6, 2000, 0, 6}));
  EXPECT_EQ(batches->skippedShards(), 1);
  EXPECT_EQ(batches->batchesPerEpoch(), 3);
  TokenStream firstTooShort = streamOf({3, 7});
  auto second = make(firstTooShort, {2, 3}, Shuffle::none);
  ASSERT_SUCCESS(second);
  EXPECT_EQ(starts(*second, 6, 2), (std::vector<int32_t>{1000, 1000}));
}

TEST(Batches, RanksShareTheTokensOfAStep) {
  TokenStream stream = streamOf({40, 30});
  auto whole = make(stream, {4, 3}, Shuffle::none);
  ASSERT_SUCCESS(whole);
  std::vector<TokenBatches> ranks;
  for (int64_t rank = 0; rank < 2; ++rank)
    ranks.push_back(*make(stream, {2, 3, rank, 2}, Shuffle::none));
  for (int step = 0; step < 12; ++step) {
    Batch all = nextOf(*whole, 12), joined;
    for (TokenBatches &rank : ranks) {
      Batch part = nextOf(rank, 6);
      joined.tokens.insert(joined.tokens.end(), part.tokens.begin(), part.tokens.end());
      joined.targets.insert(joined.targets.end(), part.targets.begin(), part.targets.end());
    }
    ASSERT_EQ(joined, all) << step;
  }
}

TEST(Batches, RandomModesDoNotDependOnHowAStepIsCut) {
  TokenStream stream = streamOf({100, 3, 50});
  for (Shuffle shuffle : {Shuffle::windows, Shuffle::permutation}) {
    auto whole = make(stream, {6, 4}, shuffle);
    ASSERT_SUCCESS(whole);
    auto micro = make(stream, {3, 4}, shuffle);
    std::vector<TokenBatches> ranks;
    for (int64_t rank = 0; rank < 3; ++rank)
      ranks.push_back(*make(stream, {2, 4, rank, 3}, shuffle));
    for (int step = 0; step < 20; ++step) {
      std::vector<int32_t> all = nextOf(*whole, 24).tokens, cut, split;
      for (int i = 0; i < 2; ++i) {
        std::vector<int32_t> part = nextOf(*micro, 12).tokens;
        cut.insert(cut.end(), part.begin(), part.end());
      }
      for (TokenBatches &rank : ranks) {
        std::vector<int32_t> part = nextOf(rank, 8).tokens;
        split.insert(split.end(), part.begin(), part.end());
      }
      ASSERT_EQ(cut, all);
      ASSERT_EQ(split, all);
    }
  }
}

TEST(Batches, WindowsStartEverywhereAndNeverCrossShards) {
  TokenStream stream = streamOf({8, 2, 6}); // T = 3: starts 0 … 4, none, 0 … 2
  auto batches = make(stream, {1, 3}, Shuffle::windows);
  ASSERT_SUCCESS(batches);
  std::map<int32_t, int> seen;
  for (int32_t start : starts(*batches, 3, 8000))
    ++seen[start];
  ASSERT_EQ(seen.size(), 8u);
  for (int32_t start : {0, 1, 2, 3, 4, 2000, 2001, 2002})
    EXPECT_NEAR(seen[start], 1000, 6 * 30); // standard deviation sqrt(8000 · 1/8 · 7/8) = 29.6
  EXPECT_EQ(batches->batchesPerEpoch(), 3); // non-overlapping ones: 2 + 0 + 1
}

TEST(Batches, PermutationTakesEachWindowOncePerEpoch) {
  TokenStream stream = streamOf({13, 3, 10}); // T = 3: 4 windows, none (needs 4 tokens), 3 windows
  auto batches = make(stream, {1, 3}, Shuffle::permutation);
  ASSERT_SUCCESS(batches);
  EXPECT_EQ(batches->batchesPerEpoch(), 7);
  std::set<std::vector<int32_t>> orders;
  for (int epoch = 0; epoch < 4; ++epoch) {
    std::vector<int32_t> order = starts(*batches, 3, 7);
    orders.insert(order);
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, (std::vector<int32_t>{0, 3, 6, 9, 2000, 2003, 2006}));
  }
  EXPECT_GT(orders.size(), 1u);
}

TEST(Batches, SameSeedSameBatches) {
  TokenStream stream = streamOf({900});
  for (Shuffle shuffle : {Shuffle::windows, Shuffle::permutation}) {
    auto a = make(stream, {4, 8}, shuffle, 5), b = make(stream, {4, 8}, shuffle, 5),
         c = make(stream, {4, 8}, shuffle, 6);
    bool differs = false;
    for (int i = 0; i < 5; ++i) {
      Batch batch = nextOf(*a, 32);
      EXPECT_EQ(batch, nextOf(*b, 32));
      differs |= !(batch == nextOf(*c, 32));
    }
    EXPECT_TRUE(differs);
  }
}

TEST(Batches, ResumesExactly) {
  TokenStream stream = streamOf({100, 50});
  for (Shuffle shuffle : {Shuffle::none, Shuffle::windows, Shuffle::permutation})
    for (int before : {0, 1, 7, 23}) {
      auto first = make(stream, {2, 5}, shuffle), second = make(stream, {2, 5}, shuffle);
      for (int i = 0; i < before; ++i)
        (void)nextOf(*first, 10);
      // Through its text, as in a checkpoint.
      ASSERT_SUCCESS(second->restore(nlohmann::json::parse(first->state().dump())));
      for (int i = 0; i < 30; ++i)
        ASSERT_EQ(nextOf(*first, 10), nextOf(*second, 10)) << i;
      ASSERT_SUCCESS(second->restore(first->state()));
    }
}

TEST(Batches, StateOfOtherRunsIsRefused) {
  TokenStream stream = streamOf({100}), other = streamOf({101});
  auto none = make(stream, {2, 5}, Shuffle::none), windows = make(stream, {2, 5}, Shuffle::windows);
  auto longer = make(other, {2, 5}, Shuffle::none);
  auto otherSeed = make(stream, {2, 5}, Shuffle::windows, 2);
  expectFailure(none->restore(windows->state()), Code::dataError, {"--shuffle none", "shard0"});
  expectFailure(longer->restore(none->state()), Code::dataError, {"100 tokens", "101"});
  expectFailure(otherSeed->restore(windows->state()), Code::dataError, {"--seed 1", "2"});
  for (const char *text : {"null", "[]", "{}", R"({"shuffle":"none"})", R"({"shuffle":3})",
                           R"({"shuffle":"none","tokens":100})",
                           R"({"shuffle":"none","tokens":100,"shard":1,"position":0})",
                           R"({"shuffle":"none","tokens":100,"shard":0,"position":101})",
                           R"({"shuffle":"none","tokens":100,"shard":0,"position":-1})",
                           R"({"shuffle":"none","tokens":100,"shard":"0","position":1})"})
    EXPECT_FALSE(none->restore(nlohmann::json::parse(text)).ok()) << text;
  EXPECT_FALSE(
      windows->restore(nlohmann::json::parse(R"({"shuffle":"windows","tokens":100,"seed":1})"))
          .ok());
  // A position near the end goes on with the next shard.
  ASSERT_SUCCESS(none->restore(
      nlohmann::json::parse(R"({"shuffle":"none","tokens":100,"shard":0,"position":99})")));
  EXPECT_EQ(nextOf(*none, 10).tokens[0], 0);
}

TEST(Batches, TooShortDataIsAnError) {
  TokenStream stream = streamOf({256, 100});
  ASSERT_SUCCESS(make(stream, {1, 255}, Shuffle::none));
  expectFailure(
      make(stream, {4, 64}, Shuffle::none), Code::dataError,
      {"training", "shard0", "257 tokens", "batch size 4 x sequence length 64 + 1", "found 256"});
  expectFailure(make(stream, {2, 64, 0, 2}, Shuffle::none), Code::dataError, {"2 ranks"});
  ASSERT_SUCCESS(make(stream, {4, 64}, Shuffle::windows));
  for (Shuffle shuffle : {Shuffle::windows, Shuffle::permutation}) {
    ASSERT_SUCCESS(make(stream, {4, 255}, shuffle));
    expectFailure(make(stream, {4, 256}, shuffle), Code::dataError,
                  {"257 tokens", "sequence length 256 + 1", "found 256"});
  }
  TokenStream empty("validation", {});
  expectFailure(make(empty, {1, 1}, Shuffle::none), Code::dataError, {"validation", "found 0"});
}

TEST(Batches, NonsenseIsAnError) {
  TokenStream stream = streamOf({100});
  for (BatchShape shape : {BatchShape{0, 1}, BatchShape{1, 0}, BatchShape{-1, 1},
                           BatchShape{1, 1, 1, 1}, BatchShape{1, 1, -1, 1}, BatchShape{1, 1, 0, 0},
                           BatchShape{int64_t{1} << 40, int64_t{1} << 40}})
    expectFailure(make(stream, shape, Shuffle::none), Code::invalidArgument, {"batch size"});
  auto batches = make(stream, {2, 3}, Shuffle::none);
  std::vector<int32_t> six(6), five(5);
  expectFailure(batches->next(six, five), Code::internal, {"6", "5"});
}

TEST(Batches, TokensOutsideTheVocabularyStopABatch) {
  TokenStream stream = streamOf({20});
  auto batches = make(stream, {1, 5}, Shuffle::none);
  ASSERT_SUCCESS(batches);
  EXPECT_FALSE(stream.setVocabulary(10).ok());
  (void)nextOf(*batches, 5);
  std::vector<int32_t> tokens(5), targets(5);
  expectFailure(batches->next(tokens, targets), Code::dataError, {"shard0", "token number 10"});
}
