// Operations become launches and library calls; rearrangements become views.
#include "EntryLowering.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

static RankedTensorType tensor(Value value) { return cast<RankedTensorType>(value.getType()); }

std::string gptc::plan::bufferName(int buffer) { return "b" + std::to_string(buffer); }

ViewAttr EntryLowering::view(const Place &place) {
  return ViewAttr::get(builder.getContext(),
                       FlatSymbolRefAttr::get(builder.getContext(), bufferName(place.buffer)),
                       place.offset);
}

Place EntryLowering::destination(Value value) {
  if (const Place *place = destinations->lookup(value))
    return *place;
  return memory.allocate("transient", tensor(value));
}

void EntryLowering::settle(Value value, const Place &place) {
  const Place *wanted = destinations->lookup(value);
  if (wanted && !areSame(tensor(value).getShape(), *wanted, place)) {
    copy(value.getLoc(), tensor(value), place, *wanted, destinations->accumulates(value));
    places[value] = *wanted;
  } else {
    places[value] = place;
  }
}

EntryLowering::Use EntryLowering::use(Location location, StringRef name, Block &body,
                                      ArrayRef<Place> operands, ArrayRef<bool> accumulate,
                                      ArrayRef<int64_t> inPlace) {
  SmallVector<Strides> strides;
  SmallVector<Attribute> views;
  for (const Place &place : operands) {
    strides.push_back(place.strides);
    views.push_back(view(place));
  }
  return {kernels.get(location, name, body, strides, accumulate, inPlace),
          builder.getArrayAttr(views)};
}

void EntryLowering::launch(Location location, const Use &use, std::optional<int64_t> rows) {
  KernelOp kernel = use.kernel.kernel;
  LaunchOp::create(builder, location, kernel.getSymName(),
                   ArrayRef<int64_t>{rows.value_or(use.kernel.rows)}, use.kernel.grain,
                   builder.getArrayAttr(Attribute(use.views)));
}

void EntryLowering::launch(Location location, StringRef name, Block &body, ArrayRef<Place> operands,
                           ArrayRef<bool> accumulate, ArrayRef<int64_t> inPlace,
                           std::optional<int64_t> rows) {
  launch(location, use(location, name, body, operands, accumulate, inPlace), rows);
}

void EntryLowering::copy(Location location, RankedTensorType type, const Place &from,
                         const Place &to, bool accumulate) {
  Block block;
  block.addArgument(type, location);
  OpBuilder inner(builder.getContext());
  inner.setInsertionPointToStart(&block);
  auto map = gpt::MapOp::create(
      inner, location, type.getShape(), block.getArguments(),
      [](OpBuilder &, Location, ValueRange scalars) { return SmallVector<Value>(scalars); });
  gpt::YieldOp::create(inner, location, map.getResults());
  launch(location, accumulate ? "add" : "copy", block, {from, to}, {accumulate}, {-1});
}

void EntryLowering::fill(Location location, DenseElementsAttr value, const Place &to,
                         bool accumulate) {
  Block block;
  OpBuilder inner(builder.getContext());
  inner.setInsertionPointToStart(&block);
  auto type = cast<RankedTensorType>(value.getType());
  auto map = gpt::MapOp::create(
      inner, location, type.getShape(), ValueRange(), [&](OpBuilder &b, Location loc, ValueRange) {
        auto scalar = cast<TypedAttr>(value.getSplatValue<Attribute>());
        return SmallVector<Value>{arith::ConstantOp::create(b, loc, scalar)};
      });
  gpt::YieldOp::create(inner, location, map.getResults());
  launch(location, "fill", block, {to}, {accumulate}, {-1});
}

Place EntryLowering::densify(Value value, const Place &place) {
  Place dense = memory.allocate("transient", tensor(value));
  copy(value.getLoc(), tensor(value), place, dense, false);
  return dense;
}

std::string gptc::plan::nameOf(Operation *op) {
  std::string name;
  op->getLoc()->walk([&](Location location) {
    if (auto named = dyn_cast<NameLoc>(location)) {
      StringRef word = named.getName().getValue();
      if (!word.empty() &&
          llvm::all_of(word, [](char c) { return llvm::isAlnum(c) || c == '_'; })) {
        name = word.str();
        return WalkResult::interrupt();
      }
    }
    return WalkResult::advance();
  });
  return name.empty() ? "kernel" : name;
}

void EntryLowering::lower(gpt::FusedOp op) {
  auto products = op.getBody().front().getOps<gpt::MatmulOp>();
  if (!products.empty())
    return lowerWithProduct(op, *products.begin());
  if (lowerFlat(op))
    return;
  SmallVector<Place> operands;
  for (Value operand : op.getOperands()) {
    Place place = places.lookup(operand);
    bool fits = !isAttention(op) || hasRows(tensor(operand).getShape(), place);
    operands.push_back(fits ? place : densify(operand, place));
  }
  SmallVector<bool> accumulate;
  SmallVector<int64_t> inPlace;
  bool elementwise = isElementwise(op);
  for (Value result : op.getResults()) {
    Place place = destination(result);
    accumulate.push_back(destinations->accumulates(result));
    int64_t source = -1;
    for (auto [index, operand] : llvm::enumerate(op.getOperands()))
      if (elementwise && operand.getType() == result.getType() &&
          areSame(tensor(result).getShape(), operands[index], place))
        source = index;
    inPlace.push_back(source);
    places[result] = place;
    operands.push_back(place);
  }
  launch(op.getLoc(), nameOf(op), op.getBody().front(), operands, accumulate, inPlace);
}

void EntryLowering::lower(gpt::ConcatOp op) {
  Place whole = destination(op.getResult());
  bool accumulate = destinations->accumulates(op.getResult());
  SmallVector<int64_t> offsets(whole.strides.size(), 0);
  for (Value input : op.getInputs()) {
    Place piece = part(whole, offsets), actual = places.lookup(input);
    if (!areSame(tensor(input).getShape(), actual, piece))
      copy(op.getLoc(), tensor(input), actual, piece, accumulate);
    offsets[op.getAxis()] += tensor(input).getDimSize(op.getAxis());
  }
  places[op.getResult()] = whole;
}

void EntryLowering::lower(gpt::PadOp op) {
  Place whole = destination(op.getResult());
  bool accumulate = destinations->accumulates(op.getResult());
  RankedTensorType type = tensor(op.getResult());
  if (!accumulate)
    fill(op.getLoc(), DenseElementsAttr::get(type, builder.getZeroAttr(type.getElementType())),
         whole, false);
  copy(op.getLoc(), tensor(op.getInput()), places.lookup(op.getInput()), part(whole, op.getLow()),
       accumulate);
  places[op.getResult()] = whole;
}

void EntryLowering::lower(gpt::ReshapeOp op) {
  ArrayRef<int64_t> from = tensor(op.getInput()).getShape(), to = tensor(op.getResult()).getShape();
  Place place = places.lookup(op.getInput());
  std::optional<Strides> strides = reshapeStrides(from, place.strides, to);
  if (!strides) {
    // Copied in the shape of the input, so that the result has the strides of a new tensor where it
    // can.
    Place target = destination(op.getResult());
    std::optional<Strides> inverse = reshapeStrides(to, target.strides, from);
    if (inverse) {
      copy(op.getLoc(), tensor(op.getInput()), place, {target.buffer, target.offset, *inverse},
           destinations->accumulates(op.getResult()));
      places[op.getResult()] = target;
      return;
    }
    Strides dense = denseStrides(from);
    Place copied = memory.allocate("transient", tensor(op.getInput()), dense);
    copy(op.getLoc(), tensor(op.getInput()), place, copied, false);
    place = copied;
    strides = reshapeStrides(from, dense, to);
  }
  settle(op.getResult(), {place.buffer, place.offset, *strides});
}

void EntryLowering::lower(gpt::ArgsortOp op) {
  // The runtime sorts dense integers.
  Place indices = places.lookup(op.getIndices()), order = destination(op.getResult());
  RankedTensorType type = tensor(op.getIndices());
  int64_t count = type.getNumElements();
  if (!reshapeStrides(type.getShape(), indices.strides, {count}) ||
      reshapeStrides(type.getShape(), indices.strides, {count})->front() != 1) {
    Place dense = memory.allocate("transient", type.clone({count}), {1});
    std::optional<Strides> strides = reshapeStrides({count}, {1}, type.getShape());
    copy(op.getLoc(), type, indices, {dense.buffer, 0, *strides}, false);
    indices = dense;
  }
  plan::ArgsortOp::create(builder, op.getLoc(), view(indices), view(order), count);
  places[op.getResult()] = order;
}

LogicalResult EntryLowering::lower(Operation *op) {
  if (auto read = dyn_cast<gpt::ReadOp>(op)) {
    places[read.getValue()] = memory.variables.lookup(read.getVariable());
  } else if (auto fused = dyn_cast<gpt::FusedOp>(op)) {
    lower(fused);
  } else if (auto matmul = dyn_cast<gpt::MatmulOp>(op)) {
    Place place = places[matmul.getResult()] = destination(matmul.getResult());
    multiply(matmul, matmul.getLhs(), matmul.getRhs(), place,
             destinations->accumulates(matmul.getResult()));
  } else if (auto norm = dyn_cast<gpt::GlobalNormOp>(op)) {
    lower(norm);
  } else if (auto concat = dyn_cast<gpt::ConcatOp>(op)) {
    lower(concat);
  } else if (auto pad = dyn_cast<gpt::PadOp>(op)) {
    lower(pad);
  } else if (auto reshape = dyn_cast<gpt::ReshapeOp>(op)) {
    lower(reshape);
  } else if (auto argsort = dyn_cast<gpt::ArgsortOp>(op)) {
    lower(argsort);
  } else if (auto transpose = dyn_cast<gpt::TransposeOp>(op)) {
    Place source = places.lookup(transpose.getInput()), place = source;
    for (auto [axis, from] : llvm::enumerate(transpose.getPermutation()))
      place.strides[axis] = source.strides[from];
    settle(transpose.getResult(), place);
  } else if (auto slice = dyn_cast<gpt::SliceOp>(op)) {
    settle(slice.getResult(), part(places.lookup(slice.getInput()), slice.getOffsets()));
  } else if (auto split = dyn_cast<gpt::SplitOp>(op)) {
    Place source = places.lookup(split.getInput());
    SmallVector<int64_t> offsets(source.strides.size(), 0);
    for (Value result : split.getResults()) {
      settle(result, part(source, offsets));
      offsets[split.getAxis()] += tensor(result).getDimSize(split.getAxis());
    }
  } else if (auto detach = dyn_cast<gpt::DetachOp>(op)) {
    settle(detach.getResult(), places.lookup(detach.getInput()));
  } else if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto value = dyn_cast<DenseElementsAttr>(constant.getValue());
    if (!value || !value.isSplat())
      return op->emitOpError("requires equal elements to become part of a plan");
    Place place = destination(constant.getResult());
    fill(op->getLoc(), value, place, destinations->accumulates(constant.getResult()));
    places[constant.getResult()] = place;
  } else if (auto iota = dyn_cast<gpt::IotaOp>(op)) {
    Block block;
    OpBuilder inner(builder.getContext());
    inner.setInsertionPointToStart(&block);
    Operation *copied = inner.clone(*op);
    auto map = gpt::MapOp::create(
        inner, op->getLoc(), tensor(iota.getResult()).getShape(), copied->getResults(),
        [](OpBuilder &, Location, ValueRange s) { return SmallVector<Value>(s); });
    gpt::YieldOp::create(inner, op->getLoc(), map.getResults());
    Place place = destination(iota.getResult());
    launch(op->getLoc(), "iota", block, {place}, {false}, {-1});
    places[iota.getResult()] = place;
  } else if (!isa<gpt::WriteOp, func::ReturnOp>(op)) {
    return op->emitOpError(
        "has no place in a plan; it should have been decomposed or gathered into a kernel");
  }
  return success();
}

LogicalResult EntryLowering::lower(func::FuncOp function) {
  if (function.getNumArguments() != 0 || function.getNumResults() != 0)
    return function.emitOpError(
        "requires a function without arguments and results to become an entry");
  Destinations chosen(function, memory);
  destinations = &chosen;
  places.clear();
  SmallVector<gpt::WriteOp> copies;
  for (Operation &op : function.getBody().front()) {
    if (failed(lower(&op)))
      return failure();
    if (auto write = dyn_cast<gpt::WriteOp>(op); write && !chosen.isDirect(write))
      copies.push_back(write);
  }
  // Reads see the values from before the entry: what was not computed in its place is copied there
  // last, and by way of other memory where it is itself the old value of a variable.
  for (gpt::WriteOp write : copies)
    if (Place &place = places[write.getValue()];
        memory.buffers[place.buffer].segment != "transient")
      place = densify(write.getValue(), place);
  for (gpt::WriteOp write : copies)
    copy(write.getLoc(), tensor(write.getValue()), places.lookup(write.getValue()),
         memory.variables.lookup(write.getVariable()), write.getAccumulate());
  return success();
}
