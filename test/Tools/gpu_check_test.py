"""Tests of tools/gpu-check: a small folder is prepared, then run on the emulator of a GPU. Standard library only.

  gpu_check_test.py BUILD       where gptc, gptc-run, make-conformance and the emulator were built
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(sys.argv[1])
TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "gpu-check"

# A Python that claims to have torch, and whose steps take the time that it says.
PRETENDED_PYTHON = """#!/bin/sh
case "$*" in
*"import torch"*) echo "9.9 True" ;;
*"--precision bf16 --compile"*) while read line; do echo '{"ms": 10, "loss": 1}'; done ;;
*"--precision bf16"*) while read line; do echo '{"ms": 40, "loss": 1}'; done ;;
*--compile*) while read line; do echo '{"ms": 20, "loss": 1}'; done ;;
*--serve*) while read line; do echo '{"ms": 50, "loss": 1}'; done ;;
esac
"""
PRETENDED_SANITIZER = """#!/bin/sh
tool=$2
shift 4
"$@" && echo "========= $(echo $tool | tr a-z A-Z) SUMMARY: 0 hazards"
"""


def call(program, *arguments, **environment):
    return subprocess.run([sys.executable, str(program), *map(str, arguments)], capture_output=True, text=True,
                          timeout=600, env=os.environ | environment)


class GpuCheck(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="gpu-check-")
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        cls.folder = cls.root / "folder"
        # As on a machine without a GPU, whatever this one has.
        done = call(TOOL, "prepare", cls.folder, "--build", BUILD, "--small", GPTC_CUDA_LIBRARIES="/nonexistent")
        assert done.returncode == 0, done.stdout + done.stderr

    def run_checks(self, code, *flags, libraries=BUILD / "test" / "emulator", **environment):
        """With the program in the folder, which needs no other file of this tree; the report."""
        out = self.root / self.id()
        done = call(self.folder / "gpu-check", "run", self.folder, "--out", out, *flags,
                    GPTC_CUDA_LIBRARIES=str(libraries), **environment)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads((out / "gpu-check.json").read_text()), out

    def results(self, report, part):
        return {row["name"]: (row["result"], row["detail"]) for row in report["results"] if row["part"] == part}

    def test_prepared_folder_is_whole(self):
        self.assertTrue((self.folder / "bin" / "gptc-run").exists())
        self.assertTrue(list((self.folder / "lib").glob("libstdc++*")))
        self.assertTrue((self.root / "folder.tar.gz").exists())
        # Again, into the same folder; but never over a folder of someone else's.
        other = self.root / "other"
        other.mkdir()
        (other / "precious").write_text("")
        done = call(TOOL, "prepare", other, "--build", BUILD, "--small")
        self.assertEqual(done.returncode, 1)
        self.assertIn("is not a folder that prepare has made", done.stderr)
        self.assertTrue((other / "precious").exists())

    def test_all_parts(self):
        report, out = self.run_checks(0)
        self.assertTrue(report["ok"])
        conformance = self.results(report, "conformance")
        self.assertEqual(len(conformance), 4)  # library and generated products, graphs and none
        for result, detail in conformance.values():
            self.assertEqual(result, "passed", detail)
            self.assertRegex(detail, r"^\d{3} cases, 0 failed; kernels: \d+ modules, ")
        training = self.results(report, "training")
        self.assertEqual(training["tiny, library matmul, graphs beside no graphs"], ("passed", "equal bits"))
        self.assertEqual(training["tiny-bf16, generated matmul, graphs beside no graphs"], ("passed", "equal bits"))
        self.assertEqual(len(training), 12)
        probes = self.results(report, "probes")
        self.assertEqual(probes["shuffle"][0], "passed")
        self.assertEqual({path.stem for path in (out / "golden").iterdir()}, set(probes))
        for part in ("profile", "speed"):
            self.assertEqual(self.results(report, part)["all"][0], "skipped")
        text = (out / "gpu-check.md").read_text()
        self.assertIn("gptc emulator", text.splitlines()[0])
        self.assertIn("| conformance | source.plan, library matmul, graphs", text)

    def test_differences_fail(self):
        cases = self.folder / "conformance" / "conformance.safetensors"
        log = self.folder / "training" / "tiny" / "cpu.jsonl"
        probe = self.folder / "probes" / "golden" / "shuffle.txt"
        kept = {path: path.read_bytes() for path in (cases, log)}
        try:
            cases.write_bytes(kept[cases][:-2] + b"\x7f\x40")  # the last number
            rows = [json.loads(line) for line in kept[log].splitlines()]
            rows[1]["loss"] *= 1 + 1e-4
            log.write_text("".join(json.dumps(row) + "\n" for row in rows))
            probe.parent.mkdir(exist_ok=True)
            probe.write_text("0 " * 96)
            report, _ = self.run_checks(1, "--only", "conformance,training,probes")
        finally:
            probe.unlink(missing_ok=True)
            for path, content in kept.items():
                path.write_bytes(content)
        self.assertFalse(report["ok"])
        for result, detail in self.results(report, "conformance").values():
            self.assertEqual(result, "failed")
            self.assertIn("1 failed; first ", detail)
        result, detail = self.results(report, "training")["tiny, generated matmul, graphs"]
        self.assertEqual(result, "failed")
        self.assertIn("more than 1e-06 in the first step, or 1e-05 in all", detail)
        result, detail = self.results(report, "probes")["shuffle"]
        self.assertEqual(result, "failed")
        self.assertIn("96 words differ: word 0 is ", detail)
        self.assertEqual(self.results(report, "sanitizer")["all"], ("skipped", "not asked for (--only)"))

    def test_without_a_gpu(self):
        report, _ = self.run_checks(1, "--only", "conformance,probes", libraries="/nonexistent")
        self.assertTrue(all(row["result"] in ("failed", "skipped") for row in report["results"]))
        result, detail = self.results(report, "conformance")["source.plan, library matmul, graphs"]
        self.assertEqual(result, "failed")
        self.assertIn("no CUDA driver found", detail)

    def test_measurements(self):
        """With programs in the places of PyTorch and compute-sanitizer, and a step that is soon over."""
        programs = self.root / "programs"
        programs.mkdir()
        for name, text in {"python": PRETENDED_PYTHON, "compute-sanitizer": PRETENDED_SANITIZER}.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        manifest = self.folder / "manifest.json"
        kept = manifest.read_text()
        step = self.folder / "step"
        step.mkdir()
        for name in ("tiny", "tiny-bf16"):
            shutil.copy(self.folder / "training" / name / "cuda.plan", step / f"{name}.plan")
        try:
            manifest.write_text(json.dumps(json.loads(kept) | {
                "steps": [{"plan": f"tiny{ending}.plan", "batch_size": 2, "sequence_length": 8, "precision": precision}
                          for ending, precision in (("", "fp32"), ("-bf16", "bf16"))]}))
            report, out = self.run_checks(
                0, "--only", "sanitizer,profile,speed", "--peer-python", programs / "python", "--pairs", "2",
                PATH=f"{programs}:{os.environ['PATH']}")
        finally:
            manifest.write_text(kept)
            shutil.rmtree(step)
        self.assertEqual(report["machine"]["torch"], "9.9")
        speed = [row for row in report["results"] if row["part"] == "speed"]
        self.assertEqual([(row["measured"]["precision"], row["measured"]["mode"]) for row in speed],
                         [("fp32", "eager"), ("fp32", "torch.compile"), ("bf16", "eager"), ("bf16", "torch.compile")])
        # 2 x 8 tokens in 50 ms, and in 20 ms; in bf16 in 40 and 10.
        self.assertEqual([row["measured"]["tokens_per_second"]["peer"] for row in speed], [320, 800, 400, 1600])
        text = (out / "gpu-check.md").read_text()
        for precision in ("fp32", "bf16"):
            self.assertIn(f"| 2 x 8 | {precision} | torch.compile |", text)
        self.assertEqual({name: result for name, (result, _) in self.results(report, "profile").items()},
                         {"tiny": "passed", "tiny-bf16": "passed"})
        self.assertTrue(json.loads((out / "tiny.trace.json").read_text()))
        self.assertIn("ms", (out / "tiny.profile.txt").read_text())
        sanitizer = self.results(report, "sanitizer")
        self.assertEqual(len(sanitizer), 5)
        self.assertEqual(sanitizer["racecheck, tiny, generated matmul"], ("passed", "RACECHECK SUMMARY: 0 hazards"))

    def test_usage(self):
        self.assertEqual(call(TOOL, "run", self.root / "nothing", "--out", self.root / "out").returncode, 2)
        done = call(TOOL, "run", self.folder, "--out", self.root / "out", "--only", "speeed")
        self.assertEqual(done.returncode, 2)
        self.assertIn("there is no part speeed", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
