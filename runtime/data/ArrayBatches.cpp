// Batches of examples from arrays.
#include "runtime/data/ArrayBatches.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gptc::runtime {

namespace {

bool isWhole(HostType type) {
  return type != HostType::float16 && type != HostType::bfloat16 && type != HostType::float32 &&
         type != HostType::float64;
}

std::string namesOf(const std::map<std::string, HostArray> &arrays) {
  std::string names;
  for (const auto &[name, array] : arrays)
    names += (names.empty() ? "" : ", ") + name;
  return names;
}

} // namespace

ArrayBatches::ArrayBatches(const ArraySplit &split, std::vector<InputSpec> inputs, Shuffle shuffle,
                           uint64_t seed, int64_t rank, int64_t ranks)
    : name_(split.name), source_(split.source), first_(split.first), count_(split.count),
      inputs_(std::move(inputs)), shuffle_(shuffle), seed_(seed), rank_(rank), ranks_(ranks) {}

Result<ArrayBatches> ArrayBatches::create(const ArraySplit &split, std::vector<InputSpec> inputs,
                                          Shuffle shuffle, uint64_t seed, int64_t rank,
                                          int64_t ranks) {
  if (rank < 0 || ranks < 1 || rank >= ranks)
    return Status(
        Code::invalidArgument,
        fmt::format("rank {} of {}: the rank must be below the number of ranks", rank, ranks));
  if (split.count < 1)
    return Status(Code::dataError, fmt::format("the {} split{} has no examples", split.name,
                                               split.source.empty() ? "" : " of " + split.source));
  ArrayBatches batches(split, std::move(inputs), shuffle, seed, rank, ranks);
  GPTC_RETURN_IF_ERROR(batches.bind(split));
  return batches;
}

/// Finds each input's array and checks that it fits.
Status ArrayBatches::bind(const ArraySplit &split) {
  for (const InputSpec &input : inputs_) {
    if (input.shape.empty() || input.shape[0] < 1 || input.shape[0] != inputs_[0].shape[0] ||
        !elementCount(input.shape, HostType::int64))
      return {Code::invalidArgument,
              fmt::format("input \"{}\" of shape {} does not begin with the batch size", input.name,
                          shapeText(input.shape))};
    batchSize_ = input.shape[0];
    auto found = split.arrays.find(input.name);
    if (found == split.arrays.end())
      return {Code::dataError, fmt::format("{}: the model needs an array \"{}\"; there are: {}",
                                           source_, input.name, namesOf(split.arrays))};
    const HostArray &array = found->second;
    if (!std::equal(array.shape.begin() + 1, array.shape.end(), input.shape.begin() + 1,
                    input.shape.end())) {
      std::vector<int64_t> required = input.shape;
      required[0] = array.shape[0];
      return {Code::dataError,
              fmt::format("{}: array \"{}\": shape {} is required, found {}", source_, input.name,
                          shapeText(required), shapeText(array.shape))};
    }
    if (input.integer && !isWhole(array.type))
      return {Code::dataError, fmt::format("{}: array \"{}\": whole numbers are required, found {}",
                                           source_, input.name, typeName(array.type))};
    arrays_.push_back(array);
  }
  return {};
}

int64_t ArrayBatches::batchesPerEpoch() const {
  return std::max<int64_t>(1, count_ / batchSize_ / ranks_);
}

Status ArrayBatches::next(std::span<void *const> buffers) {
  if (buffers.size() != inputs_.size())
    return {Code::internal,
            fmt::format("{} buffers for {} inputs", buffers.size(), inputs_.size())};
  // Sequential batches leave the remainder out that does not fill a step, unless it is all there
  // is.
  int64_t used = count_ / batchSize_ / ranks_ * batchSize_ * ranks_;
  bool whole = shuffle_ != Shuffle::none || used == 0;
  SampleOrder order(shuffle_, seed_, static_cast<uint64_t>(whole ? count_ : used));
  for (int64_t row = 0; row < batchSize_; ++row) {
    uint64_t sample = sample_ + static_cast<uint64_t>(rank_ * batchSize_ + row);
    int64_t example = first_ + static_cast<int64_t>(order.at(sample));
    for (size_t input = 0; input < inputs_.size(); ++input)
      GPTC_RETURN_IF_ERROR(copyExample(input, example, row, buffers[input]));
  }
  sample_ += static_cast<uint64_t>(batchSize_ * ranks_);
  return {};
}

Status ArrayBatches::copyExample(size_t input, int64_t example, int64_t row, void *buffer) const {
  const InputSpec &spec = inputs_[input];
  const HostArray &array = arrays_[input];
  int64_t size = array.count() / array.shape[0];
  if (!spec.integer) {
    copyAsFloat32(array, example * size,
                  {static_cast<float *>(buffer) + row * size, static_cast<size_t>(size)});
    return {};
  }
  std::span<int32_t> out(static_cast<int32_t *>(buffer) + row * size, static_cast<size_t>(size));
  auto context = [&] {
    return fmt::format("{}: array \"{}\", example {}", source_, spec.name, example);
  };
  if (Status status = copyAsInt32(array, example * size, out); !status.ok())
    return status.within(context());
  for (int32_t value : out)
    if (value < spec.minimum || value > spec.maximum)
      return {Code::dataError, fmt::format("{}: {} is not within {} to {}", context(), value,
                                           spec.minimum, spec.maximum)};
  return {};
}

nlohmann::json ArrayBatches::state() const {
  return {{"shuffle", shuffleName(shuffle_)},
          {"examples", static_cast<uint64_t>(count_)},
          {"seed", seed_},
          {"sample", sample_}};
}

Status ArrayBatches::restore(const nlohmann::json &state) {
  auto refuse = [&](std::string message) {
    return Status(Code::dataError,
                  fmt::format("the saved position in the {} split ({}) does not fit: {}", name_,
                              source_, message));
  };
  if (!state.is_object() || !state.contains("shuffle") || state["shuffle"] != shuffleName(shuffle_))
    return refuse(fmt::format("it is not for --shuffle {}", shuffleName(shuffle_)));
  auto same = [&](const char *key, uint64_t value) {
    auto found = state.find(key);
    return found != state.end() && found->is_number_unsigned() && found->get<uint64_t>() == value;
  };
  if (!same("examples", static_cast<uint64_t>(count_)))
    return refuse(fmt::format("it is not for {} examples", count_));
  if (shuffle_ != Shuffle::none && !same("seed", seed_))
    return refuse(fmt::format("it is not for --seed {}", seed_));
  auto sample = state.find("sample");
  if (sample == state.end() || !sample->is_number_unsigned())
    return refuse("it has no sample number");
  sample_ = sample->get<uint64_t>();
  return {};
}

} // namespace gptc::runtime
