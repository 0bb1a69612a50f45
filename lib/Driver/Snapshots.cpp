// Keeps the module behind each pass.
#include "gptc/Driver/Snapshots.h"

#include "gptc/Dialect/Plan/PlanOps.h"

#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace gptc;
using runtime::Status;

namespace {
/// Passes on the module are recorded as they are. Those on functions are one after all functions
/// are done, when the adaptor that ran them, a pass on the module without a name, is done.
class Watcher : public PassInstrumentation {
public:
  explicit Watcher(Recorder &recorder) : recorder(recorder) {}

  void runAfterPass(Pass *pass, Operation *op) override {
    std::string name = pass->getArgument().str();
    auto module = dyn_cast<ModuleOp>(op);
    if (!module) {
      if (!name.empty() && !llvm::is_contained(nested, name))
        nested.push_back(name);
      return;
    }
    if (name.empty())
      name = llvm::join(nested, ", ");
    nested.clear();
    if (!name.empty())
      recorder.record(name, module);
  }

private:
  Recorder &recorder;
  std::vector<std::string> nested;
};
} // namespace

static std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text;
}

bool gptc::isPlan(ModuleOp module) { return !module.getOps<plan::EntryOp>().empty(); }

void Recorder::watch(PassManager &manager) {
  manager.addInstrumentation(std::make_unique<Watcher>(*this));
}

Status Recorder::run(Compilation &compilation) {
  GPTC_RETURN_IF_ERROR(compilation.runTo(Stage::graph));
  lastText = textOf(compilation.module());
  snapshots.push_back({"", compilation.module().clone(), true});
  static const std::pair<Stage, const char *> stages[] = {{Stage::forward, "forward"},
                                                          {Stage::training, "training"},
                                                          {Stage::optimized, "optimized"},
                                                          {Stage::plan, "plan"}};
  for (auto [target, name] : stages) {
    stage = name;
    GPTC_RETURN_IF_ERROR(compilation.runTo(target));
  }
  return Status::success();
}

void Recorder::record(StringRef pass, ModuleOp module) {
  std::string label = pass.str();
  if (llvm::any_of(snapshots, [&](const Snapshot &other) { return other.pass == label; }))
    label += " (" + stage + ")";
  if (afterPass)
    afterPass(label, module);
  std::string text = textOf(module);
  bool changed = text != lastText;
  lastText = std::move(text);
  OwningOpRef<ModuleOp> copy;
  if (changed)
    copy = module.clone();
  snapshots.push_back({std::move(label), std::move(copy), changed});
}
