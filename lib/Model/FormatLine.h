// The layout of one logical line, for the formatter.
#ifndef GPTC_LIB_MODEL_FORMATLINE_H
#define GPTC_LIB_MODEL_FORMATLINE_H

#include "gptc/Model/Lexer.h"

#include <span>
#include <string>
#include <vector>

namespace gptc::format {

/// A token as it is written, and the comments between it and the next one.
struct Piece {
  TokenKind kind = TokenKind::Bad;
  std::string_view text;
  bool spaceBefore = false;
  bool isBinary = false; ///< an operator with two operands, before which a line may be broken
  size_t match = 0;      ///< of an opening bracket: the index of its closing one
  std::vector<ast::Comment> comments;
};

/// The pieces of a line with the spaces between them.
std::vector<Piece> makePieces(const SourceFile &source, std::span<const Token> tokens);

/// Pieces on one line.
std::string flat(std::span<const Piece> pieces);

/// Pieces on several lines: brackets that do not fit are broken after they open, before they close
/// and, where that is not enough, at their commas, then before operators. `indent` is the column of
/// the first line, which the result does not include.
std::string broken(std::span<const Piece> pieces, size_t indent);

} // namespace gptc::format

#endif // GPTC_LIB_MODEL_FORMATLINE_H
