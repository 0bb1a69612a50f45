// Spaces within a line, and the breaking of long ones.
//
// Breaking follows Wadler's and Oppen's pretty printers: the line becomes a list of operations in
// which groups are marked; a group is printed flat where it fits, else at its break points.
#include "FormatLine.h"

#include "gptc/Model/Format.h"

namespace gptc::format {

namespace {

bool isOpener(TokenKind k) { return k == TokenKind::LeftParen || k == TokenKind::LeftBracket; }
bool isCloser(TokenKind k) { return k == TokenKind::RightParen || k == TokenKind::RightBracket; }

/// True for tokens after which an operand is complete: a `-` there has a left side, a `[` indexes.
bool endsOperand(TokenKind kind) {
  return kind == TokenKind::Name || kind == TokenKind::Number || isCloser(kind) ||
         kind == TokenKind::Ellipsis;
}

/// How loosely an operator binds; 0 for what is none.
int looseness(TokenKind kind) {
  switch (kind) {
  case TokenKind::Arrow:
    return 7;
  case TokenKind::KwIf:
  case TokenKind::KwElse:
    return 6;
  case TokenKind::KwOr:
    return 5;
  case TokenKind::KwAnd:
    return 4;
  case TokenKind::Equal:
  case TokenKind::NotEqual:
  case TokenKind::Less:
  case TokenKind::LessEqual:
  case TokenKind::Greater:
  case TokenKind::GreaterEqual:
    return 3;
  case TokenKind::Plus:
  case TokenKind::Minus:
    return 2;
  case TokenKind::Star:
  case TokenKind::Slash:
  case TokenKind::Percent:
  case TokenKind::At:
    return 1;
  default:
    return 0;
  }
}

/// The space between two tokens; `inIndex` inside `x[...]`, `afterUnary` behind a unary `-`.
bool wantsSpace(TokenKind before, TokenKind kind, bool inIndex, bool afterUnary) {
  using enum TokenKind;
  if (isOpener(before) || isCloser(kind) || kind == Comma || afterUnary)
    return false;
  if (before == Comma)
    return true;
  if (kind == Dot && before == Number) // or the dot would be read as the number's
    return true;
  if (kind == Dot || before == Dot || kind == Caret || before == Caret)
    return false;
  if (kind == Colon || (before == Colon && inIndex))
    return false;
  if (kind == LeftParen)
    return !endsOperand(before) && before != KwForward && before != KwLoss;
  if (kind == LeftBracket)
    return !endsOperand(before) && before != KwInt;
  return true;
}

struct Operation {
  enum Kind { Text, Break, Comment, Indent, Dedent, BeginGroup, EndGroup } kind;
  const Piece *piece = nullptr;          // Text
  const ast::Comment *comment = nullptr; // Comment
  bool mustBreak = false;                // BeginGroup: a comment is inside
};

/// Turns pieces into operations.
class Builder {
public:
  explicit Builder(std::span<const Piece> pieces) : pieces_(pieces) {}

  std::vector<Operation> build() {
    addRun(0, pieces_.size());
    return std::move(operations_);
  }

private:
  using Op = Operation;

  /// Pieces that are not to be broken but inside their brackets.
  void addRun(size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      if (isOpener(pieces_[i].kind)) {
        addBracket(i);
        i = pieces_[i].match;
      } else {
        addText(i);
      }
    }
  }

  void addText(size_t i) {
    operations_.push_back({Op::Text, &pieces_[i]});
    addComments(i);
  }

  void addComments(size_t i) {
    for (const ast::Comment &comment : pieces_[i].comments) {
      for (size_t group : groups_)
        operations_[group].mustBreak = true;
      operations_.push_back({Op::Comment, nullptr, &comment});
    }
  }

  /// group("(" indent(break group(elements)) break ")")
  void addBracket(size_t open) {
    size_t close = pieces_[open].match;
    beginGroup();
    operations_.push_back({Op::Text, &pieces_[open]});
    if (close > open + 1 || !pieces_[open].comments.empty()) {
      operations_.push_back({Op::Indent});
      operations_.push_back({Op::Break});
      addComments(open);
      beginGroup();
      addElements(open + 1, close);
      endGroup();
      operations_.push_back({Op::Dedent});
      operations_.push_back({Op::Break});
    }
    operations_.push_back({Op::Text, &pieces_[close]});
    endGroup();
    addComments(close);
  }

  void addElements(size_t begin, size_t end) {
    for (size_t start = begin, i = begin; i < end; ++i) {
      bool isComma = pieces_[i].kind == TokenKind::Comma;
      if (isOpener(pieces_[i].kind))
        i = pieces_[i].match;
      if (!isComma && i + 1 < end)
        continue;
      addElement(start, isComma ? i : end);
      if (isComma) {
        addText(i);
        operations_.push_back({Op::Break});
      }
      start = i + 1;
    }
  }

  /// group(operand indent(break operator operand ...)), at the loosest operators of the element.
  void addElement(size_t begin, size_t end) {
    int loosest = 0;
    std::vector<size_t> operators;
    for (size_t i = begin; i < end; ++i) {
      if (isOpener(pieces_[i].kind)) {
        i = pieces_[i].match;
      } else if (int value = looseness(pieces_[i].kind); pieces_[i].isBinary && value >= loosest) {
        if (value > loosest)
          operators.clear();
        loosest = value;
        operators.push_back(i);
      }
    }
    if (operators.empty())
      return addRun(begin, end);
    beginGroup();
    addRun(begin, operators.front());
    operations_.push_back({Op::Indent});
    for (size_t k = 0; k < operators.size(); ++k) {
      operations_.push_back({Op::Break});
      addRun(operators[k], k + 1 < operators.size() ? operators[k + 1] : end);
    }
    operations_.push_back({Op::Dedent});
    endGroup();
  }

  void beginGroup() {
    groups_.push_back(operations_.size());
    operations_.push_back({Op::BeginGroup});
  }

  void endGroup() {
    operations_.push_back({Op::EndGroup});
    groups_.pop_back();
  }

  std::span<const Piece> pieces_;
  std::vector<Operation> operations_;
  std::vector<size_t> groups_; // the open groups' BeginGroup operations
};

/// Prints operations. Line ends are held back until more text comes, so that a break next to a
/// comment, which ends its line anyway, does not leave an empty line.
class Printer {
public:
  Printer(std::vector<Operation> operations, size_t indent)
      : operations_(std::move(operations)), indent_(indent), column_(indent) {}

  std::string print() {
    std::vector<bool> isFlat; // of the open groups
    for (size_t i = 0; i < operations_.size(); ++i) {
      const Operation &op = operations_[i];
      switch (op.kind) {
      case Operation::Text:
        write(*op.piece);
        break;
      case Operation::Break:
        newline_ = newline_ || !isFlat.back();
        break;
      case Operation::Comment:
        writeComment(*op.comment);
        break;
      case Operation::Indent:
        indent_ += 4;
        break;
      case Operation::Dedent:
        indent_ -= 4;
        break;
      case Operation::BeginGroup:
        isFlat.push_back((!isFlat.empty() && isFlat.back()) || (!op.mustBreak && fits(i)));
        break;
      case Operation::EndGroup:
        isFlat.pop_back();
        break;
      }
    }
    return std::move(out_);
  }

private:
  /// True if the group that begins at `begin`, and what follows it up to the next point where a
  /// line may be broken, fits on the current line.
  bool fits(size_t begin) const {
    size_t column = newline_ ? indent_ : column_;
    int depth = 0; // of groups inside the one at hand and itself
    bool inside = true;
    for (size_t i = begin; i < operations_.size() && column <= formatWidth; ++i) {
      const Operation &op = operations_[i];
      depth += op.kind == Operation::BeginGroup;
      depth -= op.kind == Operation::EndGroup;
      inside = inside && depth > 0;
      if (op.kind == Operation::Text)
        column += op.piece->spaceBefore + op.piece->text.size();
      else if (!inside && (op.kind == Operation::Break || op.kind == Operation::Comment))
        break;
    }
    return column <= formatWidth;
  }

  void write(const Piece &piece) {
    if (newline_)
      startLine();
    else if (piece.spaceBefore && !out_.empty())
      append(" ");
    append(piece.text);
  }

  void writeComment(const ast::Comment &comment) {
    if (comment.ownLine)
      startLine();
    else
      append("  ");
    append(comment.range.text());
    newline_ = true;
  }

  void startLine() {
    out_ += '\n';
    out_.append(indent_, ' ');
    column_ = indent_;
    newline_ = false;
  }

  void append(std::string_view text) {
    out_ += text;
    column_ += text.size();
  }

  std::vector<Operation> operations_;
  std::string out_;
  size_t indent_;
  size_t column_;
  bool newline_ = false; // a line end is due before the next text
};

} // namespace

std::vector<Piece> makePieces(const SourceFile &source, std::span<const Token> tokens) {
  std::vector<Piece> pieces;
  std::vector<size_t> open;  // opening brackets around the piece
  std::vector<bool> indexes; // of those, which ones index
  bool afterUnary = false;
  for (const Token &token : tokens) {
    Piece piece;
    piece.kind = token.kind;
    piece.text = source.range(token.begin, token.end).text();
    if (!pieces.empty()) {
      TokenKind before = pieces.back().kind;
      piece.spaceBefore =
          wantsSpace(before, token.kind, !indexes.empty() && indexes.back(), afterUnary);
      bool isMinus = token.kind == TokenKind::Minus;
      piece.isBinary = looseness(token.kind) > 0 && (!isMinus || endsOperand(before));
      afterUnary = isMinus && !piece.isBinary;
      if (isOpener(token.kind)) {
        open.push_back(pieces.size());
        indexes.push_back(token.kind == TokenKind::LeftBracket && endsOperand(before));
      } else if (isCloser(token.kind)) {
        pieces[open.back()].match = pieces.size();
        open.pop_back();
        indexes.pop_back();
      }
    }
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

std::string flat(std::span<const Piece> pieces) {
  std::string out;
  for (const Piece &piece : pieces) {
    if (piece.spaceBefore && !out.empty())
      out += ' ';
    out += piece.text;
  }
  return out;
}

std::string broken(std::span<const Piece> pieces, size_t indent) {
  return Printer(Builder(pieces).build(), indent).print();
}

} // namespace gptc::format
