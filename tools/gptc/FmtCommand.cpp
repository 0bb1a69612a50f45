// gptc fmt: descriptions in their one form.
#include "gptc/Model/Format.h"

#include "runtime/base/File.h"
#include "tools/gptc/Commands.h"
#include "tools/gptc/ModelOptions.h"

namespace gptc::tools {

using runtime::Code;
using runtime::Status;

/// Formats one file. `changed` tells whether it was in another form; with `check` it is left alone.
static Status format(const std::string &path, bool check, bool &changed) {
  std::string error;
  std::unique_ptr<SourceFile> source = SourceFile::load(path, error);
  if (!source)
    return {Code::notFound, error};
  DiagnosticEngine diagnostics;
  std::optional<std::string> text = formatSource(*source, diagnostics);
  if (!text)
    return {Code::dataError, diagnostics.render()};
  bool differs = *text != source->text();
  changed |= differs;
  if (check) {
    if (differs)
      std::fputs(unifiedDiff(path, path + " (formatted)", source->text(), *text).c_str(), stdout);
    return Status::success();
  }
  if (path == "-") {
    std::fputs(text->c_str(), stdout);
    return Status::success();
  }
  return differs ? runtime::writeFileAtomically(path, std::as_bytes(std::span<const char>(*text)))
                 : Status::success();
}

static int formatAll(const std::vector<std::string> &paths, bool check) {
  bool changed = false;
  int code = 0;
  for (const std::string &path : paths)
    code = std::max(code, reportFailure(format(path, check, changed)));
  return code ? code : (check && changed ? 1 : 0);
}

Command addFmt(CLI::App &app) {
  auto paths = std::make_shared<std::vector<std::string>>();
  auto check = std::make_shared<bool>(false);
  CLI::App *command = app.add_subcommand("fmt", "format descriptions");
  command->add_option("files", *paths, "descriptions; - reads standard input and prints")
      ->type_name("FILE")
      ->required();
  command->add_flag("--check", *check, "print what would change and exit with 1, change nothing");
  command->footer("Examples:\n"
                  "  gptc fmt models/*.gpt\n"
                  "  gptc fmt --check models/gpt2.gpt");
  return {command, [=] { return formatAll(*paths, *check); }};
}

} // namespace gptc::tools
