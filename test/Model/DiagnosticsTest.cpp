// The printed form of diagnostics, their order, and guesses at misspelt names.
#include "SyntaxTesting.h"

namespace gptc {
namespace {

TEST(Diagnostics, PrintTheLineTheCaretAndTheDetails) {
  std::string line = "    forward(x: [B, T, n_embd]) -> [B, T, n_embd] = "
                     "dropout(c_proj(gelu_tanh(x)), dropout)";
  SourceFile source("models/gpt2.gpt", std::string(27, '\n') + line + "\n");
  DiagnosticEngine diagnostics;
  uint32_t begin = 27 + line.find("gelu_tanh");
  diagnostics.error(source.range(begin, begin + 12), "c_proj: last axis does not fit")
      .required("[..., 3072]   (n_in of Conv1D(4 * n_embd, n_embd), models/gpt2.gpt:27:14)")
      .found("[B, T, 768]");
  EXPECT_EQ(diagnostics.render(),
            "models/gpt2.gpt:28:67: error: c_proj: last axis does not fit\n"
            "   28 |     forward(x: [B, T, n_embd]) -> [B, T, n_embd] = "
            "dropout(c_proj(gelu_tanh(x)), dropout)\n"
            "      |                                                                "
            "   ^~~~~~~~~~~~\n"
            "   required: [..., 3072]   (n_in of Conv1D(4 * n_embd, n_embd), "
            "models/gpt2.gpt:27:14)\n"
            "   found:    [B, T, 768]\n"
            "1 error\n");
}

TEST(Diagnostics, HintsBelongToTheMessageAndNotesHaveTheirOwnPlace) {
  SourceFile source("a.gpt", "one\ntwo\n");
  DiagnosticEngine diagnostics;
  diagnostics.warning(source.range(4, 7), "unused").hint("drop it").note(source.range(0, 3), "see");
  EXPECT_EQ(diagnostics.render(), "a.gpt:2:1: warning: unused. Hint: drop it\n"
                                  "    2 | two\n"
                                  "      | ^~~\n"
                                  "a.gpt:1:1: note: see\n"
                                  "    1 | one\n"
                                  "      | ^~~\n"
                                  "1 warning\n");
}

TEST(Diagnostics, StandInSourceOrderWithThePlacelessLast) {
  SourceFile model("model.gpt", "a b c\n"), prelude("<prelude>", "p\n", SourceFile::Kind::Prelude);
  DiagnosticEngine diagnostics;
  diagnostics.error("--set n_layers=4",
                    "models/gpt2.gpt has no config value n_layers; did you mean n_layer?");
  diagnostics.error(model.range(4, 5), "third");
  diagnostics.error(prelude.range(0, 1), "fourth");
  diagnostics.warning(model.range(2, 3), "second");
  diagnostics.error(model.range(0, 1), "first");
  EXPECT_EQ(testing::summaries(diagnostics),
            (testing::Lines{"1:1 'a' first", "1:3 'b' second", "1:5 'c' third", "1:1 'p' fourth",
                            "--set n_layers=4 models/gpt2.gpt has no config value n_layers; did "
                            "you mean n_layer?"}));
  std::string text = diagnostics.render();
  EXPECT_NE(text.find("\n--set n_layers=4: error: models/gpt2.gpt has no config value"),
            std::string::npos);
  EXPECT_TRUE(text.ends_with("\n4 errors, 1 warning\n"));
}

TEST(Diagnostics, SayTheSameAtTheSamePlaceOnce) {
  SourceFile source("a.gpt", "one two\n");
  DiagnosticEngine diagnostics;
  for (int copy = 0; copy < 3; ++copy) {
    diagnostics.error(source.range(0, 3), "wrong").found("1");
    diagnostics.error(source.range(4, 7), "wrong");
    diagnostics.error("--set a=1", "wrong");
    diagnostics.error("--set b=1", "wrong");
  }
  EXPECT_EQ(diagnostics.errorCount(), 4u);
  ASSERT_EQ(diagnostics.sorted().size(), 4u);
  EXPECT_EQ(diagnostics.sorted()[0]->lines(), (testing::Lines{"found:    1"}));
}

TEST(Diagnostics, PrintAHundredAndCountAll) {
  SourceFile source("a.gpt", std::string(5000, 'x'));
  DiagnosticEngine diagnostics;
  for (uint32_t i = 0; i < 2500; ++i)
    diagnostics.error(source.range(i, i + 1), "wrong");
  std::string text = diagnostics.render();
  EXPECT_TRUE(text.ends_with("(2400 more not shown)\n2500 errors\n"));
  EXPECT_EQ(diagnostics.sorted().size(), DiagnosticEngine::maxKept);
}

TEST(Diagnostics, ShowLongLinesAroundTheCaret) {
  SourceFile source("a.gpt", std::string(300, 'a') + "b" + std::string(300, 'c'));
  DiagnosticEngine diagnostics;
  diagnostics.error(source.range(300, 301), "here");
  EXPECT_EQ(diagnostics.render(), "a.gpt:1:301: error: here\n"
                                  "    1 | …" +
                                      std::string(100, 'a') + "b" + std::string(139, 'c') +
                                      "…\n      | " + std::string(101, ' ') + "^\n1 error\n");
}

TEST(Diagnostics, PlaceTheCaretByCodePointsAndBehindTheLine) {
  SourceFile source("a.gpt", "ä = β\n");
  DiagnosticEngine diagnostics;
  diagnostics.error(source.range(5, 7), "beta");
  diagnostics.error(source.range(7, 7), "end");
  EXPECT_EQ(diagnostics.render(), "a.gpt:1:5: error: beta\n"
                                  "    1 | ä = β\n"
                                  "      |     ^\n"
                                  "a.gpt:1:6: error: end\n"
                                  "    1 | ä = β\n"
                                  "      |      ^\n"
                                  "2 errors\n");
}

TEST(Diagnostics, UnderlineTheFirstLineOfALongRange) {
  SourceFile source("a.gpt", "f(a,\n  b)\n");
  DiagnosticEngine diagnostics;
  diagnostics.error(source.range(0, 9), "call");
  EXPECT_EQ(diagnostics.render(), "a.gpt:1:1: error: call\n"
                                  "    1 | f(a,\n"
                                  "      | ^~~~\n"
                                  "1 error\n");
}

TEST(Diagnostics, ShowBytesThatAreNoTextAsOneColumnEach) {
  SourceFile source("a.gpt", std::string("a\t\xff\0b", 5));
  DiagnosticEngine diagnostics;
  diagnostics.error(source.range(4, 5), "b");
  EXPECT_EQ(diagnostics.render(), "a.gpt:1:5: error: b\n"
                                  "    1 | a \xEF\xBF\xBD\xEF\xBF\xBD"
                                  "b\n"
                                  "      |     ^\n"
                                  "1 error\n");
}

TEST(Diagnostics, NoneIsSilence) {
  DiagnosticEngine diagnostics;
  EXPECT_EQ(diagnostics.render(), "");
  EXPECT_FALSE(diagnostics.hasErrors());
}

TEST(DidYouMean, FindsTheNearestName) {
  std::vector<std::string> names = {"n_embd", "n_layer", "n_head", "vocab_size", "B"};
  EXPECT_EQ(didYouMean("n_emdb", names), "n_embd"); // a swap is one edit
  EXPECT_EQ(didYouMean("n_layers", names), "n_layer");
  EXPECT_EQ(didYouMean("vocabsize", names), "vocab_size");
  EXPECT_EQ(didYouMean("dropout", names), std::nullopt);
  EXPECT_EQ(didYouMean("b", names), std::nullopt); // any letter is one edit from any other
  EXPECT_EQ(didYouMean(std::string(1000, 'n'), names), std::nullopt);
  EXPECT_EQ(suggestion("n_emdb", names), "; did you mean n_embd?");
  EXPECT_EQ(suggestion("zzz", names), "");
  EXPECT_EQ(didYouMean("xa", {"ya", "za"}), "ya"); // the first of equals
}

} // namespace
} // namespace gptc
