// Kernels and their launches, names of operands.
#include "CudaLaunches.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

/// "gradient:transformer.h.3.ln_1.weight" => "gradient_ln_1_weight"
static std::string identifierOf(StringRef tensor) {
  auto [prefix, path] = tensor.contains(':') ? tensor.split(':') : std::pair(StringRef(), tensor);
  SmallVector<StringRef> parts, tail;
  path.split(parts, '.');
  llvm::erase_if(parts, [](StringRef part) { return llvm::all_of(part, llvm::isDigit); });
  tail.assign(parts.end() - std::min<size_t>(parts.size(), 2), parts.end());
  if (!prefix.empty() && prefix != "step")
    tail.insert(tail.begin(), prefix);
  std::string text = llvm::join(tail, "_");
  for (char &c : text)
    if (!llvm::isAlnum(c))
      c = '_';
  if (text.empty() || llvm::isDigit(text.front()))
    text.insert(0, "t");
  return text;
}

/// Words of C++ and names that kernels use themselves.
static bool isReserved(StringRef name) {
  static const llvm::StringSet<> reserved = {
      "auto",   "bool",     "break",   "case",    "char",     "class",    "const",  "default",
      "delete", "do",       "double",  "else",    "enum",     "export",   "extern", "float",
      "for",    "friend",   "goto",    "if",      "inline",   "int",      "long",   "namespace",
      "new",    "operator", "private", "public",  "register", "return",   "short",  "signed",
      "sizeof", "static",   "struct",  "switch",  "template", "this",     "throw",  "typedef",
      "union",  "unsigned", "using",   "virtual", "void",     "volatile", "while",  "row",
      "rows",   "block",    "column",  "lane",    "slice",    "item",     "kept",   "r"};
  return reserved.contains(name);
}

static SmallVector<std::string> nameOperands(plan::KernelOp kernel, ArrayAttr operands,
                                             const llvm::StringMap<StringRef> &tensors) {
  SmallVector<std::string> names;
  llvm::StringSet<> taken;
  unsigned inputs = kernel.getBody().getNumArguments();
  for (auto [number, attribute] : llvm::enumerate(operands)) {
    std::string buffer = cast<plan::ViewAttr>(attribute).getBuffer().getValue().str();
    auto tensor = tensors.find(buffer);
    std::string name;
    if (tensor != tensors.end())
      name = identifierOf(tensor->second);
    else if (number < inputs)
      name = ("in" + Twine(number)).str();
    else
      name = ("out" + Twine(number - inputs)).str();
    if (isReserved(name))
      name += "_";
    std::string unique = name;
    for (unsigned suffix = 2; !taken.insert(unique).second; ++suffix)
      unique = name + "_" + std::to_string(suffix);
    names.push_back(unique);
  }
  return names;
}

llvm::MapVector<plan::KernelOp, KernelUse> gptc::codegen::findKernelUses(ModuleOp plan) {
  llvm::MapVector<plan::KernelOp, KernelUse> uses;
  llvm::StringMap<plan::KernelOp> kernels;
  for (auto kernel : plan.getOps<plan::KernelOp>()) {
    uses[kernel] = {};
    kernels[kernel.getSymName()] = kernel;
  }
  llvm::StringMap<StringRef> tensors;
  for (auto tensor : plan.getOps<plan::TensorOp>())
    tensors.try_emplace(tensor.getPlace().getBuffer().getValue(), tensor.getName());
  plan.walk([&](plan::LaunchOp launch) {
    plan::KernelOp kernel = kernels.lookup(launch.getKernel());
    KernelUse &use = uses[kernel];
    for (int64_t rows : launch.getRows())
      use.rows = std::max(use.rows, rows);
    (launch.getInstances().size() == 1 ? use.single : use.instances) = true;
    if (use.names.empty() && !launch.getInstances().empty())
      use.names = nameOperands(kernel, cast<ArrayAttr>(launch.getInstances()[0]), tensors);
  });
  return uses;
}
