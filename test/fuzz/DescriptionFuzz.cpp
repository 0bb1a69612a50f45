// libFuzzer harness of the description language: any bytes may be rejected, none may crash the
// parser, hang it, or make the formatter break one of its promises.
//
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude
//     test/fuzz/DescriptionFuzz.cpp lib/Model/{AST,Di*,Format*,Lexer,Parse*,Source,Token}.cpp
//     -lfmt -o description-fuzz
//   ./description-fuzz -max_len=4096 CORPUS models
#include "gptc/Model/Format.h"
#include "gptc/Model/Parser.h"

#include <cstdio>
#include <cstdlib>

using namespace gptc;

namespace {

[[noreturn]] void broken(const char *promise) {
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size);
  SourceFile source("fuzz.gpt", text);
  DiagnosticEngine diagnostics;
  parse(source, diagnostics, {.requireModel = true});
  if (diagnostics.render().empty() == diagnostics.hasErrors())
    broken("errors are rendered");
  SourceFile argument("--set n", text, SourceFile::Kind::Argument);
  DiagnosticEngine argumentErrors;
  if (!parseExpression(argument, argumentErrors) != argumentErrors.hasErrors())
    broken("a missing expression is reported");

  DiagnosticEngine formatErrors;
  std::optional<std::string> once = formatSource(source, formatErrors);
  if (!once) {
    // Without a model, but otherwise right, a text can still be formatted.
    if (!formatErrors.hasErrors() || !diagnostics.hasErrors())
      broken("what parses is formatted, with the same syntax tree");
    if (!formatErrors.sorted().back()->range().isValid()) // of syntax errors all have a place
      broken("formatting keeps the syntax tree");
    return 0;
  }
  SourceFile formatted("fuzz.gpt", *once);
  std::optional<std::string> twice = formatSource(formatted, formatErrors);
  if (!twice || *twice != *once)
    broken("formatting is idempotent");
  unifiedDiff("a", "b", text, *once);
  return 0;
}
