// Values, variables and shapes of random graphs.
#include "RandomGraphBuilder.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace gptc::test;

static int64_t countOf(const Shape &shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

std::string gptc::test::typeText(const Shape &shape, bool integer) {
  return fmt::format("tensor<{}{}{}>", fmt::join(shape, "x"), shape.empty() ? "" : "x",
                     integer ? "i32" : "f32");
}

std::string RandomGraph::text() const {
  std::string text;
  for (const RandomVariable &variable : variables) {
    bool starts =
        variable.kind == "parameter" || variable.kind == "state" || variable.kind == "moment";
    bool isOwned = std::any_of(variables.begin(), variables.end(), [&](const RandomVariable &one) {
      return one.name == variable.owner; // which may have been left out
    });
    text += fmt::format("gpt.variable @{} {}{}{} : {}\n", variable.name, variable.kind,
                        starts ? " init(#gpt.init<constant, 0.0, 0.0>)" : "",
                        isOwned ? " of @" + variable.owner : "",
                        typeText(variable.shape, variable.isInteger()));
  }
  text += "func.func @" + entry + "() {\n";
  for (const Statement &statement : statements)
    text += "  " + statement.text + "\n";
  return text + "  return\n}\n";
}

bool RandomGraph::holds(const std::string &operation) const {
  return std::any_of(statements.begin(), statements.end(), [&](const Statement &statement) {
    return statement.text.find(operation) != std::string::npos;
  });
}

RandomGraph gptc::test::makeRandomGraph(unsigned seed, int operations, bool modelLike) {
  RandomGraph graph;
  graph.entry = "graph" + std::to_string(seed);
  RandomGraphBuilder builder(seed, graph, modelLike);
  for (int i = 0; i < operations; ++i)
    builder.addOperation();
  builder.finish();
  return graph;
}

RandomGraphBuilder::RandomGraphBuilder(unsigned seed, RandomGraph &graph, bool modelLike)
    : random(seed), graph(graph), modelLike(modelLike) {
  // Few sizes a graph, so that axes coincide. Rows from 128 on are padded; columns come in blocks
  // of 256.
  static const std::vector<int64_t> small{1, 1, 2, 3, 4, 5, 7, 8},
      middle{12, 13, 16, 17, 31, 33, 64, 67},
      large{127, 128, 129, 130, 144, 192, 255, 256, 257, 263, 300};
  sizes = {oneOf(small), oneOf(small), oneOf(middle), oneOf(large)};
  if (chance(0.5))
    sizes.push_back(1);
  // Launches of more than 16384 elements are shared among threads.
  mostElements = oneOf<int64_t>({4000, 12000, 60000});
  for (int i = 1 + below(3); i > 0; --i)
    readNew(shape(1, 4));
}

Shape RandomGraphBuilder::shape(int leastAxes, int mostAxes) {
  Shape shape(leastAxes + below(mostAxes - leastAxes + 1));
  do
    std::generate(shape.begin(), shape.end(), [&] { return size(); });
  while (countOf(shape) > mostElements);
  return shape;
}

Shape RandomGraphBuilder::stretchable(const Shape &shape) {
  Shape result = shape;
  if (chance(0.3))
    result.erase(result.begin(), result.begin() + below(result.size() + 1));
  if (!result.empty() && chance(0.3))
    result.back() = 1;
  for (int64_t &size : result)
    if (chance(0.15))
      size = 1;
  return result;
}

int RandomGraphBuilder::declare(const std::string &kind, const Shape &shape, int limit,
                                int lowest) {
  std::string name = fmt::format("{}_{}", graph.entry, graph.variables.size());
  RandomVariable variable{name, kind, shape, limit, lowest};
  // As in a model: padding goes along from a parameter to its gradient and moments.
  for (const RandomVariable &other : graph.variables) {
    bool fits = other.kind == "parameter" && other.shape == shape;
    bool hasGradient =
        std::any_of(graph.variables.begin(), graph.variables.end(), [&](const RandomVariable &one) {
          return one.kind == "gradient" && one.owner == other.name;
        });
    if (fits && (kind == "moment" || (kind == "gradient" && !hasGradient)))
      variable.owner = other.name;
  }
  graph.variables.push_back(variable);
  return graph.variables.size() - 1;
}

int RandomGraphBuilder::append(const std::string &text, const std::vector<std::string> &uses,
                               std::vector<Choice> results) {
  Statement statement{text, {}, uses};
  for (Choice &result : results) {
    result.name = fresh();
    statement.makes.push_back(result.name);
  }
  statement.text = fmt::format("{} = {}", fmt::join(statement.makes, ", "), text);
  graph.statements.push_back(statement);
  int first = values.size();
  values.insert(values.end(), results.begin(), results.end());
  return first;
}

int RandomGraphBuilder::read(int variable) {
  const RandomVariable &from = graph.variables[variable];
  return append(fmt::format("gpt.read @{} : {}", from.name, typeText(from.shape, from.isInteger())),
                {}, {{"", from.shape, 1, from.limit, 0}});
}

int RandomGraphBuilder::readNew(const Shape &shape) {
  static const std::vector<std::string> kinds{"input",  "parameter", "state",
                                              "moment", "gradient",  "output"};
  return read(declare(modelLike && chance(0.5) ? "parameter" : oneOf(kinds), shape));
}

int RandomGraphBuilder::readIndices(const Shape &shape, int limit) {
  return read(declare("input", shape, limit));
}

int RandomGraphBuilder::real(int leastAxes) {
  std::vector<int> fitting, unused;
  for (int i = 0; i < static_cast<int>(values.size()); ++i)
    if (values[i].limit == 0 && static_cast<int>(values[i].shape.size()) >= leastAxes) {
      fitting.push_back(i);
      if (values[i].uses == 0)
        unused.push_back(i);
    }
  if (!unused.empty() && chance(0.6))
    return oneOf(unused);
  return fitting.empty() || chance(0.1) ? readNew(shape(std::max(leastAxes, 1), 4))
                                        : oneOf(fitting);
}

int RandomGraphBuilder::any() { return chance(0.93) ? real() : readIndices(shape(1, 3), 5); }

int RandomGraphBuilder::withShape(const Shape &shape) {
  std::vector<int> fitting;
  for (int i = 0; i < static_cast<int>(values.size()); ++i)
    if (values[i].limit == 0 && values[i].shape == shape)
      fitting.push_back(i);
  return fitting.empty() || chance(0.2) ? readNew(shape) : oneOf(fitting);
}

void RandomGraphBuilder::writeTo(int variable, int value) {
  const RandomVariable &to = graph.variables[variable];
  bool accumulate = chance(0.35);
  std::string name = use(value);
  graph.statements.push_back({fmt::format("gpt.write @{}, {}{} : {}", to.name, name,
                                          accumulate ? " accumulate" : "", type(value)),
                              {},
                              {name}});
}

void RandomGraphBuilder::write(int value) {
  if (at(value).limit != 0) { // outputs are real
    std::string name = use(value), result = typeText(at(value).shape);
    value = append(
        fmt::format(
            "gpt.map({}) : ({}) -> {} {{\n  ^bb0(%a: i32):\n    %b = arith.sitofp %a : i32 to f32\n"
            "    gpt.yield %b : f32\n  }}",
            name, type(value), result),
        {name}, {{"", at(value).shape, static_cast<double>(at(value).limit), 0, 0}});
  }
  // To a variable that is there, which somebody may read or write too, or to a new one.
  std::vector<int> fitting;
  for (int i = 0; i < static_cast<int>(graph.variables.size()); ++i) {
    const RandomVariable &variable = graph.variables[i];
    if (variable.shape == at(value).shape && variable.kind != "input")
      fitting.push_back(i);
  }
  static const std::vector<std::string> kinds{"output", "gradient", "state"};
  bool fits = !fitting.empty() && chance(modelLike ? 0.2 : 0.6);
  writeTo(fits ? oneOf(fitting) : declare(oneOf(kinds), at(value).shape), value);
  if (chance(0.1))
    write(value);
}

void RandomGraphBuilder::finish() {
  std::vector<int> order(values.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  for (int value : order)
    if (values[value].uses == 0 ? chance(0.9) : chance(0.05))
      write(value);
}
