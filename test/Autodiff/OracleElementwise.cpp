// The scalar functions of PyTorch's fixtures, as a description's prelude would have them.
#include "OracleGraphs.h"

using namespace gptc::test;

/// Lines that compute %r from %a (and %b, %c), by the fixture's name.
static const std::map<std::string, const char *> functions = {
    {"exp", "%r = math.exp %a : f64"},
    {"log", "%r = math.log %a : f64"},
    {"sqrt", "%r = math.sqrt %a : f64"},
    {"rsqrt", "%r = math.rsqrt %a : f64"},
    {"sin", "%r = math.sin %a : f64"},
    {"cos", "%r = math.cos %a : f64"},
    {"tanh", "%r = math.tanh %a : f64"},
    {"erf", "%r = math.erf %a : f64"},
    {"abs", "%r = math.absf %a : f64"},
    {"sigmoid", R"(
      %one = arith.constant 1.0 : f64
      %0 = arith.negf %a : f64
      %1 = math.exp %0 : f64
      %2 = arith.addf %one, %1 : f64
      %r = arith.divf %one, %2 : f64)"},
    {"silu", R"(
      %one = arith.constant 1.0 : f64
      %0 = arith.negf %a : f64
      %1 = math.exp %0 : f64
      %2 = arith.addf %one, %1 : f64
      %3 = arith.divf %one, %2 : f64
      %r = arith.mulf %a, %3 : f64)"},
    {"gelu", R"(
      %one = arith.constant 1.0 : f64
      %half = arith.constant 0.5 : f64
      %root = arith.constant 1.4142135623730951 : f64
      %0 = arith.divf %a, %root : f64
      %1 = math.erf %0 : f64
      %2 = arith.addf %one, %1 : f64
      %3 = arith.mulf %half, %a : f64
      %r = arith.mulf %3, %2 : f64)"},
    {"gelu_tanh", R"(
      %one = arith.constant 1.0 : f64
      %half = arith.constant 0.5 : f64
      %three = arith.constant 3.0 : f64
      %c0 = arith.constant 0.044715 : f64
      %c1 = arith.constant 0.79788456080286541 : f64
      %0 = math.powf %a, %three : f64
      %1 = arith.mulf %c0, %0 : f64
      %2 = arith.addf %a, %1 : f64
      %3 = arith.mulf %c1, %2 : f64
      %4 = math.tanh %3 : f64
      %5 = arith.addf %one, %4 : f64
      %6 = arith.mulf %half, %a : f64
      %r = arith.mulf %6, %5 : f64)"},
    {"softplus", R"(
      %0 = math.absf %a : f64
      %1 = arith.negf %0 : f64
      %2 = math.exp %1 : f64
      %3 = math.log1p %2 : f64
      %half = arith.constant 0.5 : f64
      %4 = arith.addf %a, %0 : f64
      %5 = arith.mulf %half, %4 : f64
      %r = arith.addf %5, %3 : f64)"},
    {"square", "%n = arith.constant 2.0 : f64\n%r = math.powf %a, %n : f64"},
    {"cube", "%n = arith.constant 3.0 : f64\n%r = math.powf %a, %n : f64"},
    {"inverse_square", "%n = arith.constant -2.0 : f64\n%r = math.powf %a, %n : f64"},
    {"relu", "%zero = arith.constant 0.0 : f64\n%r = arith.maximumf %a, %zero : f64"},
    {"max_zero", "%zero = arith.constant 0.0 : f64\n%r = arith.maximumf %a, %zero : f64"},
    {"min_zero", "%zero = arith.constant 0.0 : f64\n%r = arith.minimumf %zero, %a : f64"},
    {"max", "%r = arith.maximumf %a, %b : f64"},
    {"min", "%r = arith.minimumf %a, %b : f64"},
    {"power", "%r = math.powf %a, %b : f64"},
    {"add", "%r = arith.addf %a, %b : f64"},
    {"subtract", "%r = arith.subf %a, %b : f64"},
    {"multiply", "%r = arith.mulf %a, %b : f64"},
    {"divide", "%r = arith.divf %a, %b : f64"},
    {"lerp", R"(
      %0 = arith.subf %b, %a : f64
      %1 = arith.mulf %c, %0 : f64
      %r = arith.addf %a, %1 : f64)"},
};

std::vector<Node> gptc::test::buildElementwise(const std::string &op, OracleCase &oracle) {
  auto given = [&](std::initializer_list<const char *> names) {
    std::vector<Node> nodes;
    for (const char *name : names)
      if (oracle.inputs.count(name))
        nodes.push_back(oracle.in(name));
    return nodes;
  };
  if (op == "where") {
    std::vector<Node> operands = given({"c", "a", "b"});
    return {oracle.graph.map(operands[0].shape, operands, R"(
      %zero = arith.constant 0.0 : f64
      %0 = arith.cmpf une, %a, %zero : f64
      %r = arith.select %0, %b, %c : f64)")};
  }
  auto found = functions.find(op);
  if (found == functions.end())
    return {};
  std::vector<Node> operands = given({"x", "a", "y", "b", "w"});
  return {oracle.graph.map(operands[0].shape, operands, found->second)};
}

std::vector<Node> gptc::test::buildOracleGraph(const std::string &op, OracleCase &oracle) {
  // A pattern of axes tells a reduction `max` from the elementwise one.
  std::vector<Node> outputs;
  if (!oracle.attributes.contains("pattern"))
    outputs = buildElementwise(op, oracle);
  return outputs.empty() ? buildTensorOperation(op, oracle) : outputs;
}
