"""Tests of tools/bench-memory with programs that take a known amount of memory. Standard library only:

  python3 test/Tools/bench_memory_test.py
"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "tools" / "bench-memory"

# Touches so many MiB if asked to run steps, and none otherwise.
PRETENDER = """#!{python}
import sys
open({log!r}, "a").write(" ".join(sys.argv[1:]) + chr(10))
if "--steps" in sys.argv:
    block = bytearray({mebibytes} << 20)
    block[::4096] = b"x" * len(block[::4096])
sys.exit({status} if "--steps" in sys.argv else 0)
"""


class BenchMemory(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.log = self.folder / "log"

    def pretender(self, name, mebibytes, status=0):
        path = self.folder / name
        path.write_text(PRETENDER.format(python=sys.executable, log=str(self.log),
                                         mebibytes=mebibytes, status=status))
        path.chmod(0o755)
        return str(path)

    def bench(self, *flags):
        return subprocess.run([sys.executable, str(BENCH), *flags], capture_output=True, text=True,
                              timeout=60)

    def test_ratio_of_what_the_steps_take(self):
        done = self.bench("--peer-python", self.pretender("peer", 200), "--gptc",
                          self.pretender("gptc", 100), "--plan", "made.plan", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        # The interpreter's own pages differ from run to run by far less than 10 MiB.
        self.assertAlmostEqual(result["peer"]["step_bytes"], 200 << 20, delta=10 << 20)
        self.assertAlmostEqual(result["gptc"]["step_bytes"], 100 << 20, delta=10 << 20)
        self.assertAlmostEqual(result["ratio"], 0.5, delta=0.1)
        self.assertIn("run bench made.plan --steps 2", self.log.read_text())

    def test_compile_options_reach_the_compiler(self):
        done = self.bench("--peer-python", self.pretender("peer", 20), "--gptc",
                          self.pretender("gptc", 20), "--compile-option=--no-reuse")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(self.log.read_text(), r"(?m)^compile .*--no-reuse$")

    def test_errors(self):
        ours = self.pretender("gptc", 1)
        done = self.bench("--peer-python", "no-such-python", "--gptc", ours, "--plan", "x")
        self.assertIn("cannot start no-such-python", done.stderr)
        self.assertEqual(done.returncode, 1)
        done = self.bench("--peer-python", self.pretender("bad", 1, 3), "--gptc", ours, "--plan", "x")
        self.assertIn("failed with status 3", done.stderr)
        done = self.bench("--peer-python", "p", "--plan", "x", "--compile-option=-y")
        self.assertIn("required without --plan", done.stderr)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
