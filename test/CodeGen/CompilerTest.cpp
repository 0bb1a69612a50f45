// What the compiler promises of its objects: the same bytes every time, vectors of the target's
// width, no libraries, texts to read, and errors that name the kernel.
#include "KernelTesting.h"

#include "llvm/Object/ELFObjectFile.h"
#include "llvm/TargetParser/Host.h"

#include "mlir/Parser/Parser.h"

using namespace gptc;
using namespace gptc::test;

static std::string softmax(const std::string &symbol, int64_t width) {
  std::string type = "4x" + std::to_string(width) + "xf32";
  std::string text = kernelText(
      "row", {{"x", type}}, {{"y", type}},
      "  %m = gpt.reduce max %x [1] : tensor<" + type + "> -> tensor<4xf32>\n" +
          "  %c = gpt.reshape %m : tensor<4xf32> -> tensor<4x1xf32>\n" +
          mapText("e", {{"x", type}, {"c", "4x1xf32"}}, type,
                  "%d = arith.subf %a0, %a1 : f32\n%r = math.exp %d : f32") +
          "  %s = gpt.reduce sum %e [1] : tensor<" + type + "> -> tensor<4xf32>\n" +
          "  %k = gpt.reshape %s : tensor<4xf32> -> tensor<4x1xf32>\n" +
          mapText("y", {{"e", type}, {"k", "4x1xf32"}}, type, "%r = arith.divf %a0, %a1 : f32"));
  text.replace(text.find("@kernel"), 7, "@" + symbol);
  text.replace(text.find("ROWS"), 4, "4");
  return text;
}

static mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text) {
  return mlir::parseSourceString<mlir::ModuleOp>(text, &getContext());
}

TEST(CpuCompiler, GivesTheSameBytesEveryTime) {
  auto plan = parse(softmax("a", 70) + softmax("b", 33));
  for (const char *level : {"x86-64-v3", "x86-64-v4"}) {
    auto first = compileKernels(*plan, *CpuTarget::level(level)),
         second = compileKernels(*plan, *CpuTarget::level(level));
    ASSERT_TRUE(succeeded(first) && succeeded(second));
    EXPECT_EQ(first->object, second->object);
    EXPECT_FALSE(first->object.empty());
  }
}

TEST(CpuCompiler, UsesVectorsOfTheTarget) {
  auto plan = parse(softmax("a", 768));
  struct Case {
    const char *level, *type, *otherType, *reg, *feature;
  };
  for (const Case &test : {Case{"x86-64-v3", "<8 x float>", "<16 x float>", "%ymm", "avx2"},
                           Case{"x86-64-v4", "<16 x float>", "<4 x float>", "%zmm", "avx512f"}}) {
    SCOPED_TRACE(test.level);
    CpuCompileOptions options;
    options.keepLlvm = options.keepAssembly = options.keepLoops = true;
    auto compiled = compileKernels(*plan, *CpuTarget::level(test.level), options);
    ASSERT_TRUE(succeeded(compiled));
    ASSERT_EQ(compiled->texts.size(), 1u);
    const KernelText &text = compiled->texts[0];
    EXPECT_EQ(text.symbol, "a");
    EXPECT_NE(text.loops.find("scf.for"), std::string::npos) << text.loops;
    EXPECT_NE(text.llvm.find(test.type), std::string::npos) << text.llvm;
    EXPECT_EQ(text.llvm.find(test.otherType), std::string::npos) << text.llvm;
    // Nobody asks at run time which operands overlap.
    EXPECT_EQ(text.llvm.find("memcheck"), std::string::npos) << text.llvm;
    EXPECT_NE(text.assembly.find(test.reg), std::string::npos) << text.assembly;
    EXPECT_EQ(text.assembly.find("call"), std::string::npos) << text.assembly;
    EXPECT_TRUE(llvm::is_contained(compiled->requiredFeatures, test.feature));
  }
}

TEST(CpuCompiler, CompilesTheKernelsAskedFor) {
  auto plan = parse(softmax("a", 5) + softmax("b", 6) + softmax("c", 7));
  CpuCompileOptions options;
  options.kernels = {"b"};
  auto compiled = compileKernels(*plan, CpuTarget::host(), options);
  ASSERT_TRUE(succeeded(compiled));
  LoadedObject object(compiled->object);
  EXPECT_FALSE(object.find("a"));
  EXPECT_TRUE(object.find("b"));
}

TEST(CpuCompiler, NeedsNoLibraries) {
  std::string body;
  for (const char *function : {"exp", "log", "tanh", "erf", "sin", "cos", "sqrt", "rsqrt", "absf",
                               "floor", "ceil", "round", "roundeven", "trunc"})
    body += mapText(std::string("y_") + function, {{"x", "3x100xf32"}}, "3x100xf32",
                    std::string("%r = math.") + function + " %a0 : f32");
  std::vector<OperandSpec> outputs;
  for (const char *function : {"exp", "log", "tanh", "erf", "sin", "cos", "sqrt", "rsqrt", "absf",
                               "floor", "ceil", "round", "roundeven", "trunc"})
    outputs.push_back({std::string("y_") + function, "3x100xf32"});
  body += mapText("p", {{"x", "3x100xf32"}, {"z", "3x100xf32"}}, "3x100xf32",
                  "%r = math.powf %a0, %a1 : f32");
  body += mapText("q", {{"x", "3x100xf32"}, {"z", "3x100xf32"}}, "3x100xf32",
                  "%r = arith.remf %a0, %a1 : f32");
  outputs.push_back({"p", "3x100xf32"});
  outputs.push_back({"q", "3x100xf32"});
  TestKernel kernel(kernelText("row", {{"x", "3x100xf32"}, {"z", "3x100xf32"}}, outputs, body));
  auto file = llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(
      llvm::StringRef(kernel.getCode().data(), kernel.getCode().size()), "kernels"));
  ASSERT_TRUE(static_cast<bool>(file));
  for (const auto &symbol :
       llvm::cast<llvm::object::ELFObjectFileBase>(**file).getDynamicSymbolIterators()) {
    if (!(llvm::cantFail(symbol.getFlags()) & llvm::object::BasicSymbolRef::SF_Undefined))
      continue;
    EXPECT_TRUE(llvm::cantFail(symbol.getName()).starts_with("mem"))
        << llvm::cantFail(symbol.getName()).str();
  }
  std::vector<reference::Tensor> inputs = kernel.makeInputs(3);
  kernel.check(inputs, 2e-6, 6e-7);
}

/// Compiles and returns the diagnostics.
static std::string diagnose(const std::string &text) {
  std::string messages;
  mlir::ScopedDiagnosticHandler handler(&getContext(), [&](mlir::Diagnostic &diagnostic) {
    llvm::raw_string_ostream(messages) << diagnostic << "\n";
    return mlir::success();
  });
  auto plan = parse(text);
  EXPECT_TRUE(plan);
  EXPECT_TRUE(plan && failed(compileKernels(*plan, CpuTarget::host())));
  return messages;
}

TEST(CpuCompiler, NamesFunctionsThatItHasNoCodeFor) {
  std::string text =
      kernelText("row", {{"x", "100xf32"}}, {{"y", "100xf32"}},
                 mapText("y", {{"x", "100xf32"}}, "100xf32", "%r = math.log10 %a0 : f32"));
  text.replace(text.find("ROWS"), 4, "1");
  EXPECT_NE(diagnose(text).find("has no code for the function log10f"), std::string::npos)
      << diagnose(text);
}

TEST(CpuTarget, HasWhatTheHostHas) {
  CpuTarget host = CpuTarget::host();
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  for (const std::string &name : host.required)
    EXPECT_TRUE(features.lookup(name)) << name;
  EXPECT_FALSE(CpuTarget::level("x86-64-v9").has_value());
}
