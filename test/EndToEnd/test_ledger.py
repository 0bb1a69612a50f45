"""gptc ledger: one pass left out at a time, with figures that agree with those of the plans, and what passes declined."""

import json
import re
import unittest

from gptc_testing import MODELS, TINY, Case, run

NAMES = ["gpt-form-flash-attention", "gpt-inline-scalars", "canonicalize", "cse", "gpt-pad", "gpt-chunk-rows",
         "gpt-split-column-sums", "gpt-rematerialize", "gpt-form-kernels", "gpt-fuse-epilogues", "plan-share-operands",
         "plan-merge-launches", "plan-assign-buffers"]
FIGURES = ("kernels", "launches", "bytes", "bytes_read", "bytes_written", "flops", "peak_memory")


def ledger(*arguments, model=TINY):
    return json.loads(run("ledger", *model, "--device", "cpu", "--json", *arguments).stdout)


class LedgerTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.report = ledger("--no-run")
        cls.passes = {row["pass"]: row for row in cls.report["passes"]}

    def test_every_optimisation_has_a_row(self):
        self.assertLessEqual(set(NAMES), set(self.passes))
        for name, row in self.passes.items():
            self.assertTrue(row["buys"])
            self.assertTrue(row["on"] or row["why_off"], name)
            self.assertNotIn("problem", row)
            self.assertIsNone(row["time"])
        help_text = run("ledger", "--help").stdout
        for name in self.passes:
            self.assertRegex(help_text, rf"\n *{name} +(cpu|cuda|off)")

    def test_what_sixteen_bits_need(self):
        passes = {row["pass"]: row for row in ledger("--no-run", "--precision", "bf16")["passes"]}
        self.assertTrue(passes["plan-generate-matmuls"]["on"])
        self.assertNotIn("problem", passes["gpt-remove-roundings"])
        self.assertTrue(passes["gpt-inline-conversions"]["changes"])

    def test_figures_are_those_of_the_plan_without_the_pass(self):
        def step(*arguments):
            explained = run("explain", *TINY, "--device", "cpu", "--no-run", "--json", *arguments)
            return json.loads(explained.stdout)["step"]

        plan = step()
        self.assertEqual({key: self.report["plan"][key] for key in FIGURES}, {key: plan[key] for key in FIGURES})
        for name in ("gpt-form-kernels", "gpt-fuse-epilogues", "plan-merge-launches", "plan-assign-buffers"):
            other = step("--disable-pass", name)
            row = self.passes[name]["without"]
            self.assertEqual({key: row[key] for key in FIGURES}, {key: other[key] for key in FIGURES}, name)

    def test_what_passes_are_for(self):
        plan = self.report["plan"]
        without = {name: row.get("without") for name, row in self.passes.items()}
        for name in ("gpt-form-kernels", "gpt-fuse-epilogues", "gpt-form-flash-attention", "plan-merge-launches"):
            self.assertGreater(without[name]["launches"], plan["launches"], name)
        for name in ("gpt-form-kernels", "gpt-fuse-epilogues", "gpt-form-flash-attention"):
            self.assertGreater(without[name]["bytes"], plan["bytes"], name)
        for name in ("gpt-form-kernels", "gpt-fuse-epilogues"):  # the same operations in other kernels
            self.assertEqual(without[name]["flops"], plan["flops"], name)
        for name in ("plan-assign-buffers", "gpt-rematerialize"):
            self.assertGreater(without[name]["peak_memory"], plan["peak_memory"], name)
        self.assertFalse(self.passes["gpt-chunk-rows"]["changes"])  # a tiny model's logits are kept whole

    def test_what_passes_declined(self):
        declined = [(name, what) for name, row in self.passes.items() for what in row["declined"]]
        self.assertTrue(any(name == "gpt-form-kernels" for name, _ in declined), declined)
        for name, what in declined:
            self.assertGreater(what["times"], 0)
            self.assertTrue(what["reason"], name)
        # Attention with dropout inside stays as it is in training, and the pass says why.
        path = self.path("near.gpt")
        text = (MODELS / "gpt2.gpt").read_text()
        pathless = text.replace("causal = true, dropout = dropout", "causal = true, dropout = 0.5")
        self.assertNotEqual(text, pathless)
        with open(path, "w", encoding="utf-8") as file:
            file.write(pathless)
        report = ledger("--no-run", "--pass", "gpt-form-flash-attention", model=[path, *TINY[1:]])
        (row,) = report["passes"]
        for key in ("launches", "bytes", "flops"):
            self.assertEqual(row["without"][key], report["plan"][key], key)
        self.assertTrue(any(what["reason"] for what in row["declined"]), row)

    def test_times(self):
        report = ledger("--runs", 3, "--pass", "gpt-form-kernels", "--pass", "gpt-chunk-rows")
        rows = {row["pass"]: row for row in report["passes"]}
        self.assertEqual(sorted(rows), ["gpt-chunk-rows", "gpt-form-kernels"])
        self.assertIsNone(rows["gpt-chunk-rows"]["time"])  # the same plan: nothing to measure
        time = rows["gpt-form-kernels"]["time"]
        self.assertEqual(time["pairs"], 3)
        self.assertAlmostEqual(time["ratio"], time["ms"] / time["plan_ms"])
        self.assertLessEqual(time["low"], time["high"])
        self.assertGreater(report["plan"]["ms"], 0)
        self.assertGreater(report["roofline"]["bytes_per_second"], 0)
        for what in rows["gpt-form-kernels"]["declined"]:
            if what["bytes"]:
                self.assertAlmostEqual(what["ms"] * report["roofline"]["bytes_per_second"] / 1e3 / what["bytes"], 1)

    def test_tables_say_what_the_json_says(self):
        text = run("ledger", *TINY, "--device", "cpu", "--no-run").stdout
        markdown = run("ledger", *TINY, "--device", "cpu", "--no-run", "--markdown").stdout
        self.assertRegex(text, rf"\nthe plan as it is +{self.report['plan']['kernels']} +"
                               rf"{self.report['plan']['launches']} ")
        for name, row in self.passes.items():
            if row["changes"]:
                other = "without" if row["on"] else "with"
                figures = (row[other]["kernels"], row[other]["launches"])
                self.assertRegex(text, rf"\n{other} {name} +{figures[0]} +{figures[1]} ")
                self.assertIn(f"| {other} {name} | {figures[0]} | {figures[1]} |", markdown)
            for what in row["declined"]:
                self.assertIn(what["reason"], text)
        rows = [line for line in markdown.splitlines() if line.startswith("|")]
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in rows}
        self.assertEqual(len(widths), 2, widths)  # two tables

    def test_a_pass_that_is_left_out_already(self):
        report = ledger("--no-run", "--disable-pass", "gpt-fuse-epilogues", "--pass", "gpt-fuse-epilogues")
        (row,) = report["passes"]
        self.assertFalse(row["on"])
        self.assertEqual(row["why_off"], "--disable-pass")
        self.assertEqual({key: row["with"][key] for key in FIGURES}, {key: self.report["plan"][key] for key in FIGURES})

    def test_unfused_plans_compute_the_same(self):
        run("verify", MODELS / "mlp.gpt", "--disable-pass", "gpt-form-kernels", "--disable-pass", "plan-assign-buffers")

    def test_bad_input(self):
        self.assertFails(run("ledger", *TINY, "--pass", "gpt-form-kernel", code=2), "gpt-form-kernel", "did you mean",
                         "gpt-form-kernels")
        self.assertFails(run("ledger", *TINY, "--runs", 2, code=2), "--runs")
        self.assertFails(run("ledger", *TINY, "--time-limit", 0, code=2), "--time-limit")
        self.assertFails(run("ledger", *TINY, "--json", "--markdown", code=2), "--markdown")
        self.assertFails(run("ledger", *TINY, "--disable-pass", "nothing", code=2), "nothing")
        self.assertFails(run("ledger", *TINY, "--enable-pass", "gpt-differentiate", code=2), "gpt-differentiate")
        self.assertFails(run("ledger", *TINY, "--enable-pass", "gpt-pa", code=2), "--enable-pass gpt-pa", "did you mean",
                         "gpt-pad")

    def test_passes_that_only_one_target_has(self):
        for name in ("plan-generate-matmuls", "plan-fold-roundings"):
            done = run("compile", *TINY, "--target", "cuda", "--enable-pass", name, "-o", self.path("x.plan"), code=2)
            self.assertFails(done, f"--enable-pass {name}", "plans for cuda have no such pass", "those for cpu do")
            # What does not run may be left out.
            run("compile", *TINY, "--target", "cuda", "--disable-pass", name, "-o", self.path("x.plan"))
            run("compile", *TINY, "--enable-pass", name, "-o", self.path("x.plan"))
        # 64 x 50257 x 64: large enough for whatever decides which products are generated.
        model = [MODELS / "gpt2.gpt", "--set", "n_layer=1", "--set", "n_embd=64", "--set", "n_head=2", "--batch-size", 4,
                 "--sequence-length", 16, "--stage", "plan"]
        self.assertIn(" generated", run("dump", *model, "--enable-pass", "plan-generate-matmuls").stdout)
        self.assertNotIn(" generated", run("dump", *model, "--target", "cuda").stdout)


if __name__ == "__main__":
    unittest.main()
