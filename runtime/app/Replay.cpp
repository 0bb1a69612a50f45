// Timing replays.
#include "runtime/app/Replay.h"

#include "runtime/app/ProductReplay.h"
#include "runtime/app/UpdatePass.h"
#include "runtime/base/Parallel.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gptc::runtime {

namespace {

/// The share of a step that its floor should be.
constexpr double aim = 0.85;

double medianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// Work in units of 1e9 a second.
double rate(double work, double milliseconds) {
  return milliseconds > 0 ? work / milliseconds / 1e6 : 0;
}

class Replay {
public:
  Replay(const Plan &plan, const ReplayOptions &options, const Console &console)
      : plan_(plan), options_(options), console_(console) {}

  Status prepare();
  Status measure();
  Status serve(const LineReader &requests);

private:
  /// Milliseconds of one replay.
  struct Times {
    double products = 0, memory = 0;
    double floor() const { return products + memory; }
  };
  struct Summary {
    double median, fastest;
  };

  Result<Times> step();
  Summary summary(double (*value)(const Times &)) const;
  double bytes() const;
  void printText() const;
  void printJson() const;

  const Plan plan_;
  const ReplayOptions &options_;
  const Console &console_;
  std::vector<std::string> entries_;
  std::unique_ptr<ProductReplay> products_;
  std::optional<UpdatePass> update_;
  int64_t updates_ = 0; ///< in a replay
  std::vector<Times> times_;
};

Status Replay::prepare() {
  entries_ = options_.entries;
  if (entries_.empty()) {
    GPTC_ASSIGN(entries_, stepEntries(plan_));
  }
  GPTC_ASSIGN(std::vector<StepProduct> products, stepProducts(plan_, entries_));
  updates_ = std::count(entries_.begin(), entries_.end(), "update");
  if (updates_ > 0) {
    GPTC_ASSIGN(update_, UpdatePass::create(plan_));
  }
  setThreadCount(options_.threads);
  if (!options_.serve)
    console_.note("trying oneDNN's ways to compute each product …");
  GPTC_ASSIGN(products_, ProductReplay::create(plan_, entries_, std::move(products)));
  return {};
}

Result<Replay::Times> Replay::step() {
  GPTC_ASSIGN(double seconds, products_->run());
  double begin = Profile::now();
  for (int64_t i = 0; i < updates_; ++i)
    update_->run(products_->segments());
  return Times{1e3 * seconds, 1e3 * (Profile::now() - begin)};
}

Status Replay::measure() {
  for (int64_t i = -options_.warmup; i < options_.steps; ++i) {
    if (i == 0)
      products_->forget();
    GPTC_ASSIGN(Times times, step());
    if (i >= 0)
      times_.push_back(times);
  }
  if (options_.json)
    printJson();
  else
    printText();
  return {};
}

Replay::Summary Replay::summary(double (*value)(const Times &)) const {
  std::vector<double> values;
  for (const Times &times : times_)
    values.push_back(value(times));
  return {medianOf(values), *std::min_element(values.begin(), values.end())};
}

double Replay::bytes() const {
  return update_ ? static_cast<double>(updates_) * static_cast<double>(update_->bytes()) : 0;
}

void Replay::printText() const {
  console_.out(fmt::format("{}: the products of {} by oneDNN {}, {} thread{}", plan_.model(),
                           fmt::join(entries_, ", "), products_->libraryVersion(), threadCount(),
                           threadCount() == 1 ? "" : "s"));
  auto steps = static_cast<double>(times_.size());
  int64_t count = 0;
  for (const ProductReplay::Shape &shape : products_->shapes()) {
    double milliseconds = 1e3 * shape.seconds / steps / static_cast<double>(shape.count);
    console_.out(fmt::format("  {:4} of {:28} {:9.3f} ms each {:7.1f} GFLOP/s  {}", shape.count,
                             shape.text, milliseconds, rate(shape.sizes.flops(), milliseconds),
                             shape.method));
    count += shape.count;
  }
  auto line = [&](const char *name, double (*value)(const Times &), const std::string &work,
                  double amount, const char *unit) {
    Summary found = summary(value);
    console_.out(fmt::format("{:8}  {}: median {:.3f} ms, fastest {:.3f}; {:.1f} {}", name, work,
                             found.median, found.fastest, rate(amount, found.median), unit));
  };
  line(
      "products", [](const Times &times) { return times.products; },
      fmt::format("{}, {:.1f} GFLOP", count, products_->flops() / 1e9), products_->flops(),
      "GFLOP/s");
  if (update_)
    line(
        "memory", [](const Times &times) { return times.memory; },
        fmt::format("{} parameters, {:.2f} GB", groupedNumber(update_->elements()), bytes() / 1e9),
        bytes(), "GB/s");
  Summary floor = summary([](const Times &times) { return times.floor(); });
  console_.out(fmt::format("{:8}  median {:.3f} ms, fastest {:.3f}; {:.3f} ms / {}: {:.3f} ms",
                           "floor", floor.median, floor.fastest, floor.median, aim,
                           floor.median / aim));
}

void Replay::printJson() const {
  Summary products = summary([](const Times &times) { return times.products; }),
          memory = summary([](const Times &times) { return times.memory; }),
          floor = summary([](const Times &times) { return times.floor(); });
  auto steps = static_cast<double>(times_.size());
  nlohmann::json shapes = nlohmann::json::array();
  for (const ProductReplay::Shape &shape : products_->shapes())
    shapes.push_back({{"code", shape.text},
                      {"batch", shape.sizes.batch},
                      {"m", shape.sizes.m},
                      {"n", shape.sizes.n},
                      {"k", shape.sizes.k},
                      {"accumulate", shape.sizes.accumulate},
                      {"count", shape.count},
                      {"method", shape.method},
                      {"ms", 1e3 * shape.seconds / steps}});
  nlohmann::json result = {{"model", plan_.model()},
                           {"entries", entries_},
                           {"library", "oneDNN " + products_->libraryVersion()},
                           {"threads", threadCount()},
                           {"steps", times_.size()},
                           {"shapes", shapes},
                           {"flops", products_->flops()},
                           {"bytes", bytes()},
                           {"products_ms", products.median},
                           {"memory_ms", memory.median},
                           {"floor_ms", floor.median},
                           {"min_floor_ms", floor.fastest},
                           {"gflops_per_second", rate(products_->flops(), products.median)},
                           {"gb_per_second", rate(bytes(), memory.median)},
                           {"step_ms", floor.median / aim}};
  console_.out(result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

Status Replay::serve(const LineReader &requests) {
  return serveSteps(requests, console_, [&]() -> Result<std::string> {
    GPTC_ASSIGN(Times times, step());
    return fmt::format("{{\"ms\": {:.4f}, \"products_ms\": {:.4f}, \"memory_ms\": {:.4f}, "
                       "\"flops\": {:.0f}, \"bytes\": {:.0f}}}",
                       times.floor(), times.products, times.memory, products_->flops(), bytes());
  });
}

} // namespace

Status replay(const Plan &plan, const ReplayOptions &options, const Console &console,
              const LineReader &requests) {
  GPTC_RETURN_IF_ERROR(options.validate());
  Replay replay(plan, options, console);
  GPTC_RETURN_IF_ERROR(replay.prepare());
  return options.serve ? replay.serve(requests) : replay.measure();
}

} // namespace gptc::runtime
