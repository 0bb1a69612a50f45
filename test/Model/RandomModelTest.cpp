// The front end never crashes and never fails in silence: programs that are right by the grammar
// and mostly wrong in meaning, and the models of models/ with pieces of them changed at random.
#include "ModelTesting.h"
#include "RandomProgram.h"

#include "mlir/IR/Verifier.h"

#include <cstdlib>
#include <random>

using namespace gptc;
using namespace gptc::testing;

namespace {

unsigned seedCount(unsigned usual) {
  const char *wanted = std::getenv("GPTC_RANDOM_SEEDS");
  return wanted ? std::strtoul(wanted, nullptr, 10) : usual;
}

/// Either a module that verifies, or errors.
void expectSound(const std::string &text, const std::string &where) {
  Loaded loaded(text, {.preset = "", .overrides = {}, .batchSize = {}, .sequenceLength = {}});
  ASSERT_EQ(bool(loaded.model), !loaded.diagnostics.hasErrors()) << where << "\n" << text;
  if (loaded.model)
    ASSERT_TRUE(mlir::succeeded(mlir::verify(*loaded.model.module))) << where << "\n" << text;
}

TEST(RandomModel, OfTheGrammar) {
  for (unsigned seed = 0; seed < seedCount(300); ++seed)
    expectSound(randomLayout(randomProgram(seed), seed), "seed " + std::to_string(seed));
}

/// The words and signs of a text.
std::vector<std::string> pieces(const std::string &text) {
  std::vector<std::string> found;
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    if (std::isalnum(static_cast<unsigned char>(text[i])))
      while (end < text.size() &&
             (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_'))
        ++end;
    found.push_back(text.substr(i, end - i));
    i = end;
  }
  return found;
}

TEST(RandomModel, WithPiecesChanged) {
  const char *names[] = {"bigram",  "gpt2",       "micrograd",    "mlp",
                         "wavenet", "modern_gpt", "mlp_batchnorm"};
  for (const char *name : names) {
    std::string text = readText(sourcePath("models/" + std::string(name) + ".gpt"));
    std::vector<std::string> original = pieces(text);
    for (unsigned seed = 0; seed < seedCount(150); ++seed) {
      std::mt19937 random(seed);
      std::vector<std::string> changed = original;
      for (unsigned edits = 1 + random() % 3; edits > 0; --edits) {
        size_t at = random() % changed.size();
        switch (random() % 3) {
        case 0: changed[at] = original[random() % original.size()]; break;
        case 1: changed[at].clear(); break;
        case 2: std::swap(changed[at], changed[random() % changed.size()]); break;
        }
      }
      std::string result;
      for (const std::string &piece : changed)
        result += piece;
      expectSound(result, std::string(name) + ", seed " + std::to_string(seed));
    }
  }
}

} // namespace
