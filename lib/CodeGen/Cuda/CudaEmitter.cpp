// Lines, names, loads and stores of CUDA kernels.
#include "CudaEmitter.h"

#include "runtime/base/Hash.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

/// Elements from the first to the last one that `index` reaches.
static int64_t reach(ArrayRef<int64_t> index, ArrayRef<int64_t> sizes) {
  int64_t last = 0;
  for (auto [stride, size] : llvm::zip(index, sizes))
    last += stride * (size - 1);
  return last + 1;
}

CudaEmitter::CudaEmitter(plan::KernelOp kernel, const KernelGraph &graph, const KernelUse &use,
                         ModuleOp module)
    : CudaEmitter(kernel, graph, use, module, std::optional<unsigned>()) {}

CudaEmitter::CudaEmitter(plan::KernelOp kernel, const KernelGraph &graph, const KernelUse &use,
                         ModuleOp module, unsigned given)
    : CudaEmitter(kernel, graph, use, module, std::optional<unsigned>(given)) {}

CudaEmitter::CudaEmitter(plan::KernelOp kernel, const KernelGraph &graph, const KernelUse &use,
                         ModuleOp module, std::optional<unsigned> given)
    : axes(graph.getSizes().size()), values(graph.getNodes().size()), kernel(kernel), graph(graph),
      use(use), given(given), loc(kernel.getLoc()), builder(module.getBodyRegion()) {
  builder.setInsertionPointToEnd(module.getBody());
  for (StringRef name :
       {"rows", "row", "block", "lane", "item", "column", "slice", "kept", "given"})
    taken.insert(name);
  unsigned inputs = kernel.getBody().getNumArguments(), operands = kernel.getLayouts().size();
  int64_t largest = use.rows;
  for (unsigned operand = 0; operand < operands; ++operand) {
    std::string base = operand < use.names.size() ? use.names[operand]
                       : operand < inputs         ? ("in" + Twine(operand)).str()
                                                  : ("out" + Twine(operand - inputs)).str();
    names.push_back(freshName(base));
    largest = std::max(largest, extentOf(operand));
  }
  int64_t points = std::max<int64_t>(use.rows, 1);
  for (unsigned axis : graph.getAxes(AxisRole::element))
    points *= graph.getSizes()[axis];
  bool wide = std::max(largest, points) > std::numeric_limits<int32_t>::max() / 2;
  indexType = wide ? Type(builder.getI64Type()) : Type(builder.getI32Type());
  createTables();
  createViews();
}

StringRef CudaEmitter::getIndexName() const { return cudaTypeName(indexType); }

/// The elements that all uses of an operand lie in, over the rows of the largest launch.
int64_t CudaEmitter::extentOf(unsigned operand) {
  SmallVector<int64_t> sizes(graph.getSizes());
  SmallVector<unsigned> rows = graph.getAxes(AxisRole::row);
  if (!rows.empty() && kernel.getSchedule() == "row") {
    int64_t inner = 1;
    for (unsigned axis : ArrayRef(rows).drop_front())
      inner *= sizes[axis];
    sizes[rows.front()] = std::max<int64_t>(sizes[rows.front()], llvm::divideCeil(use.rows, inner));
  }
  int64_t extent = 1;
  if (graph.getNodes().empty()) { // operands are used as they are laid out
    auto layout = cast<MemRefType>(cast<TypeAttr>(kernel.getLayouts()[operand]).getValue());
    SmallVector<int64_t> strides;
    int64_t offset;
    (void)layout.getStridesAndOffset(strides, offset);
    return reach(strides, layout.getShape());
  }
  for (const Node &node : graph.getNodes()) {
    if (node.operand != operand)
      continue;
    if (node.kind == Node::Kind::load)
      extent = std::max(extent, reach(node.index, sizes));
    if (node.kind == Node::Kind::gather)
      extent = std::max(extent, (node.rowCount - 1) * node.rowStride + reach(node.index, sizes));
  }
  for (const Output &output : graph.getOutputs())
    if (output.operand == operand)
      extent = std::max(extent, reach(output.index, sizes));
  return extent;
}

// GPTC_DEVICE void add_1f3a_block(const float *v1, float *v2, int64_t v3, uint32_t v4) {
//   const gptc_view<const float, 38400> x(v1);
//   …
void CudaEmitter::createViews() {
  MLIRContext *context = builder.getContext();
  unsigned inputs = kernel.getBody().getNumArguments();
  SmallVector<Type> types;
  for (unsigned number = 0; number < kernel.getLayouts().size(); ++number) {
    StringRef element = cudaTypeName(elementOf(kernel, number));
    std::string text = (number < inputs ? "const " : "") + element.str();
    types.push_back(emitc::PointerType::get(emitc::OpaqueType::get(context, text)));
  }
  types.push_back(emitc::OpaqueType::get(context, "int64_t"));
  types.push_back(emitc::OpaqueType::get(context, "uint32_t"));
  if (given)
    types.push_back(builder.getF32Type());
  function = emitc::FuncOp::create(builder, loc,
                                   (kernel.getSymName() + (given ? "_element" : "_block")).str(),
                                   builder.getFunctionType(types, {}));
  function.setSpecifiersAttr(builder.getStrArrayAttr({"GPTC_DEVICE"}));
  builder.setInsertionPointToStart(function.addEntryBlock());
  emitc::ReturnOp::create(builder, loc, Value());
  builder.setInsertionPoint(function.getBody().front().getTerminator());
  for (auto [number, argument] :
       llvm::enumerate(function.getArguments().take_front(kernel.getLayouts().size()))) {
    if (number == given)
      continue;
    StringRef type =
        cast<emitc::OpaqueType>(cast<emitc::PointerType>(argument.getType()).getPointee())
            .getValue();
    line("const gptc_view<" + type + ", " + Twine(extentOf(number)) + "> " + names[number] +
             "({});",
         argument);
  }
}

void CudaEmitter::declareBlock() {
  line("const " + getIndexName() + " block = {};",
       function.getArgument(function.getNumArguments() - 1));
}

void CudaEmitter::declareRows() {
  line("const " + getIndexName() + " rows = {};",
       function.getArgument(function.getNumArguments() - 2));
}

void CudaEmitter::declareElement() {
  ArrayRef<BlockArgument> arguments = function.getArguments().take_back(3);
  line("const " + getIndexName() + " row = {};", arguments[0]);
  line("const " + getIndexName() + " column = {};", arguments[1]);
  // What is computed from the product is computed from the number that is stored.
  Type type = elementOf(kernel, *given);
  line("const " + cudaTypeName(type) + " given = {};",
       emitCudaRounding(builder, arguments[2], type, loc));
}

/// A literal: what a table holds must be known when it is compiled.
static void printConstant(llvm::raw_ostream &os, const APFloat &value) {
  if (&value.getSemantics() != &APFloat::IEEEsingle())
    os << "{" << value.bitcastToAPInt().getZExtValue() << "}";
  else if (value.isNaN())
    os << "__builtin_nanf(\"\")";
  else if (value.isInfinity())
    os << (value.isNegative() ? "-" : "") << "__builtin_huge_valf()";
  else {
    char text[32];
    value.convertToHexString(text, /*hexDigits=*/0, /*upperCase=*/false,
                             APFloat::rmNearestTiesToEven);
    os << text << "f";
  }
}

void CudaEmitter::createTables() {
  for (auto [number, table] : llvm::enumerate(graph.getTables())) {
    std::string name = (kernel.getSymName() + "_table" + Twine(number)).str(), text;
    llvm::raw_string_ostream os(text);
    os << "GPTC_TABLE " << cudaTypeName(table.getElementType()) << " " << name << "["
       << table.getNumElements() << "] = {";
    if (isa<FloatType>(table.getElementType()))
      llvm::interleaveComma(table.getValues<APFloat>(), os,
                            [&](const APFloat &value) { printConstant(os, value); });
    else // true is 1 for C++
      llvm::interleaveComma(table.getValues<APInt>(), os, [&](const APInt &value) {
        os << (value.getBitWidth() == 1 ? int64_t(value.getZExtValue()) : value.getSExtValue());
      });
    os << "};";
    emitc::VerbatimOp::create(builder, loc, StringRef(text));
    names.push_back(freshName(name));
  }
}

void CudaEmitter::line(const Twine &text, ValueRange values) {
  emitc::VerbatimOp::create(builder, loc, StringRef(text.str()), values);
}

void CudaEmitter::open(const Twine &text, ValueRange operands) {
  // A brace is doubled where values make the line a format.
  line(text + (operands.empty() ? " {" : " {{"), operands);
  outside.push_back(values);
}

void CudaEmitter::close() {
  line("}");
  values = std::move(outside.back());
  outside.pop_back();
}

Value CudaEmitter::name(StringRef text, Type type) {
  return emitc::LiteralOp::create(builder, loc, cudaType(type), text);
}

Value CudaEmitter::nameFloat(StringRef text, Type type) {
  return emitCudaRounding(builder, name(text, builder.getF32Type()), type, loc);
}

Value CudaEmitter::createIndex(int64_t value) {
  return emitc::ConstantOp::create(builder, loc, indexType,
                                   builder.getIntegerAttr(indexType, value));
}

std::string CudaEmitter::freshName(StringRef base) {
  std::string name = base.str();
  for (unsigned number = 2; !taken.insert(name).second; ++number)
    name = (base + "_" + Twine(number)).str();
  return name;
}

Value CudaEmitter::bind(StringRef base, Value value) {
  std::string own = freshName(base);
  line("const " + cudaTypeName(value.getType()) + " " + own + " = {};", value);
  return name(own, value.getType());
}

void CudaEmitter::splitIndex(Value index, ArrayRef<unsigned> parts) {
  for (unsigned axis : llvm::reverse(parts.drop_front(parts.empty() ? 0 : 1))) {
    Value size = createIndex(graph.getSizes()[axis]);
    axes[axis] = bind("i" + std::to_string(axis),
                      emitc::RemOp::create(builder, loc, indexType, index, size));
    index = emitc::DivOp::create(builder, loc, indexType, index, size);
  }
  if (!parts.empty())
    axes[parts.front()] =
        parts.size() == 1 ? index : bind("i" + std::to_string(parts.front()), index);
}

/// The number that a linear index stands for.
Value CudaEmitter::createLinear(const LinearIndex &index) {
  Value sum;
  for (auto [axis, stride] : llvm::enumerate(index)) {
    if (stride == 0)
      continue;
    Value term = axes[axis];
    if (stride != 1)
      term = emitc::MulOp::create(builder, loc, indexType, term, createIndex(stride));
    sum = sum ? Value(emitc::AddOp::create(builder, loc, indexType, sum, term)) : term;
  }
  return sum ? sum : createIndex(0);
}

Value CudaEmitter::load(const Node &node) {
  Value index = createLinear(node.index);
  if (node.kind == Node::Kind::gather) {
    Value row = emitCudaCast(builder, indexType, values[node.inputs[0]], loc);
    row = emitc::MulOp::create(builder, loc, indexType, row, createIndex(node.rowStride));
    index = emitc::AddOp::create(builder, loc, indexType, row, index);
  }
  std::string own = freshName(names[node.operand] + "_v");
  line("const " + cudaTypeName(node.type) + " " + own + " = " + names[node.operand] + "[{}];",
       index);
  return name(own, node.type);
}

Value CudaEmitter::evaluate(unsigned number) {
  if (values[number])
    return values[number];
  const Node &node = graph[number];
  SmallVector<Value> inputs;
  for (unsigned input : node.inputs) {
    inputs.push_back(evaluate(input));
    if (!inputs.back())
      return {};
  }
  Value value;
  switch (node.kind) {
  case Node::Kind::constant:
    value = emitCudaConstant(builder, node.value, loc);
    break;
  case Node::Kind::load:
  case Node::Kind::gather:
    value = load(node);
    break;
  case Node::Kind::position:
    value = emitCudaCast(builder, node.type, createLinear(node.index), loc);
    break;
  case Node::Kind::random: {
    SmallVector<Value> arguments = {createLinear(node.index)};
    llvm::append_range(arguments, inputs);
    uint64_t stream = runtime::fnv1a64(cast<gpt::RandomOp>(node.op).getStream());
    for (uint32_t word : {uint32_t(stream), uint32_t(stream >> 32)})
      arguments.push_back(
          name("0x" + llvm::utohexstr(word, /*LowerCase=*/true) + "u", builder.getI32Type()));
    value =
        emitc::CallOpaqueOp::create(builder, loc, node.type, "gptc_random", arguments).getResult(0);
    break;
  }
  case Node::Kind::scalar:
    value = emitCudaScalar(builder, node, inputs, loc);
    // What is the same along a row is computed before the loop over its elements.
    if (value && !(node.axes & graph.getAxisSet(AxisRole::element)))
      value = bind("s", value);
    break;
  case Node::Kind::reduce:
    llvm_unreachable("schedules make reductions themselves");
  }
  return values[number] = value;
}

Value CudaEmitter::loadPlain(const Output &output, Type type) {
  std::string own = freshName(names[output.operand] + "_v");
  line("const " + cudaTypeName(type) + " " + own + " = " + names[output.operand] + "[{}];",
       createLinear(output.index));
  return name(own, type);
}

void CudaEmitter::storePlain(const Output &output, Value value) {
  line(names[output.operand] + "[{}] = {};", {createLinear(output.index), value});
}

void CudaEmitter::store(const Output &output, Value value) {
  if (output.accumulate) {
    Type type = elementOf(kernel, output.operand);
    Value before = emitCudaWidening(builder, loadPlain(output, type), loc);
    value = emitc::AddOp::create(builder, loc, before.getType(), before,
                                 emitCudaWidening(builder, value, loc));
    value = emitCudaRounding(builder, value, type, loc);
  }
  storePlain(output, value);
}

StringRef CudaEmitter::kindOf(Operation *reduce) {
  switch (cast<gpt::ReduceOp>(reduce).getKind()) {
  case gpt::ReduceKind::sum:
    return "sum";
  case gpt::ReduceKind::max:
    return "max";
  case gpt::ReduceKind::min:
    return "min";
  }
  llvm_unreachable("all kinds are handled");
}

StringRef CudaEmitter::neutralOf(Operation *reduce) {
  StringRef kind = kindOf(reduce);
  return kind == "sum" ? "0.0f" : kind == "max" ? "-GPTC_INFINITY" : "GPTC_INFINITY";
}

void CudaEmitter::accumulate(Operation *reduce, StringRef accumulator, Value value) {
  StringRef kind = kindOf(reduce);
  value = emitCudaWidening(builder, value, loc);
  if (kind == "sum")
    return line(accumulator + " += {};", value);
  line(accumulator + " = gptc_" + kind + "imum(" + accumulator + ", {});", value);
}
