//===- GPTBase.td - Types and base classes of the gpt operations ----------===//

#ifndef GPTC_DIALECT_GPT_GPTBASE_TD
#define GPTC_DIALECT_GPT_GPTBASE_TD

include "gptc/Dialect/GPT/GPTAttributes.td"
include "gptc/Dialect/GPT/GPTInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// Real tensors are float32 as descriptions have them; `gpt-assign-precision` makes some of them bfloat16 or float16. Indices
/// are 32-bit signless integers.
def GPT_RealTensor : StaticShapeTensorOf<[AnyFloat]>;
def GPT_IntTensor : StaticShapeTensorOf<[I32]>;
def GPT_Tensor : AnyTypeOf<[GPT_RealTensor, GPT_IntTensor]>;

class GPT_Op<string mnemonic, list<Trait> traits = []> : Op<GPT_Dialect, mnemonic, traits>;

/// An operation on values: no effects, and its result types follow from its operands and attributes.
class GPT_ValueOp<string mnemonic, list<Trait> traits = []>
    : GPT_Op<mnemonic, !listconcat([Pure, InferTypeOpAdaptor], traits)>;

def Differentiable : DeclareOpInterfaceMethods<DifferentiableOpInterface>;
def Decomposable : DeclareOpInterfaceMethods<DecomposableOpInterface>;
/// Decomposable, with a kernel of its own: the operation's class says so in `hasKernel`.
def DecomposableKernel : DeclareOpInterfaceMethods<DecomposableOpInterface, ["hasKernel"]>;

#endif // GPTC_DIALECT_GPT_GPTBASE_TD
