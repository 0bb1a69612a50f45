// Collecting products.
#include "runtime/app/StepProducts.h"

#include "runtime/app/TrainingStep.h"
#include "runtime/base/DidYouMean.h"
#include "runtime/plan/Plan_generated.h"

#include <fmt/format.h>

namespace gptc::runtime {

namespace {

Status refuse(const Plan &plan, const std::string &message) {
  return Status(Code::failedPrecondition, message).within(plan.name());
}

Status noEntry(const Plan &plan, const std::string &name) {
  std::vector<std::string> names;
  for (const EntryInfo &entry : plan.entries())
    names.push_back(entry.name);
  return Status(Code::invalidArgument, fmt::format("there is no entry {}{}; it has {}", name,
                                                   suggestion(name, names), fmt::join(names, ", ")))
      .within(plan.name());
}

/// The first type beside float32 that the product has, or float32.
fb::DataType narrowType(const fb::Matmul &matmul) {
  for (fb::DataType type : {matmul.lhs_type(), matmul.rhs_type(), matmul.result_type(),
                            matmul.lhs_factor(), matmul.rhs_factor()})
    if (type != fb::DataType::float32)
      return type;
  return fb::DataType::float32;
}

std::string sizesText(const fb::Matmul &matmul) {
  std::string text;
  if (matmul.batch())
    for (const fb::BatchAxis *axis : *matmul.batch())
      text += fmt::format("{} x ", axis->size());
  return text + fmt::format("{} x {} x {}", matmul.m(), matmul.n(), matmul.k());
}

StepProduct describe(const fb::Matmul &matmul) {
  StepProduct product{&matmul, {1, matmul.m(), matmul.n(), matmul.k(), matmul.accumulate()}};
  if (matmul.batch())
    for (const fb::BatchAxis *axis : *matmul.batch()) {
      product.sizes.batch *= axis->size();
      product.isIndependent &=
          axis->size() == 1 ||
          (axis->lhs_stride() != 0 && axis->rhs_stride() != 0 && axis->result_stride() != 0);
    }
  return product;
}

} // namespace

std::string StepProduct::text() const {
  return sizesText(*matmul) + (matmul->transpose_lhs() ? " lhs^T" : "") +
         (matmul->transpose_rhs() ? " rhs^T" : "") + (matmul->accumulate() ? " +=" : "") +
         (isIndependent ? "" : " shared");
}

Result<std::vector<std::string>> stepEntries(const Plan &plan) {
  std::vector<std::string> entries = {accumulateEntry(plan, 0, 1), "update"};
  for (const std::string &entry : entries)
    if (plan.findEntry(entry) < 0)
      return refuse(plan, fmt::format("the plan has no entry {}: it cannot train", entry));
  return entries;
}

Result<std::vector<StepProduct>> stepProducts(const Plan &plan,
                                              std::span<const std::string> entries) {
  if (plan.target() != "cpu")
    return refuse(plan, fmt::format("the plan was compiled for {}: products are replayed on a cpu",
                                    plan.target()));
  std::vector<StepProduct> products;
  for (const std::string &name : entries) {
    int index = plan.findEntry(name);
    if (index < 0)
      return noEntry(plan, name);
    const auto *commands = plan.entryTable(static_cast<size_t>(index)).commands();
    if (!commands)
      continue;
    for (const fb::Command *command : *commands) {
      const fb::Matmul *matmul = command->operation_as_Matmul();
      if (!matmul)
        continue;
      if (fb::DataType type = narrowType(*matmul); type != fb::DataType::float32)
        return refuse(plan,
                      fmt::format("{}: the product {} has {} elements; float32 (--precision "
                                  "fp32) is what can be replayed",
                                  name, sizesText(*matmul), nameOf(static_cast<DataType>(type))));
      products.push_back(describe(*matmul));
    }
  }
  if (products.empty())
    return refuse(plan, fmt::format("no matrix product in {}", fmt::join(entries, ", ")));
  return products;
}

} // namespace gptc::runtime
