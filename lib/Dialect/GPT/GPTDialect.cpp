// The gpt dialect: registration of its attributes and operations.
#include "gptc/Dialect/GPT/GPTOps.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gptc::gpt;

#include "gptc/Dialect/GPT/GPTDialect.cpp.inc"
#include "gptc/Dialect/GPT/GPTEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "gptc/Dialect/GPT/GPTAttributes.cpp.inc"

#include "gptc/Dialect/GPT/GPTInterfaces.cpp.inc"

void GPTDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "gptc/Dialect/GPT/GPTOps.cpp.inc"
      >();
  registerAttributes();
}

void GPTDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "gptc/Dialect/GPT/GPTAttributes.cpp.inc"
      >();
}

// Numbers are printed as float attributes are, so that they come back with the same bits.
void InitAttr::print(AsmPrinter &printer) const {
  printer << "<" << stringifyInitKind(getKind()) << ", ";
  printer.printFloat(getA());
  printer << ", ";
  printer.printFloat(getB());
  printer << ">";
}

Attribute InitAttr::parse(AsmParser &parser, Type) {
  StringRef word;
  double a = 0, b = 0;
  if (parser.parseLess() || parser.parseKeyword(&word))
    return {};
  std::optional<InitKind> kind = symbolizeInitKind(word);
  if (!kind) {
    parser.emitError(parser.getNameLoc(), "unknown initialiser '") << word << "'";
    return {};
  }
  if (parser.parseComma() || parser.parseFloat(a) || parser.parseComma() || parser.parseFloat(b) ||
      parser.parseGreater())
    return {};
  return InitAttr::get(parser.getContext(), *kind, APFloat(a), APFloat(b));
}
