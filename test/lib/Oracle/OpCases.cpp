// Reading op fixtures.
#include "test/lib/Oracle/OpCases.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

using namespace gptc;
using namespace gptc::test;
using nlohmann::json;

static reference::Tensor readTensor(const json &entry) {
  auto shape = entry["shape"].get<std::vector<int64_t>>();
  if (entry["type"] == "int64")
    return reference::Tensor(shape, entry["values"].get<std::vector<int32_t>>());
  return reference::Tensor(shape, entry["values"].get<std::vector<double>>());
}

static std::vector<NamedTensor> readTensors(const json &entries) {
  std::vector<NamedTensor> tensors;
  for (const auto &[name, entry] : entries.items())
    tensors.push_back({name, readTensor(entry)});
  return tensors;
}

const reference::Tensor &OpCase::input(const std::string &wanted) const {
  for (const NamedTensor &tensor : inputs)
    if (tensor.name == wanted)
      return tensor.value;
  fmt::print(stderr, "{}: {}: there is no input {}\n", file, name, wanted);
  std::abort();
}

std::vector<OpCase> gptc::test::readOpCases(const std::string &folder) {
  std::vector<std::filesystem::path> files;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());

  std::vector<OpCase> cases;
  for (const std::filesystem::path &file : files) {
    std::ifstream stream(file);
    // Fixtures are our own: what is wrong with one ends the test.
    json document = json::parse(stream);
    for (const json &entry : document["cases"])
      cases.push_back({file.stem().string(), entry["name"], entry["op"], entry["attributes"],
                       readTensors(entry["inputs"]), readTensors(entry["outputs"]),
                       readTensors(entry["output_gradients"]), readTensors(entry["gradients"])});
  }
  return cases;
}

std::string gptc::test::getTypeText(const reference::Tensor &tensor, const std::string &real) {
  std::string text = "tensor<";
  for (int64_t size : tensor.getShape())
    text += fmt::format("{}x", size);
  return text + (tensor.isReal() ? real : "i32") + ">";
}

std::string gptc::test::getModuleText(const OpCase &opCase, const std::string &real) {
  std::string body = getBodyText(opCase, real), arguments, results, types;
  if (body.empty())
    return body;
  for (const NamedTensor &input : opCase.inputs)
    arguments += fmt::format("{}%in_{}: {}", arguments.empty() ? "" : ", ", input.name,
                             getTypeText(input.value, real));
  for (const NamedTensor &output : opCase.outputs) {
    results += fmt::format("{}%out_{}", results.empty() ? "" : ", ", output.name);
    types += (types.empty() ? "" : ", ") + getTypeText(output.value, real);
  }
  return fmt::format("func.func @f({}) -> ({}) {{\n{}\n  return {} : {}\n}}\n", arguments, types,
                     body, results, types);
}
