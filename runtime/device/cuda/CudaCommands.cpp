// Resolving and running commands on a GPU.
#include "runtime/device/cuda/CudaCommands.h"

#include "runtime/device/cuda/Nvtx.h"
#include "runtime/plan/Plan_generated.h"

#include <array>
#include <fmt/format.h>
#include <optional>

namespace gptc::runtime::cuda {

namespace {

Status launch(const Queue &queue, CUfunction function, unsigned blocks, unsigned threads,
              void **parameters) {
  return queue.driver.check(queue.driver.launchKernel(function, blocks, 1, 1, threads, 1, 1, 0,
                                                      queue.stream, parameters, nullptr),
                            "cuLaunchKernel");
}

CUdeviceptr addressOf(const fb::Address &address, std::span<const CUdeviceptr> segments) {
  return segments[address.segment()] + address.offset();
}

CudaMatmul productOf(const fb::Matmul &matmul, std::span<const CUdeviceptr> segments) {
  return CudaMatmul::of(matmul, addressOf(*matmul.lhs(), segments),
                        addressOf(*matmul.rhs(), segments), addressOf(*matmul.result(), segments));
}

class Resolver {
public:
  Resolver(const Plan &plan, const CudaResources &resources, std::vector<uint64_t> &tables)
      : plan_(plan), resources_(resources), tables_(tables) {}

  Result<CudaCommand> resolve(const fb::Command &command) {
    std::string part = command.name() ? command.name()->str() : "";
    if (const fb::Launch *launch = command.operation_as_Launch())
      return CudaCommand{resolveLaunch(*launch), {}, symbolOf(*launch), std::move(part)};
    if (const fb::Matmul *matmul = command.operation_as_Matmul())
      return resolveMatmul(*matmul, std::move(part));
    return resolveArgsort(*command.operation_as_Argsort(), std::move(part));
  }

private:
  CUdeviceptr at(const fb::Address &address) const {
    return addressOf(address, resources_.segments);
  }

  std::string symbolOf(const fb::Launch &launch) const {
    return plan_.table().kernels()->Get(launch.kernel())->symbol()->str();
  }

  CudaLaunch resolveLaunch(const fb::Launch &launch) {
    const fb::CudaKernel &kernel = *plan_.table().cuda()->kernels()->Get(launch.kernel());
    CudaLaunch resolved;
    resolved.threads = kernel.threads();
    std::vector<const fb::Instance *> instances;
    for (const fb::Instance *instance : *launch.instances())
      if (instance->rows() > 0)
        instances.push_back(instance);
    if (instances.empty())
      return resolved;
    bool single = instances.size() == 1 && kernel.single();
    std::vector<uint64_t> &words = single ? resolved.arguments : tables_;
    resolved.firstWord = tables_.size();
    // Plan::load has seen to it that the blocks of a launch fit into 31 bits.
    uint64_t blocks = 0;
    for (const fb::Instance *instance : instances) {
      if (instance->operands())
        for (const fb::Address *address : *instance->operands())
          words.push_back(at(*address));
      words.push_back(static_cast<uint64_t>(instance->rows()));
      if (!single)
        words.push_back(blocks);
      __extension__ using Wide = unsigned __int128;
      Wide items = Wide(instance->rows()) * Wide(kernel.items_per_row());
      Wide perBlock = Wide(kernel.items_per_block());
      blocks += static_cast<uint64_t>((items + perBlock - 1) / perBlock);
    }
    resolved.blocks = static_cast<unsigned>(blocks);
    resolved.instances = single ? 0 : static_cast<int32_t>(instances.size());
    resolved.function = single ? resources_.kernels.single(launch.kernel())
                               : resources_.kernels.instances(launch.kernel());
    return resolved;
  }

  Result<CudaCommand> resolveMatmul(const fb::Matmul &table, std::string part) {
    CudaMatmul matmul = productOf(table, resources_.segments);
    std::string text = matmul.text();
    CudaLaunch epilogue;
    if (table.epilogue()) {
      epilogue = resolveLaunch(*table.epilogue());
      text += " + " + symbolOf(*table.epilogue());
    }
    if (resources_.library) {
      Result<LibraryMatmuls::Prepared> product = resources_.library->prepare(matmul);
      if (product.ok())
        return CudaCommand{LibraryProduct{std::move(*product)}, std::move(epilogue),
                           std::move(text), std::move(part)};
      if (product.status().code() != Code::unavailable || !resources_.generatedMatmuls)
        return product.status();
    }
    if (std::optional<Result<GeneratedMatmul>> whole = resolveWhole(table, matmul)) {
      if (!whole->ok())
        return whole->status();
      return CudaCommand{
          GeneratedProduct{std::move(**whole)}, {}, std::move(text), std::move(part)};
    }
    GPTC_ASSIGN(GeneratedMatmul product, GeneratedMatmul::prepare(matmul, resources_.kernels));
    return CudaCommand{GeneratedProduct{std::move(product)}, std::move(epilogue), std::move(text),
                       std::move(part)};
  }

  /// The product and its epilogue as one kernel, if the plan has it.
  std::optional<Result<GeneratedMatmul>> resolveWhole(const fb::Matmul &table,
                                                      const CudaMatmul &matmul) const {
    if (!table.epilogue() || table.accumulate())
      return std::nullopt;
    const MatmulKernel *kernel = resources_.kernels.epilogue(table.epilogue()->kernel(), matmul);
    const fb::Instance &instance = *table.epilogue()->instances()->Get(0);
    if (!kernel || instance.rows() != table.m())
      return std::nullopt;
    std::vector<CUdeviceptr> operands;
    for (const fb::Address *address : *instance.operands())
      operands.push_back(at(*address));
    return GeneratedMatmul::prepareWithEpilogue(matmul, *kernel, std::move(operands));
  }

  CudaCommand resolveArgsort(const fb::Argsort &table, std::string part) const {
    CudaArgsort argsort;
    argsort.function = resources_.kernels.argsort();
    argsort.threads = plan_.table().cuda()->argsort()->threads();
    argsort.count = table.count();
    argsort.blocks = static_cast<unsigned>((table.count() + argsort.threads - 1) / argsort.threads);
    argsort.indices = at(*table.indices());
    argsort.order = at(*table.order());
    return {argsort, {}, fmt::format("{} numbers", table.count()), std::move(part)};
  }

  const Plan &plan_;
  const CudaResources &resources_;
  std::vector<uint64_t> &tables_;
};

Status runCommand(const CudaCommand &command, std::string_view entry, const Queue &queue) {
  Status status =
      std::visit([&](const auto &operation) { return operation.run(queue); }, command.operation);
  if (status.ok())
    status = command.epilogue.run(queue);
  return status.ok() ? status
                     : status.within(fmt::format("{}: {} {}", entry, command.code, command.part));
}

} // namespace

Status CudaLaunch::run(const Queue &queue) const {
  if (blocks == 0)
    return {};
  if (instances > 0) {
    CUdeviceptr table = queue.tables + firstWord * sizeof(uint64_t);
    std::array<void *, 2> parameters = {&table, argumentOf(instances)};
    return launch(queue, function, blocks, threads, parameters.data());
  }
  std::vector<void *> parameters;
  for (const uint64_t &argument : arguments)
    parameters.push_back(argumentOf(argument));
  return launch(queue, function, blocks, threads, parameters.data());
}

Status CudaArgsort::run(const Queue &queue) const {
  std::array<void *, 3> parameters = {argumentOf(indices), argumentOf(order), argumentOf(count)};
  return launch(queue, function, blocks, threads, parameters.data());
}

std::string_view CudaCommand::kind() const {
  constexpr std::array<std::string_view, 4> names = {"launch", "matmul", "matmul", "argsort"};
  return names[operation.index()];
}

std::vector<CudaMatmul> productsOf(const fb::Entry &entry, std::span<const CUdeviceptr> segments) {
  std::vector<CudaMatmul> products;
  if (entry.commands())
    for (const fb::Command *command : *entry.commands())
      if (const fb::Matmul *matmul = command->operation_as_Matmul())
        products.push_back(productOf(*matmul, segments));
  return products;
}

Result<std::vector<CudaCommand>> resolveCommands(const Plan &plan, const fb::Entry &entry,
                                                 const CudaResources &resources,
                                                 std::vector<uint64_t> &tables) {
  std::vector<CudaCommand> commands;
  if (!entry.commands())
    return commands;
  commands.reserve(entry.commands()->size());
  Resolver resolver(plan, resources, tables);
  for (const fb::Command *table : *entry.commands()) {
    GPTC_ASSIGN(CudaCommand command, resolver.resolve(*table));
    commands.push_back(std::move(command));
  }
  return commands;
}

Status enqueueCommands(std::span<const CudaCommand> commands, std::string_view entry,
                       const Queue &queue) {
  for (const CudaCommand &command : commands)
    GPTC_RETURN_IF_ERROR(runCommand(command, entry, queue));
  return {};
}

Status profileCommands(std::span<const CudaCommand> commands, std::string_view entry,
                       const Queue &queue, Profile &profile) {
  const Driver &driver = queue.driver;
  std::vector<Event> events(commands.size() + 1);
  for (Event &event : events) {
    GPTC_ASSIGN(event, makeEvent(driver, /*timed=*/true));
  }
  auto record = [&](const Event &event) {
    return driver.check(driver.eventRecord(event.get(), queue.stream), "cuEventRecord");
  };
  // The GPU's times are placed on the host's clock by an idle moment.
  GPTC_RETURN_IF_ERROR(driver.check(driver.streamSynchronize(queue.stream), "cuStreamSynchronize"));
  double start = Profile::now();
  GPTC_RETURN_IF_ERROR(record(events[0]));
  for (size_t i = 0; i < commands.size(); ++i) {
    NvtxRange range(commands[i].part.empty() ? commands[i].code : commands[i].part);
    GPTC_RETURN_IF_ERROR(runCommand(commands[i], entry, queue));
    GPTC_RETURN_IF_ERROR(record(events[i + 1]));
  }
  GPTC_RETURN_IF_ERROR(driver.check(driver.streamSynchronize(queue.stream), "cuStreamSynchronize"));
  double begin = start;
  for (size_t i = 0; i < commands.size(); ++i) {
    float milliseconds = 0;
    GPTC_RETURN_IF_ERROR(
        driver.check(driver.eventElapsedTime(&milliseconds, events[i].get(), events[i + 1].get()),
                     "cuEventElapsedTime"));
    double end = begin + 1e-3 * double{milliseconds};
    profile.record(entry, commands[i].kind(), commands[i].code, commands[i].part, begin, end);
    begin = end;
  }
  return {};
}

} // namespace gptc::runtime::cuda
