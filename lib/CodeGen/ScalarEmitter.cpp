// Loads, stores, arithmetic and loops of kernels.
#include "ScalarEmitter.h"

#include "MathEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

/// Products may be rounded together with the sum that they go into.
static constexpr arith::FastMathFlags ordinary = arith::FastMathFlags::contract;
/// Terms of a sum over a row or column may be added in any fixed order.
static constexpr arith::FastMathFlags summing =
    arith::FastMathFlags::contract | arith::FastMathFlags::reassoc | arith::FastMathFlags::nsz;

ScalarEmitter::ScalarEmitter(plan::KernelOp kernel, const KernelGraph &graph, ModuleOp module)
    : axes(graph.getSizes().size()), values(graph.getNodes().size()), kernel(kernel), graph(graph),
      loc(kernel.getLoc()), builder(module.getBodyRegion()) {
  annotateLoops();
  builder.setInsertionPointToEnd(module.getBody());
  // An operand comes in the form in which it is indexed first: with merged axes, without those of
  // size 1.
  SmallVector<Type> types;
  for (Attribute layout : kernel.getLayouts())
    types.push_back(cast<TypeAttr>(layout).getValue());
  SmallVector<View> wanted = findViews();
  for (const View &view : llvm::reverse(wanted))
    if (view.operand < kernel.getLayouts().size())
      types[view.operand] = view.type;
  types.append(2, builder.getIndexType());
  function =
      func::FuncOp::create(builder, loc, kernel.getSymName(), builder.getFunctionType(types, {}));
  builder.setInsertionPointToStart(function.addEntryBlock());
  func::ReturnOp::create(builder, loc);
  builder.setInsertionPoint(function.getBody().front().getTerminator());
  for (const View &view : wanted)
    views[view] = createView(view);
}

SmallVector<ScalarEmitter::View> ScalarEmitter::findViews() const {
  SmallVector<View> found;
  auto add = [&](View view) {
    if (!llvm::is_contained(found, view))
      found.push_back(view);
  };
  for (const Node &node : graph.getNodes())
    if (node.kind == Node::Kind::load || node.kind == Node::Kind::gather)
      add(viewOf(node));
  for (const Output &output : graph.getOutputs())
    add(viewOf(output));
  return found;
}

ScalarEmitter::View ScalarEmitter::viewOf(const Node &node) const {
  return {node.operand, graph.getViewType(node.type, node.index, node.rowCount, node.rowStride)};
}

ScalarEmitter::View ScalarEmitter::viewOf(const Output &output) const {
  return {output.operand, graph.getViewType(graph[output.node].type, output.index)};
}

Value ScalarEmitter::createView(const View &view) {
  unsigned operands = kernel.getLayouts().size();
  Value whole = view.operand < operands ? Value(function.getArgument(view.operand))
                                        : createTable(graph.getTables()[view.operand - operands]);
  if (whole.getType() == view.type)
    return whole;
  SmallVector<int64_t> strides;
  int64_t offset;
  (void)view.type.getStridesAndOffset(strides, offset);
  return memref::ReinterpretCastOp::create(builder, loc, view.type, whole, offset,
                                           view.type.getShape(), strides);
}

Value ScalarEmitter::createTable(const Table &table) {
  OpBuilder::InsertionGuard guard(builder);
  auto module = function->getParentOfType<ModuleOp>();
  auto type = MemRefType::get(table.getType().getShape(), table.getElementType());
  std::string name;
  for (unsigned number = 0; name.empty() || module.lookupSymbol(name); ++number)
    name = (kernel.getSymName() + ".table" + Twine(number)).str();
  builder.setInsertionPoint(function);
  memref::GlobalOp::create(builder, loc, name, builder.getStringAttr("private"), type, table,
                           /*constant=*/true, /*alignment=*/builder.getI64IntegerAttr(64));
  builder.setInsertionPoint(function.getBody().front().getTerminator());
  return memref::GetGlobalOp::create(builder, loc, type, name);
}

Value ScalarEmitter::getIndex(int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

Value ScalarEmitter::createScratch(Type element, int64_t size) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&function.getBody().front());
  return memref::AllocaOp::create(builder, loc, MemRefType::get(size, element),
                                  builder.getI64IntegerAttr(64));
}

SmallVector<Value> ScalarEmitter::getIndices(const LinearIndex &index) {
  SmallVector<Value> indices;
  for (auto [axis, stride] : llvm::enumerate(index))
    if (stride != 0)
      indices.push_back(axes[axis]);
  return indices;
}

/// The number that a linear index stands for.
Value ScalarEmitter::createLinear(const LinearIndex &index) {
  Value sum;
  for (auto [axis, stride] : llvm::enumerate(index)) {
    if (stride == 0)
      continue;
    Value term = axes[axis];
    if (stride != 1)
      term = arith::MulIOp::create(builder, loc, term, getIndex(stride));
    sum = sum ? arith::AddIOp::create(builder, loc, sum, term) : term;
  }
  return sum ? sum : getIndex(0);
}

Value ScalarEmitter::load(const Node &node) {
  SmallVector<Value> indices = getIndices(node.index);
  if (node.kind == Node::Kind::gather)
    indices.insert(indices.begin(), arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                                               values[node.inputs[0]]));
  return memref::LoadOp::create(builder, loc, views.at(viewOf(node)), indices);
}

void ScalarEmitter::fetch(const Node &node, int64_t ahead) {
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, views.at(viewOf(node)));
  Value element = arith::AddIOp::create(builder, loc, createLinear(node.index), getIndex(ahead));
  int64_t bytes = node.type.getIntOrFloatBitWidth() / 8;
  Value offset = arith::MulIOp::create(builder, loc, element, getIndex(bytes));
  Value address = arith::IndexCastOp::create(builder, loc, builder.getI64Type(),
                                             arith::AddIOp::create(builder, loc, base, offset));
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  LLVM::Prefetch::create(builder, loc, LLVM::IntToPtrOp::create(builder, loc, pointer, address),
                         /*rw=*/0, /*hint=*/2, /*cache=*/1);
}

Value ScalarEmitter::createScalar(const Node &node) {
  IRMapping mapping;
  for (auto [operand, input] : llvm::zip(node.op->getOperands(), node.inputs))
    mapping.map(operand, values[input]);
  Operation *copy = builder.clone(*node.op, mapping);
  copy->setLoc(loc);
  // Conversions carry no flags: with them a rounding and the widening behind it would cancel.
  if (auto arithmetic = dyn_cast<arith::ArithFastMathInterface>(copy);
      arithmetic && !isa<arith::ExtFOp, arith::TruncFOp>(copy)) {
    arith::FastMathFlags flags = ordinary;
    // The vector instructions do not tell +0 from -0.
    if (isa<arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp>(copy))
      flags = flags | arith::FastMathFlags::nsz;
    // A whole row is divided by one number: by its reciprocal, that is, which costs half a unit in
    // the last place.
    AxisSet elements = graph.getAxisSet(AxisRole::element);
    if (isa<arith::DivFOp>(copy) && (node.axes & elements) &&
        !(graph[node.inputs[1]].axes & elements))
      flags = flags | arith::FastMathFlags::arcp;
    if (arith::FastMathFlagsAttr own = arithmetic.getFastMathFlagsAttr())
      flags = flags | own.getValue();
    copy->setAttr(arithmetic.getFastMathAttrName(),
                  arith::FastMathFlagsAttr::get(copy->getContext(), flags));
  }
  return copy->getResult(node.result);
}

void ScalarEmitter::evaluate(unsigned number) {
  Value &value = values[number];
  if (value)
    return;
  const Node &node = graph[number];
  switch (node.kind) {
  case Node::Kind::constant:
    value = arith::ConstantOp::create(builder, loc, node.value);
    break;
  case Node::Kind::load:
  case Node::Kind::gather:
    value = load(node);
    break;
  case Node::Kind::position:
    value = arith::IndexCastOp::create(builder, loc, node.type, createLinear(node.index));
    break;
  case Node::Kind::random: {
    SmallVector<Value> key;
    for (unsigned word : node.inputs)
      key.push_back(values[word]);
    value = emitRandom(builder, loc, node.type, createLinear(node.index), key,
                       cast<gpt::RandomOp>(node.op).getStream());
    break;
  }
  case Node::Kind::scalar:
    value = createScalar(node);
    break;
  case Node::Kind::reduce:
    llvm_unreachable("schedules make reductions themselves");
  }
}

Value ScalarEmitter::loadPlain(const Output &output) {
  return memref::LoadOp::create(builder, loc, views.at(viewOf(output)), getIndices(output.index));
}

void ScalarEmitter::storePlain(const Output &output, Value value) {
  memref::StoreOp::create(builder, loc, value, views.at(viewOf(output)), getIndices(output.index));
}

void ScalarEmitter::store(const Output &output, Value value) {
  if (output.accumulate || output.summed) {
    Value old = loadPlain(output);
    if (isa<FloatType>(value.getType())) {
      Value sum = arith::AddFOp::create(builder, loc, widened(builder, loc, old),
                                        widened(builder, loc, value), ordinary);
      value = narrowed(builder, loc, sum, old.getType());
    } else {
      value = arith::AddIOp::create(builder, loc, old, value);
    }
  }
  storePlain(output, value);
}

Value ScalarEmitter::createNeutral(Operation *reduce, Type type) {
  gpt::ReduceKind kind = cast<gpt::ReduceOp>(reduce).getKind();
  auto number = cast<FloatType>(type);
  APFloat value = APFloat::getZero(number.getFloatSemantics());
  if (kind != gpt::ReduceKind::sum)
    value = APFloat::getInf(number.getFloatSemantics(), /*Negative=*/kind == gpt::ReduceKind::max);
  return arith::ConstantOp::create(builder, loc, FloatAttr::get(number, value));
}

// `maximum` and not `maxnum`: a NaN anywhere in the row is the row's maximum, as it would be the
// sum of the row. A row of -inf has the maximum -inf.
Value ScalarEmitter::combine(Operation *reduce, Value accumulator, Value value) {
  switch (cast<gpt::ReduceOp>(reduce).getKind()) {
  case gpt::ReduceKind::sum:
    return arith::AddFOp::create(builder, loc, accumulator, value, summing);
  case gpt::ReduceKind::max:
    return arith::MaximumFOp::create(builder, loc, accumulator, value, arith::FastMathFlags::nsz);
  case gpt::ReduceKind::min:
    return arith::MinimumFOp::create(builder, loc, accumulator, value, arith::FastMathFlags::nsz);
  }
  llvm_unreachable("all kinds are handled");
}

/// Loops over elements declare their memory accesses parallel. Loops over rows are neither
/// vectorised nor unrolled, which LLVM would do where the loops within are short: it would compute
/// some rows by other instructions than the rest, and other ones after another cut.
void ScalarEmitter::annotateLoops() {
  MLIRContext *context = builder.getContext();
  auto group = LLVM::AccessGroupAttr::get(context, DistinctAttr::create(builder.getUnitAttr()));
  elementLoop = LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
                                              {}, {}, {}, group);
  BoolAttr yes = builder.getBoolAttr(true);
  auto vectorize = LLVM::LoopVectorizeAttr::get(context, /*disable=*/yes, {}, {}, {}, {}, {}, {});
  auto unroll = LLVM::LoopUnrollAttr::get(context, /*disable=*/yes, {}, {}, {}, {}, {}, {});
  rowLoop = LLVM::LoopAnnotationAttr::get(context, {}, vectorize, {}, unroll, {}, {}, {}, {}, {},
                                          {}, {}, {}, {}, {}, {});
}

Attribute ScalarEmitter::getAnnotation(LoopKind kind) const {
  if (kind == LoopKind::reduced)
    return {};
  return kind == LoopKind::elements ? elementLoop : rowLoop;
}

void ScalarEmitter::createLoop(LoopKind kind, Value begin, Value end, std::optional<unsigned> axis,
                               llvm::function_ref<void(Value)> body) {
  createLoop(kind, begin, end, axis, {}, [&](Value index, ValueRange) {
    body(index);
    return SmallVector<Value>();
  });
}

SmallVector<Value>
ScalarEmitter::createLoop(LoopKind kind, Value begin, Value end, std::optional<unsigned> axis,
                          ValueRange carried,
                          llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(builder, loc, begin, end, getIndex(1), carried);
  if (Attribute annotation = getAnnotation(kind))
    loop->setAttr("llvm.loop_annotation", annotation);
  std::vector<Value> outside = values;
  {
    OpBuilder::InsertionGuard guard(builder);
    if (carried.empty())
      builder.setInsertionPoint(loop.getBody()->getTerminator());
    else
      builder.setInsertionPointToStart(loop.getBody());
    if (axis)
      axes[*axis] = loop.getInductionVar();
    SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
    if (!carried.empty())
      scf::YieldOp::create(builder, loc, next);
  }
  values = std::move(outside);
  return llvm::to_vector_of<Value>(loop.getResults());
}

void ScalarEmitter::splitIndex(Value index, ArrayRef<unsigned> parts) {
  for (unsigned axis : llvm::reverse(parts.drop_front(parts.empty() ? 0 : 1))) {
    Value size = getIndex(graph.getSizes()[axis]);
    axes[axis] = arith::RemUIOp::create(builder, loc, index, size);
    index = arith::DivUIOp::create(builder, loc, index, size);
  }
  if (!parts.empty())
    axes[parts.front()] = index;
}
