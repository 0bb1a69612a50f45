// The models of models/ against PyTorch: what `forward` gives under the trained weights of the
// training fixtures, and the loss under the first ones.
//
// PyTorch's outputs were computed in float32, the interpreter's are in float64: of logits of size 1
// to 10 out of sums of at most 132 terms and 2 layers, float32 keeps about 5 digits.
#include "ModelTesting.h"

#include "gptc/Reference/Interpreter.h"

#include "runtime/data/Safetensors.h"

#include <nlohmann/json.hpp>

#include <cstring>

using namespace gptc;
using namespace gptc::testing;
using nlohmann::json;

namespace {

LoadOptions optionsOf(const json &settings) {
  LoadOptions options;
  for (const auto &[name, value] : settings["set"].items())
    options.overrides.push_back(name + "=" + value.dump());
  return options;
}

void readWeights(const std::string &path, reference::Environment &environment) {
  runtime::Result<runtime::SafetensorsFile> file = runtime::SafetensorsFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  for (const runtime::SafetensorsFile::Tensor &tensor : file->tensors()) {
    std::vector<float> values(tensor.array.bytes.size() / sizeof(float));
    ASSERT_EQ(tensor.array.type, runtime::HostType::float32);
    std::memcpy(values.data(), tensor.array.bytes.data(), tensor.array.bytes.size());
    environment[tensor.name] =
        reference::Tensor(tensor.array.shape, std::vector<double>(values.begin(), values.end()));
  }
}

class ModelOracle : public ::testing::TestWithParam<const char *> {};

TEST_P(ModelOracle, OutputsUnderTrainedWeights) {
  std::string folder = sourcePath("test/oracle/") + GetParam() + "/";
  json expected = json::parse(readText(folder + "expected.json"));
  const json &settings = expected["settings"];
  std::string model =
      readText(sourcePath("models/" + settings["model"].get<std::string>() + ".gpt"));
  ASSERT_FALSE(expected["outputs"].empty());
  for (const json &output : expected["outputs"]) {
    LoadOptions options = optionsOf(settings);
    options.batchSize = 1;
    bool isSequence = settings.contains("sequence_length");
    if (isSequence)
      options.sequenceLength = output["tokens"].size();
    Loaded loaded(model, options);
    ASSERT_TRUE(loaded.model) << loaded.diagnostics.render();
    EXPECT_EQ(loaded.model.info.parameterCount(), expected["parameters"].get<int64_t>());
    reference::Environment environment;
    readWeights(folder + "final.safetensors", environment);
    for (const ModelInfo::Variable &parameter : loaded.model.info.parameters)
      EXPECT_TRUE(environment.contains(parameter.path)) << parameter.path;
    const ModelInfo::Input &input = loaded.model.info.inputs.front();
    if (input.isInt)
      environment[input.name] =
          reference::Tensor(input.shape, output[input.name].get<std::vector<int32_t>>());
    else
      environment[input.name] =
          reference::Tensor(input.shape, output[input.name].get<std::vector<double>>());
    llvm::Expected<reference::Tensors> results =
        reference::evaluate(*loaded.model.module, "logits", environment);
    ASSERT_TRUE(bool(results)) << llvm::toString(results.takeError());
    llvm::ArrayRef<double> values = results->front().reals();
    std::vector<double> wanted = output["output"].get<std::vector<double>>();
    ASSERT_GE(values.size(), wanted.size());
    values = values.take_back(wanted.size()); // of a sequence the last position
    for (size_t i = 0; i < wanted.size(); ++i)
      EXPECT_NEAR(values[i], wanted[i], 1e-4 * std::max(1.0, std::fabs(wanted[i]))) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ModelOracle,
                         ::testing::Values("bigram", "gpt2", "micrograd_adamw", "mlp"));

} // namespace
