// The modules of a plan in CUDA C++.
//
// A kernel becomes a device function that does a block's work, and entry points around it: one for
// launches of a single instance, one for launches of several, which looks up whose block it is.
#include "gptc/CodeGen/CudaSource.h"

#include "CudaEmitter.h"

#include "gptc/Dialect/Plan/Locations.h"

#include "mlir/Dialect/EmitC/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/Cpp/CppEmitter.h"
#include "llvm/ADT/StringExtras.h"

#include <set>

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

namespace gptc::codegen {
extern const char *const cudaHeaderText;
extern const char *const cudaMatmulText;
extern const char *const cudaAttentionText;
extern const char *const cudaAttentionGradText;
} // namespace gptc::codegen

/// Kernels that are compiled together: enough that the header's cost does not count, few enough
/// that all processors have something to do.
static constexpr unsigned kernelsTogether = 6;

static const char include[] = "#include \"gptc_device.h\"\n";

/// The operands' types, as they stand in a parameter list: "const float *".
static SmallVector<std::string> pointerTypes(plan::KernelOp kernel) {
  SmallVector<std::string> types;
  for (unsigned number = 0; number < kernel.getLayouts().size(); ++number) {
    types.push_back(number < kernel.getBody().getNumArguments() ? "const " : "");
    types.back() += cudaTypeName(codegen::elementOf(kernel, number));
  }
  return types;
}

/// GPTC_KERNEL's argument.
static std::string boundsOf(const CudaGeometry &geometry) {
  std::string threads = std::to_string(geometry.threads);
  return geometry.roomy ? "GPTC_ROOMY(" + threads + ")" : threads;
}

static std::string entryPoint(plan::KernelOp kernel, const KernelUse &use,
                              const CudaGeometry &geometry) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "GPTC_KERNEL(" << boundsOf(geometry) << ") " << kernel.getSymName() << "(";
  SmallVector<std::string> types = pointerTypes(kernel);
  for (auto [number, type] : llvm::enumerate(types))
    os << type << " *" << use.names[number] << ", ";
  os << "gptc_i64 rows) {\n  " << kernel.getSymName() << "_block(";
  for (const std::string &name : use.names)
    os << name << ", ";
  os << "rows, gptc_block());\n}\n";
  return text;
}

static std::string instancesEntryPoint(plan::KernelOp kernel, const CudaGeometry &geometry) {
  std::string text;
  llvm::raw_string_ostream os(text);
  SmallVector<std::string> types = pointerTypes(kernel);
  os << "GPTC_KERNEL(" << boundsOf(geometry) << ") " << kernel.getSymName()
     << "_instances(const gptc_u64 *table, int instances) {\n"
     << "  const gptc_u64 *own = gptc_find_instance(table, instances, " << types.size() + 2
     << ");\n  " << kernel.getSymName() << "_block(";
  for (auto [number, type] : llvm::enumerate(types))
    os << "gptc_address<" << type << ">(own[" << number << "]), ";
  os << "(gptc_i64)own[" << types.size() << "], gptc_block() - (gptc_u32)own[" << types.size() + 1
     << "]);\n}\n";
  return text;
}

/// Lines indented by the braces around them: schedules open blocks by lines of text.
static std::string indent(StringRef text) {
  std::string result;
  int depth = 0;
  SmallVector<StringRef> lines;
  text.trim().split(lines, '\n');
  for (StringRef line : lines) {
    line = line.trim();
    int closing = line.starts_with("}") ? 1 : 0;
    result.append(2 * std::max(0, depth - closing), ' ');
    result += line.str() + "\n";
    depth += static_cast<int>(line.count('{')) - static_cast<int>(line.count('}'));
  }
  return result;
}

static FailureOr<CudaGeometry> emitSchedule(plan::KernelOp kernel, const KernelUse &use,
                                            ModuleOp module) {
  if (kernel.getSchedule() == "row")
    return emitCudaRows(kernel, use, module);
  if (kernel.getSchedule() == "column")
    return emitCudaColumns(kernel, use, module);
  if (kernel.getSchedule() == "segmented_sum")
    return emitCudaSegmentedSum(kernel, use, module);
  if (kernel.getSchedule() == "attention")
    return emitCudaAttention(kernel, use, module);
  if (kernel.getSchedule() == "attention_grad")
    return emitCudaAttentionGrad(kernel, use, module);
  return kernel.emitOpError("requires schedule row, column, segmented_sum, attention or "
                            "attention_grad, found ")
         << kernel.getScheduleAttr();
}

/// What a schedule wrote, as C++.
static FailureOr<std::string> printModule(ModuleOp module) {
  PassManager manager(module.getContext());
  manager.addPass(emitc::createFormExpressionsPass());
  std::string body;
  llvm::raw_string_ostream os(body);
  if (failed(manager.run(module)) || failed(emitc::translateToCpp(module, os)))
    return failure();
  return indent(body);
}

static void nameOperands(plan::KernelOp kernel, KernelUse &use) {
  for (unsigned number = use.names.size(); number < kernel.getLayouts().size(); ++number)
    use.names.push_back("operand" + std::to_string(number));
}

static FailureOr<CudaKernelSource> emitKernel(plan::KernelOp kernel, KernelUse use) {
  if (!use.single && !use.instances) { // a kernel on its own
    use.single = true;
    use.rows = kernel.getRows();
  }
  nameOperands(kernel, use);
  OwningOpRef<ModuleOp> module(ModuleOp::create(kernel.getLoc()));
  FailureOr<CudaGeometry> geometry = emitSchedule(kernel, use, *module);
  if (failed(geometry))
    return failure();
  FailureOr<std::string> body = printModule(*module);
  if (failed(body))
    return failure();
  CudaKernelSource source;
  source.symbol = kernel.getSymName();
  source.geometry = *geometry;
  source.single = use.single;
  source.instances = use.instances;
  std::string part = plan::modelPath(kernel.getLoc()), lines = plan::sourceLines(kernel.getLoc());
  std::string comment = "// " + kernel.getSchedule().str() + " kernel" +
                        (part.empty() ? "" : " of " + part) + (lines.empty() ? "" : ": " + lines);
  // The path of the description may hold anything, but must not end the comment.
  std::replace_if(
      comment.begin(), comment.end(), [](char c) { return !llvm::isPrint(c); }, '?');
  source.source = comment + "\n" + *body;
  if (use.single)
    source.source += entryPoint(kernel, use, *geometry);
  if (use.instances)
    source.source += instancesEntryPoint(kernel, *geometry);
  return source;
}

/// What the kernels of a schedule need besides the device header; null if nothing.
static const char *textOf(StringRef schedule) {
  return schedule == "attention"        ? cudaAttentionText
         : schedule == "attention_grad" ? cudaAttentionGradText
                                        : nullptr;
}

static StringRef nameOf(CudaElement element) {
  return element == CudaElement::float32    ? "float"
         : element == CudaElement::bfloat16 ? "gptc_bf16"
                                            : "gptc_f16";
}

static CudaElement elementOf(Type type) {
  return type.isBF16()  ? CudaElement::bfloat16
         : type.isF16() ? CudaElement::float16
                        : CudaElement::float32;
}

static FailureOr<CudaVariant> variantOf(plan::MatmulOp matmul) {
  if (matmul.getLhsElementType() != matmul.getRhsElementType())
    return matmul.emitOpError("requires operands of one type on a GPU, found ")
           << matmul.getLhsElementType() << " and " << matmul.getRhsElementType();
  if (matmul.getLhsFactor() != matmul.getLhsElementType() ||
      matmul.getRhsFactor() != matmul.getRhsElementType())
    return matmul.emitOpError("requires operands that are rounded already on a GPU, found factors ")
           << *matmul.getFactors();
  return CudaVariant{matmul.getTransposeLhs(), matmul.getTransposeRhs(),
                     elementOf(matmul.getLhsElementType()),
                     elementOf(matmul.getResultElementType()), matmul.getTf32()};
}

/// "nn", "nt", "tn", "tt"; before that the types where they are not f32: "bf16_f32_nt", "tf32_nt".
static std::string suffixOf(const CudaVariant &variant) {
  auto shortName = [](CudaElement element) {
    return element == CudaElement::float32    ? "f32_"
           : element == CudaElement::bfloat16 ? "bf16_"
                                              : "f16_";
  };
  std::string text;
  if (variant.operands != CudaElement::float32 || variant.result != CudaElement::float32)
    text = std::string(shortName(variant.operands)) + shortName(variant.result);
  if (variant.tf32)
    text += "tf32_";
  return text + (variant.transposeLhs ? "t" : "n") + (variant.transposeRhs ? "t" : "n");
}

/// "gptc_fp32_products, false, true": how Products.cuh multiplies such operands, and the
/// transposes.
static std::string templateArguments(const CudaVariant &variant) {
  StringRef products = variant.operands == CudaElement::bfloat16  ? "bf16"
                       : variant.operands == CudaElement::float16 ? "f16"
                       : variant.tf32                             ? "tf32"
                                                                  : "fp32";
  return ("gptc_" + products + "_products, " + (variant.transposeLhs ? "true" : "false") + ", " +
          (variant.transposeRhs ? "true" : "false"))
      .str();
}

static LogicalResult addMatmuls(ModuleOp plan, CudaSource &source) {
  std::set<CudaVariant> variants;
  WalkResult walked = plan.walk([&](plan::MatmulOp matmul) {
    FailureOr<CudaVariant> variant = variantOf(matmul);
    if (failed(variant))
      return WalkResult::interrupt();
    variants.insert(*variant);
    return WalkResult::advance();
  });
  for (const CudaVariant &variant : variants) {
    CudaMatmulSource matmul;
    matmul.symbol = "gptc_matmul_" + suffixOf(variant);
    matmul.variant = variant;
    matmul.threads = 128;
    matmul.tileM = matmul.tileN = 64;
    matmul.module = source.modules.size();
    std::string text;
    llvm::raw_string_ostream os(text);
    os << include << cudaMatmulText << "\nGPTC_KERNEL(128) " << matmul.symbol << "(const "
       << nameOf(variant.operands) << " *lhs, const " << nameOf(variant.operands) << " *rhs, "
       << nameOf(variant.result)
       << " *result, int m, int n, int k,\n"
          "    gptc_i64 lhs_stride, gptc_i64 rhs_stride, gptc_i64 result_stride,\n"
          "    int accumulate, gptc_batch batch) {\n  gptc_matmul<"
       << templateArguments(variant)
       << ">(lhs, rhs, result, m, n, k, lhs_stride, rhs_stride,\n"
          "      result_stride, accumulate, batch);\n}\n";
    source.modules.push_back(std::move(text));
    source.matmuls.push_back(std::move(matmul));
  }
  return failure(walked.wasInterrupted());
}

/// Which input of the epilogue is the product.
static unsigned findProduct(plan::MatmulOp matmul) {
  ArrayAttr operands = *matmul.getEpilogueOperands();
  return llvm::find(operands, matmul.getResult()) - operands.begin();
}

// GPTC_KERNEL(128) gelu_1f3a_behind_nn(const float *gptc_lhs, …, int gptc_m, …, operands…) {
//   gptc_matmul_tiles<false, false>(gptc_lhs, …, [&](int row, int column, float gptc_value) {
//     gelu_1f3a_element(operands…, row, column, gptc_value);
//   });
// }
static std::string epilogueEntryPoint(const CudaEpilogueSource &epilogue, plan::KernelOp kernel,
                                      const KernelUse &use, unsigned product) {
  std::string text;
  llvm::raw_string_ostream os(text);
  StringRef element = nameOf(epilogue.variant.operands);
  os << "GPTC_KERNEL(128) " << epilogue.symbol << "(const " << element << " *gptc_lhs, const "
     << element
     << " *gptc_rhs, int gptc_m, int gptc_n, int gptc_k,\n"
        "    gptc_i64 gptc_lhs_stride, gptc_i64 gptc_rhs_stride";
  // The product is written, unless an output takes its place.
  bool isWritten = !llvm::is_contained(kernel.getInPlace(), int64_t(product));
  for (auto [number, type] : llvm::enumerate(pointerTypes(kernel)))
    os << ", " << (number == product ? StringRef(type).split(' ').second : type) << " *"
       << use.names[number];
  os << ") {\n  gptc_matmul_tiles<" << templateArguments(epilogue.variant)
     << ">(\n      gptc_lhs, gptc_rhs, gptc_m, gptc_n, gptc_k, gptc_lhs_stride, gptc_rhs_stride,\n"
        "      [&](int row, int column, float gptc_value) {\n";
  if (isWritten) {
    auto layout = cast<MemRefType>(cast<TypeAttr>(kernel.getLayouts()[product]).getValue());
    SmallVector<int64_t> strides;
    int64_t offset;
    (void)layout.getStridesAndOffset(strides, offset);
    os << "        " << use.names[product] << "[(gptc_i64)row * " << strides.end()[-2]
       << " + column] = "
       << (epilogue.variant.result == CudaElement::float32
               ? "gptc_value"
               : ("gptc_from_float<" + nameOf(epilogue.variant.result) + ">(gptc_value)").str())
       << ";\n";
  }
  os << "        " << kernel.getSymName() << "_element(";
  for (const std::string &name : use.names)
    os << name << ", ";
  os << "row, (gptc_u32)column, gptc_value);\n      });\n}\n";
  return text;
}

/// The products with epilogues that work element by element, by kernel and transposes.
static LogicalResult addEpilogues(ModuleOp plan,
                                  const llvm::MapVector<plan::KernelOp, KernelUse> &uses,
                                  CudaSource &source) {
  std::set<std::string> done;
  bool isFine = true;
  plan.walk([&](plan::MatmulOp matmul) {
    if (!matmul.getEpilogue() || *matmul.getEpilogueRows() != matmul.getM() ||
        matmul.getAccumulate())
      return;
    auto kernel = plan.lookupSymbol<plan::KernelOp>(*matmul.getEpilogue());
    unsigned product = findProduct(matmul);
    // A layout knows no distance between the rows of an axis of one.
    auto layout = cast<MemRefType>(cast<TypeAttr>(kernel.getLayouts()[product]).getValue());
    if (layout.getRank() < 2 || (layout.getShape().end()[-2] == 1 && matmul.getM() > 1))
      return;
    CudaEpilogueSource epilogue;
    FailureOr<CudaVariant> variant = variantOf(matmul);
    if (failed(variant)) {
      isFine = false;
      return;
    }
    epilogue.variant = *variant;
    epilogue.symbol = (kernel.getSymName() + "_behind_" + suffixOf(*variant)).str();
    if (!done.insert(epilogue.symbol).second)
      return;
    epilogue.threads = 128;
    epilogue.tileM = epilogue.tileN = 64;
    epilogue.module = source.modules.size();
    auto found = uses.find(kernel);
    epilogue.kernel = found - uses.begin();
    KernelUse use = found->second;
    nameOperands(kernel, use);
    OwningOpRef<ModuleOp> module(ModuleOp::create(kernel.getLoc()));
    FailureOr<bool> written = emitCudaElement(kernel, use, product, *module);
    FailureOr<std::string> body = failure();
    if (failed(written) || (*written && failed(body = printModule(*module)))) {
      isFine = false;
      return;
    }
    if (!*written)
      return;
    epilogue.source = *body + epilogueEntryPoint(epilogue, kernel, use, product);
    source.modules.push_back(std::string(include) + cudaMatmulText + "\n" + epilogue.source);
    source.epilogues.push_back(std::move(epilogue));
  });
  return success(isFine);
}

// Every index counts those that come before it: count² comparisons, for the few models that sort
// on the device.
static const char argsortText[] = R"(
GPTC_KERNEL(256) gptc_argsort(const gptc_i32 *indices, gptc_i32 *order, gptc_i64 count) {
  const gptc_i64 own = (gptc_i64)gptc_block() * 256 + gptc_thread();
  if (own < count) {
    const gptc_i32 index = indices[own];
    gptc_i64 before = 0;
    for (gptc_i64 other = 0; other < count; ++other)
      before += indices[other] < index || (indices[other] == index && other < own);
    order[before] = (gptc_i32)own;
  }
}
)";

FailureOr<CudaSource> gptc::emitCudaSource(ModuleOp plan) {
  plan.getContext()->loadDialect<emitc::EmitCDialect>();
  CudaSource source;
  source.header = cudaHeaderText;
  llvm::MapVector<plan::KernelOp, KernelUse> uses = findKernelUses(plan);
  unsigned together = 0, current = 0; // the kernels without a text of their own, and their module
  for (auto &[kernel, use] : uses) {
    FailureOr<CudaKernelSource> own = emitKernel(kernel, use);
    if (failed(own))
      return failure();
    // A kernel of a template takes as long to compile as many others: it has a module of its own.
    const char *text = textOf(kernel.getSchedule());
    if (text) {
      own->module = source.modules.size();
      source.modules.push_back(std::string(include) + text);
    } else {
      if (together++ % kernelsTogether == 0) {
        current = source.modules.size();
        source.modules.push_back(include);
      }
      own->module = current;
    }
    source.modules[own->module] += "\n" + own->source;
    source.kernels.push_back(std::move(*own));
  }
  if (failed(addMatmuls(plan, source)) || failed(addEpilogues(plan, uses, source)))
    return failure();
  bool sorts = false;
  plan.walk([&](plan::ArgsortOp) { sorts = true; });
  if (sorts) {
    source.argsort = CudaArgsortSource{"gptc_argsort", 256, unsigned(source.modules.size())};
    source.modules.push_back(std::string(include) + argsortText);
  }
  return source;
}
