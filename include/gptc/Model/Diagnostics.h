// Located diagnostics: all mistakes of one run, in source order, each with its line and caret.
//
//   models/gpt2.gpt:28:67: error: c_proj: last axis does not fit
//      28 |     forward(x: [B, T, n_embd]) -> [B, T, n_embd] = dropout(c_proj(gelu_tanh(x)),
//      dropout)
//         |                                                                   ^~~~~~~~~~~~
//      required: [..., 3072]   (n_in of Conv1D(4 * n_embd, n_embd), models/gpt2.gpt:27:14)
//      found:    [B, T, 768]
//   1 error
#ifndef GPTC_MODEL_DIAGNOSTICS_H
#define GPTC_MODEL_DIAGNOSTICS_H

#include "gptc/Model/Source.h"

#include "runtime/base/DidYouMean.h"
#include <cstddef>

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace gptc {

enum class Severity { Error, Warning };

/// One message. The setters return the diagnostic, so that a report reads as one expression:
/// `diagnostics.error(range, "...").required("[..., 3072]").found("[B, T, 768]");`
class Diagnostic {
public:
  /// A second place that explains the first, printed with its own line and caret.
  struct Note {
    SourceRange range;
    std::string message;
  };

  /// A line `required: ...`, and then usually one `found:    ...`: their values line up.
  Diagnostic &required(std::string_view text);
  Diagnostic &found(std::string_view text);
  /// Appends `. Hint: <text>` to the message.
  Diagnostic &hint(std::string_view text);
  /// A free line below the caret, indented like the others.
  Diagnostic &line(std::string text);
  Diagnostic &note(SourceRange range, std::string message);

  Severity severity() const { return severity_; }
  /// Not valid for diagnostics that have a subject instead.
  const SourceRange &range() const { return range_; }
  /// What stands in for the place of a diagnostic without one, such as `--set n_layers=4`.
  const std::string &subject() const { return subject_; }
  /// The message with its hint.
  const std::string &message() const { return message_; }
  const std::vector<std::string> &lines() const { return lines_; }
  const std::vector<Note> &notes() const { return notes_; }

  /// The text that users see, ending in a newline.
  std::string render() const;

private:
  friend class DiagnosticEngine;
  Severity severity_ = Severity::Error;
  SourceRange range_;
  std::string subject_;
  std::string message_;
  std::vector<std::string> lines_;
  std::vector<Note> notes_;
};

/// Collects the diagnostics of one compilation.
///
/// The same message at the same place is kept once (copies under `repeat` report once). References
/// that the reporting functions return stay good as long as the engine.
class DiagnosticEngine {
public:
  /// How many diagnostics `render` prints before it only counts.
  static constexpr size_t maxRendered = 100;
  /// How many are kept at all; the rest is counted only, so that hostile input costs no memory.
  static constexpr size_t maxKept = 1000;

  Diagnostic &error(SourceRange range, std::string message);
  Diagnostic &warning(SourceRange range, std::string message);
  /// An error with no place in a text: prints `subject: error: message`.
  Diagnostic &error(std::string subject, std::string message);
  Diagnostic &warning(std::string subject, std::string message);

  bool hasErrors() const { return errorCount_ != 0; }
  size_t errorCount() const { return errorCount_; }
  size_t warningCount() const { return warningCount_; }

  /// In source order: by file in the order in which files were first reported, then by offset;
  /// diagnostics without a place come last, in the order of their report.
  std::vector<const Diagnostic *> sorted() const;

  /// All diagnostics in that order, then the count (`3 errors`, `1 error, 2 warnings`); empty when
  /// there is none. Past maxRendered diagnostics a line says how many more there are.
  std::string render() const;

private:
  Diagnostic &add(Severity severity, SourceRange range, std::string subject, std::string message);

  std::deque<Diagnostic> diagnostics_;
  std::vector<const SourceFile *> files_;
  std::set<std::tuple<const SourceFile *, uint32_t, std::string, std::string>> seen_;
  Diagnostic discarded_; // takes the setters' calls for a diagnostic that is not kept
  size_t errorCount_ = 0;
  size_t warningCount_ = 0;
};

using runtime::didYouMean;
using runtime::suggestion;

} // namespace gptc

#endif // GPTC_MODEL_DIAGNOSTICS_H
