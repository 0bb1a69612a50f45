// Runs plans on the device.
#include "Verification.h"

#include "gptc/CodeGen/CpuCompiler.h"
#include "gptc/CodeGen/CudaSource.h"
#include "gptc/Dialect/GPT/LossScaler.h"
#include "gptc/Dialect/Plan/PlanOps.h"
#include "gptc/Plan/Passes.h"
#include "gptc/Plan/PlanWriter.h"
#include "runtime/execute/Session.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::verification;
using runtime::Code;
using runtime::Result;
using runtime::Session;
using runtime::Status;
using runtime::TensorInfo;
using runtime::TensorKind;

Status verification::separateBuffers(ModuleOp plan) {
  PassManager manager(plan.getContext());
  // Behind every pass products are computed alike: so bits may be compared.
  GenerateMatmulsPassOptions matmuls;
  matmuls.leastWork = 0;
  manager.addPass(createGenerateMatmulsPass(matmuls));
  AssignBuffersPassOptions options;
  options.noReuse = true;
  manager.addPass(createAssignBuffersPass(options));
  return mlir::failed(manager.run(plan)) ? Status(Code::internal, "buffers cannot be assigned")
                                         : Status::success();
}

/// Compiles the kernels. Plans of one compilation share them, mostly: `text` and `compiled`
/// remember the last.
static Result<PlanMetadata> compile(ModuleOp plan, bool cuda, std::string &text,
                                    std::shared_ptr<void> &compiled) {
  std::string kernels;
  llvm::raw_string_ostream stream(kernels);
  for (auto kernel : plan.getOps<plan::KernelOp>())
    stream << kernel << "\n";
  for (auto entry : plan.getOps<plan::EntryOp>())
    for (auto matmul : entry.getOps<plan::MatmulOp>())
      if (matmul.getGenerated())
        stream << matmul.getTypesAttr() << matmul.getFactorsAttr() << "\n";
  // A GPU's modules hold the kernels of the plan's other commands too.
  if (compiled && kernels == text && !cuda)
    return *std::static_pointer_cast<PlanMetadata>(compiled);
  auto metadata = std::make_shared<PlanMetadata>();
  metadata->settings = "{}";
  if (cuda) {
    FailureOr<CudaSource> source = emitCudaSource(plan);
    if (mlir::failed(source))
      return Status(Code::internal, "the kernels cannot be written as CUDA C++");
    metadata->target = "cuda";
    metadata->cuda = std::move(*source);
  } else {
    FailureOr<CompiledKernels> object = compileKernels(plan, CpuTarget::host());
    if (mlir::failed(object))
      return Status(Code::internal, "the kernels cannot be compiled");
    metadata->cpuFeatures = std::move(object->requiredFeatures);
    metadata->object = std::move(object->object);
    metadata->matmulTile = object->matmulTile;
  }
  text = std::move(kernels);
  compiled = metadata;
  return *metadata;
}

namespace {
/// A plan in memory, with tensors in and out.
class Run {
public:
  Run(Session &session, const Inputs &inputs, Observations &found)
      : session(session), inputs(inputs), found(found),
        scales(session.plan().findTensor(gpt::lossScaleName.str()) != nullptr) {}

  /// Runs entries as observe() does, up to `last` if it is one of them.
  Status all(StringRef last = "");

private:
  Status fill(const Environment &values);
  Status run(const std::string &entry, const std::string &name);
  Status take(const std::string &name, const TensorInfo &tensor);
  Status checkPads(const TensorInfo &tensor, ArrayRef<float> values);

  Session &session;
  const Inputs &inputs;
  Observations &found;
  bool scales; ///< whether gradients are multiplied by the loss scale
};
} // namespace

Status Run::fill(const Environment &values) {
  for (const TensorInfo &tensor : session.plan().tensors()) {
    auto value = values.find(tensor.name);
    if (value == values.end() || !session.holds(tensor))
      continue;
    const Tensor &given = value->second;
    if (!given.isReal()) {
      ArrayRef<int32_t> integers = given.integers();
      GPTC_RETURN_IF_ERROR(session.write(tensor, std::span(integers.data(), integers.size())));
      continue;
    }
    std::vector<float> reals(given.reals().begin(), given.reals().end());
    GPTC_RETURN_IF_ERROR(session.write(tensor, std::span<const float>(reals)));
  }
  return Status::success();
}

Status Run::take(const std::string &name, const TensorInfo &tensor) {
  Tensor &result = found[name + "/" + tensor.name];
  if (tensor.type == runtime::DataType::int32) {
    std::vector<int32_t> values(tensor.count());
    GPTC_RETURN_IF_ERROR(session.read(tensor, std::span(values)));
    result = Tensor(tensor.shape, std::move(values));
    return Status::success();
  }
  std::vector<float> values(tensor.count());
  GPTC_RETURN_IF_ERROR(session.read(tensor, std::span(values)));
  result = Tensor(tensor.shape, std::vector<double>(values.begin(), values.end()));
  if (tensor.kind == TensorKind::gradient && scales)
    unscale(result, inputs.values);
  return tensor.kind == TensorKind::output ? Status::success() : checkPads(tensor, values);
}

/// Everything that a tensor owns beside its elements must be 0.
Status Run::checkPads(const TensorInfo &tensor, ArrayRef<float> values) {
  TensorInfo raw = tensor;
  raw.shape = {static_cast<int64_t>(tensor.bytes / runtime::elementBytes(tensor.type))};
  raw.strides = {1};
  std::vector<float> memory(raw.count());
  GPTC_RETURN_IF_ERROR(session.read(raw, std::span(memory)));
  auto isNonzero = [](float element) { return element != 0; };
  if (llvm::count_if(memory, isNonzero) == llvm::count_if(values, isNonzero))
    return Status::success();
  return {Code::dataError, "the pads of variable '" + tensor.name + "' are not all 0"};
}

/// Runs an entry and takes all that the interpreter might have of it, as of the run `name`.
Status Run::run(const std::string &entry, const std::string &name) {
  if (session.plan().findEntry(entry) < 0)
    return Status::success();
  GPTC_RETURN_IF_ERROR(session.run(entry));
  bool accumulates = StringRef(entry).starts_with("accumulate_"), updates = entry == "update";
  for (const TensorInfo &tensor : session.plan().tensors()) {
    TensorKind kind = tensor.kind;
    bool wanted = kind == TensorKind::output;
    if (kind == TensorKind::gradient)
      wanted = accumulates;
    if (kind == TensorKind::state)
      wanted = accumulates || updates;
    if (kind == TensorKind::parameter || kind == TensorKind::moment)
      wanted = updates;
    if (wanted && session.holds(tensor))
      GPTC_RETURN_IF_ERROR(take(name, tensor));
  }
  return Status::success();
}

Status Run::all(StringRef last) {
  GPTC_RETURN_IF_ERROR(fill(inputs.values));
  for (const char *entry : {"accumulate_first", "accumulate_middle", "accumulate_last"}) {
    GPTC_RETURN_IF_ERROR(run(entry, entry));
    if (entry == last)
      return Status::success();
  }
  for (const UpdateRun &update : updateRuns(scales)) {
    GPTC_RETURN_IF_ERROR(fill(update.start(inputs, inputs.values, scales)));
    GPTC_RETURN_IF_ERROR(run("update", update.name));
    if (last == "update")
      return Status::success();
  }
  for (const char *entry : {"evaluate", "logits"}) {
    GPTC_RETURN_IF_ERROR(fill(inputs.values));
    GPTC_RETURN_IF_ERROR(run(entry, entry));
    if (entry == last)
      return Status::success();
  }
  return Status::success();
}

Result<Session> PlanRunner::open(ModuleOp plan) {
  bool cuda = StringRef(options.device).starts_with("cuda");
  GPTC_ASSIGN(PlanMetadata metadata, compile(plan, cuda, kernelText, compiled));
  metadata.model = model;
  auto bytes = std::make_shared<std::vector<char>>(serializePlan(plan, metadata));
  GPTC_ASSIGN(runtime::Plan parsed,
              runtime::Plan::parse(std::as_bytes(std::span<const char>(*bytes)), bytes, model));
  std::vector<std::string> entries;
  for (const runtime::EntryInfo &entry : parsed.entries())
    entries.push_back(entry.name);
  runtime::SessionOptions session;
  session.device.device = options.device;
  session.device.threads = options.threads;
  session.device.note = options.compile.note;
  return Session::create(parsed, entries, session);
}

Result<Observations> PlanRunner::run(ModuleOp plan, const Inputs &inputs) {
  GPTC_ASSIGN(Session session, open(plan));
  Observations found;
  GPTC_RETURN_IF_ERROR(Run(session, inputs, found).all());
  return found;
}

Result<PlanRunner::Contents> PlanRunner::inspect(ModuleOp plan, const Inputs &inputs,
                                                 const std::string &entry) {
  GPTC_ASSIGN(Session session, open(plan));
  Observations ignored;
  GPTC_RETURN_IF_ERROR(Run(session, inputs, ignored).all(entry));
  Contents contents;
  uint64_t end = session.plan().entries()[session.plan().findEntry(entry)].transientBytes;
  for (auto buffer : plan.getOps<plan::BufferOp>()) {
    if (buffer.getSegment() != "transient" || !buffer.getOffset() ||
        *buffer.getOffset() + buffer.getBytes() > end)
      continue;
    TensorInfo raw;
    raw.name = buffer.getSymName().str();
    raw.shape = {static_cast<int64_t>(buffer.getBytes() / 4)};
    raw.strides = {1};
    raw.place = {static_cast<uint32_t>(session.plan().transientIndex()), *buffer.getOffset()};
    raw.bytes = buffer.getBytes();
    std::vector<float> &values = contents[buffer.getSymName()];
    values.resize(raw.shape[0]);
    GPTC_RETURN_IF_ERROR(session.read(raw, std::span<float>(values)));
  }
  return contents;
}
