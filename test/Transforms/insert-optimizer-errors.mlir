// RUN: gptc-opt %s --split-input-file --verify-diagnostics --gpt-insert-optimizer

// expected-error @below {{requires variables of kind gradient: differentiate first}}
module {
  gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<3xf32>
}

// -----

// expected-error @below {{'gpt.variable' op requires the parameter that it belongs to, of the same type}}
gpt.variable @"gradient:w" gradient : tensor<3xf32>

// -----

gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<3xf32>
gpt.variable @"gradient:w" gradient of @w : tensor<3xf32>
// expected-error @below {{requires the name @update for the entry that updates parameters}}
func.func private @update()

// -----

// expected-error @below {{requires @moment1:w for a variable of kind moment and type 'tensor<3xf32>'}}
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<3xf32>
gpt.variable @"gradient:w" gradient of @w : tensor<3xf32>
// expected-note @below {{the name is taken here}}
gpt.variable @"moment1:w" state init(<constant, 0.0, 0.0>) : tensor<3xf32>
