// What a model is besides its graph: parameters, inputs, sizes; for the models of models/ too.
#include "ModelTesting.h"

#include "mlir/IR/Verifier.h"

using namespace gptc;
using namespace gptc::testing;

namespace {

struct Count {
  const char *model, *preset;
  int64_t parameters;
};

class ParameterCounts : public ::testing::TestWithParam<Count> {};

TEST_P(ParameterCounts, AreTheKnownOnes) {
  LoadOptions options;
  options.preset = GetParam().preset;
  std::string path = sourcePath("models/" + std::string(GetParam().model) + ".gpt");
  Loaded loaded(readText(path), options);
  EXPECT_EQ(loaded.diagnostics.render(), "");
  ASSERT_TRUE(loaded.model);
  EXPECT_EQ(loaded.model.info.parameterCount(), GetParam().parameters);
  EXPECT_TRUE(mlir::succeeded(mlir::verify(*loaded.model.module)));
}

// GPT-2's are those of the released weights; gpt3_125m has 1024 positions more. mlp.gpt has a bias
// of 200 that mlp_batchnorm.gpt drops, and not its norm's two vectors of 200.
INSTANTIATE_TEST_SUITE_P(
    All, ParameterCounts,
    ::testing::Values(Count{"gpt2", "", 124439808}, Count{"gpt2", "gpt2", 124439808},
                      Count{"gpt2", "medium", 354823168}, Count{"gpt2", "large", 774030080},
                      Count{"gpt2", "xl", 1557611200},
                      Count{"gpt2", "gpt3_125m", 124439808 + 1024 * 768}, Count{"bigram", "", 729},
                      Count{"micrograd", "", 337}, Count{"mlp", "", 11897},
                      Count{"mlp_batchnorm", "", 12097}, Count{"wavenet", "", 76579},
                      Count{"modern_gpt", "", 152783616}));

TEST(ModelInfo, OfGpt2) {
  LoadOptions options;
  options.preset = "medium";
  options.overrides = {"n_layer=2", "block_size = 2 * 64"};
  options.batchSize = 3;
  Loaded loaded(readText(sourcePath("models/gpt2.gpt")), options);
  ASSERT_TRUE(loaded.model) << loaded.diagnostics.render();
  const ModelInfo &info = loaded.model.info;
  EXPECT_EQ(info.name, "GPT2");
  EXPECT_TRUE(info.hasLoss);
  ASSERT_EQ(info.config.size(), 7u);
  EXPECT_EQ(info.config[1].name, "block_size");
  EXPECT_EQ(info.config[1].value, 128);
  EXPECT_EQ(info.config[4].value, 1024); // n_embd, from the preset
  EXPECT_EQ(info.config[6].name, "residual_std");
  EXPECT_EQ(info.config[6].value, 0.01); // derived: 0.02 / sqrt(2 * 2)
  EXPECT_EQ(info.sequenceLimit, 128);
  EXPECT_EQ(info.freeSize("B"), 3);
  EXPECT_EQ(info.freeSize("T"), 128);
  EXPECT_EQ(info.freeSize("C"), std::nullopt);

  // Names, shapes and order as in Hugging Face's files.
  ASSERT_EQ(info.parameters.size(), 2u + 2 * 12 + 2);
  EXPECT_EQ(info.parameters[0].path, "transformer.wte.weight");
  EXPECT_EQ(info.parameters[2].path, "transformer.h.0.ln_1.weight");
  EXPECT_EQ(info.parameters[4].path, "transformer.h.0.attn.c_attn.weight");
  EXPECT_EQ(info.parameters[4].shape, (std::vector<int64_t>{1024, 3072}));
  // Of layer 1, after 2 embeddings and the 12 of layer 0.
  EXPECT_EQ(info.parameters[18].path, "transformer.h.1.attn.c_proj.weight");
  EXPECT_EQ(info.parameters[18].a, 0.01);
  EXPECT_EQ(info.parameters[18].init, gpt::InitKind::normal);
  EXPECT_TRUE(info.parameters[18].decays);
  EXPECT_FALSE(info.parameters[19].decays);
  EXPECT_EQ(info.parameters.back().path, "transformer.ln_f.bias");

  ASSERT_EQ(info.inputs.size(), 2u);
  EXPECT_EQ(info.inputs[0].name, "tokens");
  EXPECT_EQ(info.inputs[0].shape, (std::vector<int64_t>{3, 128}));
  EXPECT_TRUE(info.inputs[0].isInt);
  EXPECT_EQ(info.inputs[0].limit, 50257);
  EXPECT_FALSE(info.inputs[0].isOfLoss);
  EXPECT_TRUE(info.inputs[1].isOfLoss);
}

TEST(ModelInfo, OpenSizes) {
  Loaded loaded("config: c = none\n"
                "model M:\n"
                "    forward(x: [B, 3], y: [B, 2 * T], z: [T <= 10]) = sum(y) + sum(x) + sum(z)\n");
  ASSERT_TRUE(loaded.model) << loaded.diagnostics.render();
  const ModelInfo &info = loaded.model.info;
  EXPECT_EQ(info.inputs[1].shape, (std::vector<int64_t>{4, 20}));
  EXPECT_EQ(info.sequenceLimit, 10);
  EXPECT_FALSE(info.hasLoss);
  EXPECT_EQ(info.config[0].value, std::nullopt);
  EXPECT_EQ(info.parameterCount(), 0);
}

TEST(ModelInfo, DefaultsWithoutALimit) {
  Loaded loaded("model M:\n    forward(x: [B, T]) = x\n");
  ASSERT_TRUE(loaded.model) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.model.info.freeSize("B"), LoadOptions::defaultBatchSize);
  EXPECT_EQ(loaded.model.info.freeSize("T"), LoadOptions::defaultSequenceLength);
  EXPECT_EQ(loaded.model.info.sequenceLimit, std::nullopt);
}

TEST(ModelInfo, LimitsOfIndices) {
  Loaded loaded("model M:\n"
                "    small = Embedding(5, 2)\n"
                "    large = Embedding(9, 2)\n"
                "    forward(i: int[B, 4], j: int[B], k: int[B]) =\n"
                "    loss(y: [B, 2], t: int[B, 3]) -> [] = cross_entropy(y, t[:, 1])\n");
  EXPECT_FALSE(loaded.model);
  Loaded fixed("model M:\n"
               "    small = Embedding(5, 2)\n"
               "    large = Embedding(9, 2)\n"
               "    forward(i: int[B, 4], j: int[B], k: int[B]):\n"
               "        a = large(i[:, 0]) + small(rearrange(i, [B, C] -> [C, B])[1])\n"
               "        return a + large(j) + sum(pick(a, k)) * 0\n"
               "    loss(y: [B, 2], t: int[B, 3]) -> [] = cross_entropy(y, t[:, 1])\n",
               {.preset = "", .overrides = {}, .batchSize = 2, .sequenceLength = {}});
  ASSERT_TRUE(fixed.model) << fixed.diagnostics.render();
  const std::vector<ModelInfo::Input> &inputs = fixed.model.info.inputs;
  EXPECT_EQ(inputs[0].limit, 5); // the smaller of two tables
  EXPECT_EQ(inputs[1].limit, 9);
  EXPECT_EQ(inputs[2].limit, std::nullopt); // pick gives 0 outside
  EXPECT_EQ(inputs[3].limit, 2);            // classes
}

TEST(ModelInfo, CopiesAreListedOneByOne) {
  Loaded loaded("module Leaf(n):\n"
                "    param w: [n, n] = zeros, decay = false\n"
                "    param b: [n] = constant(3), decay = true\n"
                "    forward(x: [..., m2]) = x\n");
  EXPECT_FALSE(loaded.model);
  Loaded nested("module Leaf(n):\n"
                "    param w: [n, n] = zeros, decay = false\n"
                "    param b: [4] = constant(3), decay = true\n"
                "    state s: [4] = uniform(-1, 2)\n"
                "    forward(x: [..., 4]) = x * sum(w) + b + s\n"
                "module Pair:\n"
                "    leaf = repeat 2: Leaf(4)\n"
                "    grow = repeat i in 2: Leaf(2^i)\n"
                "    forward(x: [..., 4]) = grow(leaf(x))\n"
                "model M:\n"
                "    h = repeat 2: Pair()\n"
                "    forward(x: [B, 4]) = h(x)\n");
  ASSERT_TRUE(nested.model) << nested.diagnostics.render();
  const ModelInfo &info = nested.model.info;
  std::string paths;
  for (const ModelInfo::Variable &parameter : info.parameters)
    paths += parameter.path + (parameter.decays ? "+ " : " ");
  EXPECT_EQ(paths, "h.0.leaf.0.w h.0.leaf.0.b+ h.0.leaf.1.w h.0.leaf.1.b+ "
                   "h.0.grow.0.w h.0.grow.0.b+ h.0.grow.1.w h.0.grow.1.b+ "
                   "h.1.leaf.0.w h.1.leaf.0.b+ h.1.leaf.1.w h.1.leaf.1.b+ "
                   "h.1.grow.0.w h.1.grow.0.b+ h.1.grow.1.w h.1.grow.1.b+ ");
  EXPECT_EQ(info.parameters[4].count(), 1);
  EXPECT_EQ(info.parameters[6].count(), 4);
  ASSERT_EQ(info.states.size(), 8u);
  EXPECT_EQ(info.states[0].b, 2);
  EXPECT_FALSE(info.states[0].decays);
}

} // namespace
