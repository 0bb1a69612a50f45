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

/// Words of C++, names that kernels use themselves, and EmitC's `v1`, `v2`, ….
static bool isReserved(StringRef name) {
  static const llvm::StringSet<> reserved = {
      "alignas", "alignof", "and", "asm", "auto", "bitand", "bitor", "bool", "break", "case",
      "catch", "char", "class", "compl", "const", "constexpr", "const_cast", "continue", "decltype",
      "default", "delete", "do", "double", "dynamic_cast", "else", "enum", "explicit", "export",
      "extern", "false", "float", "for", "friend", "goto", "if", "inline", "int", "long", "mutable",
      "namespace", "new", "noexcept", "not", "nullptr", "operator", "or", "private", "protected",
      "public", "register", "reinterpret_cast", "return", "short", "signed", "sizeof", "static",
      "static_assert", "static_cast", "struct", "switch", "template", "this", "thread_local",
      "throw", "true", "try", "typedef", "typeid", "typename", "union", "unsigned", "using",
      "virtual", "void", "volatile", "wchar_t", "while", "xor",
      // Of kernels:
      "block", "c", "column", "end", "first", "instances", "item", "kept", "lane", "middle",
      "other", "own", "p", "r", "row", "rows", "slice", "table", "total", "v"};
  bool isTemporary =
      name.size() > 1 && name.front() == 'v' && llvm::all_of(name.drop_front(), llvm::isDigit);
  return isTemporary || name.starts_with("gptc_") || name.starts_with("__") ||
         reserved.contains(name);
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
      name = "t_" + name;
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
  plan.walk([&](plan::MatmulOp matmul) {
    if (!matmul.getEpilogue())
      return;
    plan::KernelOp kernel = kernels.lookup(*matmul.getEpilogue());
    KernelUse &use = uses[kernel];
    use.rows = std::max<int64_t>(use.rows, *matmul.getEpilogueRows());
    use.single = true;
    if (use.names.empty())
      use.names = nameOperands(kernel, *matmul.getEpilogueOperands(), tensors);
  });
  return uses;
}
