// Characters to tokens, then tokens to logical lines.
//
// Lines come second because brackets join physical lines: whether an opening bracket is closed at
// all is known only once the whole text has been read.
#include "gptc/Model/Lexer.h"

#include "Utf8.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

namespace gptc {

namespace {

bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isWord(char c) { return isLetter(c) || isDigit(c) || c == '_'; }
bool isOpener(TokenKind k) { return k == TokenKind::LeftParen || k == TokenKind::LeftBracket; }
bool isCloser(TokenKind k) { return k == TokenKind::RightParen || k == TokenKind::RightBracket; }

/// A token and the physical line that it stands on.
struct RawToken {
  Token token;
  bool firstOnLine = false;
  uint32_t indent = 0; ///< of its line; set on the first token only
};

/// Operators and punctuation by spelling, longer ones before their prefixes.
constexpr TokenKind symbols[] = {
    TokenKind::Ellipsis,    TokenKind::Arrow,        TokenKind::Equal,     TokenKind::NotEqual,
    TokenKind::LessEqual,   TokenKind::GreaterEqual, TokenKind::LeftParen, TokenKind::RightParen,
    TokenKind::LeftBracket, TokenKind::RightBracket, TokenKind::Comma,     TokenKind::Colon,
    TokenKind::Dot,         TokenKind::Assign,       TokenKind::Less,      TokenKind::Greater,
    TokenKind::Plus,        TokenKind::Minus,        TokenKind::Star,      TokenKind::Slash,
    TokenKind::Percent,     TokenKind::At,           TokenKind::Caret,
};

/// What people write from habit, and what the language has instead.
struct Habit {
  std::string_view spelling;
  std::string_view hint;
};
constexpr Habit habits[] = {
    {"**", "a power is written ^"},
    {"//", "a comment begins with #, a division is written /"},
    {"&&", "write and"},
    {"||", "write or"},
    {"&", "write and"},
    {"|", "write or"},
    {"!", "write not"},
    {";", "each statement has a line of its own"},
    {"{", "a block is a line that ends in ':' and the lines indented below it"},
    {"}", "a block ends where the indentation does"},
    {"→", "write ->"},
    {"≤", "write <="},
    {"≥", "write >="},
    {"≠", "write !="},
    {"×", "write *"},
    {"·", "write *"},
    {"−", "write -"},
    {"…", "write ..."},
};

class Scanner {
public:
  Scanner(const SourceFile &source, DiagnosticEngine &diagnostics, TokenStream &stream)
      : source_(source), text_(source.text()), diagnostics_(diagnostics), stream_(stream) {}

  /// The tokens of the whole text, without layout; comments go to the stream.
  std::vector<RawToken> scan() {
    if (text_.starts_with("\xEF\xBB\xBF")) // a byte order mark
      position_ = 3;
    while (position_ < text_.size())
      scanLine();
    if (tabLines_ > 0) {
      Diagnostic &error = diagnostics_.error(firstTab_, "tab found; indent and space with spaces");
      if (tabLines_ > 1)
        error.line(fmt::format("({} more lines hold tabs)", tabLines_ - 1));
    }
    return std::move(tokens_);
  }

private:
  bool at(std::string_view spelling) const {
    return text_.substr(position_, spelling.size()) == spelling;
  }
  char peek(size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }

  void scanLine() {
    bad_ = tab_ = false;
    uint32_t indent = skipSpace();
    size_t before = tokens_.size();
    while (position_ < text_.size() && !at("\n") && !at("\r\n")) {
      if (peek() == '#')
        scanComment(tokens_.size() == before);
      else
        scanToken();
      skipSpace();
    }
    if (position_ < text_.size())
      position_ = text_.find('\n', position_) + 1;
    if (tokens_.size() > before) {
      tokens_[before].firstOnLine = true;
      tokens_[before].indent = indent;
    }
  }

  /// Skips spaces and returns how many columns they take; tabs are reported, once a file.
  uint32_t skipSpace() {
    uint32_t columns = 0;
    for (; peek() == ' ' || peek() == '\t'; ++position_) {
      columns = peek() == ' ' ? columns + 1 : (columns / 4 + 1) * 4;
      if (peek() == ' ' || tab_)
        continue;
      tab_ = true;
      if (tabLines_++ == 0)
        firstTab_ = source_.range(position_, position_ + 1);
    }
    return columns;
  }

  void scanComment(bool ownLine) {
    size_t end = std::min(text_.size(), text_.find('\n', position_));
    size_t last = end;
    while (std::string_view(" \t\r").find(text_[last - 1]) != std::string_view::npos)
      --last;
    stream_.comments.push_back({source_.range(position_, last), ownLine});
    position_ = end;
  }

  void scanToken() {
    char c = peek();
    if (isLetter(c))
      return scanWord();
    if (isDigit(c))
      return scanNumber();
    if (c == '.' && isDigit(peek(1)))
      return bad(wordEnd(1), "a number begins with a digit",
                 fmt::format("write 0{}", text_.substr(position_, wordEnd(1))));
    for (const Habit &habit : habits)
      if (at(habit.spelling) && !at("!="))
        return bad(habit.spelling.size(), fmt::format("unexpected '{}'", habit.spelling),
                   habit.hint);
    for (TokenKind kind : symbols)
      if (at(spelling(kind)))
        return push(kind, spelling(kind).size());
    if (c == '"' || c == '\'') {
      size_t end = std::min(text_.find(c, position_ + 1), text_.find('\n', position_));
      return bad(std::min(text_.size(), end + (end < text_.size() && text_[end] == c)) - position_,
                 "the language has no strings", "");
    }
    scanStranger();
  }

  void scanWord() {
    size_t length = wordEnd(0);
    std::string_view word = text_.substr(position_, length);
    for (int kind = int(TokenKind::KwConfig); kind <= int(TokenKind::KwNot); ++kind)
      if (word == spelling(TokenKind(kind)))
        return push(TokenKind(kind), length);
    push(TokenKind::Name, length);
  }

  /// digits [ "." digits ] [ "e" [ "+" | "-" ] digits ]
  void scanNumber() {
    size_t length = digitsEnd(0);
    bool whole = true;
    if (peek(length) == '.' && !isDigit(peek(length + 1)))
      return bad(length + 1, "a number does not end in '.'",
                 fmt::format("write {} or {}.0", text_.substr(position_, length),
                             text_.substr(position_, length)));
    if (peek(length) == '.') {
      whole = false;
      length = digitsEnd(length + 1);
    }
    size_t sign = length + 1 + (peek(length + 1) == '+' || peek(length + 1) == '-');
    if ((peek(length) == 'e' || peek(length) == 'E') && isDigit(peek(sign))) {
      whole = false;
      length = digitsEnd(sign);
    }
    if (isWord(peek(length))) {
      length = wordEnd(length);
      return bad(length,
                 fmt::format("'{}' is neither a number nor a name",
                             abbreviated(text_.substr(position_, length))),
                 "numbers look like 12, 0.5 or 1e-5; names begin with a letter");
    }
    std::string_view digits = text_.substr(position_, length);
    double value = 0;
    auto status = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (status.ec != std::errc())
      return bad(length, fmt::format("number {} is out of range", abbreviated(digits)),
                 "numbers are double precision: 0, or from 2.3e-308 to 1.7e308");
    constexpr double firstInexact = 9007199254740992; // 2^53; 2^53 + 1 is no double and reads as it
    if (whole && value >= firstInexact)
      return bad(length, fmt::format("number {} is too large to be exact", abbreviated(digits)),
                 "whole numbers are exact up to 9007199254740991");
    push(TokenKind::Number, length);
    tokens_.back().token.number = value;
  }

  /// A character that no token has; strangers in a row are one.
  void scanStranger() {
    if (peek() == '_')
      return bad(
          wordEnd(0),
          fmt::format("'{}' is not a name", abbreviated(text_.substr(position_, wordEnd(0)))),
          "a name begins with a letter");
    if (static_cast<unsigned char>(peek()) < 0x80) {
      unsigned code = static_cast<unsigned char>(peek());
      bool visible = code > 0x20 && code < 0x7f;
      return bad(1,
                 visible ? fmt::format("unexpected character '{}'", peek())
                         : fmt::format("unexpected control character U+{:04X}", code),
                 "");
    }
    size_t end = position_;
    while (end < text_.size() && static_cast<unsigned char>(text_[end]) >= 0x80)
      end += utf8::stepLength(text_, end);
    bad(end - position_,
        fmt::format("unexpected '{}'", abbreviated(text_.substr(position_, end - position_))),
        "names are made of the letters a to z and A to Z, digits and _");
  }

  size_t wordEnd(size_t from) const {
    while (isWord(peek(from)))
      ++from;
    return from;
  }
  size_t digitsEnd(size_t from) const {
    while (isDigit(peek(from)))
      ++from;
    return from;
  }

  /// At most 24 code points of `text`, for messages.
  static std::string abbreviated(std::string_view text) {
    size_t end = 0;
    for (int i = 0; i < 24 && end < text.size(); ++i)
      end += utf8::stepLength(text, end);
    return end == text.size() ? std::string(text) : std::string(text.substr(0, end)) + "…";
  }

  void push(TokenKind kind, size_t length) {
    uint32_t begin = position_;
    position_ += length;
    tokens_.push_back({{kind, begin, static_cast<uint32_t>(position_), 0}, false, 0});
  }

  /// Consumes `length` bytes that are no token. The first of a line is reported.
  void bad(size_t length, std::string message, std::string_view hint) {
    push(TokenKind::Bad, length);
    if (bad_)
      return;
    bad_ = true;
    const Token &token = tokens_.back().token;
    Diagnostic &error =
        diagnostics_.error(source_.range(token.begin, token.end), std::move(message));
    if (!hint.empty())
      error.hint(hint);
  }

  const SourceFile &source_;
  std::string_view text_;
  DiagnosticEngine &diagnostics_;
  TokenStream &stream_;
  std::vector<RawToken> tokens_;
  size_t position_ = 0;
  bool bad_ = false; // the line has a bad token already
  bool tab_ = false; // the line has a tab already
  size_t tabLines_ = 0;
  SourceRange firstTab_;
};

/// Marks the opening brackets that no closing one answers. A keyword that only begins lines, at the
/// start of a line, proves that all brackets open there are such.
std::vector<bool> findUnclosed(const std::vector<RawToken> &tokens) {
  std::vector<bool> unclosed(tokens.size(), false);
  std::vector<size_t> open;
  size_t parens = 0;
  auto count = [&](size_t i) { return tokens[i].token.kind == TokenKind::LeftParen ? 1u : 0u; };
  auto drop = [&](size_t i) {
    unclosed[i] = true;
    open.pop_back();
    parens -= count(i);
  };
  for (size_t i = 0; i < tokens.size(); ++i) {
    TokenKind kind = tokens[i].token.kind;
    if (tokens[i].firstOnLine && beginsLine(kind))
      while (!open.empty())
        drop(open.back());
    if (isOpener(kind)) {
      open.push_back(i);
      parens += count(i);
    } else if (isCloser(kind)) {
      bool isParen = kind == TokenKind::RightParen;
      if ((isParen ? parens : open.size() - parens) == 0)
        continue; // closes nothing; the parser says so
      while ((tokens[open.back()].token.kind == TokenKind::LeftParen) != isParen)
        drop(open.back());
      parens -= count(open.back());
      open.pop_back();
    }
  }
  while (!open.empty())
    drop(open.back());
  return unclosed;
}

/// Cuts the tokens into logical lines.
void layOut(const std::vector<RawToken> &raw, TokenStream &stream) {
  std::vector<bool> unclosed = findUnclosed(raw);
  std::vector<TokenKind> open; // closed brackets around the current token
  bool inUnclosed = false;
  auto endLine = [&] {
    uint32_t end = stream.tokens.back().end;
    stream.lines.back().newline = stream.tokens.size();
    stream.tokens.push_back({TokenKind::Newline, end, end, 0});
  };
  for (size_t i = 0; i < raw.size(); ++i) {
    const RawToken &current = raw[i];
    TokenKind kind = current.token.kind;
    bool starts = i == 0;
    if (i > 0 && current.firstOnLine && open.empty())
      starts = !inUnclosed || beginsLine(kind) ||
               (current.indent <= stream.lines.back().indent && !isCloser(kind));
    if (starts) {
      if (i > 0)
        endLine();
      stream.lines.push_back({static_cast<uint32_t>(stream.tokens.size()), 0, current.indent});
      inUnclosed = false;
    }
    stream.tokens.push_back(current.token);
    if (isOpener(kind) && unclosed[i])
      inUnclosed = true;
    else if (isOpener(kind))
      open.push_back(kind);
    else if (isCloser(kind) && !open.empty() &&
             (open.back() == TokenKind::LeftParen) == (kind == TokenKind::RightParen))
      open.pop_back();
  }
  if (!stream.lines.empty())
    endLine();
}

/// Reports the first byte that is not text, if there is one.
bool isText(const SourceFile &source, DiagnosticEngine &diagnostics) {
  std::string_view text = source.text();
  for (size_t i = 0; i < text.size();) {
    size_t length = utf8::sequenceLength(text, i);
    if (length == 0 || text[i] == '\0') {
      unsigned byte = static_cast<unsigned char>(text[i]);
      diagnostics.error(source.range(i, i + 1),
                        byte == 0 ? std::string("not a text file: NUL byte")
                                  : fmt::format("not UTF-8 text: byte 0x{:02x}", byte));
      return false;
    }
    i += length;
  }
  return true;
}

} // namespace

TokenStream lex(const SourceFile &source, DiagnosticEngine &diagnostics) {
  TokenStream stream;
  stream.isText = isText(source, diagnostics);
  if (stream.isText)
    layOut(Scanner(source, diagnostics, stream).scan(), stream);
  uint32_t end = static_cast<uint32_t>(source.text().size());
  stream.tokens.push_back({TokenKind::EndOfFile, end, end, 0});
  return stream;
}

} // namespace gptc
