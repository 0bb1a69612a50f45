// The commands of a plan's entries, to read.
#include "runtime/app/CommandList.h"

#include "runtime/plan/Plan_generated.h"

#include <fmt/format.h>

namespace gptc::runtime {

namespace {

std::string textOf(const flatbuffers::String *text) { return text ? text->str() : std::string(); }

void describe(const Plan &plan, const fb::Launch &launch, CommandText &text) {
  const fb::Kernel &kernel = *plan.table().kernels()->Get(launch.kernel());
  text.kind = "launch";
  text.code = textOf(kernel.symbol());
  text.lines = textOf(kernel.location());
  text.instances = launch.instances() ? launch.instances()->size() : 0;
}

void describe(const fb::Matmul &matmul, CommandText &text) {
  text.kind = "matmul";
  if (matmul.batch())
    for (const fb::BatchAxis *axis : *matmul.batch())
      text.code += fmt::format("{} x ", axis->size());
  text.code += fmt::format("{} x {} x {}", matmul.m(), matmul.n(), matmul.k());
}

} // namespace

std::vector<CommandText> listCommands(const Plan &plan, size_t entry) {
  std::vector<CommandText> result;
  const auto *commands = plan.entryTable(entry).commands();
  if (!commands)
    return result;
  for (const fb::Command *command : *commands) {
    CommandText &text = result.emplace_back();
    text.part = textOf(command->name());
    if (const fb::Launch *launch = command->operation_as_Launch()) {
      describe(plan, *launch, text);
    } else if (const fb::Matmul *matmul = command->operation_as_Matmul()) {
      describe(*matmul, text);
    } else {
      text.kind = "argsort";
      text.code = std::to_string(command->operation_as_Argsort()->count());
    }
  }
  return result;
}

} // namespace gptc::runtime
