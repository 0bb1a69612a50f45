// Products by primitives of oneDNN.
#include "runtime/device/DnnlProduct.h"

#include <fmt/format.h>
#include <utility>

namespace gptc::runtime {

namespace {

// Constants of oneDNN 2 (dnnl_types.h).
constexpr int cpuEngine = 1, inOrderStream = 1;
constexpr int float32Type = 3, anyLayout = 1;
constexpr int forwardTraining = 64;
constexpr int queryImplementation = 8, queryArgument = 255;
constexpr int argumentSource = 1, argumentResult = 17, argumentWeights = 33;
constexpr int argumentSourceGradient = 129, argumentResultGradient = 145,
              argumentWeightsGradient = 161;

using MemoryDescriptor = DnnlPrimitives::MemoryDescriptor;
using Descriptor = DnnlPrimitives::Descriptor;

/// An object that `make` creates; empty if it cannot.
template <typename Make> DnnlHandle created(int (*destroy)(void *), Make make) {
  void *object = nullptr;
  return DnnlHandle(make(&object) == 0 ? object : nullptr, {destroy});
}

/// What is put to oneDNN: descriptors, and which of its arguments lhs, rhs and result are.
class Question {
public:
  Question(const DnnlEngine &engine, const ProductSizes &sizes, ProductForm form)
      : engine_(engine), table_(*engine.table), sizes_(sizes), form_(form) {
    if (form.transposed)
      std::swap(sizes_.m, sizes_.n);
  }

  /// The implementation that oneDNN chose; empty if it has none.
  DnnlHandle ask() const {
    Descriptor descriptor;
    if (!describe(descriptor))
      return nullptr;
    DnnlHandle attributes = created(table_.attributesDestroy, table_.attributesCreate);
    if (sizes_.accumulate && !addResult(attributes.get()))
      return nullptr;
    DnnlHandle hint = forwardHint();
    return created(table_.choiceDestroy, [&](void **choice) {
      return table_.choiceCreate(choice, &descriptor, attributes.get(), engine_.engine.get(),
                                 hint.get());
    });
  }

  std::array<int, 3> arguments() const {
    std::array<int, 3> numbers = {};
    switch (form_.kind) {
    case ProductForm::matmul:
    case ProductForm::forward:
      numbers = {argumentSource, argumentWeights, argumentResult};
      break;
    case ProductForm::backwardData:
      numbers = {argumentResultGradient, argumentWeights, argumentSourceGradient};
      break;
    case ProductForm::backwardWeights:
      numbers = {argumentResultGradient, argumentSource, argumentWeightsGradient};
      break;
    }
    if (form_.transposed)
      std::swap(numbers[0], numbers[1]);
    return numbers;
  }

private:
  MemoryDescriptor matrix(int64_t rows, int64_t columns) const {
    MemoryDescriptor descriptor;
    bool isBatch = sizes_.batch > 1;
    int64_t sizes[] = {sizes_.batch, rows, columns};
    table_.memoryDescribe(&descriptor, isBatch ? 3 : 2, isBatch ? sizes : sizes + 1, float32Type,
                          anyLayout);
    return descriptor;
  }

  // A linear layer of b examples, from i to o numbers, has sources [b, i], weights [o, i] and
  // results [b, o].
  bool describe(Descriptor &descriptor) const {
    auto [batch, m, n, k, accumulate] = sizes_;
    if (form_.kind == ProductForm::matmul) {
      MemoryDescriptor source = matrix(m, k), weights = matrix(k, n), result = matrix(m, n);
      return table_.describeMatmul(&descriptor, &source, &weights, nullptr, &result) == 0;
    }
    // The backward primitives take the attribute that adds to a result, and ignore it.
    if (batch > 1 || (accumulate && isBackward()))
      return false;
    switch (form_.kind) {
    case ProductForm::matmul:
    case ProductForm::forward:
      return describeForward(descriptor, m, k, n);
    case ProductForm::backwardData: {
      // b = m, o = k, i = n
      MemoryDescriptor source = matrix(m, n), weights = matrix(k, n), result = matrix(m, k);
      return table_.describeBackwardData(&descriptor, &source, &weights, &result) == 0;
    }
    case ProductForm::backwardWeights: {
      // b = k, o = m, i = n
      MemoryDescriptor source = matrix(k, n), weights = matrix(m, n), result = matrix(k, m);
      return table_.describeBackwardWeights(&descriptor, &source, &weights, nullptr, &result) == 0;
    }
    }
    return false;
  }

  bool describeForward(Descriptor &descriptor, int64_t examples, int64_t inputs,
                       int64_t outputs) const {
    MemoryDescriptor source = matrix(examples, inputs), weights = matrix(outputs, inputs),
                     result = matrix(examples, outputs);
    return table_.describeForward(&descriptor, forwardTraining, &source, &weights, nullptr,
                                  &result) == 0;
  }

  bool isBackward() const {
    return form_.kind == ProductForm::backwardData || form_.kind == ProductForm::backwardWeights;
  }

  /// The forward layer that belongs to a backward one; else empty.
  DnnlHandle forwardHint() const {
    Descriptor descriptor;
    bool ofData = form_.kind == ProductForm::backwardData;
    if (!isBackward() || !describeForward(descriptor, ofData ? sizes_.m : sizes_.k, sizes_.n,
                                          ofData ? sizes_.k : sizes_.m))
      return nullptr;
    return created(table_.choiceDestroy, [&](void **choice) {
      return table_.choiceCreate(choice, &descriptor, nullptr, engine_.engine.get(), nullptr);
    });
  }

  /// result += …
  bool addResult(void *attributes) const {
    DnnlHandle operations = created(table_.postOpsDestroy, table_.postOpsCreate);
    return operations && table_.postOpsAppendSum(operations.get(), 1) == 0 &&
           table_.attributesSetPostOps(attributes, operations.get()) == 0;
  }

  const DnnlEngine &engine_;
  const DnnlPrimitives &table_;
  ProductSizes sizes_;
  ProductForm form_;
};

} // namespace

std::string ProductForm::name() const {
  constexpr std::array<const char *, 4> names = {"matmul", "inner product forward",
                                                 "inner product backward data",
                                                 "inner product backward weights"};
  return std::string(names[kind]) + (transposed ? ", transposed" : "");
}

std::array<ProductForm, 8> productForms() {
  std::array<ProductForm, 8> forms;
  size_t count = 0;
  for (ProductForm::Kind kind : {ProductForm::matmul, ProductForm::forward,
                                 ProductForm::backwardData, ProductForm::backwardWeights})
    for (bool transposed : {false, true})
      forms[count++] = {kind, transposed};
  return forms;
}

Result<DnnlEngine> DnnlEngine::create() {
  GPTC_ASSIGN(const DnnlPrimitives *table, openDnnlPrimitives());
  DnnlHandle engine = created(table->engineDestroy,
                              [&](void **made) { return table->engineCreate(made, cpuEngine, 0); });
  if (!engine)
    return Status(Code::unavailable, "oneDNN has no engine for the CPU");
  DnnlHandle stream = created(table->streamDestroy, [&](void **made) {
    return table->streamCreate(made, engine.get(), inOrderStream);
  });
  if (!stream)
    return Status(Code::unavailable, "oneDNN makes no stream for the CPU");
  return DnnlEngine{table, std::move(engine), std::move(stream)};
}

DnnlProduct::DnnlProduct(const DnnlEngine &engine, DnnlHandle choice, DnnlHandle primitive,
                         std::array<int, 3> arguments)
    : engine_(&engine), choice_(std::move(choice)), primitive_(std::move(primitive)),
      arguments_(arguments) {
  const DnnlPrimitives &table = *engine.table;
  for (size_t i = 0; i < 3; ++i)
    bytes_[i] =
        table.memoryBytes(table.choiceQueryMemory(choice_.get(), queryArgument, arguments[i]));
}

Result<DnnlProduct> DnnlProduct::create(const DnnlEngine &engine, const ProductSizes &sizes,
                                        ProductForm form) {
  const DnnlPrimitives &table = *engine.table;
  Status none(Code::unavailable, fmt::format("oneDNN has no fast {} of {} x {} x {}", form.name(),
                                             sizes.m, sizes.n, sizes.k));
  Question question(engine, sizes, form);
  DnnlHandle choice = question.ask();
  if (!choice)
    return none;
  const char *implementation = nullptr;
  if (table.choiceQuery(choice.get(), queryImplementation, 0, &implementation) != 0 ||
      !implementation)
    return none;
  // Plain loops, which take minutes for what others do in milliseconds.
  if (std::string_view(implementation).starts_with("ref"))
    return none;
  DnnlHandle primitive = created(table.primitiveDestroy, [&](void **made) {
    return table.primitiveCreate(made, choice.get());
  });
  if (!primitive)
    return none;
  DnnlProduct product(engine, std::move(choice), std::move(primitive), question.arguments());
  product.implementation_ = implementation;
  return product;
}

Result<DnnlProduct::Operands> DnnlProduct::bind(const std::array<std::byte *, 3> &addresses) const {
  const DnnlPrimitives &table = *engine_->table;
  auto memory = [&](size_t i) {
    return created(table.memoryDestroy, [&](void **made) {
      return table.memoryCreate(
          made, table.choiceQueryMemory(choice_.get(), queryArgument, arguments_[i]),
          engine_->engine.get(), addresses[i]);
    });
  };
  Operands operands = {memory(0), memory(1), memory(2)};
  for (const DnnlHandle &operand : operands)
    if (!operand)
      return Status(Code::internal, "oneDNN refuses memory for a product");
  return operands;
}

Status DnnlProduct::run(const Operands &operands) const {
  const DnnlPrimitives &table = *engine_->table;
  std::array<DnnlPrimitives::Argument, 3> arguments;
  for (size_t i = 0; i < 3; ++i)
    arguments[i] = {arguments_[i], operands[i].get()};
  void *stream = engine_->stream.get();
  int failure = table.primitiveExecute(primitive_.get(), stream, 3, arguments.data());
  if (failure == 0)
    failure = table.streamWait(stream);
  if (failure == 0)
    return {};
  return {failure == 1 ? Code::outOfMemory : Code::internal,
          fmt::format("oneDNN's {} fails (status {})", implementation_, failure)};
}

} // namespace gptc::runtime
