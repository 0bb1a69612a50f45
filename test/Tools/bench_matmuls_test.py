"""Tests of tools/bench-matmuls with a gptc that only pretends to compile and run. Standard library only:

  python3 test/Tools/bench_matmuls_test.py
"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "tools" / "bench-matmuls"

# `compile` notes its arguments; `run replay` and `run bench` answer "step" with the given times one after another.
PRETENDER = """#!{python}
import itertools, json, sys
open({log!r}, "a").write(" ".join(sys.argv[1:]) + chr(10))
if sys.argv[1] == "run":
    answers = itertools.cycle({answers!r}[sys.argv[2]])
    for line in sys.stdin:
        assert line == "step\\n", line
        print(json.dumps(next(answers)), flush=True)
"""


def replayed(products, memory):
    return {"ms": products + memory, "products_ms": products, "memory_ms": memory, "flops": 3e9, "bytes": 1e8}


class BenchMatmuls(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.log = self.folder / "log"

    def bench(self, replay, step, *flags):
        gptc = self.folder / "gptc"
        gptc.write_text(PRETENDER.format(python=sys.executable, log=str(self.log),
                                         answers={"replay": replay, "bench": step}))
        gptc.chmod(0o755)
        words = [sys.executable, str(BENCH), "--gptc", str(gptc), "--pause", "0", "--warmup", "1", *flags]
        return subprocess.run(words, capture_output=True, text=True, timeout=60)

    def test_parts_and_ratio_of_medians(self):
        # The first answer of each is the warm-up's and must not count.
        replay = [replayed(500, 50), replayed(30, 10), replayed(20, 10), replayed(40, 10)]
        done = self.bench(replay, [{"ms": 900, "loss": 4}, {"ms": 50}, {"ms": 40}, {"ms": 60}], "--pairs", "3",
                          "--plan", "made.plan", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["replay"]["ms"], [40, 30, 50])
        self.assertEqual(result["replay"]["products_ms"], 30)
        self.assertEqual(result["replay"]["memory_ms"], 10)
        self.assertEqual(result["replay"]["gflops_per_second"], 100)
        self.assertEqual(result["replay"]["gb_per_second"], 10)
        self.assertEqual(result["gptc"]["ms"], [50, 40, 60])
        self.assertEqual(result["ratio"], 40 / 50)
        self.assertLessEqual(result["ratio_low"], 0.8)
        self.assertGreaterEqual(result["ratio_high"], 0.8)
        self.assertEqual(sorted(self.log.read_text().splitlines()),
                         ["run bench made.plan --serve", "run replay made.plan --serve"])

    def test_text(self):
        done = self.bench([replayed(30, 12.5)], [{"ms": 50}], "--pairs", "2", "--plan", "made.plan")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("products: median 30.0 ms, 100.0 GFLOP/s\nmemory: median 12.5 ms, 8.0 GB/s\n", done.stdout)
        self.assertIn("floor / step: 0.850, 90 % interval 0.850 to 0.850, 2 pairs; the aim is 0.85: a step of 50.0 ms",
                      done.stdout)

    def test_recipes_reach_the_compiler(self):
        done = self.bench([replayed(1, 1)], [{"ms": 2}], "--pairs", "1", "--recipe", "nanogpt")
        self.assertEqual(done.returncode, 0, done.stderr)
        compiled = self.log.read_text().splitlines()[0]
        self.assertTrue(compiled.startswith("compile "), compiled)
        self.assertIn("--target cpu --batch-size 12 --sequence-length 64 --preset small", compiled)

    def test_errors(self):
        done = self.bench([{"ms": 1}], [{"ms": 2}], "--plan", "made.plan", "--pairs", "1")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("bench-matmuls: replay: required products_ms", done.stderr)
        done = self.bench([], [], "--pairs", "0")
        self.assertEqual(done.returncode, 2)
        done = subprocess.run([sys.executable, str(BENCH), "--gptc", "/no/gptc"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("bench-matmuls: --gptc /no/gptc", done.stderr)
        self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
