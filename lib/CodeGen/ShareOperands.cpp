// plan-share-operands: outputs take the place of inputs that nobody reads again.
//
// What it must show: a buffer is overwritten only by the last command that reads it; what a plan
// computes is the same bits with the pass and without it.
#include "gptc/CodeGen/Kernels.h"
#include "gptc/CodeGen/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringMap.h"

namespace gptc {
#define GEN_PASS_DEF_SHAREOPERANDSPASS
#include "gptc/CodeGen/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

namespace {
/// The first and the last command of an entry that touches a buffer.
struct Life {
  Operation *first = nullptr, *last = nullptr;
};

struct ShareOperandsPass : gptc::impl::ShareOperandsPassBase<ShareOperandsPass> {
  void runOnOperation() override {
    kernels.clear();
    buffers.clear();
    for (auto kernel : getOperation().getOps<KernelOp>())
      kernels[kernel.getSymName()] = kernel;
    for (auto buffer : getOperation().getOps<BufferOp>())
      buffers[buffer.getSymName()] = buffer;
    for (auto entry : getOperation().getOps<EntryOp>())
      share(entry);
    llvm::DenseSet<StringRef> used;
    getOperation().walk([&](LaunchOp launch) { used.insert(launch.getKernel()); });
    getOperation().walk([&](plan::MatmulOp matmul) {
      if (std::optional<StringRef> epilogue = matmul.getEpilogue())
        used.insert(*epilogue);
    });
    for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<KernelOp>()))
      if (!used.contains(kernel.getSymName()))
        kernel.erase();
  }

  void share(EntryOp entry) {
    llvm::DenseMap<StringAttr, Life> lives;
    for (Operation &op : entry.getBody().front())
      op.getAttrDictionary().walk([&](ViewAttr view) {
        Life &life = lives[view.getBuffer().getAttr()];
        life.first = life.first ? life.first : &op;
        life.last = &op;
      });
    // Renamed as commands come: a buffer may take the place of one that took another's.
    llvm::DenseMap<StringAttr, StringAttr> renamed;
    AttrTypeReplacer replacer;
    replacer.addReplacement([&](ViewAttr view) -> std::optional<Attribute> {
      auto found = renamed.find(view.getBuffer().getAttr());
      if (found == renamed.end())
        return std::nullopt;
      return ViewAttr::get(&getContext(), FlatSymbolRefAttr::get(found->second), view.getOffset());
    });
    for (Operation &op : entry.getBody().front()) {
      if (std::optional<Use> use = findUse(&op))
        choose(*use, lives, renamed);
      AttrTypeReplacer once = replacer; // what it remembers is out of date at the next command
      once.replaceElementsIn(&op, /*replaceAttrs=*/true);
    }
  }

  /// A command that runs a kernel on one set of operands.
  struct Use {
    Operation *op;
    KernelOp kernel;
    SmallVector<ViewAttr> views;   ///< the kernel's operands
    SmallVector<StringAttr> taken; ///< buffers that the command reads besides
  };

  std::optional<Use> findUse(Operation *op) {
    auto viewsOf = [](Attribute views) {
      return llvm::map_to_vector(cast<ArrayAttr>(views),
                                 [](Attribute view) { return cast<ViewAttr>(view); });
    };
    if (auto launch = dyn_cast<LaunchOp>(op); launch && launch.getInstances().size() == 1)
      return Use{op, kernels.lookup(launch.getKernel()), viewsOf(launch.getInstances()[0]), {}};
    if (auto matmul = dyn_cast<plan::MatmulOp>(op); matmul && matmul.getEpilogue())
      return Use{op,
                 kernels.lookup(*matmul.getEpilogue()),
                 viewsOf(*matmul.getEpilogueOperands()),
                 {matmul.getLhs().getBuffer().getAttr(), matmul.getRhs().getBuffer().getAttr()}};
    return std::nullopt;
  }

  static remark::RemarkOpts optionsOf(const Use &use) {
    return remark::RemarkOpts::name("InPlace")
        .category("plan-share-operands")
        .function(use.op->getParentOfType<EntryOp>().getSymName());
  }

  /// Renames the outputs of a kernel that may lie where inputs do.
  void choose(const Use &use, llvm::DenseMap<StringAttr, Life> &lives,
              llvm::DenseMap<StringAttr, StringAttr> &renamed) {
    unsigned inputs = KernelOp(use.kernel).getBody().getNumArguments();
    SmallVector<int64_t> inPlace(KernelOp(use.kernel).getInPlace());
    auto bufferOf = [&](unsigned operand) {
      return buffers.lookup(use.views[operand].getBuffer().getValue());
    };
    auto countUses = [&](unsigned operand) {
      FlatSymbolRefAttr buffer = use.views[operand].getBuffer();
      return llvm::count_if(use.views,
                            [&](ViewAttr other) { return other.getBuffer() == buffer; }) +
             llvm::count(use.taken, buffer.getAttr());
    };
    bool found = false;
    for (unsigned output = 0; output < inPlace.size(); ++output) {
      unsigned written = inputs + output;
      BufferOp target = bufferOf(written);
      if (inPlace[output] >= 0 || target.getSegment() != "transient" || countUses(written) != 1 ||
          lives[target.getSymNameAttr()].first != use.op)
        continue;
      StringRef obstacle; // of the input that came closest
      for (unsigned input = 0; input < inputs; ++input) {
        BufferOp source = bufferOf(input);
        if (source.getSegment() != "transient" || countUses(input) != 1 ||
            source.getBytes() != target.getBytes() ||
            source.getElementType() != target.getElementType() ||
            use.views[input].getOffset() != use.views[written].getOffset() ||
            llvm::is_contained(inPlace, input))
          continue;
        if (lives[source.getSymNameAttr()].last != use.op) {
          if (obstacle.empty())
            obstacle = "the input is read again";
          continue;
        }
        if (!mayShareMemory(use.kernel, input, output)) {
          obstacle = "the kernel may write an element before it has read it";
          continue;
        }
        StringAttr place = source.getSymNameAttr();
        if (auto earlier = renamed.find(place); earlier != renamed.end())
          place = earlier->second;
        renamed[target.getSymNameAttr()] = place;
        inPlace[output] = input;
        found = true;
        remark::passed(use.op->getLoc(), optionsOf(use))
            << remark::metric("bytes", target.getBytes());
        obstacle = "";
        break;
      }
      if (!obstacle.empty())
        remark::missed(use.op->getLoc(), optionsOf(use))
            << remark::metric("bytes", target.getBytes()) << remark::reason("{0}", obstacle);
    }
    if (!found)
      return;
    auto kernel = FlatSymbolRefAttr::get(getInPlaceKernel(use.kernel, inPlace).getSymNameAttr());
    if (auto launch = dyn_cast<LaunchOp>(use.op))
      launch.setKernelAttr(kernel);
    else
      cast<plan::MatmulOp>(use.op).setEpilogueAttr(kernel);
  }

  /// The kernel that is `kernel` but for the outputs in place of inputs.
  KernelOp getInPlaceKernel(KernelOp kernel, ArrayRef<int64_t> inPlace) {
    std::string name = kernel.getSymName().str();
    for (int64_t input : inPlace)
      name += "_" + (input < 0 ? "n" : std::to_string(input));
    KernelOp &own = kernels[name];
    if (!own) {
      OpBuilder builder(kernel);
      builder.setInsertionPointAfter(kernel);
      own = cast<KernelOp>(builder.clone(*kernel));
      own.setSymName(name);
      own.setInPlace(inPlace);
    }
    return own;
  }

  llvm::StringMap<KernelOp> kernels;
  llvm::StringMap<BufferOp> buffers;
};
} // namespace
