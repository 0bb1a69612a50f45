// Modules before and after a pass, as text.
#include "tools/gptc/DumpPasses.h"

#include "gptc/Driver/Snapshots.h"
#include "gptc/Model/Format.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

namespace gptc::tools {

using runtime::Code;
using runtime::Result;
using runtime::Status;

namespace {
/// A compilation that was watched. Snapshots live as long as the compilation's context.
struct Watched {
  std::unique_ptr<Compilation> compilation;
  Recorder recorder;

  /// Runs it; what a failing pass leaves can still be looked at.
  Status run(CompileOptions options) {
    options.instrument = [this](mlir::PassManager &manager) { recorder.watch(manager); };
    compilation = std::make_unique<Compilation>(std::move(options));
    Status status = recorder.run(*compilation);
    return recorder.snapshots.empty() ? status : Status::success();
  }

  ~Watched() { recorder.snapshots.clear(); }

  Result<size_t> find(const std::string &pass) const {
    std::string names;
    for (size_t i = 1; i < recorder.snapshots.size(); ++i) {
      if (recorder.snapshots[i].pass == pass)
        return i;
      names += (names.empty() ? "" : ", ") + recorder.snapshots[i].pass;
    }
    return Status(Code::invalidArgument,
                  fmt::format("no pass \"{}\" ran; there are {}", pass, names));
  }

  /// The module behind snapshot `index`: that of the last pass that changed it.
  mlir::ModuleOp module(size_t index) {
    while (!recorder.snapshots[index].module)
      --index;
    return *recorder.snapshots[index].module;
  }
};
} // namespace

using Narrow = llvm::function_ref<Status(mlir::ModuleOp)>;

static Result<std::string> print(mlir::ModuleOp module, bool locations, Narrow narrow) {
  mlir::OwningOpRef<mlir::ModuleOp> copy = module.clone();
  GPTC_RETURN_IF_ERROR(narrow(*copy));
  mlir::OpPrintingFlags flags;
  if (locations)
    flags.enableDebugInfo(true, /*prettyForm=*/true);
  std::string text;
  llvm::raw_string_ostream os(text);
  copy->print(os, flags);
  return text + "\n";
}

Status dumpAfter(CompileOptions options, const std::string &pass, bool locations, Narrow narrow) {
  Watched watched;
  GPTC_RETURN_IF_ERROR(watched.run(std::move(options)));
  GPTC_ASSIGN(size_t index, watched.find(pass));
  GPTC_ASSIGN(std::string text, print(watched.module(index), locations, narrow));
  llvm::outs() << text;
  return Status::success();
}

/// A line without the numbers of its values, which count on from what a pass has put in front.
static std::string withoutNumbers(std::string_view line) {
  std::string key;
  for (size_t i = 0; i < line.size(); ++i) {
    key += line[i];
    if (line[i] == '%')
      while (i + 1 < line.size() && (llvm::isAlnum(line[i + 1]) || line[i + 1] == '_'))
        ++i;
  }
  return key;
}

static void printColoured(llvm::StringRef difference) {
  bool colours = llvm::outs().has_colors();
  llvm::SmallVector<llvm::StringRef> lines;
  difference.split(lines, '\n', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (llvm::StringRef line : lines) {
    llvm::StringRef colour = line.starts_with("+")   ? "\033[32m"
                             : line.starts_with("-") ? "\033[31m"
                             : line.starts_with("@") ? "\033[36m"
                                                     : "";
    if (colours && !colour.empty())
      llvm::outs() << colour << line << "\033[0m\n";
    else
      llvm::outs() << line << "\n";
  }
}

Status dumpDifference(CompileOptions options, const std::string &pass, bool locations,
                      Narrow narrow) {
  Watched watched;
  GPTC_RETURN_IF_ERROR(watched.run(std::move(options)));
  GPTC_ASSIGN(size_t index, watched.find(pass));
  GPTC_ASSIGN(std::string before, print(watched.module(index - 1), locations, narrow));
  GPTC_ASSIGN(std::string after, print(watched.module(index), locations, narrow));
  printColoured(unifiedDiff("before " + pass, "after " + pass, before, after, withoutNumbers));
  return Status::success();
}

} // namespace gptc::tools
