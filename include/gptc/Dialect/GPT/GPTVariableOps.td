//===- GPTVariableOps.td - Variables: tensors that outlive an entry -------===//

#ifndef GPTC_DIALECT_GPT_GPTVARIABLEOPS_TD
#define GPTC_DIALECT_GPT_GPTVARIABLEOPS_TD

include "gptc/Dialect/GPT/GPTBase.td"

def GPT_VariableOp : GPT_Op<"variable", [Symbol]> {
  let summary = "Declare a tensor that outlives one run of an entry";
  let description = [{
    The symbol is the tensor's logical name: for a parameter its path in the model, for a moment or a
    gradient the parameter's path after a prefix (`gradient:`, `moment1:`, `moment2:`), for an input the
    name in the model's signature, for a scalar of the step `step:` and a name.

    A path under `gpt.repeat` holds `*` where the index of the copy will stand; `copies` gives their counts,
    outermost first. `owner` names the parameter that a gradient or moment belongs to. `derived` says how the
    runtime makes an input from another one (`order`: the stable sorted permutation of `owner`'s values).

    The attribute `padded` is the shape in which a variable is kept, if that goes on behind its axes. The type stays what saved
    weights hold; reads give, and writes take, the padded shape. What is written to the pads must be exactly 0.

    ```mlir
    gpt.variable @"transformer.h.*.ln_1.weight" parameter init(#gpt.init<constant, 1.0, 0.0>) copies [12] : tensor<768xf32>
    gpt.variable @tokens input {limit = 50257} : tensor<4x64xi32>
    gpt.variable @lm_head.weight parameter init(#gpt.init<normal, 0.02, 0.0>) {padded = array<i64: 50304, 768>} : tensor<50257x768xf32>
    ```

    Constraints:
    - (V1) `init` stands on parameters, states and moments, and only there.
    - (V2) `decay` stands on parameters only.
    - (V3) there are as many `*` in the name as `copies`;
    - (V4) `padded` has a size for each axis, at least its own.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, GPT_VariableKindAttr:$kind, TypeAttrOf<GPT_Tensor>:$type,
      OptionalAttr<GPT_InitAttr>:$init, OptionalAttr<DenseI64ArrayAttr>:$copies, UnitAttr:$decay,
      OptionalAttr<FlatSymbolRefAttr>:$owner, OptionalAttr<StrAttr>:$derived);
  let assemblyFormat = [{
    $sym_name `` $kind (`init` `(` $init^ `)`)? (`copies` $copies^)? (`decay` $decay^)?
    (`of` $owner^)? (`derived` $derived^)? attr-dict `:` $type
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() { return ::mlir::cast<::mlir::RankedTensorType>(getType()); }
  }];
}

def GPT_ReadOp : GPT_Op<"read", [DeclareOpInterfaceMethods<SymbolUserOpInterface>,
                                 MemoryEffects<[MemRead]>]> {
  let summary = "The value of a variable";
  let description = [{
    ```mlir
    %w = gpt.read @"transformer.wte.weight" : tensor<50257x768xf32>
    ```
    (R1) The variable exists and has the result's type, pads included.
  }];
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs GPT_Tensor:$value);
  let assemblyFormat = "$variable attr-dict `:` type($value)";
}

def GPT_WriteOp : GPT_Op<"write", [DeclareOpInterfaceMethods<SymbolUserOpInterface>,
                                   MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Replace the value of a variable, or add to it";
  let description = [{
    With `accumulate`, the value is added to what the variable holds.

    ```mlir
    gpt.write @"gradient:lm_head.weight", %dw : tensor<50257x768xf32>
    gpt.write @"gradient:lm_head.weight", %more accumulate : tensor<50257x768xf32>
    ```
    (W1) The variable exists and has the operand's type, pads included. (W2) Inputs and scalars of the step are not written.
  }];
  let arguments = (ins FlatSymbolRefAttr:$variable, GPT_Tensor:$value, UnitAttr:$accumulate);
  let assemblyFormat = "$variable `,` $value (`accumulate` $accumulate^)? attr-dict `:` type($value)";
}

#endif // GPTC_DIALECT_GPT_GPTVARIABLEOPS_TD
