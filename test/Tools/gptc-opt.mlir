// What gptc-opt takes beside passes.

// Passes of any depth, and upstream's, can be left out by name.
// RUN: gptc-opt %s --gpt-decompose --disable-pass=gpt-decompose | FileCheck %s --check-prefix=WITHOUT
// RUN: gptc-opt %s --pass-pipeline='builtin.module(func.func(gpt-decompose,cse))' --disable-pass=gpt-decompose,cse | FileCheck %s --check-prefix=WITHOUT
// RUN: gptc-opt %s --gpt-decompose --disable-pass=cse | FileCheck %s --check-prefix=WITH
// RUN: not gptc-opt %s --gpt-decompose --disable-pass=gpt-decompse 2>&1 | FileCheck %s --check-prefix=NAME
// WITHOUT: gpt.softmax
// WITH-NOT: gpt.softmax
// NAME: error: cannot disable pass 'gpt-decompse': there is none of that name

// RUN: gptc-opt %s --gpt-decompose --mlir-timing -o /dev/null 2>&1 | FileCheck %s --check-prefix=TIMING
// TIMING: Execution time report
// TIMING: DecomposePass

// A pass that fails leaves a file that reproduces it.
// RUN: not gptc-opt %s --gpt-differentiate --mlir-pass-pipeline-crash-reproducer=%t.reproducer.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=FAILS
// RUN: not gptc-opt --run-reproducer %t.reproducer.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=FAILS
// FAILS: error:

// RUN: not gptc-opt %t.missing.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: gptc-opt: error: cannot open input file '{{.*}}missing.mlir'

func.func @f(%x: tensor<4x27xf32>) -> tensor<4x27xf32> {
  %0 = gpt.softmax %x : tensor<4x27xf32>
  return %0 : tensor<4x27xf32>
}
