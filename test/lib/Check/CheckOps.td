//===- CheckOps.td - Expectations in numeric tests ------------------------===//

#ifndef GPTC_TEST_CHECK_CHECKOPS_TD
#define GPTC_TEST_CHECK_CHECKOPS_TD

include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"

def Check_Dialect : Dialect {
  let name = "check";
  let cppNamespace = "::gptc::check";
  let summary = "What numeric tests expect of values; known to test tools only";
}

def Check_ExpectCloseOp : Op<Check_Dialect, "expect_close"> {
  let summary = "Fail unless each element is near the expected one";
  let description = [{
    `|value − expected| ≤ ulps · ε · max(1, |expected|)`, where ε is 2⁻⁵² in float64 and 2⁻²³ in float32: one
    number serves both. An infinity must be that infinity, a NaN a NaN. `expected` is written in f64, so that it
    is not rounded before it is compared.

    ```mlir
    check.expect_close %y, dense<[0.1, 0.2]> : tensor<2xf64> ulps 4 : tensor<2xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$value, ElementsAttr:$expected,
      DefaultValuedAttr<I64Attr, "4">:$ulps);
  let assemblyFormat = "$value `,` $expected (`ulps` $ulps^)? attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def Check_ExpectEqualOp : Op<Check_Dialect, "expect_equal", [AllTypesMatch<["value", "expected"]>]> {
  let summary = "Fail unless each element is the expected one";
  let description = [{
    ```mlir
    check.expect_equal %order, dense<[2, 0, 1]> : tensor<3xi32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$value, ElementsAttr:$expected);
  let assemblyFormat = "$value `,` $expected attr-dict";
}

#endif // GPTC_TEST_CHECK_CHECKOPS_TD
