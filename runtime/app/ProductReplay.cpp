// Replaying products: memory, the choice of the fastest way, and runs.
#include "runtime/app/ProductReplay.h"

#include "runtime/base/Parallel.h"
#include "runtime/execute/Memory.h"
#include "runtime/plan/Plan_generated.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <set>

namespace gptc::runtime {

namespace {

/// Passes that are timed for the choice; a way that is so many times slower than the fastest in the
/// first is not tried again, unless products are so short that anything may disturb them.
constexpr int passes = 3;
constexpr double hopeless = 1.3, shortSeconds = 1e-3;
/// Products of a shape that are timed for the choice: those of a few layers, so that their weights
/// come from memory. Fewer if they take long.
constexpr int64_t timedProducts = 4;
constexpr double longSeconds = 0.3;

/// Fills it with numbers in [-1/16, 1/16), of which none is subnormal.
void fill(const CpuMemory &memory) {
  auto *values = reinterpret_cast<float *>(memory.data());
  parallelFor(static_cast<int64_t>(memory.size() / sizeof(float)), 1 << 16,
              [&](int64_t begin, int64_t end, int) {
                for (int64_t i = begin; i < end; ++i) {
                  uint32_t bits = static_cast<uint32_t>(i) * 2654435761u;
                  bits ^= bits >> 15;
                  bits *= 2246822519u;
                  values[i] = static_cast<float>(static_cast<int32_t>(bits | 1)) * 0x1p-35f;
                }
              });
}

} // namespace

Result<std::unique_ptr<ProductReplay>> ProductReplay::create(const Plan &plan,
                                                             std::span<const std::string> entries,
                                                             std::vector<StepProduct> products) {
  GPTC_ASSIGN(const Dnnl *library, openDnnl());
  GPTC_ASSIGN(DnnlEngine engine, DnnlEngine::create());
  std::unique_ptr<ProductReplay> replay(new ProductReplay(std::move(engine), library));
  for (StepProduct &product : products)
    replay->addCommand(std::move(product));
  GPTC_RETURN_IF_ERROR(replay->allocate(plan, entries));
  GPTC_RETURN_IF_ERROR(replay->bind());
  GPTC_RETURN_IF_ERROR(replay->choose());
  return replay;
}

void ProductReplay::addCommand(StepProduct product) {
  std::string text = product.text();
  auto shape = std::find_if(shapes_.begin(), shapes_.end(),
                            [&](const Shape &other) { return other.text == text; });
  size_t index = static_cast<size_t>(shape - shapes_.begin());
  if (shape == shapes_.end()) {
    shapes_.push_back({.text = text, .sizes = product.sizes, .method = {}});
    addMethods(product);
  }
  ++shapes_[index].count;
  commands_.push_back({index, std::move(product), {}, {}});
}

void ProductReplay::addMethods(const StepProduct &product) {
  std::vector<Method> &methods = methods_.emplace_back();
  methods.push_back({.primitive = {}, .name = "sgemm"});
  if (!product.isIndependent)
    return;
  for (ProductForm form : productForms()) {
    Result<DnnlProduct> primitive = DnnlProduct::create(engine_, product.sizes, form);
    if (!primitive.ok())
      continue; // sgemm computes everything
    std::string name = fmt::format("{} ({})", form.name(), primitive->implementation());
    methods.push_back({.primitive = std::move(*primitive), .name = std::move(name)});
  }
}

/// As much as the entries need, and where a layout takes more than the plan's, at the end of a
/// segment, as much as that. Elsewhere it reaches into what follows: nobody reads the numbers.
Status ProductReplay::allocate(const Plan &plan, std::span<const std::string> entries) {
  std::vector<size_t> indices;
  for (const std::string &entry : entries)
    indices.push_back(static_cast<size_t>(plan.findEntry(entry)));
  MemoryUse use = memoryUse(plan, indices);
  for (const Command &command : commands_) {
    const fb::Matmul &matmul = *command.product.matmul;
    std::array<const fb::Address *, 3> addresses = {matmul.lhs(), matmul.rhs(), matmul.result()};
    for (const Method &method : methods_[command.shape])
      for (size_t i = 0; method.primitive && i < 3; ++i) {
        uint64_t &bytes = use.segments[addresses[i]->segment()].bytes;
        bytes = std::max(bytes, addresses[i]->offset() + method.primitive->bytes()[i]);
      }
  }
  MemoryLimit limit = availableHostMemory();
  if (use.total() > limit.bytes)
    return {Code::outOfMemory,
            fmt::format("{}: the replay needs {}; there are {} ({})", plan.name(), use.text(),
                        byteText(limit.bytes), limit.source)};
  for (const SegmentInfo &segment : use.segments) {
    GPTC_ASSIGN(CpuMemory memory, CpuMemory::allocate(segment.bytes));
    fill(memory);
    resources_.segments.push_back(memory.data());
    memory_.push_back(std::move(memory));
  }
  return {};
}

/// Results are operands of others. From run to run they would become larger, or smaller until they
/// are subnormal numbers, with which a processor takes a hundred times as long.
void ProductReplay::restore() const {
  std::set<uint32_t> written;
  for (const Command &command : commands_)
    written.insert(command.product.matmul->result()->segment());
  for (uint32_t segment : written)
    fill(memory_[segment]);
}

Status ProductReplay::bind() {
  scratch_.threads = threadCount();
  resources_.dnnl = library_;
  resources_.products = &functions_;
  resources_.scratch = &scratch_;
  for (Command &command : commands_) {
    const fb::Matmul &matmul = *command.product.matmul;
    command.sgemm = resolveProduct(matmul, resources_);
    command.sgemm.functions = nullptr;
    std::array<std::byte *, 3> addresses = {resources_.at(*matmul.lhs()),
                                            resources_.at(*matmul.rhs()),
                                            resources_.at(*matmul.result())};
    for (const Method &method : methods_[command.shape]) {
      DnnlProduct::Operands &operands = command.operands.emplace_back();
      if (method.primitive) {
        GPTC_ASSIGN(operands, method.primitive->bind(addresses));
      }
    }
  }
  return {};
}

Status ProductReplay::compute(const Command &command, size_t method) const {
  const Method &chosen = methods_[command.shape][method];
  return chosen.primitive ? chosen.primitive->run(command.operands[method]) : command.sgemm.run();
}

/// Times the method of that number of each shape that has one.
Status ProductReplay::tryMethod(size_t method) {
  for (const Command &command : commands_) {
    std::vector<Method> &methods = methods_[command.shape];
    if (method >= methods.size() || !methods[method].isCandidate)
      continue;
    Method &tried = methods[method];
    if (tried.passRuns == timedProducts || tried.passSeconds > longSeconds)
      continue;
    double begin = Profile::now();
    GPTC_RETURN_IF_ERROR(compute(command, method));
    tried.passSeconds += Profile::now() - begin;
    ++tried.passRuns;
  }
  restore();
  for (std::vector<Method> &methods : methods_)
    if (method < methods.size() && methods[method].isCandidate) {
      Method &tried = methods[method];
      tried.bestSeconds =
          std::min(tried.bestSeconds, tried.passSeconds / static_cast<double>(tried.passRuns));
      tried.passSeconds = 0;
      tried.passRuns = 0;
    }
  return {};
}

Status ProductReplay::choose() {
  for (int pass = 0; pass < passes; ++pass) {
    for (size_t method = 0; method <= productForms().size(); ++method)
      GPTC_RETURN_IF_ERROR(tryMethod(method));
    chosen_.clear();
    for (std::vector<Method> &methods : methods_) {
      auto faster = [](const Method &a, const Method &b) { return a.bestSeconds < b.bestSeconds; };
      auto best = std::min_element(methods.begin(), methods.end(), faster);
      chosen_.push_back(static_cast<size_t>(best - methods.begin()));
      double limit = std::max(hopeless * best->bestSeconds, shortSeconds);
      for (Method &method : methods)
        method.isCandidate = method.bestSeconds <= limit;
    }
  }
  for (size_t shape = 0; shape < shapes_.size(); ++shape)
    shapes_[shape].method = methods_[shape][chosen_[shape]].name;
  return {};
}

Result<double> ProductReplay::run() {
  double start = Profile::now(), begin = start;
  for (const Command &command : commands_) {
    GPTC_RETURN_IF_ERROR(compute(command, chosen_[command.shape]));
    double end = Profile::now();
    shapes_[command.shape].seconds += end - begin;
    begin = end;
  }
  restore();
  return begin - start;
}

void ProductReplay::forget() {
  for (Shape &shape : shapes_)
    shape.seconds = 0;
}

double ProductReplay::flops() const {
  double sum = 0;
  for (const Shape &shape : shapes_)
    sum += static_cast<double>(shape.count) * shape.sizes.flops();
  return sum;
}

} // namespace gptc::runtime
