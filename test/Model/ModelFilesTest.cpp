// The descriptions that come with gptc parse, are formatted, and say what they are known to say.
#include "SyntaxTesting.h"

#include <algorithm>
#include <filesystem>

namespace gptc {
namespace {

std::filesystem::path modelsDirectory() {
  return std::filesystem::path(GPTC_SOURCE_DIR) / "models";
}

std::vector<std::string> modelFiles() {
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(modelsDirectory()))
    if (entry.path().extension() == ".gpt")
      names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

class ModelFile : public ::testing::TestWithParam<std::string> {};

TEST_P(ModelFile, ParsesAndIsFormatted) {
  std::string error;
  std::unique_ptr<SourceFile> source =
      SourceFile::load((modelsDirectory() / (GetParam() + ".gpt")).string(), error);
  ASSERT_NE(source, nullptr) << error;
  DiagnosticEngine diagnostics;
  std::unique_ptr<ast::File> file = parse(*source, diagnostics, {.requireModel = true});
  EXPECT_EQ(diagnostics.render(), "");
  EXPECT_FALSE(file->incomplete);
  std::optional<std::string> text = formatSource(*source, diagnostics);
  EXPECT_EQ(unifiedDiff(source->path(), "formatted", source->text(), text.value_or("")), "");
}

INSTANTIATE_TEST_SUITE_P(All, ModelFile, ::testing::ValuesIn(modelFiles()),
                         [](const auto &info) { return info.param; });

TEST(ModelFiles, AreThoseThatTheLanguageIsTriedOn) {
  std::vector<std::string> names = modelFiles();
  for (const char *name :
       {"bigram", "gpt2", "micrograd", "mlp", "mlp_batchnorm", "modern_gpt", "wavenet"})
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), name)) << name;
}

TEST(ModelFiles, Gpt2HasItsPresets) {
  std::string error;
  auto source = SourceFile::load((modelsDirectory() / "gpt2.gpt").string(), error);
  ASSERT_NE(source, nullptr) << error;
  DiagnosticEngine diagnostics;
  std::unique_ptr<ast::File> file = parse(*source, diagnostics);
  std::vector<std::string> presets;
  for (const ast::Preset &preset : file->presets) {
    std::string text = preset.name.text;
    for (const ast::Setting &setting : preset.settings)
      text += " " + setting.name.text + "=" + std::string(setting.value->range.text());
    presets.push_back(text);
  }
  EXPECT_EQ(presets,
            (std::vector<std::string>{
                "gpt2 n_layer=12 n_head=12 n_embd=768", "medium n_layer=24 n_head=16 n_embd=1024",
                "large n_layer=36 n_head=20 n_embd=1280", "xl n_layer=48 n_head=25 n_embd=1600",
                "gpt3_125m block_size=2048 n_layer=12 n_head=12 n_embd=768",
                "small block_size=64 n_layer=4 n_head=4 n_embd=128"}));
}

} // namespace
} // namespace gptc
