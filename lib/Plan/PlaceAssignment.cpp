// Destinations: the backward half of place assignment.
#include "PlaceAssignment.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

static RankedTensorType tensor(Value value) { return cast<RankedTensorType>(value.getType()); }

Place Memory::allocate(StringRef segment, RankedTensorType type, const Strides &strides) {
  int64_t elements = std::max<int64_t>(extent(type.getShape(), strides), 1);
  buffers.push_back(
      {segment.str(), type.getElementType(), elements, elements, type.getNumElements()});
  return {static_cast<int>(buffers.size()) - 1, 0, strides};
}

Place Memory::allocateFlat(StringRef segment, RankedTensorType type, const Strides &strides) {
  Place place = allocate(segment, type, strides);
  VirtualBuffer &buffer = buffers[place.buffer];
  buffer.elements = llvm::divideCeil(buffer.extent, flatRow) * flatRow;
  buffer.isFlat = true;
  return place;
}

Place gptc::plan::part(const Place &place, ArrayRef<int64_t> offsets) {
  Place result = place;
  for (auto [offset, stride] : llvm::zip(offsets, place.strides))
    result.offset += offset * stride;
  return result;
}

bool gptc::plan::isElementwise(gpt::FusedOp op) {
  ArrayRef<int64_t> shape;
  for (Operation &inner : op.getBody().front().without_terminator()) {
    if (isa<arith::ConstantOp, gpt::IotaOp>(inner))
      continue;
    auto map = dyn_cast<gpt::MapOp>(inner);
    if (!map || (shape.data() && map.getShape() != shape))
      return false;
    shape = map.getShape();
  }
  return true;
}

bool gptc::plan::isAttention(Operation *op) {
  auto fused = dyn_cast<gpt::FusedOp>(op);
  return fused &&
         isa<gpt::FlashAttentionOp, gpt::FlashAttentionGradOp>(fused.getBody().front().front());
}

bool gptc::plan::hasRows(ArrayRef<int64_t> shape, const Place &place) {
  return place.strides.back() == 1 || shape.back() == 1;
}

Destinations::Destinations(func::FuncOp function, Memory &memory) : memory(memory) {
  for (auto [index, op] : llvm::enumerate(function.getBody().front())) {
    position[&op] = index;
    if (auto read = dyn_cast<gpt::ReadOp>(op))
      reads[read.getVariable()].push_back(read);
    if (auto write = dyn_cast<gpt::WriteOp>(op))
      ++writes[write.getVariable()];
  }
  assignWrites(function);
  for (Operation &op : llvm::reverse(function.getBody().front())) {
    if (auto concat = dyn_cast<gpt::ConcatOp>(op)) {
      auto [entry, isNew] = places.try_emplace(concat.getResult());
      ArrayRef<int64_t> shape = tensor(concat.getResult()).getShape();
      if (isNew)
        entry->second = memory.allocate("transient", tensor(concat.getResult()));
      Place whole = entry->second;
      bool accumulate = accumulating.contains(concat.getResult());
      SmallVector<int64_t> offsets(shape.size(), 0);
      for (Value input : concat.getInputs()) {
        propagate(input, part(whole, offsets), accumulate, true);
        offsets[concat.getAxis()] += tensor(input).getDimSize(concat.getAxis());
      }
    } else if (auto reshape = dyn_cast<gpt::ReshapeOp>(op)) {
      // The input is computed so that the result has the strides of a new tensor.
      if (places.contains(reshape.getResult()))
        continue;
      ArrayRef<int64_t> from = tensor(reshape.getInput()).getShape();
      ArrayRef<int64_t> to = tensor(reshape.getResult()).getShape();
      // Of the two, the wider rows are padded: where those are the input's, it stays as it is.
      if (!from.empty() && !to.empty() && from.back() > to.back() &&
          reshapeStrides(from, paddedStrides(tensor(reshape.getInput())), to))
        continue;
      Strides strides = paddedStrides(tensor(reshape.getResult()));
      std::optional<Strides> inverse = reshapeStrides(to, strides, from);
      if (!inverse)
        continue;
      Place place{-1, 0, *inverse};
      if (!propagate(reshape.getInput(), place, false, false))
        continue;
      place.buffer = memory.allocate("transient", tensor(reshape.getResult()), strides).buffer;
      propagate(reshape.getInput(), place, false, true);
    }
  }
}

const Place *Destinations::lookup(Value value) const {
  auto it = places.find(value);
  return it == places.end() ? nullptr : &it->second;
}

/// Whether `value` may lie at `place`, where one of its users wants it. Others must find there what
/// they would find elsewhere, and not mind the strides.
bool Destinations::mayPlace(Value value, const Place &place, bool accumulate) const {
  if (places.contains(value))
    return false;
  // What a variable holds from then on may be read there by others too.
  auto isLastWord = [&](Operation *user) {
    auto write = dyn_cast<gpt::WriteOp>(user);
    return write && !accumulate &&
           memory.variables.lookup(write.getVariable()).buffer == place.buffer &&
           writes.lookup(write.getVariable()) == 1 && !reads.contains(write.getVariable());
  };
  if (value.hasOneUse() || llvm::any_of(value.getUsers(), isLastWord))
    return true;
  bool transient = place.buffer < 0 || memory.buffers[place.buffer].segment == "transient";
  return transient && !accumulate && llvm::all_of(value.getUsers(), [](Operation *user) {
           return isa<gpt::ReshapeOp, gpt::TransposeOp, gpt::MatmulOp>(user) || isAttention(user);
         });
}

/// Gives `value` a place, where one of its users wants it, through rearrangements up to the
/// operation that computes it. False if that operation cannot compute it there. Without `commit`
/// only the answer is given.
bool Destinations::propagate(Value value, Place place, bool accumulate, bool commit) {
  Operation *op = value.getDefiningOp();
  if (!op || !mayPlace(value, place, accumulate))
    return false;
  auto settle = [&](bool fits) {
    if (fits && commit) {
      places[value] = place;
      if (accumulate)
        accumulating.insert(value);
    }
    return fits;
  };
  if (isAttention(op))
    return settle(!accumulate && hasRows(tensor(value).getShape(), place));
  if (isa<gpt::FusedOp, gpt::GlobalNormOp>(op))
    return settle(true);
  if (isa<gpt::MatmulOp>(op)) // the library writes rows of neighbouring elements
    return settle(hasRows(tensor(value).getShape(), place));
  if (auto reshape = dyn_cast<gpt::ReshapeOp>(op)) {
    std::optional<Strides> strides = reshapeStrides(tensor(value).getShape(), place.strides,
                                                    tensor(reshape.getInput()).getShape());
    return strides && settle(propagate(reshape.getInput(), {place.buffer, place.offset, *strides},
                                       accumulate, commit));
  }
  if (auto transpose = dyn_cast<gpt::TransposeOp>(op)) {
    Place source = place;
    for (auto [axis, from] : llvm::enumerate(transpose.getPermutation()))
      source.strides[from] = place.strides[axis];
    return settle(propagate(transpose.getInput(), source, accumulate, commit));
  }
  if (isa<gpt::ConcatOp>(op)) // visited later: the operations before this one are walked backwards
    return settle(!accumulate);
  return false;
}

/// The operation that computes `value` or what it is a rearrangement of.
static Operation *producerOf(Value value) {
  Operation *op = value.getDefiningOp();
  while (isa<gpt::ReshapeOp, gpt::TransposeOp>(op))
    op = op->getOperand(0).getDefiningOp();
  return op;
}

/// The first position at which a part of `value` is computed, if it is computed in a place of its
/// user's choice.
int Destinations::firstPosition(Value value) const {
  Operation *op = producerOf(value);
  int first = position.lookup(op);
  if (auto concat = dyn_cast<gpt::ConcatOp>(op)) // its pieces are computed before it
    for (Value input : concat.getInputs())
      first = std::min(first, firstPosition(input));
  return first;
}

/// Whether whoever reads the variable's old value has done so by `first`, where the new value
/// begins to take its place, or is the operation there and reads element by element.
bool Destinations::mayWriteDirectly(gpt::WriteOp write, int first) const {
  auto found = reads.find(write.getVariable());
  if (found == reads.end())
    return true;
  Value value = write.getValue();
  for (gpt::ReadOp read : found->second) {
    SmallVector<Value> olds{read.getValue()}; // the old value and its views
    while (!olds.empty()) {
      Value old = olds.pop_back_val();
      for (Operation *user : old.getUsers()) {
        if (isa<gpt::WriteOp>(user)) // copied behind all other commands
          return false;
        if (position.lookup(user) < first) {
          if (isa<gpt::ReshapeOp, gpt::TransposeOp, gpt::SliceOp, gpt::SplitOp, gpt::DetachOp>(
                  user))
            llvm::append_range(olds, user->getResults());
          continue;
        }
        auto fused = dyn_cast<gpt::FusedOp>(user);
        if (!fused || value.getDefiningOp() != user || old != read.getValue() ||
            old.getType() != value.getType() || write.getAccumulate() || !isElementwise(fused))
          return false;
      }
    }
  }
  return true;
}

void Destinations::assignWrites(func::FuncOp function) {
  // For each variable: the position of the last direct write's producer; -2 once a write had to be
  // a copy.
  llvm::StringMap<int> last;
  for (auto write : function.getBody().front().getOps<gpt::WriteOp>()) {
    int &previous = last.try_emplace(write.getVariable(), -1).first->second;
    if (previous == -2)
      continue;
    int first = firstPosition(write.getValue());
    if (first <= previous || !mayWriteDirectly(write, first) ||
        !propagate(write.getValue(), memory.variables.lookup(write.getVariable()),
                   write.getAccumulate(), true)) {
      previous = -2;
      continue;
    }
    direct.insert(write);
    previous = position.lookup(producerOf(write.getValue()));
  }
}
