// Tensors before and after each entry, as safetensors.
#include "ConformanceFile.h"

#include "runtime/data/Safetensors.h"

#include <nlohmann/json.hpp>

using namespace gptc;
using namespace gptc::test;
using reference::Tensor;

runtime::Status gptc::test::writeConformanceFile(const std::string &path,
                                                 const std::vector<EntryExpectation> &entries) {
  std::vector<runtime::SafetensorsEntry> tensors;
  std::vector<const Tensor *> values;
  nlohmann::json tolerances = nlohmann::json::object();
  auto add = [&](const std::string &name, const Tensor &tensor) {
    tensors.push_back({name,
                       tensor.isReal() ? runtime::HostType::float32 : runtime::HostType::int32,
                       {tensor.getShape().begin(), tensor.getShape().end()}});
    values.push_back(&tensor);
  };
  for (const EntryExpectation &entry : entries) {
    nlohmann::json &own = tolerances[entry.entry] = nlohmann::json::object();
    for (const VariableExpectation &variable : entry.variables) {
      std::string name = entry.entry + "/" + variable.name;
      add("in/" + name, variable.before);
      if (!variable.after)
        continue;
      add("out/" + name, *variable.after);
      own[variable.name] = variable.tolerance;
    }
  }
  return runtime::writeSafetensors(
      path, tensors, {{"tolerances", tolerances.dump()}},
      [&](size_t index, runtime::FileWriter &writer) {
        const Tensor &tensor = *values[index];
        if (!tensor.isReal())
          return writer.write(
              std::as_bytes(std::span(tensor.integers().data(), tensor.integers().size())));
        std::vector<float> reals(tensor.reals().begin(), tensor.reals().end());
        return writer.write(std::as_bytes(std::span(reals)));
      });
}
