// Runs graphs by the interpreter and as plans, and compares all variables.
#ifndef GPTC_TEST_PLAN_PLANHARNESS_H
#define GPTC_TEST_PLAN_PLANHARNESS_H

#include "RandomGraph.h"

namespace gptc::test {

/// What is wrong with the plans of these graphs, which are compiled as one module: for each graph a
/// text, empty where all is well. All have one precision and one multiple that they are padded to.
///
/// Each graph runs by the interpreter in float64, and as a plan with 2 threads; again in the same
/// session, whose transient memory is dirty by then; with a plan without reuse of memory; and, if
/// no matmul is in it, with 1 thread. The plans must agree in all bits; with the interpreter as far
/// as rounding allows. Padding must stay 0.
///
/// With GPTC_TEST_DEVICE=cuda in the environment the same plans for a GPU run as well, with CUDA
/// graphs and without, and must agree in all bits among themselves, and with the interpreter as far
/// as rounding allows.
std::vector<std::string> checkGraphs(const std::vector<RandomGraph> &graphs);

/// The same for one graph.
std::string checkGraph(const RandomGraph &graph);

/// How many variables of the graph get pads; -1 if it cannot be compiled.
int countPadded(const RandomGraph &graph);

/// Leaves out operations so long as the graph still fails.
RandomGraph shrink(RandomGraph graph);

} // namespace gptc::test

#endif // GPTC_TEST_PLAN_PLANHARNESS_H
