// The prelude is held to what users' files are held to.
#include "ModelTesting.h"

#include "gptc/Model/Format.h"

#include "lib/Model/CheckNames.h"

using namespace gptc;
using namespace gptc::testing;

namespace {

TEST(Prelude, HasNoErrors) {
  const model::Library &library = model::prelude();
  DiagnosticEngine diagnostics;
  EXPECT_FALSE(model::checkNames(library, diagnostics));
  EXPECT_EQ(diagnostics.render(), "");
  EXPECT_FALSE(library.file().incomplete);
}

TEST(Prelude, IsFormatted) {
  std::string text = readText(sourcePath("lib/Model/Prelude.gpt"));
  SourceFile source("Prelude.gpt", text);
  DiagnosticEngine diagnostics;
  EXPECT_EQ(formatSource(source, diagnostics).value_or(""), text);
}

TEST(Prelude, HasWhatThePageNames) {
  const model::Library &library = model::prelude();
  for (const char *name : {"relu", "silu", "gelu", "gelu_tanh", "softplus", "lerp", "log_softmax",
                           "rms_norm", "rope", "dropout"})
    EXPECT_TRUE(library.function(name)) << name;
  for (const char *name : {"Linear", "Embedding", "LayerNorm", "RMSNorm", "BatchNorm"})
    EXPECT_TRUE(library.module(name)) << name;
}

} // namespace
