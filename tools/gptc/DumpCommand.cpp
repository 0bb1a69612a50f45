// gptc dump: the program at any stage, as text.
#include "gptc/Dialect/Plan/PlanOps.h"

#include "tools/gptc/Commands.h"
#include "tools/gptc/DumpPasses.h"
#include "tools/gptc/ModelOptions.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

namespace gptc::tools {

using runtime::Code;
using runtime::Status;

namespace {
struct DumpOptions {
  std::string stage = "graph";
  std::string after, difference; ///< passes, by name
  std::string entry, kernel;
  std::string form; ///< empty: what suits the target
  bool locations = false;
};
} // namespace

/// Erases all functions, entries or kernels but the one asked for.
static Status select(mlir::ModuleOp module, const std::string &name, const char *what,
                     llvm::function_ref<bool(mlir::Operation *)> isOne) {
  std::string names;
  bool found = false;
  for (mlir::Operation &op : llvm::make_early_inc_range(*module.getBody())) {
    if (!isOne(&op))
      continue;
    std::string symbol = mlir::SymbolTable::getSymbolName(&op).str();
    if (symbol == name) {
      found = true;
      continue;
    }
    names += (names.empty() ? "" : ", ") + symbol;
    op.erase();
  }
  if (found)
    return Status::success();
  return {Code::invalidArgument,
          fmt::format("--{} {}: there is none; there are {}", what, name, names)};
}

/// Leaves in a module what was asked for.
static Status narrow(mlir::ModuleOp module, const DumpOptions &options) {
  if (!options.entry.empty())
    GPTC_RETURN_IF_ERROR(select(module, options.entry, "entry", [](mlir::Operation *op) {
      return llvm::isa<mlir::func::FuncOp, plan::EntryOp>(op);
    }));
  if (!options.kernel.empty()) {
    GPTC_RETURN_IF_ERROR(select(module, options.kernel, "kernel",
                                [](mlir::Operation *op) { return llvm::isa<plan::KernelOp>(op); }));
    for (mlir::Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (!llvm::isa<plan::KernelOp>(op))
        op.erase();
  }
  return Status::success();
}

static Status dump(CompileOptions compile, const DumpOptions &options) {
  static const std::map<std::string, Stage> stages = {
      {"graph", Stage::graph},         {"forward", Stage::forward}, {"training", Stage::training},
      {"optimized", Stage::optimized}, {"plan", Stage::plan},       {"source", Stage::plan}};
  bool isPlan = options.stage == "plan" || options.stage == "source";
  bool ofPass = !options.after.empty() || !options.difference.empty();
  if (!options.kernel.empty() && !isPlan && !ofPass)
    return {Code::invalidArgument, "--kernel needs --stage plan or --stage source"};
  if (!options.entry.empty() && options.stage == "source")
    return {Code::invalidArgument,
            "--entry does not go with --stage source: kernels are shared by entries"};
  {
    // A model without a loss has the entries that do without.
    Compilation probe([&] {
      CompileOptions graph = compile;
      graph.trains = false;
      return graph;
    }());
    GPTC_RETURN_IF_ERROR(probe.runTo(Stage::graph));
    compile.trains = probe.info().hasLoss;
  }
  auto narrowed = [&](mlir::ModuleOp module) { return narrow(module, options); };
  if (!options.after.empty())
    return dumpAfter(compile, options.after, options.locations, narrowed);
  if (!options.difference.empty())
    return dumpDifference(compile, options.difference, options.locations, narrowed);
  Compilation compilation(compile);
  GPTC_RETURN_IF_ERROR(compilation.runTo(stages.at(options.stage)));
  std::fputs(compilation.warnings().c_str(), stderr);
  if (options.stage == "source") {
    std::string form = options.form;
    if (form.empty())
      form = compile.target == "cpu" ? "loops" : "cuda";
    GPTC_ASSIGN(std::string text, compilation.emitSource(form, options.kernel));
    llvm::outs() << text;
    return Status::success();
  }
  mlir::ModuleOp module = compilation.module();
  GPTC_RETURN_IF_ERROR(narrow(module, options));
  mlir::OpPrintingFlags flags;
  if (options.locations)
    flags.enableDebugInfo(true, /*prettyForm=*/true);
  module->print(llvm::outs(), flags);
  llvm::outs() << "\n";
  return Status::success();
}

Command addDump(CLI::App &app) {
  auto compile = std::make_shared<CompileOptions>();
  auto options = std::make_shared<DumpOptions>();
  CLI::App *command = app.add_subcommand("dump", "print the program at a stage of the compiler");
  addModelOptions(*command, *compile);
  addOptimizerOption(*command, *compile);
  addMemoryBudgetOption(*command, *compile);
  command
      ->add_option("--stage", options->stage,
                   "graph, forward, training, optimized, plan or source (default graph)")
      ->check(CLI::IsMember({"graph", "forward", "training", "optimized", "plan", "source"}));
  CLI::Option *stage = command->get_option("--stage");
  CLI::Option *after = command
                           ->add_option("--after", options->after,
                                        "the program behind a pass, by its name in gptc-opt; a "
                                        "pass that runs again is named with its stage, as \"cse "
                                        "(optimized)\"")
                           ->type_name("PASS")
                           ->excludes(stage);
  command->add_option("--diff", options->difference, "what a pass changed, line by line")
      ->type_name("PASS")
      ->excludes(stage)
      ->excludes(after);
  command->add_option("--entry", options->entry, "one entry only, such as update")
      ->type_name("NAME");
  command->add_option("--kernel", options->kernel, "one kernel only, by its name in --stage plan")
      ->type_name("NAME");
  command
      ->add_option(
          "--as", options->form,
          "with --stage source: for the CPU loops (MLIR, its default), llvm or assembly; "
          "for a GPU cuda (its default), header (which every module includes) or ptx (which needs "
          "--target cuda:sm_...)")
      ->check(CLI::IsMember({"loops", "llvm", "assembly", "cuda", "header", "ptx"}));
  addTargetOption(*command, *compile);
  command->add_flag("--locations", options->locations,
                    "print where in the description each operation comes from");
  command->footer("Examples:\n"
                  "  gptc dump models/gpt2.gpt --preset small\n"
                  "  gptc dump models/gpt2.gpt --preset small --stage plan --entry update\n"
                  "  gptc dump models/mlp.gpt --diff gpt-form-kernels --entry evaluate\n"
                  "  gptc dump models/mlp.gpt --stage source --as assembly\n"
                  "  gptc dump models/mlp.gpt --stage source --as ptx --target cuda:sm_90a");
  return {command, [=] { return reportFailure(dump(*compile, *options)); }};
}

} // namespace gptc::tools
