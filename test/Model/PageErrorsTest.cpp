// The errors that the page about the language shows, in its words and at its places.
#include "ModelTesting.h"

using namespace gptc;
using namespace gptc::testing;

namespace {

/// The text of a model of the page with one piece of it replaced.
std::string edited(const std::string &path, const std::string &from, const std::string &to) {
  std::string text = readText(sourcePath(path));
  size_t place = text.find(from);
  EXPECT_NE(place, std::string::npos) << from;
  return place == std::string::npos ? text : text.replace(place, from.size(), to);
}

constexpr const char *tour = "test/Model/Inputs/tour.gpt";

TEST(PageErrors, LastAxis) {
  Loaded loaded(edited(tour, "gelu_tanh(c_fc(x))", "gelu_tanh(x)"), {}, "models/gpt2.gpt");
  EXPECT_EQ(loaded.diagnostics.render(), R"(models/gpt2.gpt:28:67: error: c_proj: last axis does not fit
   28 |     forward(x: [B, T, n_embd]) -> [B, T, n_embd] = dropout(c_proj(gelu_tanh(x)), dropout)
      |                                                                   ^~~~~~~~~~~~
   required: [..., 3072]   (n_in of Conv1D(4 * n_embd, n_embd), models/gpt2.gpt:27:14)
   found:    [B, T, 768]
1 error
)");
}

TEST(PageErrors, UnknownSize) {
  Loaded loaded(edited(tour, "heads(x: [B, T, n_embd])", "heads(x: [B, T, n_emdb])"), {},
                "models/gpt2.gpt");
  EXPECT_EQ(loaded.diagnostics.render(), R"(models/gpt2.gpt:10:21: error: unknown size n_emdb; did you mean n_embd? (only a name that begins with a capital can be bound here)
   10 | def heads(x: [B, T, n_emdb]) = rearrange(x, [B, T, n_head * D] -> [B, n_head, T, D])
      |                     ^~~~~~
1 error
)");
}

TEST(PageErrors, NotWhole) {
  LoadOptions options;
  options.overrides = {"n_embd=770"};
  Loaded loaded(readText(sourcePath(tour)), options, "models/gpt2.gpt");
  EXPECT_EQ(loaded.diagnostics.render(), R"(models/gpt2.gpt:10:52: error: D is not whole: required n_embd = n_head * D, found 770 = 12 * 64.17 (n_embd comes from --set)
   10 | def heads(x: [B, T, n_embd]) = rearrange(x, [B, T, n_head * D] -> [B, n_head, T, D])
      |                                                    ^~~~~~~~~~
1 error
)");
}

TEST(PageErrors, NoParameter) {
  Loaded loaded(edited(tour, "weight = normal(0.02)", "std = 0.02"), {}, "models/gpt2.gpt");
  EXPECT_EQ(loaded.diagnostics.render(), R"(models/gpt2.gpt:40:42: error: Embedding has no parameter "std"; it has weight. Hint: weight = normal(0.02)
   40 |     wte  = Embedding(vocab_size, n_embd, std = 0.02)
      |                                          ^~~~~~~~~~
1 error
)");
}

TEST(PageErrors, BothStretched) {
  std::string text = edited("models/micrograd.gpt", "loss(score: [B]", "loss(score: [B, 1]");
  size_t forward = text.find(" -> [B] = rearrange(");
  size_t end = text.find(", [B, 1] -> [B])");
  ASSERT_NE(end, std::string::npos);
  text.erase(end, 16).replace(forward, 20, " -> [B, 1] = ");
  Loaded loaded(text, {}, "models/micrograd.gpt");
  EXPECT_EQ(loaded.diagnostics.render(), R"(models/micrograd.gpt:8:65: error: *: both operands would be stretched: [B] with [B, 1]. Hint: rearrange(score, [B, 1] -> [B])
    8 |     loss(score: [B, 1], label: [B]) -> [] = mean(relu(1 - label * score)) + alpha * l2(parameters)
      |                                                                 ^
1 error
)");
}

TEST(PageErrors, ElementwiseNeedsNumbers) {
  Loaded loaded(edited("models/modern_gpt.gpt", "tanh(x / limit)", "tanh(x / mean(x))"), {},
                "models/modern_gpt.gpt");
  EXPECT_EQ(loaded.diagnostics.render(), R"(models/modern_gpt.gpt:7:42: error: mean needs a tensor, but softcap is elementwise: its inputs have no shape. Hint: softcap(x: [..., C], limit)
    7 | def softcap(x, limit) = limit * tanh(x / mean(x))
      |                                          ^~~~
1 error
)");
}

TEST(PageErrors, NoConfigValue) {
  LoadOptions options;
  options.overrides = {"n_layers=4"};
  Loaded loaded(readText(sourcePath(tour)), options, "models/gpt2.gpt");
  EXPECT_EQ(loaded.diagnostics.render(),
            "--set n_layers=4: error: models/gpt2.gpt has no config value n_layers; did you mean "
            "n_layer?\n1 error\n");
}

TEST(PageErrors, AllInOneRun) {
  std::string text = edited(tour, "gelu_tanh(c_fc(x))", "gelu_tanh(x)");
  text.replace(text.find("Embedding(vocab_size, n_embd, weight = normal(0.02))"), 52,
               "Embedding(vocab_size, n_embd, std = 0.02)");
  LoadOptions options;
  options.overrides = {"n_embd=770", "n_layers=4"};
  Loaded loaded(text, options, "models/gpt2.gpt");
  std::string places;
  for (const Diagnostic *diagnostic : loaded.diagnostics.sorted())
    places += diagnostic->range().isValid() ? toString(diagnostic->range().start()) + "\n"
                                            : diagnostic->subject() + "\n";
  EXPECT_EQ(places, "models/gpt2.gpt:10:52\nmodels/gpt2.gpt:28:67\nmodels/gpt2.gpt:40:42\n"
                    "--set n_layers=4\n");
}

TEST(PageErrors, AFileThatIsNotThere) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  DiagnosticEngine diagnostics;
  LoadedModel model = loadModel("/nowhere/model.gpt", {}, context, diagnostics);
  EXPECT_FALSE(model);
  EXPECT_EQ(diagnostics.render(),
            "error: /nowhere/model.gpt: cannot open: No such file or directory\n1 error\n");
}

} // namespace
