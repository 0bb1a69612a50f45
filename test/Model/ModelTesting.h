// Helpers of the tests of meaning: a description in, a model out.
#ifndef GPTC_TEST_MODEL_MODELTESTING_H
#define GPTC_TEST_MODEL_MODELTESTING_H

#include "gptc/Model/Model.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace gptc::testing {

inline std::string readText(const std::string &path) {
  std::ifstream stream(path);
  EXPECT_TRUE(stream) << path;
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

inline std::string sourcePath(const std::string &path) { return GPTC_SOURCE_DIR "/" + path; }

/// A text, its diagnostics and what came of it, alive together.
struct Loaded {
  explicit Loaded(std::string text, LoadOptions options = {}, std::string path = "model.gpt")
      : source(std::move(path), std::move(text)), context(mlir::MLIRContext::Threading::DISABLED),
        model(loadModel(source, options, context, diagnostics)) {}

  SourceFile source;
  DiagnosticEngine diagnostics;
  mlir::MLIRContext context;
  LoadedModel model;
};

} // namespace gptc::testing

#endif // GPTC_TEST_MODEL_MODELTESTING_H
