//===- GPTOps.td - All operations of the gpt dialect ----------------------===//

#ifndef GPTC_DIALECT_GPT_GPTOPS_TD
#define GPTC_DIALECT_GPT_GPTOPS_TD

include "gptc/Dialect/GPT/GPTVariableOps.td"
include "gptc/Dialect/GPT/GPTElementwiseOps.td"
include "gptc/Dialect/GPT/GPTShapeOps.td"
include "gptc/Dialect/GPT/GPTMathOps.td"
include "gptc/Dialect/GPT/GPTNeuralOps.td"
include "gptc/Dialect/GPT/GPTStructureOps.td"

#endif // GPTC_DIALECT_GPT_GPTOPS_TD
