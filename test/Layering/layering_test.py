"""Dependencies point one way: tools, lib/Driver, the rest of lib, the runtime's plan schema and base.

  python3 test/Layering/layering_test.py
"""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)

# The folders of the compiler, lowest first; one may include itself and those before it.
COMPILER = ["Dialect", "Model", "Transforms", "Autodiff", "Reference", "Plan", "CodeGen", "Pipelines", "Driver"]
# Of the runtime, likewise.
RUNTIME = ["base", "plan", "data", "device", "execute", "train", "sample", "app"]


def includes(folder):
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix in (".h", ".cpp"):
            for header in INCLUDE.findall(path.read_text()):
                yield path.relative_to(ROOT), header


class LayeringTest(unittest.TestCase):
    def test_runtime_knows_nothing_of_the_compiler(self):
        for path, header in includes("runtime"):
            self.assertFalse(header.startswith(("gptc/", "lib/", "mlir/", "llvm/", "clang/", "tools/", "test/")),
                             f"{path} includes {header}")

    def test_runtime_layers(self):
        for path, header in includes("runtime"):
            if header.startswith("runtime/"):
                own, other = path.parts[1], header.split("/")[1]
                self.assertLessEqual(RUNTIME.index(other), RUNTIME.index(own), f"{path} includes {header}")

    def test_compiler_layers(self):
        for folder in ("lib", "include/gptc"):
            for path, header in includes(folder):
                own = path.parts[1 if folder == "lib" else 2]
                if header.startswith("gptc/"):
                    other = header.split("/")[1]
                    self.assertLessEqual(COMPILER.index(other), COMPILER.index(own), f"{path} includes {header}")

    def test_compiler_takes_base_and_schema_of_the_runtime(self):
        for folder in ("lib", "include/gptc"):
            for path, header in includes(folder):
                # The driver alone sees both: it lets the runtime compile CUDA modules.
                layers = RUNTIME if "Driver" in path.parts else ("base", "plan")
                if header.startswith("runtime/"):
                    self.assertIn(header.split("/")[1], layers, f"{path} includes {header}")
                self.assertFalse(header.startswith(("tools/", "test/")), f"{path} includes {header}")


if __name__ == "__main__":
    unittest.main()
