// Token streams: reading, checking, counting.
#include "runtime/base/Parallel.h"
#include "runtime/data/TokenData.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <fmt/format.h>

namespace gptc::runtime {

namespace {

constexpr int64_t checkedAtOnce = int64_t{1} << 28; // tokens; a second or two from a disk
constexpr int64_t grain = 1 << 16;

template <typename T> T load(const std::byte *data, int64_t index) {
  T value;
  std::memcpy(&value, data + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

/// The first of tokens [begin, end) that is outside of [0, limit), else `end`.
template <typename T>
int64_t findOutside(const std::byte *data, int64_t begin, int64_t end, uint32_t limit) {
  // In blocks, so that the loop that nearly always runs is one maximum, which vectorises.
  constexpr int64_t block = 4096;
  for (int64_t i = begin; i < end; i += block) {
    int64_t blockEnd = std::min(end, i + block);
    uint32_t largest = 0;
    for (int64_t j = i; j < blockEnd; ++j)
      largest = std::max(largest, static_cast<uint32_t>(load<T>(data, j)));
    if (largest < limit)
      continue;
    while (static_cast<uint32_t>(load<T>(data, i)) < limit)
      ++i;
    return i;
  }
  return end;
}

int64_t findOutside(const TokenShard &shard, int64_t begin, int64_t end, int64_t vocabSize) {
  uint32_t limit = static_cast<uint32_t>(std::min<int64_t>(vocabSize, int64_t{1} << 31));
  return shard.bytesPerToken == 2 ? findOutside<uint16_t>(shard.data, begin, end, limit)
                                  : findOutside<int32_t>(shard.data, begin, end, limit);
}

} // namespace

int32_t TokenShard::token(int64_t index) const {
  return bytesPerToken == 2 ? load<uint16_t>(data, index) : load<int32_t>(data, index);
}

TokenStream::TokenStream(std::string name, std::vector<TokenShard> shards)
    : name_(std::move(name)), shards_(std::move(shards)) {
  for (const TokenShard &shard : shards_)
    size_ += shard.count;
}

Status TokenStream::refuse(const TokenShard &shard, int64_t index) const {
  std::string where = fmt::format("token number {}", shard.first + index);
  if (shard.fileOffset >= 0)
    where += fmt::format(" (byte {})", shard.fileOffset + index * shard.bytesPerToken);
  return {Code::dataError, fmt::format("{}: {} is {}; the vocabulary has {} ids", shard.source,
                                       where, shard.token(index), vocabSize_)};
}

Status TokenStream::read(size_t shardIndex, int64_t offset, std::span<int32_t> out) const {
  const TokenShard &shard = shards_[shardIndex];
  int64_t count = static_cast<int64_t>(out.size());
  if (offset < 0 || count > shard.count || offset > shard.count - count)
    return {Code::internal, fmt::format("{}: tokens {} to {} of {} were asked for", shard.source,
                                        offset, offset + count, shard.count)};
  if (int64_t outside = findOutside(shard, offset, offset + count, vocabSize_);
      outside < offset + count)
    return refuse(shard, outside);
  for (int64_t i = 0; i < count; ++i)
    out[static_cast<size_t>(i)] = shard.token(offset + i);
  return {};
}

double TokenStream::unigramEntropy() const {
  if (size_ == 0)
    return 0;
  std::vector<std::vector<int64_t>> countsOfThread(static_cast<size_t>(threadCount()));
  for (const TokenShard &shard : shards_)
    parallelFor(shard.count, grain, [&](int64_t begin, int64_t end, int thread) {
      std::vector<int64_t> &counts = countsOfThread[static_cast<size_t>(thread)];
      for (int64_t i = begin; i < end; ++i) {
        size_t token = static_cast<size_t>(shard.token(i));
        if (token >= counts.size())
          counts.resize(token + 1);
        ++counts[token];
      }
    });
  std::vector<int64_t> counts;
  for (const std::vector<int64_t> &part : countsOfThread) {
    counts.resize(std::max(counts.size(), part.size()));
    for (size_t token = 0; token < part.size(); ++token)
      counts[token] += part[token];
  }
  // -Σ p ln p with p = c / N is ln N - (Σ c ln c) / N.
  double total = static_cast<double>(size_), sum = 0;
  for (int64_t count : counts)
    if (count > 0)
      sum += static_cast<double>(count) * std::log(static_cast<double>(count));
  return std::log(total) - sum / total;
}

Status TokenStream::setVocabulary(int64_t vocabSize) {
  vocabSize_ = vocabSize;
  if (size_ > checkedAtOnce)
    return {};
  for (const TokenShard &shard : shards_) {
    std::atomic<int64_t> first = shard.count;
    parallelFor(shard.count, grain, [&](int64_t begin, int64_t end, int) {
      int64_t outside = findOutside(shard, begin, end, vocabSize);
      int64_t known = first.load();
      while (outside < end && outside < known && !first.compare_exchange_weak(known, outside)) {
      }
    });
    if (first < shard.count)
      return refuse(shard, first);
  }
  return {};
}

} // namespace gptc::runtime
