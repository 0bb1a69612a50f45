// libFuzzer entry for the plan reader: any bytes must be refused, or give a plan whose tensors and
// commands lie within its segments. None of a plan's code is loaded.
//
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I. -I BUILD
//   test/fuzz/PlanFuzz.cpp \
//     runtime/plan/*.cpp runtime/base/File.cpp -lfmt -o plan-fuzz
//   ./plan-fuzz -max_len=65536 CORPUS
#include "runtime/plan/Plan.h"
#include "runtime/plan/Plan_generated.h"

#include <nlohmann/json.hpp>

using namespace gptc::runtime;

namespace {

void require(bool condition) {
  if (!condition)
    __builtin_trap();
}

/// The largest element of each tensor lies within its segment; counts do not overflow.
void checkTensors(const Plan &plan) {
  for (const TensorInfo &tensor : plan.tensors()) {
    uint64_t last = 0;
    for (size_t axis = 0; axis < tensor.shape.size(); ++axis)
      last += static_cast<uint64_t>(tensor.shape[axis] - 1) *
              static_cast<uint64_t>(tensor.strides[axis]);
    require(tensor.count() > 0);
    require(tensor.place.offset + 4 * (last + 1) <= plan.segments()[tensor.place.segment].bytes);
    require(plan.findTensor(tensor.name) == &tensor);
  }
  require(plan.parameterCount() >= 0);
}

void checkPlace(const Plan &plan, const EntryInfo &entry, const fb::Address &address) {
  bool used = false;
  for (uint32_t segment : entry.segments)
    used |= segment == address.segment();
  require(used);
  bool transient = static_cast<int>(address.segment()) == plan.transientIndex();
  require(address.offset() + 4 <=
          (transient ? entry.transientBytes : plan.segments()[address.segment()].bytes));
}

void checkCommands(const Plan &plan, size_t index) {
  const EntryInfo &entry = plan.entries()[index];
  const auto *commands = plan.entryTable(index).commands();
  for (uint32_t i = 0; commands && i < commands->size(); ++i) {
    const fb::Command &command = *commands->Get(i);
    if (const fb::Launch *launch = command.operation_as_Launch()) {
      require(launch->kernel() < plan.table().kernels()->size());
      for (const fb::Instance *instance : *launch->instances())
        for (uint32_t j = 0; instance->operands() && j < instance->operands()->size(); ++j)
          checkPlace(plan, entry, *instance->operands()->Get(j));
    } else if (const fb::Matmul *matmul = command.operation_as_Matmul()) {
      for (const fb::Address *address : {matmul->lhs(), matmul->rhs(), matmul->result()})
        checkPlace(plan, entry, *address);
      if (const fb::Launch *epilogue = matmul->epilogue()) {
        require(epilogue->kernel() < plan.table().kernels()->size());
        require(epilogue->instances()->size() == 1);
        for (const fb::Address *address : *epilogue->instances()->Get(0)->operands())
          checkPlace(plan, entry, *address);
      }
    } else {
      const fb::Argsort &argsort = *command.operation_as_Argsort();
      checkPlace(plan, entry, *argsort.indices());
      checkPlace(plan, entry, *argsort.order());
    }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<Plan> plan = Plan::parse(std::as_bytes(std::span(data, size)), nullptr, "fuzz.plan");
  if (!plan.ok()) {
    require(!plan.status().message().empty());
    return 0;
  }
  checkTensors(*plan);
  for (size_t i = 0; i < plan->entries().size(); ++i)
    checkCommands(*plan, i);
  require(plan->settings().is_object() && !plan->model().empty());
  return 0;
}
