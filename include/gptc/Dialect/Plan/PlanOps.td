//===- PlanOps.td - The plan dialect: what a runtime executes -------------===//

#ifndef GPTC_DIALECT_PLAN_PLANOPS_TD
#define GPTC_DIALECT_PLAN_PLANOPS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"

def Plan_Dialect : Dialect {
  let name = "plan";
  let cppNamespace = "::gptc::plan";
  let summary = "Kernels, buffers, launches and entries of a training step";
  let description = [{
    The `plan` dialect is the last form of a program before it is written to a file: flat, static, without
    values. A *buffer* is a range of bytes in a segment; before buffers are assigned it has no offset. A
    *tensor* is a row of the binding table: a logical tensor and where and how it is stored. A *kernel* holds
    tensor-level operations of the `gpt` dialect with the memory layout of each operand. An *entry* is a list of
    launches, matmuls and other library calls, in the order in which they run.
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::gptc::gpt::GPTDialect"];
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

class Plan_Op<string mnemonic, list<Trait> traits = []> : Op<Plan_Dialect, mnemonic, traits>;

def Plan_ViewAttr : AttrDef<Plan_Dialect, "View"> {
  let mnemonic = "view";
  let summary = "A place in a buffer";
  let description = [{
    `offset` counts elements of the buffer's type.

    ```mlir
    #plan.view<@b3, 784>
    ```
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$buffer, "int64_t":$offset);
  let assemblyFormat = "`<` $buffer `,` $offset `>`";
}

def Plan_BatchAxisAttr : AttrDef<Plan_Dialect, "BatchAxis"> {
  let mnemonic = "batch";
  let summary = "An axis of a batched matmul: its size and each operand's stride in elements";
  let parameters = (ins "int64_t":$size, "int64_t":$lhsStride, "int64_t":$rhsStride, "int64_t":$resultStride);
  let assemblyFormat = "`<` $size `,` $lhsStride `,` $rhsStride `,` $resultStride `>`";
}

def Plan_ViewArray : TypedArrayAttrBase<Plan_ViewAttr, "places in buffers">;
def Plan_InstanceArray : TypedArrayAttrBase<Plan_ViewArray, "places in buffers, for each instance">;
def Plan_BatchAxisArray : TypedArrayAttrBase<Plan_BatchAxisAttr, "batch axes">;

def Plan_BufferOp : Plan_Op<"buffer", [Symbol]> {
  let summary = "Memory of a number of bytes in a segment";
  let description = [{
    ```mlir
    plan.buffer @b3 in "transient" bytes 802816 offset 0
    plan.buffer @b4 in "transient" bytes 401408 of bf16 offset 802816
    ```
    It holds elements of one type, f32 where none is said. Buffers of `transient` live within one run of an entry, and share memory where their lives do not meet.
    Large outputs of one entry lie in a segment of their own, `io:` and the entry's name, which only sessions that run
    it allocate.
    (B1) The segment is one of parameters, optimizer, gradients, io, io:ENTRY, step, transient. (B2) Elements are f32, i32, bf16 or f16.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$segment, I64Attr:$bytes, OptionalAttr<I64Attr>:$offset,
      OptionalAttr<TypeAttr>:$element);
  let assemblyFormat = "$sym_name `in` $segment `bytes` $bytes (`of` $element^)? (`offset` $offset^)? attr-dict";
  let extraClassDeclaration = [{
    /// The type of its elements.
    ::mlir::Type getElementType();
  }];
  let hasVerifier = 1;
}

def Plan_TensorOp : Plan_Op<"tensor", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A row of the binding table";
  let description = [{
    `variable` holds the attributes of the `gpt.variable` that it binds: kind, init, decay, owner, derived, limit.

    ```mlir
    plan.tensor "transformer.wte.weight" at #plan.view<@b0, 0> strides [784, 1] {kind = ...} : tensor<50257x768xf32>
    ```
    (T1) The buffer exists, and has elements of the tensor's type. (T2) There is a stride for each axis.
  }];
  let arguments = (ins StrAttr:$name, Plan_ViewAttr:$place, DenseI64ArrayAttr:$strides, DictionaryAttr:$variable, TypeAttr:$type);
  let assemblyFormat = "$name `at` $place `strides` $strides $variable attr-dict `:` $type";
  let hasVerifier = 1;
}

def Plan_KernelOp : Plan_Op<"kernel", [Symbol, IsolatedFromAbove, SingleBlock]> {
  let summary = "Tensor operations that become one function";
  let description = [{
    The region's arguments are the inputs and its yielded values (by `gpt.yield`) the outputs. `layouts` are
    memref types with static strides, of the inputs and then the outputs: how each is stored. Where `accumulate` is true an
    output is added to what its place holds. `in_place` gives, for each output, the input that has the same
    memory and layout, or −1: element by element, the input is read before the output is written, and never after. `schedule` says how loops are made: `row` (maps and reductions over the last
    axis, gathers by `gpt.embedding`; a thread takes rows), `column` (reductions over leading axes), `segmented_sum` (embedding_grad),
    `attention` and `attention_grad` (one `gpt.flash_attention` or `gpt.flash_attention_grad`, whose operands have the stride 1 along their last axis, but for the
    log-sum-exp; the first yields its result and then its log-sum-exp, where that is used; the other yields all its results; neither accumulates).

    A launch runs the kernel on rows [begin, end). What a row is depends on the schedule:
    - `row`: an index into all axes but the last of the kernel's *space*, the largest shape in it, in row-major order.
      An output may be a sum over blocks of R rows (a reshape of a tensor of the space's size to [P, R, C], summed over
      the second axis): then a launch begins and ends at multiples of R, so that one thread makes each sum;
    - `column`: a block of 256 columns of an index into the kept axes but the last, in row-major order;
    - `segmented_sum`: a row of the result;
    - `attention`: a block of 64 queries of a head: of B × H × ⌈T / 64⌉, in row-major order;
    - `attention_grad`: a group of keys and values, of B × G: its dk and dv, and the dq of its heads.

    ```mlir
    plan.kernel @add_1f3a "row" rows 256 layouts [memref<256x768xf32, strided<[784, 1]>>, …] accumulate [false] in_place [-1] {
    ^bb0(%a: tensor<256x768xf32>, %b: tensor<768xf32>):
      %0 = gpt.map(%a, %b) : … { … }
      gpt.yield %0 : tensor<256x768xf32>
    }
    ```
    (K1) There is a layout for each input and output, of its shape. (K2) There are an `accumulate` and an `in_place` for each output.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$schedule, I64Attr:$rows, TypeArrayAttr:$layouts, DenseBoolArrayAttr:$accumulate,
      DenseI64ArrayAttr:$in_place);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name $schedule `rows` $rows `layouts` $layouts `accumulate` $accumulate `in_place` $in_place attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def Plan_EntryOp : Plan_Op<"entry", [Symbol, NoTerminator, SingleBlock, NoRegionArguments]> {
  let summary = "A list of commands that runs as a whole";
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
}

def Plan_LaunchOp : Plan_Op<"launch", [HasParent<"EntryOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Run a kernel, for one or more independent sets of operands";
  let description = [{
    ```mlir
    plan.launch @add_1f3a rows [256] grain 16 [[#plan.view<@b3, 0>, #plan.view<@b4, 0>]]
    ```
    Rows are dealt out in units of `grain`.
    (L1) The kernel exists and takes so many operands. (L2) There is a number of rows for each instance.
    (L3) Of a kernel that sums blocks of R rows, the grain and all numbers of rows are multiples of R.
    (L4) Each operand lies in a buffer of its element type.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, DenseI64ArrayAttr:$rows, I64Attr:$grain, Plan_InstanceArray:$instances);
  let assemblyFormat = "$kernel `rows` $rows `grain` $grain $instances attr-dict";
}

def Plan_MatmulOp : Plan_Op<"matmul", [HasParent<"EntryOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A matrix product, by the library or, on the CPU, by generated functions";
  let description = [{
    `strides` are the distances in elements between stored rows of lhs, rhs, result. `types` are their element types, f32 where
    none are said: whatever they are, products are summed in float32, and the sum (with what the result held, if it is added to that) is
    rounded once. `factors` are the types to which elements of lhs and rhs are rounded before they are multiplied, their own where none are said.
    With `tf32` the device may round the operands to ten bits behind the binary point before it multiplies them. With `generated` a CPU
    computes it by functions of the plan's object (`plan-generate-matmuls`); operands or results of 16 bits, and factors, need that there.

    ```mlir
    plan.matmul 256 x 3072 x 768 (#plan.view<@b3, 0>, #plan.view<@b1, 0>) to #plan.view<@b4, 0> strides [784, 3088, 3088] batch []
    plan.matmul 256 x 3072 x 768 (#plan.view<@b3, 0>, #plan.view<@b1, 0>) to #plan.view<@b4, 0> strides [800, 3104, 3088] batch []
      types [bf16, bf16, f32]
    ```

    An `epilogue` is a `row` kernel that runs on rows of the product as soon as they are known, and gives what is computed
    from them: as if launched behind the product, which it reads as one of its inputs. `rows` is the number of its rows,
    each of which stands for as many rows of the product; `grain` is a launch's. The runtime computes the product and the
    epilogue panel by panel. Outputs share memory with nothing that the product or the kernel reads, but for what the
    kernel computes in place.

    ```mlir
    plan.matmul 256 x 3072 x 768 (#plan.view<@b3, 0>, #plan.view<@b1, 0>) to #plan.view<@b4, 0> strides [784, 3088, 3088] batch []
      epilogue @gelu_1f3a rows 256 grain 5 [#plan.view<@b2, 0>, #plan.view<@b4, 0>, #plan.view<@b4, 0>, #plan.view<@b5, 0>]
    ```
    (M1) There are `epilogue`, `epilogue_rows`, `epilogue_grain` and `epilogue_operands`, or none of them. (M2) The epilogue
    is a `row` kernel that takes so many operands. (M3) The product is one of its inputs, and no output that is not
    computed in place of it. (M4) A product with an epilogue has no batch axes, and its rows are a multiple of the epilogue's.
    (M5) There are three `types`, each f32, bf16 or f16 and that of its buffer; with `tf32` the operands are f32.
    (M6) There are two `factors`, each the type of its operand, or of 16 bits for an operand of f32.
  }];
  let arguments = (ins I64Attr:$m, I64Attr:$n, I64Attr:$k, Plan_ViewAttr:$lhs, Plan_ViewAttr:$rhs, Plan_ViewAttr:$result,
      DenseI64ArrayAttr:$strides, Plan_BatchAxisArray:$batch, UnitAttr:$transpose_lhs, UnitAttr:$transpose_rhs, UnitAttr:$accumulate,
      OptionalAttr<FlatSymbolRefAttr>:$epilogue, OptionalAttr<I64Attr>:$epilogue_rows, OptionalAttr<I64Attr>:$epilogue_grain,
      OptionalAttr<Plan_ViewArray>:$epilogue_operands, OptionalAttr<TypeArrayAttr>:$types,
      OptionalAttr<TypeArrayAttr>:$factors, UnitAttr:$tf32, UnitAttr:$generated);
  let assemblyFormat = [{
    $m `x` $n `x` $k `(` $lhs `,` $rhs `)` `to` $result `strides` $strides `batch` $batch
    (`types` $types^)? (`factors` $factors^)? (`tf32` $tf32^)? (`generated` $generated^)?
    (`transpose_lhs` $transpose_lhs^)? (`transpose_rhs` $transpose_rhs^)? (`accumulate` $accumulate^)?
    (`epilogue` $epilogue^ `rows` $epilogue_rows `grain` $epilogue_grain $epilogue_operands)? attr-dict
  }];
  let extraClassDeclaration = [{
    /// The element types of the two operands and the result.
    ::mlir::Type getLhsElementType();
    ::mlir::Type getRhsElementType();
    ::mlir::Type getResultElementType();
    /// The types that the operands' elements are rounded to.
    ::mlir::Type getLhsFactor();
    ::mlir::Type getRhsFactor();
  }];
  let hasVerifier = 1;
}

def Plan_ArgsortOp : Plan_Op<"argsort", [HasParent<"EntryOp">]> {
  let summary = "The stable permutation that sorts integers, by the runtime";
  let arguments = (ins Plan_ViewAttr:$indices, Plan_ViewAttr:$order, I64Attr:$count);
  let assemblyFormat = "$indices `to` $order `count` $count attr-dict";
}

#endif // GPTC_DIALECT_PLAN_PLANOPS_TD
