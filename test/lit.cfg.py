"""lit's configuration: tests that are IR or descriptions with RUN lines, checked by FileCheck."""

import os

import lit.formats

config.name = "gptc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".gpt", ".test"]
config.excludes = ["Inputs", "oracle", "data", "fuzz"]
config.test_source_root = os.path.dirname(__file__)

# `not`, FileCheck and split-file are found by name, so LLVM's tools must be in the path.
folders = [config.gptc_tools, config.gptc_test_tools, config.llvm_tools, config.environment["PATH"]]
config.environment["PATH"] = os.pathsep.join(folders)
config.environment["FILECHECK_OPTS"] = "--enable-var-scope --dump-input=fail"
if "GPTC_TEST_DATA" in os.environ:
    config.available_features.add("test-data")
    config.environment["GPTC_TEST_DATA"] = os.environ["GPTC_TEST_DATA"]

config.substitutions.append(("%source", config.gptc_source))
