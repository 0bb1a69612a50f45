// Compiling, loading and running kernels for tests.
#include "KernelTesting.h"

#include "gptc/Dialect/GPT/BlockSums.h"

#include "gptc/CodeGen/Kernels.h"
#include "gptc/Transforms/Passes.h"

#include "runtime/base/Half.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/InterleavedRange.h"
#include "llvm/TargetParser/Host.h"

#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace gptc;
using namespace gptc::test;
using reference::Tensor;

mlir::MLIRContext &gptc::test::getContext() {
  static mlir::MLIRContext *context = [] {
    mlir::DialectRegistry registry;
    registry.insert<gpt::GPTDialect, plan::PlanDialect, mlir::func::FuncDialect>();
    auto *made = new mlir::MLIRContext(registry, mlir::MLIRContext::Threading::DISABLED);
    made->loadAllAvailableDialects();
    return made;
  }();
  return *context;
}

std::vector<CpuTarget> gptc::test::testedTargets() {
  std::vector<CpuTarget> targets;
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  for (const char *level : {"x86-64-v3", "x86-64-v4"}) {
    CpuTarget target = *CpuTarget::level(level);
    if (llvm::all_of(target.required,
                     [&](const std::string &name) { return features.lookup(name); }))
      targets.push_back(target);
  }
  if (targets.empty())
    targets.push_back(CpuTarget::host());
  return targets;
}

LoadedObject::LoadedObject(const std::vector<char> &bytes)
    : file(memfd_create("kernels", MFD_CLOEXEC)) {
  if (file < 0 || write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return;
  handle = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
  EXPECT_TRUE(handle) << dlerror();
}

LoadedObject::~LoadedObject() {
  if (handle)
    dlclose(handle);
  close(file);
}

LoadedObject::Function LoadedObject::find(const std::string &symbol) const {
  return handle ? reinterpret_cast<Function>(dlsym(handle, symbol.c_str())) : nullptr;
}

static std::string layoutText(const OperandSpec &operand) {
  std::string text = "memref<" + operand.type;
  if (!operand.strides.empty())
    llvm::raw_string_ostream(text) << ", strided<[" << llvm::interleaved(operand.strides) << "]>";
  return text + ">";
}

std::string gptc::test::kernelText(const std::string &schedule,
                                   const std::vector<OperandSpec> &inputs,
                                   const std::vector<OperandSpec> &outputs,
                                   const std::string &body) {
  std::vector<std::string> layouts, accumulate, inPlace, arguments, values, types;
  for (const OperandSpec &input : inputs) {
    layouts.push_back(layoutText(input));
    arguments.push_back("%" + input.name + ": tensor<" + input.type + ">");
  }
  for (const OperandSpec &output : outputs) {
    layouts.push_back(layoutText(output));
    accumulate.push_back(output.accumulate ? "true" : "false");
    inPlace.push_back(std::to_string(output.inPlace));
    values.push_back("%" + output.name);
    types.push_back("tensor<" + output.type + ">");
  }
  std::string text;
  llvm::raw_string_ostream(text) << "plan.kernel @kernel \"" << schedule << "\" rows ROWS layouts ["
                                 << llvm::interleaved(layouts) << "] accumulate ["
                                 << llvm::interleaved(accumulate) << "] in_place ["
                                 << llvm::interleaved(inPlace) << "] {\n^bb0("
                                 << llvm::interleaved(arguments) << "):\n"
                                 << body << "  gpt.yield " << llvm::interleaved(values) << " : "
                                 << llvm::interleaved(types) << "\n}\n";
  return text;
}

std::string gptc::test::mapText(const std::string &result,
                                const std::vector<std::pair<std::string, std::string>> &operands,
                                const std::string &type, const std::string &scalars) {
  std::vector<std::string> names, types, arguments;
  for (auto [i, operand] : llvm::enumerate(operands)) {
    names.push_back("%" + operand.first);
    types.push_back("tensor<" + operand.second + ">");
    llvm::StringRef element = llvm::StringRef(operand.second).rsplit('x').second;
    arguments.push_back("%a" + std::to_string(i) + ": " +
                        (element.empty() ? operand.second : element.str()));
  }
  llvm::StringRef element = llvm::StringRef(type).rsplit('x').second;
  std::string text;
  llvm::raw_string_ostream(text) << "  %" << result << " = gpt.map(" << llvm::interleaved(names)
                                 << ") : (" << llvm::interleaved(types) << ") -> tensor<" << type
                                 << "> {\n  ^bb0(" << llvm::interleaved(arguments) << "):\n    "
                                 << scalars << "\n    gpt.yield %r : "
                                 << (element.empty() ? type : element.str()) << "\n  }\n";
  return text;
}

Buffer::Buffer(mlir::MemRefType layout)
    : layout(layout), size(plan::bytesOfElement(layout.getElementType())) {
  std::vector<int64_t> places = offsets();
  int64_t extent = places.empty() ? 0 : *llvm::max_element(places) + 1;
  memory.resize(extent * size + 2 * guard);
  // NaNs that differ: reading one shows, and so does overwriting it.
  mlir::Type element = layout.getElementType();
  uint32_t nan = element.isBF16() ? 0x7fc0 : element.isF16() ? 0x7e00 : 0x7fc00000;
  uint32_t count = element.isBF16() ? 61 : element.isF16() ? 509 : 4093;
  for (int64_t place = -guard / size; place < extent + guard / size; ++place)
    write(place, nan + static_cast<uint32_t>(place + guard) % count);
}

uint32_t Buffer::read(int64_t place) const {
  uint32_t bits = 0;
  std::memcpy(&bits, memory.data() + guard + place * size, size);
  return bits;
}

void Buffer::write(int64_t place, uint32_t bits) {
  std::memcpy(memory.data() + guard + place * size, &bits, size);
}

/// Where elements lie, in row-major order.
std::vector<int64_t> Buffer::offsets() const {
  llvm::SmallVector<int64_t> strides;
  int64_t offset;
  EXPECT_TRUE(succeeded(layout.getStridesAndOffset(strides, offset)));
  std::vector<int64_t> places{offset};
  for (auto [size, stride] : llvm::zip(layout.getShape(), strides)) {
    std::vector<int64_t> next;
    for (int64_t place : places)
      for (int64_t i = 0; i < size; ++i)
        next.push_back(place + i * stride);
    places = std::move(next);
  }
  return places;
}

void Buffer::set(const Tensor &tensor) {
  auto bitsOf = [&](double real) -> uint32_t {
    auto value = static_cast<float>(real);
    if (layout.getElementType().isBF16())
      return runtime::toBfloat16(value);
    return layout.getElementType().isF16() ? runtime::toFloat16(value)
                                           : llvm::bit_cast<uint32_t>(value);
  };
  for (auto [i, place] : llvm::enumerate(offsets()))
    write(place, tensor.isReal() ? bitsOf(tensor.reals()[i])
                                 : llvm::bit_cast<uint32_t>(tensor.integers()[i]));
}

Tensor Buffer::get() const {
  std::vector<double> reals;
  std::vector<int32_t> integers;
  mlir::Type element = layout.getElementType();
  for (uint32_t bits : getBits()) {
    if (element.isBF16())
      reals.push_back(runtime::fromBfloat16(static_cast<uint16_t>(bits)));
    else if (element.isF16())
      reals.push_back(runtime::fromFloat16(static_cast<uint16_t>(bits)));
    else if (element.isF32())
      reals.push_back(llvm::bit_cast<float>(bits));
    else
      integers.push_back(llvm::bit_cast<int32_t>(bits));
  }
  return isa<mlir::FloatType>(element) ? Tensor(layout.getShape(), std::move(reals))
                                       : Tensor(layout.getShape(), std::move(integers));
}

std::vector<uint32_t> Buffer::getBits() const {
  std::vector<uint32_t> bits;
  for (int64_t place : offsets())
    bits.push_back(read(place));
  return bits;
}

void Buffer::setBits(llvm::ArrayRef<uint32_t> bits) {
  for (auto [place, own] : llvm::zip(offsets(), bits))
    write(place, own);
}

bool Buffer::isIntact() const {
  Buffer rest = *this, fresh(layout);
  for (int64_t place : offsets())
    rest.write(place, fresh.read(place));
  return rest.memory == fresh.memory;
}

double gptc::test::roundTo(mlir::Type element, double value) {
  Buffer one(mlir::MemRefType::get({}, element));
  one.set(Tensor({}, std::vector<double>{value}));
  return one.get().reals()[0];
}

TestKernel::TestKernel(const std::string &text, const CpuTarget &target) {
  std::string complete = text;
  if (size_t place = complete.find("ROWS"); place != std::string::npos)
    complete.replace(place, 4, "0");
  module = mlir::parseSourceString<mlir::ModuleOp>(complete, &getContext());
  if (!module) {
    ADD_FAILURE() << complete;
    return;
  }
  mlir::PassManager manager(&getContext());
  manager.addPass(createDecomposePass());
  EXPECT_TRUE(succeeded(manager.run(*module)));
  kernel = *module->getOps<plan::KernelOp>().begin();
  if (kernel.getRows() == 0)
    kernel.setRows(countRows(kernel));
  llvm::FailureOr<CompiledKernels> compiled = compileKernels(*module, target);
  if (failed(compiled)) {
    ADD_FAILURE() << "cannot compile " << complete;
    return;
  }
  code = std::move(compiled->object);
  object = std::make_unique<LoadedObject>(code);
  function = object->find("kernel");
  EXPECT_TRUE(function);
}

mlir::MemRefType TestKernel::getLayout(unsigned operand) const {
  return cast<mlir::MemRefType>(cast<mlir::TypeAttr>(op().getLayouts()[operand]).getValue());
}

std::vector<Tensor> TestKernel::makeInputs(double limit, int32_t limitOfIndices,
                                           unsigned seed) const {
  if (!kernel)
    return {};
  std::mt19937 generator(seed);
  std::vector<Tensor> inputs;
  for (unsigned i = 0; i < countInputs(); ++i) {
    mlir::MemRefType layout = getLayout(i);
    std::vector<double> reals;
    std::vector<int32_t> integers;
    for (int64_t n = 0; n < layout.getNumElements(); ++n) {
      double uniform = generator() * 0x1p-32;
      if (isa<mlir::FloatType>(layout.getElementType()))
        reals.push_back(roundTo(layout.getElementType(), (2 * uniform - 1) * limit));
      integers.push_back(static_cast<int32_t>(uniform * limitOfIndices));
    }
    inputs.push_back(isa<mlir::FloatType>(layout.getElementType())
                         ? Tensor(layout.getShape(), std::move(reals))
                         : Tensor(layout.getShape(), std::move(integers)));
  }
  return inputs;
}

std::vector<Buffer> TestKernel::run(llvm::ArrayRef<Tensor> inputs, llvm::ArrayRef<int64_t> cuts,
                                    double before) const {
  std::vector<Buffer> buffers;
  for (auto [operand, input] : llvm::enumerate(inputs))
    buffers.emplace_back(getLayout(operand)).set(input);
  return run(buffers, cuts, before);
}

std::vector<Buffer> TestKernel::run(llvm::ArrayRef<Buffer> inputs, llvm::ArrayRef<int64_t> cuts,
                                    double before) const {
  std::vector<Buffer> buffers(inputs.begin(), inputs.end());
  for (unsigned operand = inputs.size(); operand < op().getLayouts().size(); ++operand) {
    Buffer &buffer = buffers.emplace_back(getLayout(operand));
    if (op().getAccumulate()[operand - inputs.size()])
      buffer.set(Tensor::filled(getLayout(operand).getShape(), before));
  }
  std::vector<Buffer> inputsBefore(buffers.begin(), buffers.begin() + inputs.size());
  std::vector<void *> operands;
  std::vector<bool> overwritten(inputs.size());
  for (Buffer &buffer : buffers)
    operands.push_back(buffer.data());
  for (auto [output, input] : llvm::enumerate(op().getInPlace()))
    if (input >= 0) {
      operands[inputs.size() + output] = operands[input];
      overwritten[input] = true;
    }
  std::vector<int64_t> bounds{0};
  llvm::append_range(bounds, cuts);
  bounds.push_back(getRows());
  for (size_t part = bounds.size() - 1; function && part > 0; --part)
    function(operands.data(), bounds[part - 1], bounds[part]);

  for (auto [input, buffer] : llvm::enumerate(inputsBefore))
    EXPECT_TRUE(overwritten[input] ? buffers[input].isIntact() : buffers[input].hasSameBits(buffer))
        << "input " << input << " was written";
  std::vector<Buffer> outputs;
  for (auto [output, input] : llvm::enumerate(op().getInPlace())) {
    outputs.push_back(buffers[input >= 0 ? input : inputs.size() + output]);
    EXPECT_TRUE(outputs.back().isIntact())
        << "something beside output " << output << " was written";
  }
  return outputs;
}

std::vector<Tensor> TestKernel::evaluate(llvm::ArrayRef<Tensor> inputs,
                                         reference::Precision precision) const {
  // The kernel's region as a function.
  mlir::OpBuilder builder(&getContext());
  plan::KernelOp kernel = op();
  mlir::Block &body = kernel.getBody().front();
  mlir::Operation *yield = body.getTerminator();
  mlir::OwningOpRef<mlir::func::FuncOp> function = mlir::func::FuncOp::create(
      builder.getUnknownLoc(), "reference",
      builder.getFunctionType(body.getArgumentTypes(), yield->getOperandTypes()));
  mlir::IRMapping mapping;
  builder.setInsertionPointToStart(function->addEntryBlock());
  for (auto [from, to] : llvm::zip(body.getArguments(), function->getArguments()))
    mapping.map(from, to);
  for (mlir::Operation &op : body.without_terminator())
    builder.clone(op, mapping);
  llvm::SmallVector<mlir::Value> results;
  for (mlir::Value value : yield->getOperands())
    results.push_back(mapping.lookup(value));
  mlir::func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
  reference::Environment environment;
  llvm::Expected<reference::Tensors> values =
      reference::evaluate(*function, environment, {.precision = precision}, inputs);
  if (!values) {
    ADD_FAILURE() << llvm::toString(values.takeError());
    return {};
  }
  return std::vector<Tensor>(values->begin(), values->end());
}

static void expectNear(const Tensor &value, const Tensor &expected, double before, double absolute,
                       double relative, unsigned output) {
  int64_t count = expected.getNumElements(), wrong = 0;
  for (int64_t i = 0; i < count; ++i) {
    double found = value.isReal() ? value.reals()[i] : value.integers()[i];
    double wanted = (expected.isReal() ? expected.reals()[i] : expected.integers()[i]) + before;
    bool same = found == wanted || (std::isnan(found) && std::isnan(wanted));
    if (same || std::fabs(found - wanted) <= absolute + relative * std::fabs(wanted))
      continue;
    if (wrong++ < 5)
      ADD_FAILURE() << "element " << i << " of output " << output << " is " << found << ", not "
                    << wanted;
  }
  EXPECT_EQ(wrong, 0) << "of " << count << " elements";
}

void TestKernel::check(llvm::ArrayRef<Tensor> inputs, double absolute, double relative) const {
  constexpr double before = 0.75;
  ASSERT_TRUE(function);
  std::vector<Buffer> whole = run(inputs, {}, before);
  std::vector<int64_t> cuts;
  int64_t unit = gpt::findRowsOfBlockSums(op().getBody().front());
  for (int64_t cut = unit, step = 2 * unit; cut < getRows(); cut += step, step += 3 * unit)
    cuts.push_back(cut);
  std::vector<Buffer> parts = run(inputs, cuts, before);
  std::vector<Tensor> expected = evaluate(inputs);
  ASSERT_EQ(expected.size(), whole.size());
  for (unsigned output = 0; output < whole.size(); ++output) {
    EXPECT_TRUE(whole[output].hasSameBits(parts[output]))
        << "the division into parts shows in output " << output;
    bool accumulates = op().getAccumulate()[output];
    mlir::Type element = getLayout(inputs.size() + output).getElementType();
    // Below 2⁻¹⁴ float16 has the multiples of 2⁻²⁴. The number that is rounded is off already.
    double half = element.isBF16() ? 0x1p-8 : element.isF16() ? 0x1p-11 : 0;
    expectNear(whole[output].get(), expected[output], accumulates ? before : 0,
               absolute * (1 + half) + (element.isF16() ? 0x1p-25 : 0),
               relative * (1 + half) + half, output);
  }
}
