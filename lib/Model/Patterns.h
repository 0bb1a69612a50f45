// Patterns: `[before] -> [after]` as a plan of reshapes, reductions and transposes.
//
// Both sides are seen as the axes that their factors name: [B, H * D] has three. A tensor is split
// into those of the left side, some of them may be reduced, the rest is put into the order of the
// right side and merged.
#ifndef GPTC_LIB_MODEL_PATTERNS_H
#define GPTC_LIB_MODEL_PATTERNS_H

#include "Elaborator.h"

namespace gptc::model {

/// The axes that one side of a pattern names, without those of size `1`.
struct FactorAxes {
  std::vector<std::string> keys; ///< the name or number; `...0`, `...1` for the leading axes
  Dims sizes;

  std::optional<size_t> find(llvm::StringRef key) const;
  void add(std::string key, Number size);
};

/// A tensor whose axes are factors.
struct Factored {
  Tensor *tensor = nullptr; ///< not yet split: reshape to `axes.sizes` before use
  FactorAxes axes;
};

class PatternReader {
public:
  PatternReader(Elaborator &elaborator, Frame &frame, llvm::StringRef what)
      : elaborator_(elaborator), frame_(frame), what_(what) {}

  /// Binds and checks the left side against `tensor`. `expr` is the tensor as written, or null.
  std::optional<Factored> match(const ast::Shape &before, Tensor *tensor, const ast::Expr *expr,
                                SourceRange range);
  /// The axes of the right side, and in `merged` the sizes of its elements.
  std::optional<FactorAxes> readAfter(const ast::Shape &after, Dims &merged);

private:
  std::optional<FactorAxes> readSide(const ast::Shape &shape, Dims *merged);

  Elaborator &elaborator_;
  Frame &frame_;
  llvm::StringRef what_;
  std::optional<Dims> leading_;
};

/// Whether each name stands once on a side, those of `after` on the left too, and unless
/// `mayReduce` those of the left in `after`. What is not so was reported.
bool agree(llvm::ArrayRef<Factored> before, const FactorAxes &after, bool mayReduce);

/// The tensor with its axes named `order`; each of them is one of its axes, or new with size 1
/// where `order` has more. Transposes, then reshapes where needed.
Tensor *arrange(Graph &graph, const Factored &factored, const FactorAxes &order);

/// Contracts tensors over the names that are not in `after`.
Tensor *contract(Graph &graph, std::vector<Factored> operands, const FactorAxes &after);

} // namespace gptc::model

#endif // GPTC_LIB_MODEL_PATTERNS_H
