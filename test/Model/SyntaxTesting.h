// Helpers of the syntax tests.
#ifndef GPTC_TEST_MODEL_SYNTAXTESTING_H
#define GPTC_TEST_MODEL_SYNTAXTESTING_H

#include "gptc/Model/Format.h"
#include "gptc/Model/Parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gptc::testing {

/// A text, its tree and its diagnostics, alive together.
struct Parsed {
  explicit Parsed(std::string text, ParseOptions options = {})
      : source("test.gpt", std::move(text)), file(parse(source, diagnostics, options)) {}
  SourceFile source;
  DiagnosticEngine diagnostics;
  std::unique_ptr<ast::File> file;
};

/// Each diagnostic as `line:column 'underlined text' message`, in order.
inline std::vector<std::string> summaries(const DiagnosticEngine &diagnostics) {
  std::vector<std::string> result;
  for (const Diagnostic *diagnostic : diagnostics.sorted()) {
    const SourceRange &range = diagnostic->range();
    std::string place = diagnostic->subject();
    if (range.isValid()) {
      auto [line, column] = range.file->lineColumn(range.begin);
      place = std::to_string(line) + ":" + std::to_string(column) + " '" +
              std::string(range.text()) + "'";
    }
    result.push_back(place + " " + diagnostic->message());
  }
  return result;
}

inline std::vector<std::string> errorsOf(std::string text, ParseOptions options = {}) {
  return summaries(Parsed(std::move(text), options).diagnostics);
}

using Lines = std::vector<std::string>;

/// The tree of a text that must parse.
inline std::string treeOf(std::string text) {
  Parsed parsed(std::move(text));
  EXPECT_EQ(parsed.diagnostics.render(), "");
  return ast::dump(*parsed.file);
}

/// A text that must parse, formatted.
inline std::string formatted(std::string text) {
  SourceFile source("test.gpt", std::move(text));
  DiagnosticEngine diagnostics;
  std::optional<std::string> result = formatSource(source, diagnostics);
  EXPECT_EQ(diagnostics.render(), "") << source.text();
  return result.value_or("");
}

} // namespace gptc::testing

#endif // GPTC_TEST_MODEL_SYNTAXTESTING_H
