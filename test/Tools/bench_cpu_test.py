"""Tests of tools/bench-cpu with two programs that only pretend to train. Standard library only:

  python3 test/Tools/bench_cpu_test.py
"""

import json
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "tools" / "bench-cpu"

# Answers "step" with the given times one after another, and notes each step in a common file.
PRETENDER = """
import itertools, os, sys
name, log, form, *times = sys.argv[1:]
cycle = itertools.cycle(times)
for line in sys.stdin:
    assert line == "step\\n", line
    open(log, "a").write(name)
    print(form.replace("MS", next(cycle)), flush=True)
open(log, "a").write(name.upper())
"""


class BenchCpu(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.program = Path(self.folder.name) / "pretender.py"
        self.program.write_text(PRETENDER)
        self.log = Path(self.folder.name) / "log"
        self.log.write_text("")

    def command(self, name, form, *times):
        return [sys.executable, str(self.program), name, str(self.log), form, *map(str, times)]

    def bench(self, peer, ours, *flags):
        words = [sys.executable, str(BENCH), "--pause", "0", "--warmup", "1", *flags]
        words += ["--peer", shlex.join(peer), "--", *ours]
        return subprocess.run(words, capture_output=True, text=True, timeout=60)

    def test_ratio_of_medians_and_order(self):
        # The first answer of each is the warm-up's and must not count.
        peer = self.command("p", "MS", 900, 30, 20, 40, 30)
        ours = self.command("g", "MS", 1, 10, 10, 10, 15)
        done = self.bench(peer, ours, "--pairs", "4", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["peer"]["ms"], [30, 20, 40, 30])
        self.assertEqual(result["ratio"], 3.0)
        self.assertEqual(result["peer"]["median_ms"], 30)
        self.assertLessEqual(result["ratio_low"], 3.0)
        self.assertGreaterEqual(result["ratio_high"], 3.0)
        self.assertGreaterEqual(result["ratio_low"], 20 / 15)
        self.assertLessEqual(result["ratio_high"], 4.0)
        # One step of each in turn, the first place alternating; then both are ended.
        self.assertEqual(self.log.read_text()[:10], "pggppggppg")
        self.assertEqual(sorted(self.log.read_text()[10:]), ["G", "P"])

    def test_the_faster_of_two_modes(self):
        # A Python that runs the peer's script under both names: the mode decides the times.
        python = Path(self.folder.name) / "python"
        eager = shlex.join(self.command("e", "MS", 30))
        compiled = shlex.join(self.command("c", "MS", 500, 20))
        python.write_text(f"""#!/bin/sh
case "$*" in *--compile*) exec {compiled};; *"--layers 4"*) exec {eager};; esac
""")
        python.chmod(0o755)
        words = [sys.executable, str(BENCH), "--pause", "0", "--warmup", "1", "--pairs", "1", "--json",
                 "--recipe", "nanogpt", "--both", "--peer-python", str(python), "--",
                 *self.command("g", "MS", 10)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["peer_name"], "torch.compile")
        self.assertEqual(result["ratio"], 2.0)
        self.assertEqual(result["peers"]["eager"]["ms"], [30])
        self.assertEqual((result["batch_size"], result["sequence_length"]), (12, 64))
        self.assertEqual(self.log.read_text()[:6], "ecggce")

    def test_equal_times_have_no_interval(self):
        done = self.bench(self.command("p", "MS", 7), self.command("g", "MS", 7), "--json")
        result = json.loads(done.stdout)
        self.assertEqual((result["ratio_low"], result["ratio_high"]), (1.0, 1.0))
        self.assertEqual(result["pairs"], 15)

    def test_times_in_json_objects(self):
        answer = "{'ms':MS,'loss':10.5}".replace("'", '"')
        ours = self.command("g", answer, 20)
        done = self.bench(self.command("p", "MS", 10), ours, "--pairs", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("gptc: median 20.0 ms a step (from 20.0 to 20.0, ", done.stdout)
        self.assertIn("first loss 10.5000)", done.stdout)
        self.assertIn("peer / gptc: 0.500, 90 % interval 0.500 to 0.500, 2 pairs", done.stdout)

    def test_warns_of_time_that_is_not_reported(self):
        slow = [sys.executable, "-c",
                "import sys, time\nfor _ in sys.stdin: time.sleep(0.05); print(1, flush=True)"]
        done = self.bench(self.command("p", "MS", 60), slow, "--pairs", "2")
        self.assertRegex(done.stderr, r"warning: gptc spends \d+\.\d ms a step outside")

    def test_failures_name_the_program(self):
        peer = self.command("p", "MS", 10)
        dead = [sys.executable, "-c", "raise SystemExit(3)"]
        found = "gptc: required the milliseconds of a step, found"
        cases = {
            "gptc: ended with status 3 instead of answering": dead,
            f"{found} 'hello'": self.command("g", "hello", 1),
            f"{found} '-1'": self.command("g", "MS", -1),
            "gptc: cannot start /no/such/program": ["/no/such/program"],
        }
        for message, ours in cases.items():
            with self.subTest(message):
                done = self.bench(peer, ours, "--pairs", "2")
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn(f"bench-cpu: {message}", done.stderr)
                self.assertNotIn("Traceback", done.stderr)

    def test_no_answer(self):
        silent = [sys.executable, "-c", "import sys\nfor _ in sys.stdin: pass"]
        done = self.bench(self.command("p", "MS", 1), silent, "--pairs", "2", "--timeout", "0.5")
        self.assertEqual(done.returncode, 1)
        self.assertIn('gptc: no answer to "step" within 0.5 s', done.stderr)

    def test_usage(self):
        for flags in (["--pairs", "0"], ["--pause", "-1"], ["--unknown"], ["--both"],
                      ["--both", "--compile"]):
            done = self.bench(["true"], ["true"], *flags)
            self.assertEqual(done.returncode, 2, flags)
        done = subprocess.run([sys.executable, str(BENCH)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--peer-python", done.stderr)


if __name__ == "__main__":
    unittest.main()
