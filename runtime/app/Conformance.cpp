// Running conformance cases.
#include "runtime/app/Conformance.h"

#include "runtime/app/ConformanceCases.h"
#include "runtime/execute/TensorCopy.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gptc::runtime {

namespace {

/// What is wrong with a tensor after a run. Values are those of the worst element.
struct Failure {
  std::string entry, tensor, problem, element = {};
  double found = 0, expected = 0, tolerance = 0;
  int64_t elements = 0; ///< that are wrong; 0: the problem is not one of elements

  std::string text() const {
    if (elements == 0)
      return fmt::format("{}: {}: {}", entry, tensor, problem);
    return fmt::format("{}: {}{} is {:.9g}, expected {:.9g} ± {:.3g}: {} ({} such)", entry, tensor,
                       element, found, expected, tolerance, problem,
                       elements == 1 ? "1 element" : groupedNumber(elements) + " elements");
  }

  nlohmann::json json() const {
    nlohmann::json result = {{"entry", entry}, {"tensor", tensor}, {"problem", problem}};
    if (elements != 0)
      result.update({{"element", element},
                     {"found", found}, // not finite: null
                     {"expected", expected},
                     {"tolerance", tolerance},
                     {"elements", elements}});
    return result;
  }
};

/// "[2, 3]", or nothing for a scalar.
std::string elementText(const TensorInfo &tensor, int64_t element) {
  std::vector<int64_t> index(tensor.shape.size());
  for (size_t axis = index.size(); axis-- > 0; element /= tensor.shape[axis])
    index[axis] = element % tensor.shape[axis];
  return index.empty() ? "" : shapeText(index);
}

double valueOf(const TensorInfo &tensor, uint32_t word) {
  return tensor.type == DataType::float32 ? static_cast<double>(std::bit_cast<float>(word))
                                          : static_cast<double>(static_cast<int32_t>(word));
}

class Conformance {
public:
  Conformance(Session session, const std::vector<ConformanceCase> &cases, int64_t repeat)
      : session_(std::move(session)), cases_(cases), repeat_(repeat) {}

  Status run() {
    for (const ConformanceCase &one : cases_) {
      size_t before = failures_.size();
      for (int64_t time = 0; time < repeat_; ++time)
        GPTC_RETURN_IF_ERROR(run(one, time).within(one.entry));
      failed_ += failures_.size() != before;
    }
    return {};
  }

  size_t failed() const { return failed_; }
  const std::vector<Failure> &failures() const { return failures_; }
  const Device &device() const { return session_.device(); }

private:
  using Words = std::vector<uint32_t>;

  Status run(const ConformanceCase &one, int64_t time) {
    for (const ConformanceTensor &tensor : one.tensors)
      GPTC_RETURN_IF_ERROR(write(tensor));
    GPTC_RETURN_IF_ERROR(session_.run(one.entry));
    std::vector<Words> results(one.tensors.size());
    for (size_t i = 0; i < results.size(); ++i) {
      const ConformanceTensor &tensor = one.tensors[i];
      bool padded = false;
      GPTC_RETURN_IF_ERROR(read(*tensor.tensor, results[i], padded));
      if (time == 0) {
        if (padded)
          fail(one, tensor, "its padding is not 0");
        check(one, tensor, results[i]);
      } else if (results[i] != first_[i]) {
        fail(one, tensor, fmt::format("run {} of the entry gives other bits", time + 1));
      }
    }
    if (time == 0)
      first_ = std::move(results);
    return {};
  }

  Status write(const ConformanceTensor &tensor) {
    if (tensor.before.empty())
      return {};
    const TensorInfo &info = *tensor.tensor;
    if (info.type == DataType::int32)
      return session_.write(info, std::span(reinterpret_cast<const int32_t *>(tensor.before.data()),
                                            tensor.before.size()));
    std::vector<float> values;
    for (uint32_t word : tensor.before)
      values.push_back(std::bit_cast<float>(word));
    return session_.write(info, std::span<const float>(values));
  }

  /// The bits of a tensor; `padded`: there are bits in its padding.
  Status read(const TensorInfo &info, Words &words, bool &padded) const {
    // All of the tensor's memory, as if it had one axis.
    TensorInfo raw = info;
    raw.shape = {static_cast<int64_t>(info.bytes / sizeof(int32_t))};
    raw.strides = {1};
    raw.type = DataType::int32;
    std::vector<int32_t> memory(info.bytes / sizeof(int32_t));
    GPTC_RETURN_IF_ERROR(session_.read(raw, std::span(memory)));
    words.resize(static_cast<size_t>(info.count()));
    copyToDense(info, std::as_bytes(std::span(memory)), std::as_writable_bytes(std::span(words)));
    auto zeros = [](const auto &list) { return std::count(list.begin(), list.end(), 0); };
    padded = memory.size() - zeros(memory) != words.size() - zeros(words);
    return {};
  }

  void check(const ConformanceCase &one, const ConformanceTensor &tensor, const Words &words) {
    const TensorInfo &info = *tensor.tensor;
    const Words &expected = tensor.expected.empty() ? tensor.before : tensor.expected;
    Failure failure{one.entry, info.name, "outside of the tolerance"};
    if (tensor.expected.empty())
      failure.problem = "the entry must not change it";
    else if (info.type == DataType::int32)
      failure.problem = "indices must be equal";
    failure.tolerance = tensor.expected.empty() ? 0 : tensor.tolerance;
    double worst = -1;
    for (size_t i = 0; i < words.size(); ++i) {
      double found = valueOf(info, words[i]), right = valueOf(info, expected[i]);
      double difference = std::fabs(found - right);
      if (words[i] == expected[i] || difference <= failure.tolerance)
        continue;
      ++failure.elements;
      if (std::isnan(difference))
        difference = INFINITY;
      if (difference <= worst)
        continue;
      worst = difference;
      failure.element = elementText(info, static_cast<int64_t>(i));
      failure.found = found;
      failure.expected = right;
    }
    if (failure.elements > 0)
      failures_.push_back(std::move(failure));
  }

  void fail(const ConformanceCase &one, const ConformanceTensor &tensor, std::string problem) {
    failures_.push_back({one.entry, tensor.tensor->name, std::move(problem), ""});
  }

  Session session_;
  const std::vector<ConformanceCase> &cases_;
  int64_t repeat_;
  std::vector<Words> first_;
  std::vector<Failure> failures_;
  size_t failed_ = 0;
};

} // namespace

Status conformance(const Plan &plan, const ConformanceOptions &options, const Console &console) {
  GPTC_RETURN_IF_ERROR(options.validate());
  GPTC_ASSIGN(std::vector<ConformanceCase> cases, loadConformanceCases(options.cases, plan));
  std::vector<std::string> entries;
  for (const ConformanceCase &one : cases)
    entries.push_back(one.entry);
  GPTC_ASSIGN(Session session,
              Session::create(plan, entries, sessionOptions(options.device, console)));
  Conformance all(std::move(session), cases, options.repeat);
  GPTC_RETURN_IF_ERROR(all.run());
  if (options.json) {
    nlohmann::json failures = nlohmann::json::array();
    for (const Failure &failure : all.failures())
      failures.push_back(failure.json());
    nlohmann::json result = {{"device", all.device().description()},
                             {"cases", cases.size()},
                             {"failed", all.failed()},
                             {"failures", std::move(failures)}};
    console.out(result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    for (const Failure &failure : all.failures())
      console.out(failure.text());
    console.out(fmt::format("{} on {}: {} cases, {} failed", plan.name(),
                            all.device().description(), cases.size(), all.failed()));
  }
  if (all.failed() > 0)
    return {Code::failedPrecondition,
            fmt::format("{}: {} of {} cases failed", options.cases, all.failed(), cases.size())};
  return {};
}

} // namespace gptc::runtime
