// Operations that compare values with expectations.
#include "test/lib/Check/Check.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

#include <cmath>
#include <limits>

using namespace gptc;
using namespace gptc::check;
using namespace gptc::reference;

#include "test/lib/Check/CheckDialect.cpp.inc"

#define GET_OP_CLASSES
#include "test/lib/Check/CheckOps.cpp.inc"

void CheckDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "test/lib/Check/CheckOps.cpp.inc"
      >();
}

mlir::LogicalResult ExpectCloseOp::verify() {
  auto expected = mlir::cast<mlir::ShapedType>(getExpected().getType());
  if (expected.getShape() != mlir::cast<mlir::ShapedType>(getValue().getType()).getShape() ||
      !expected.getElementType().isF64())
    return emitOpError() << "requires f64 elements of the value's shape, found " << expected;
  return mlir::success();
}

/// The index of element `position`, such as [1, 2].
static std::string getIndex(llvm::ArrayRef<int64_t> shape, int64_t position) {
  std::string text;
  for (int64_t size : llvm::reverse(shape)) {
    text = std::to_string(position % size) + (text.empty() ? "" : ", ") + text;
    position /= size;
  }
  return "[" + text + "]";
}

llvm::Error check::compare(const Tensor &value, const Tensor &expected, double allowed,
                           double epsilon) {
  if (value.getShape() != expected.getShape() || value.isReal() != expected.isReal())
    return llvm::createStringError("the value has another type than is expected");
  for (int64_t i = 0, count = value.getNumElements(); i < count; ++i) {
    double found = value.isReal() ? value.reals()[i] : value.integers()[i];
    double wanted = expected.isReal() ? expected.reals()[i] : expected.integers()[i];
    double bound = allowed * epsilon * std::max(1.0, std::fabs(wanted));
    bool good = std::isnan(wanted)   ? std::isnan(found)
                : std::isinf(wanted) ? found == wanted
                                     : std::fabs(found - wanted) <= bound;
    if (!good)
      return llvm::createStringError("element %s is %.17g, expected %.17g (differs by %g of an "
                                     "allowed %g)",
                                     getIndex(value.getShape(), i).c_str(), found, wanted,
                                     std::fabs(found - wanted), bound);
  }
  return llvm::Error::success();
}

static Tensor toTensor(mlir::ElementsAttr elements) {
  auto type = mlir::cast<mlir::RankedTensorType>(elements.getType());
  if (type.getElementType().isInteger(32)) {
    auto values = elements.getValues<int32_t>();
    return Tensor(type.getShape(), std::vector<int32_t>(values.begin(), values.end()));
  }
  std::vector<double> values;
  for (const llvm::APFloat &value : elements.getValues<llvm::APFloat>())
    values.push_back(value.convertToDouble());
  return Tensor(type.getShape(), std::move(values));
}

std::optional<llvm::Expected<Tensors>>
check::evaluate(mlir::Operation *op, llvm::ArrayRef<Tensor> operands, Precision precision) {
  double epsilon = precision == Precision::float64 ? std::numeric_limits<double>::epsilon()
                                                   : std::numeric_limits<float>::epsilon();
  auto finish = [](llvm::Error error) -> llvm::Expected<Tensors> {
    if (error)
      return error;
    return Tensors{};
  };
  if (auto close = mlir::dyn_cast<ExpectCloseOp>(op))
    return finish(compare(operands[0], toTensor(close.getExpected()), close.getUlps(), epsilon));
  if (auto equal = mlir::dyn_cast<ExpectEqualOp>(op))
    return finish(compare(operands[0], toTensor(equal.getExpected()), 0, epsilon));
  return std::nullopt;
}
