//===- GPTAttributes.td - Enums and attributes of the gpt dialect ---------===//

#ifndef GPTC_DIALECT_GPT_GPTATTRIBUTES_TD
#define GPTC_DIALECT_GPT_GPTATTRIBUTES_TD

include "gptc/Dialect/GPT/GPTDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def GPT_VariableKind : I32EnumAttr<"VariableKind", "what a variable is for", [
    I32EnumAttrCase<"parameter", 0>,
    I32EnumAttrCase<"state", 1>,
    I32EnumAttrCase<"moment", 2>,
    I32EnumAttrCase<"gradient", 3>,
    I32EnumAttrCase<"input", 4>,
    I32EnumAttrCase<"output", 5>,
    I32EnumAttrCase<"step", 6>]> {
  let cppNamespace = "::gptc::gpt";
  let genSpecializedAttr = 0;
}
def GPT_VariableKindAttr : EnumAttr<GPT_Dialect, GPT_VariableKind, "kind"> {
  let assemblyFormat = "$value";
}

def GPT_ReduceKind : I32EnumAttr<"ReduceKind", "how values are combined", [
    I32EnumAttrCase<"sum", 0>,
    I32EnumAttrCase<"max", 1>,
    I32EnumAttrCase<"min", 2>]> {
  let cppNamespace = "::gptc::gpt";
  let genSpecializedAttr = 0;
}
def GPT_ReduceKindAttr : EnumAttr<GPT_Dialect, GPT_ReduceKind, "reduce_kind"> {
  let assemblyFormat = "$value";
}

def GPT_InitKind : I32EnumAttr<"InitKind", "the distribution of first values", [
    I32EnumAttrCase<"constant", 0>,
    I32EnumAttrCase<"normal", 1>,
    I32EnumAttrCase<"uniform", 2>]> {
  let cppNamespace = "::gptc::gpt";
  let genSpecializedAttr = 0;
}

def GPT_InitAttr : AttrDef<GPT_Dialect, "Init"> {
  let mnemonic = "init";
  let summary = "How a variable starts";
  let description = [{
    `constant` uses `a`; `normal` has mean 0 and standard deviation `a`; `uniform` draws from [`a`, `b`).

    ```mlir
    #gpt.init<normal, 0.02, 0.0>
    ```
  }];
  let parameters = (ins EnumParameter<GPT_InitKind>:$kind, APFloatParameter<"">:$a, APFloatParameter<"">:$b);
  let builders = [AttrBuilder<(ins "::gptc::gpt::InitKind":$kind, "double":$a, CArg<"double", "0.0">:$b), [{
    return $_get($_ctxt, kind, ::llvm::APFloat(a), ::llvm::APFloat(b));
  }]>];
  let hasCustomAssemblyFormat = 1;
}

#endif // GPTC_DIALECT_GPT_GPTATTRIBUTES_TD
