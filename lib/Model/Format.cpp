// The formatter: lines, comments and blank lines of a file; alignment of neighbours.
//
// It works on the tokens, which it neither adds nor drops, so the syntax tree cannot change but by
// a mistake in it; formatSource parses what it made and compares.
#include "gptc/Model/Format.h"

#include "FormatLine.h"
#include "Utf8.h"

#include "gptc/Model/Parser.h"

#include <algorithm>

namespace gptc {

namespace {

using format::Piece;

/// Lines of one kind, next to each other, align at the same points.
enum class LineKind { Other, Preset, Param, State, Setting, TypedTarget, Update, ScalarFunction };

/// A logical line, or a comment that has a line of its own.
struct Entry {
  bool isComment = false;
  bool blankBefore = false;
  size_t indent = 0;
  uint32_t begin = 0, end = 0; // in the source, with the comment
  uint32_t sourceIndent = 0;   // columns before it in the source
  std::vector<Piece> pieces;
  std::string comment; // behind the line, or the whole of a comment's line
  std::string text;    // the line without that comment; perhaps several lines
  bool isSingle = true;
  LineKind kind = LineKind::Other;
  std::vector<size_t> columns; // pieces that begin a column, of the kind's aligned points
};

class Formatter {
public:
  explicit Formatter(const SourceFile &source) : source_(source) {
    DiagnosticEngine ignored; // the caller has parsed the text
    stream_ = lex(source, ignored);
  }

  std::string run() {
    collect();
    indent();
    for (Entry &entry : entries_)
      layOut(entry);
    forRuns(
        [](const Entry &a, const Entry &b) {
          return a.kind != LineKind::Other && a.kind == b.kind && a.indent == b.indent;
        },
        [&](std::span<Entry> run) { alignColumns(run); });
    forRuns([](const Entry &a, const Entry &b) { return !a.comment.empty() && !b.comment.empty(); },
            [&](std::span<Entry> run) { placeComments(run); });
    std::string out;
    for (const Entry &entry : entries_) {
      if (entry.blankBefore && !out.empty())
        out += '\n';
      out += entry.text + '\n';
    }
    return out;
  }

private:
  /// Lines and comments in the order of the source.
  void collect() {
    std::vector<Entry> lines;
    for (const LogicalLine &line : stream_.lines) {
      std::span tokens(stream_.tokens.data() + line.firstToken, line.newline - line.firstToken);
      Entry entry;
      entry.begin = tokens.front().begin;
      entry.end = tokens.back().end;
      entry.sourceIndent = line.indent;
      entry.pieces = format::makePieces(source_, tokens);
      lines.push_back(std::move(entry));
    }
    size_t next = 0; // the first line that begins behind the comment
    auto comment = stream_.comments.begin();
    while (next < lines.size() || comment != stream_.comments.end()) {
      bool isLine = comment == stream_.comments.end() ||
                    (next < lines.size() && lines[next].begin < comment->range.begin);
      if (isLine) {
        Entry &line = entries_.emplace_back(std::move(lines[next++]));
        while (comment != stream_.comments.end() && comment->range.begin < line.end)
          attach(line, *comment++);
        if (comment != stream_.comments.end() && !comment->ownLine &&
            (next == lines.size() || comment->range.begin < lines[next].begin)) {
          line.comment = comment->range.text();
          line.end = comment++->range.end;
        }
      } else {
        Entry &entry = entries_.emplace_back();
        entry.isComment = true;
        entry.comment = comment->range.text();
        entry.begin = comment->range.begin;
        entry.end = comment->range.end;
        entry.sourceIndent = source_.lineColumn(entry.begin).column - 1;
        ++comment;
      }
    }
    for (size_t i = 1; i < entries_.size(); ++i) {
      std::string_view between = source_.range(entries_[i - 1].end, entries_[i].begin).text();
      entries_[i].blankBefore = std::count(between.begin(), between.end(), '\n') > 1;
    }
  }

  /// Hangs a comment inside a line's brackets on the piece before it.
  void attach(Entry &line, const ast::Comment &comment) {
    auto behind =
        std::upper_bound(line.pieces.begin(), line.pieces.end(), comment.range.begin,
                         [&](uint32_t offset, const Piece &piece) {
                           return offset < uint32_t(piece.text.data() - source_.text().data());
                         });
    std::prev(behind)->comments.push_back(comment);
  }

  /// Four spaces a level. A comment stands as deep as the next line; at the end of a block it may
  /// also belong to the block, and does if it is indented as deep in the source.
  void indent() {
    std::vector<uint32_t> levels = {0}; // source columns of the open blocks
    size_t firstComment = 0;            // of those before the line at hand
    auto indentComments = [&](size_t end, size_t depth) {
      for (; firstComment < end; ++firstComment) {
        size_t level = levels.size();
        while (level > depth && levels[level - 1] > entries_[firstComment].sourceIndent)
          --level;
        entries_[firstComment].indent = 4 * (std::max(level, depth) - 1);
      }
    };
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].isComment)
        continue;
      uint32_t column = entries_[i].sourceIndent;
      if (column > levels.back())
        levels.push_back(column);
      size_t depth = std::upper_bound(levels.begin(), levels.end(), column) - levels.begin();
      indentComments(i, depth);
      levels.resize(depth);
      entries_[i].indent = 4 * (depth - 1);
      firstComment = i + 1;
    }
    indentComments(entries_.size(), 1);
  }

  void layOut(Entry &entry) {
    if (entry.isComment) {
      entry.text = std::string(entry.indent, ' ') + std::exchange(entry.comment, "");
      return;
    }
    std::string line = format::flat(entry.pieces);
    entry.isSingle = entry.indent + line.size() <= formatWidth &&
                     std::all_of(entry.pieces.begin(), entry.pieces.end(),
                                 [](const Piece &piece) { return piece.comments.empty(); });
    if (!entry.isSingle)
      line = format::broken(entry.pieces, entry.indent);
    entry.text = std::string(entry.indent, ' ') + line;
    classify(entry);
  }

  /// Finds a line's kind and the pieces at which it aligns with its neighbours.
  static void classify(Entry &entry) {
    const std::vector<Piece> &pieces = entry.pieces;
    auto kindAt = [&](size_t i) { return i < pieces.size() ? pieces[i].kind : TokenKind::Newline; };
    bool hasComma = false, hasType = false; // outside brackets; anywhere before the '='
    size_t assign = 0;                      // the first '=' outside brackets
    for (size_t i = 0; i < pieces.size(); ++i) {
      if (assign == 0)
        hasType = hasType || kindAt(i) == TokenKind::Colon || kindAt(i) == TokenKind::Arrow;
      if (kindAt(i) == TokenKind::LeftParen || kindAt(i) == TokenKind::LeftBracket) {
        for (size_t k = i; assign == 0 && k < pieces[i].match; ++k)
          hasType = hasType || kindAt(k) == TokenKind::Colon;
        i = pieces[i].match;
      }
      hasComma = hasComma || kindAt(i) == TokenKind::Comma;
      if (assign == 0 && kindAt(i) == TokenKind::Assign)
        assign = i;
    }
    auto set = [&](LineKind kind, std::vector<size_t> columns) {
      entry.kind = kind;
      entry.columns = std::move(columns);
    };
    if (kindAt(0) == TokenKind::KwPreset && kindAt(3) != TokenKind::Newline)
      set(LineKind::Preset, {3});
    else if (kindAt(0) == TokenKind::KwParam)
      set(LineKind::Param, {3, assign});
    else if (kindAt(0) == TokenKind::KwState)
      set(LineKind::State, {3, assign});
    else if (kindAt(0) == TokenKind::KwUpdate)
      set(LineKind::Update, {assign});
    else if (kindAt(0) == TokenKind::KwDef && assign > 0 && !hasType)
      set(LineKind::ScalarFunction, {assign});
    else if (kindAt(0) == TokenKind::Name && assign == 1 && !hasComma)
      set(LineKind::Setting, {assign});
    else if (kindAt(0) == TokenKind::Name && kindAt(1) == TokenKind::Colon && !hasComma)
      set(LineKind::TypedTarget, {2, assign});
  }

  /// Calls `action` for each longest run of single lines with no blank line or comment line between
  /// them in which each two neighbours are `alike`; a lone line is a run too.
  template <typename Alike, typename Action> void forRuns(Alike alike, Action action) {
    for (size_t begin = 0; begin < entries_.size();) {
      size_t end = begin + 1;
      auto isLine = [](const Entry &entry) { return !entry.isComment && entry.isSingle; };
      while (isLine(entries_[begin]) && end < entries_.size() && isLine(entries_[end]) &&
             !entries_[end].blankBefore && alike(entries_[end - 1], entries_[end]))
        ++end;
      action(std::span(entries_).subspan(begin, end - begin));
      begin = end;
    }
  }

  /// Pads the columns of a run to equal width, unless a line would become too long.
  static void alignColumns(std::span<Entry> run) {
    if (run.size() < 2)
      return;
    size_t count = run.front().columns.size();
    std::vector<std::vector<std::string>> cells; // of each line, count + 1
    std::vector<size_t> widths(count, 0);
    for (const Entry &entry : run) {
      std::vector<std::string> &row = cells.emplace_back();
      size_t begin = 0;
      for (size_t i = 0; i <= count; ++i) {
        size_t end = i < count ? entry.columns[i] : entry.pieces.size();
        row.push_back(format::flat(std::span(entry.pieces).subspan(begin, end - begin)));
        if (i < count)
          widths[i] = std::max(widths[i], row.back().size());
        begin = end;
      }
    }
    std::vector<std::string> lines;
    for (std::vector<std::string> &row : cells) {
      std::string &line = lines.emplace_back(run.front().indent, ' ');
      for (size_t i = 0; i < count; ++i)
        line += row[i] + std::string(widths[i] - row[i].size() + 1, ' ');
      line += row[count];
      if (line.size() > formatWidth)
        return;
    }
    for (size_t i = 0; i < run.size(); ++i)
      run[i].text = std::move(lines[i]);
  }

  /// Puts the comments behind a run of lines in one column, two spaces from the longest line,
  /// unless a line would become too long.
  static void placeComments(std::span<Entry> run) {
    size_t column = 0, longest = 0;
    for (const Entry &entry : run) {
      column = std::max(column, entry.text.size() + 2);
      longest = std::max(longest, utf8::countCodePoints(entry.comment));
    }
    bool aligned = run.size() > 1 && column + longest <= formatWidth;
    for (Entry &entry : run) {
      if (entry.isComment || entry.comment.empty())
        continue;
      entry.text += std::string(aligned ? column - entry.text.size() : 2, ' ') + entry.comment;
    }
  }

  const SourceFile &source_;
  TokenStream stream_;
  std::vector<Entry> entries_;
};

} // namespace

std::optional<std::string> formatSource(const SourceFile &source, DiagnosticEngine &diagnostics) {
  size_t errors = diagnostics.errorCount();
  std::unique_ptr<ast::File> before = parse(source, diagnostics);
  if (diagnostics.errorCount() != errors)
    return std::nullopt;
  std::string text = Formatter(source).run();

  SourceFile formatted(source.path(), text);
  DiagnosticEngine again;
  if (dump(*parse(formatted, again)) != dump(*before) || again.hasErrors()) {
    diagnostics.error(source.path(), "formatting would change the meaning of this file, which is a "
                                     "mistake in gptc; the file is as it was");
    return std::nullopt;
  }
  return text;
}

} // namespace gptc
