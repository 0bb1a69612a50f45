// The graphs of the operations for which PyTorch's fixtures hold gradients.
#ifndef GPTC_TEST_AUTODIFF_ORACLEGRAPHS_H
#define GPTC_TEST_AUTODIFF_ORACLEGRAPHS_H

#include "GraphText.h"

#include <map>
#include <nlohmann/json.hpp>

namespace gptc::test {

/// A case of test/oracle/ops/*.json as a graph: what its operation gives from its inputs.
struct OracleCase {
  GraphText &graph;
  const nlohmann::json &attributes;
  std::map<std::string, Node> inputs;

  const Node &in(const std::string &name) const { return inputs.at(name); }
};

/// Writes the operation of that name; its outputs in the order of their names. None if there is no
/// graph for it.
std::vector<Node> buildOracleGraph(const std::string &op, OracleCase &oracle);

/// The two halves of the above: operations on elements, and all others.
std::vector<Node> buildElementwise(const std::string &op, OracleCase &oracle);
std::vector<Node> buildTensorOperation(const std::string &op, OracleCase &oracle);

} // namespace gptc::test

#endif // GPTC_TEST_AUTODIFF_ORACLEGRAPHS_H
