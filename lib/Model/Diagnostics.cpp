// Diagnostics: collecting, ordering and printing them with their line and caret.
#include "gptc/Model/Diagnostics.h"

#include "Utf8.h"

#include <fmt/format.h>

#include <algorithm>

namespace gptc {

namespace {

/// Longer lines are shown as a window around the caret; this many code points before and after it.
constexpr size_t contextBefore = 100;
constexpr size_t contextAfter = 140;

/// The line of a place, shortened around it, and where its caret begins and how wide it is.
struct Excerpt {
  std::string text;
  size_t caretColumn = 0;
  size_t caretWidth = 1;
};

/// Copies [begin, end) so that every code point takes one column: tabs become spaces, bytes that
/// are not text become U+FFFD. Returns the number of columns.
size_t appendPrintable(std::string &out, std::string_view text, size_t begin, size_t end) {
  size_t columns = 0;
  for (size_t i = begin; i < end; ++columns) {
    size_t length = utf8::sequenceLength(text, i);
    unsigned char byte = static_cast<unsigned char>(text[i]);
    if (byte == '\t')
      out += ' ';
    else if (length == 0 || byte < 0x20 || byte == 0x7f)
      out += "\xEF\xBF\xBD";
    else
      out.append(text, i, length);
    i += std::max<size_t>(length, 1);
  }
  return columns;
}

/// The offset up to `count` code points before `offset`, in a line that may not be valid UTF-8.
size_t stepBack(std::string_view text, size_t offset, size_t count) {
  for (; offset > 0 && count > 0; --count) {
    --offset;
    for (int i = 0; i < 3 && offset > 0 && (text[offset] & 0xc0) == 0x80; ++i)
      --offset;
  }
  return offset;
}

Excerpt excerpt(const SourceRange &range) {
  const SourceFile &file = *range.file;
  uint32_t line = file.lineColumn(range.begin).line;
  std::string_view text = file.lineText(line);
  size_t begin = std::min<size_t>(range.begin - file.lineStart(line), text.size());
  size_t end = std::clamp<size_t>(range.end - file.lineStart(line), begin, text.size());

  size_t first = stepBack(text, begin, contextBefore);
  size_t last = begin;
  for (size_t i = 0; i < contextAfter && last < text.size(); ++i)
    last += utf8::stepLength(text, last);
  end = std::min(end, last);

  Excerpt result;
  if (first > 0) {
    result.text = "…";
    result.caretColumn = 1;
  }
  result.caretColumn += appendPrintable(result.text, text, first, begin);
  result.caretWidth = std::max<size_t>(1, appendPrintable(result.text, text, begin, end));
  appendPrintable(result.text, text, end, last);
  if (last < text.size())
    result.text += "…";
  return result;
}

/// `place: severity: message`, then the line and the caret where there is a place in a text.
std::string renderPlace(const SourceRange &range, std::string_view subject,
                        std::string_view severity, std::string_view message) {
  std::string place = range.isValid() ? toString(range.start()) : std::string(subject);
  std::string out = place.empty() ? fmt::format("{}: {}\n", severity, message)
                                  : fmt::format("{}: {}: {}\n", place, severity, message);
  if (!range.isValid() || range.file->kind() == SourceFile::Kind::Argument)
    return out;
  Excerpt shown = excerpt(range);
  std::string number = fmt::format("{:>5}", range.file->lineColumn(range.begin).line);
  out += fmt::format("{} | {}\n", number, shown.text);
  out += fmt::format("{:{}} | {:{}}^{:~>{}}\n", "", number.size(), "", shown.caretColumn, "",
                     shown.caretWidth - 1);
  return out;
}

std::string counted(size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

} // namespace

Diagnostic &Diagnostic::required(std::string_view text) {
  return line(fmt::format("required: {}", text));
}

Diagnostic &Diagnostic::found(std::string_view text) {
  return line(fmt::format("found:    {}", text));
}

Diagnostic &Diagnostic::hint(std::string_view text) {
  message_ += fmt::format(". Hint: {}", text);
  return *this;
}

Diagnostic &Diagnostic::line(std::string text) {
  lines_.push_back(std::move(text));
  return *this;
}

Diagnostic &Diagnostic::note(SourceRange range, std::string message) {
  notes_.push_back({range, std::move(message)});
  return *this;
}

std::string Diagnostic::render() const {
  std::string out =
      renderPlace(range_, subject_, severity_ == Severity::Error ? "error" : "warning", message_);
  for (const std::string &line : lines_)
    out += fmt::format("   {}\n", line);
  for (const Note &note : notes_)
    out += renderPlace(note.range, "", "note", note.message);
  return out;
}

Diagnostic &DiagnosticEngine::error(SourceRange range, std::string message) {
  return add(Severity::Error, range, {}, std::move(message));
}

Diagnostic &DiagnosticEngine::warning(SourceRange range, std::string message) {
  return add(Severity::Warning, range, {}, std::move(message));
}

Diagnostic &DiagnosticEngine::error(std::string subject, std::string message) {
  return add(Severity::Error, {}, std::move(subject), std::move(message));
}

Diagnostic &DiagnosticEngine::warning(std::string subject, std::string message) {
  return add(Severity::Warning, {}, std::move(subject), std::move(message));
}

Diagnostic &DiagnosticEngine::add(Severity severity, SourceRange range, std::string subject,
                                  std::string message) {
  bool kept = diagnostics_.size() < maxKept;
  bool repeated = kept && !seen_.emplace(range.file, range.begin, subject, message).second;
  Diagnostic &diagnostic = kept && !repeated ? diagnostics_.emplace_back() : discarded_;
  diagnostic = Diagnostic();
  diagnostic.severity_ = severity;
  diagnostic.range_ = range;
  diagnostic.subject_ = std::move(subject);
  diagnostic.message_ = std::move(message);
  if (!repeated)
    ++(severity == Severity::Error ? errorCount_ : warningCount_);
  if (range.isValid() && std::find(files_.begin(), files_.end(), range.file) == files_.end())
    files_.push_back(range.file);
  return diagnostic;
}

std::vector<const Diagnostic *> DiagnosticEngine::sorted() const {
  using Key = std::tuple<size_t, uint32_t, size_t>; // file, offset, order of report
  std::vector<std::pair<Key, const Diagnostic *>> keyed;
  for (const Diagnostic &diagnostic : diagnostics_) {
    auto file = std::find(files_.begin(), files_.end(), diagnostic.range().file);
    size_t index = file - files_.begin(); // past the last file for those without a place
    keyed.push_back({{index, diagnostic.range().begin, keyed.size()}, &diagnostic});
  }
  std::sort(keyed.begin(), keyed.end());
  std::vector<const Diagnostic *> order;
  for (const auto &[key, diagnostic] : keyed)
    order.push_back(diagnostic);
  return order;
}

std::string DiagnosticEngine::render() const {
  std::vector<const Diagnostic *> order = sorted();
  if (order.empty())
    return {};
  std::string out;
  for (size_t i = 0; i < std::min(order.size(), maxRendered); ++i)
    out += order[i]->render();
  if (size_t all = errorCount_ + warningCount_; all > maxRendered)
    out += fmt::format("({} more not shown)\n", all - maxRendered);
  if (errorCount_)
    out += counted(errorCount_, "error");
  if (errorCount_ && warningCount_)
    out += ", ";
  if (warningCount_)
    out += counted(warningCount_, "warning");
  return out + "\n";
}

} // namespace gptc
