// Moving what an optimizer moves.
#include "runtime/app/UpdatePass.h"

#include "runtime/base/Parallel.h"

#include <algorithm>
#include <fmt/format.h>

namespace gptc::runtime {

namespace {

constexpr size_t mostMoments = 2;
/// Elements that are worth a thread.
constexpr int64_t grain = 1 << 14;

// Numbers that neither grow nor vanish over many passes.
constexpr float kept = 0.9f, added = 0.1f, rate = 1e-6f;

void moveWithTwo(float *__restrict parameter, const float *__restrict gradient,
                 float *__restrict first, float *__restrict second, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    first[i] = first[i] * kept + gradient[i] * added;
    second[i] = second[i] * kept + gradient[i] * added;
    parameter[i] -= rate * (first[i] + second[i]);
  }
}

void moveWithOne(float *__restrict parameter, const float *__restrict gradient,
                 float *__restrict moment, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    moment[i] = moment[i] * kept + gradient[i] * added;
    parameter[i] -= rate * moment[i];
  }
}

void move(float *__restrict parameter, const float *__restrict gradient, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    parameter[i] -= rate * gradient[i];
}

} // namespace

Result<UpdatePass> UpdatePass::create(const Plan &plan) {
  UpdatePass pass;
  for (const TensorInfo &gradient : plan.tensors()) {
    const TensorInfo *parameter =
        gradient.kind == TensorKind::gradient ? plan.findTensor(gradient.owner) : nullptr;
    if (!parameter)
      continue;
    Part part{parameter->count(), parameter->place, gradient.place, {}};
    for (const TensorInfo &moment : plan.tensors())
      if (moment.kind == TensorKind::moment && moment.owner == parameter->name)
        part.moments.push_back(moment.place);
    if (part.moments.size() > mostMoments)
      return Status(Code::failedPrecondition,
                    fmt::format("{}: {} has {} moments, at most {} were expected", plan.name(),
                                parameter->name, part.moments.size(), mostMoments));
    pass.elements_ += part.count;
    // The gradient is read; the others are read and written.
    pass.bytes_ +=
        static_cast<uint64_t>(part.count) * sizeof(float) * (1 + 2 * (1 + part.moments.size()));
    pass.parts_.push_back(std::move(part));
  }
  if (pass.parts_.empty())
    return Status(Code::failedPrecondition,
                  fmt::format("{}: the plan has no gradients", plan.name()));
  return pass;
}

void UpdatePass::runPart(const Part &part, const std::vector<std::byte *> &segments, int64_t begin,
                         int64_t end) {
  auto at = [&](Place place) {
    return reinterpret_cast<float *>(segments[place.segment] + place.offset) + begin;
  };
  int64_t count = end - begin;
  switch (part.moments.size()) {
  case 0:
    return move(at(part.parameter), at(part.gradient), count);
  case 1:
    return moveWithOne(at(part.parameter), at(part.gradient), at(part.moments[0]), count);
  default:
    return moveWithTwo(at(part.parameter), at(part.gradient), at(part.moments[0]),
                       at(part.moments[1]), count);
  }
}

void UpdatePass::run(const std::vector<std::byte *> &segments) const {
  parallelFor(elements_, grain, [&](int64_t begin, int64_t end, int) {
    int64_t first = 0;
    for (const Part &part : parts_) {
      int64_t from = std::max(begin, first), to = std::min(end, first + part.count);
      if (from < to)
        runPart(part, segments, from - first, to - first);
      first += part.count;
    }
  });
}

} // namespace gptc::runtime
