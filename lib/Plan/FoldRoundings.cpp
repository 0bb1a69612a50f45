// plan-fold-roundings: products round variables while they read them.
//
// What it must show: a variable's copy of 16 bits that products alone read is not made where making
// it moves more bytes than reading float32 instead; every product multiplies the same numbers.
#include "Accesses.h"

#include "gptc/Plan/Passes.h"

#include "mlir/IR/Remarks.h"

namespace gptc {
#define GEN_PASS_DEF_FOLDROUNDINGSPASS
#include "gptc/Plan/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

/// Of an element of 16 bits: a copy is written (and read before that, as caches do) once and read
/// by each product, each of which reads float32 instead without it.
static constexpr int64_t mostReaders = 4; // 4 + 2 + 2 + 2 n ≥ 4 n bytes

namespace {
/// The strides of rows, and how long they are.
struct Rows {
  int64_t width, distance;
};

/// A launch that rounds `from`, a variable, to `to`, and the products that read that.
struct Rounding {
  LaunchOp launch;
  Type factor;
  ViewAttr from;
  StringAttr to;
  Rows fromRows, toRows;
  SmallVector<MatmulOp> readers;
};

struct FoldRoundingsPass : gptc::impl::FoldRoundingsPassBase<FoldRoundingsPass> {
  void runOnOperation() override {
    SymbolTableCollection tables;
    llvm::DenseSet<StringRef> folded;
    for (auto entry : getOperation().getOps<EntryOp>())
      for (LaunchOp launch : llvm::make_early_inc_range(entry.getBody().getOps<LaunchOp>()))
        if (std::optional<Rounding> rounding = find(launch, tables)) {
          folded.insert(launch.getKernel());
          fold(*rounding);
        }
    getOperation().walk([&](LaunchOp launch) { folded.erase(launch.getKernel()); });
    for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<KernelOp>()))
      if (folded.contains(kernel.getSymName()))
        kernel.erase();
  }

private:
  /// The kernel's type of 16 bits, if all it does is to round.
  static Type roundsTo(KernelOp kernel) {
    Block &block = kernel.getBody().front();
    auto map = dyn_cast<gpt::MapOp>(block.front());
    if (kernel.getSchedule() != "row" || block.getNumArguments() != 1 || !map ||
        map->getNextNode() != block.getTerminator() || map.getNumOperands() != 1 ||
        block.getTerminator()->getOperands() != map.getResults() || kernel.getAccumulate()[0])
      return {};
    auto truncate = dyn_cast<arith::TruncFOp>(map.getBlock()->front());
    bool isAlone = truncate && truncate->getNextNode() == map.getYield();
    return isAlone && truncate.getIn().getType().isF32() ? truncate.getType() : Type();
  }

  static std::optional<Rows> rowsOf(Attribute layout) {
    auto type = cast<MemRefType>(cast<TypeAttr>(layout).getValue());
    SmallVector<int64_t> strides;
    int64_t offset;
    if (type.getRank() != 2 || failed(type.getStridesAndOffset(strides, offset)) || strides[1] != 1)
      return std::nullopt;
    return Rows{type.getShape()[1], strides[0]};
  }

  std::optional<Rounding> find(LaunchOp launch, SymbolTableCollection &tables) {
    auto kernel = tables.lookupNearestSymbolFrom<KernelOp>(launch, launch.getKernelAttr());
    Type factor = roundsTo(kernel);
    if (!factor || launch.getInstances().size() != 1)
      return std::nullopt;
    auto operands = cast<ArrayAttr>(launch.getInstances()[0]);
    std::optional<Rows> fromRows = rowsOf(kernel.getLayouts()[0]),
                        toRows = rowsOf(kernel.getLayouts()[1]);
    Rounding rounding{launch, factor, cast<ViewAttr>(operands[0]), {}, {}, {}, {}};
    auto to = cast<ViewAttr>(operands[1]);
    auto bufferOf = [&](ViewAttr view) {
      return tables.lookupNearestSymbolFrom<BufferOp>(launch, view.getBuffer());
    };
    // A transient value would live longer for it.
    if (!fromRows || !toRows || to.getOffset() != 0 || bufferOf(to).getSegment() != "transient" ||
        bufferOf(rounding.from).getSegment() == "transient")
      return std::nullopt;
    rounding.to = to.getBuffer().getAttr();
    rounding.fromRows = *fromRows;
    rounding.toRows = *toRows;
    if (std::optional<StringRef> obstacle = findObstacle(rounding, tables)) {
      remark::missed(launch.getLoc(), options(launch)) << remark::reason("{0}", *obstacle);
      return std::nullopt;
    }
    return rounding;
  }

  static remark::RemarkOpts options(LaunchOp launch) {
    return remark::RemarkOpts::name("Rounding")
        .category("plan-fold-roundings")
        .function(launch->getParentOfType<EntryOp>().getSymName());
  }

  /// Finds the readers, or why products cannot round by themselves.
  static std::optional<StringRef> findObstacle(Rounding &rounding, SymbolTableCollection &tables) {
    bool isBehind = false, isWritten = false;
    std::optional<StringRef> obstacle;
    for (Operation &op : rounding.launch->getParentOfType<EntryOp>().getBody().front()) {
      if (&op == rounding.launch) {
        isBehind = true;
        continue;
      }
      int64_t reads = 0;
      visitAccesses(&op, tables, [&](StringAttr buffer, bool isWrite) {
        reads += buffer == rounding.to;
        isWritten |= isBehind && isWrite && buffer == rounding.from.getBuffer().getAttr();
      });
      if (reads == 0)
        continue;
      auto matmul = dyn_cast<MatmulOp>(op);
      int64_t asFactor = 0;
      if (matmul)
        for (auto [view, number] : {std::pair(matmul.getLhs(), 0), std::pair(matmul.getRhs(), 1)})
          asFactor +=
              view.getBuffer().getAttr() == rounding.to && mayRead(rounding, matmul, view, number);
      if (!isBehind || reads != asFactor)
        obstacle = "something but a product of whole rows reads the copy";
      else if (isWritten)
        obstacle = "the variable changes before the last product";
      rounding.readers.push_back(matmul);
    }
    if (!obstacle && rounding.readers.size() > mostReaders)
      obstacle = "so many products read the copy that it spares traffic";
    return obstacle;
  }

  /// Whether an operand's rows are those of the copy.
  static bool mayRead(const Rounding &rounding, MatmulOp matmul, ViewAttr view, unsigned number) {
    for (Attribute attribute : matmul.getBatch()) {
      auto axis = cast<BatchAxisAttr>(attribute);
      if ((number == 0 ? axis.getLhsStride() : axis.getRhsStride()) != 0)
        return false;
    }
    return matmul.getStrides()[number] == rounding.toRows.distance;
  }

  //   plan.launch @round … [[%w, %copy]]
  //   plan.matmul … (%x, %copy) to %y types [bf16, bf16, bf16]
  //     =>
  //   plan.matmul … (%x, %w) to %y types [bf16, f32, bf16] factors [bf16, bf16]
  static void fold(const Rounding &rounding) {
    for (MatmulOp matmul : rounding.readers) {
      SmallVector<Type> types = llvm::to_vector(matmul.getTypes()->getAsValueRange<TypeAttr>()),
                        factors{matmul.getLhsFactor(), matmul.getRhsFactor()};
      SmallVector<int64_t> strides(matmul.getStrides());
      Builder builder(matmul.getContext());
      for (unsigned number : {0, 1}) {
        ViewAttr view = number == 0 ? matmul.getLhs() : matmul.getRhs();
        if (view.getBuffer().getAttr() != rounding.to)
          continue;
        const Rows &from = rounding.fromRows, &to = rounding.toRows;
        int64_t offset = view.getOffset() / to.distance * from.distance +
                         view.getOffset() % to.distance + rounding.from.getOffset();
        auto own = ViewAttr::get(matmul.getContext(), rounding.from.getBuffer(), offset);
        number == 0 ? matmul.setLhsAttr(own) : matmul.setRhsAttr(own);
        types[number] = builder.getF32Type();
        factors[number] = rounding.factor;
        strides[number] = from.distance;
      }
      matmul.setStrides(strides);
      matmul.setTypesAttr(builder.getTypeArrayAttr(types));
      matmul.setFactorsAttr(builder.getTypeArrayAttr(factors));
    }
    remark::passed(LaunchOp(rounding.launch).getLoc(), options(rounding.launch))
        << remark::metric("readers", rounding.readers.size());
    LaunchOp(rounding.launch).erase();
  }
};
} // namespace
