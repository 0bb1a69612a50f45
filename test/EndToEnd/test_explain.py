"""gptc explain: its figures agree with each other and with what the plan runs, and one kernel is told whole."""

import json
import re
import unittest

from gptc_testing import EMULATOR, MODELS, TINY, Case, run


def explain(*arguments, model=TINY):
    return json.loads(run("explain", *model, "--device", "cpu", "--json", *arguments).stdout)


class ExplainTest(Case):
    def test_kernels_add_up_to_the_step(self):
        for model in (TINY, [MODELS / "mlp.gpt"], [MODELS / "modern_gpt.gpt", "--set", "n_layer=1"]):
            report = explain("--no-run", model=model)
            for key in ("bytes", "bytes_read", "bytes_written", "flops", "launches"):
                self.assertEqual(sum(kernel[key] for kernel in report["kernels"]), report["step"][key], key)
            self.assertIsNone(report["roofline"])
            self.assertIsNone(report["step"]["ms"])

    def test_launches_and_memory_are_those_of_the_plan(self):
        plan = self.path("tiny.plan")
        run("compile", *TINY, "-o", plan)
        info = json.loads(run("info", plan, "--json", program="gptc-run").stdout)
        step = explain("--no-run")["step"]
        self.assertEqual(step["launches"], sum(info["entries"][entry]["commands"]
                                               for entry in ("accumulate_first", "update")))
        self.assertEqual(step["peak_memory"], info["memory"]["train"]["bytes"])

    def test_products_are_most_of_the_arithmetic(self):
        # With B 2, T 8: two products for each of the weights forward, two backward; the table's is V x C.
        tokens, width, vocabulary = 16, 16, 50257
        report = explain("--no-run", "--pad-multiple", 1)
        products = 3 * 2 * tokens * width * (12 * width + vocabulary)
        flops = report["step"]["flops"]
        self.assertGreater(flops, products)
        self.assertLess(flops, 1.5 * products)

    def test_times(self):
        report = explain("--runs", 2)
        self.assertTrue(all(kernel["ms"] > 0 for kernel in report["kernels"]))
        self.assertAlmostEqual(sum(kernel["ms"] for kernel in report["kernels"]) / report["step"]["ms"], 1)
        times = [kernel["ms"] for kernel in report["kernels"]]
        self.assertEqual(times, sorted(times, reverse=True))
        roof = report["roofline"]
        for kernel in report["kernels"]:
            least = 1e3 * max(kernel["bytes"] / roof["bytes_per_second"], kernel["flops"] / roof["flops_per_second"])
            self.assertAlmostEqual(kernel["share_of_roofline"] * kernel["ms"] / least, 1)
            of_memory = kernel["bytes"] / roof["bytes_per_second"] >= kernel["flops"] / roof["flops_per_second"]
            self.assertEqual(kernel["bound_by"], "memory" if of_memory else "arithmetic")

    def test_table_says_the_same(self):
        report = explain("--no-run")
        table = run("explain", *TINY, "--device", "cpu", "--no-run").stdout
        rows = {line.split("  ")[0].strip(): line for line in table.splitlines()}
        for kernel in report["kernels"]:
            self.assertRegex(rows[kernel["name"]], rf"^{re.escape(kernel['name'])} +{kernel['launches']} ")
        self.assertRegex(rows["a step"], rf"^a step +{report['step']['launches']} ")

    def test_one_kernel(self):
        # A kernel behind a product: bias and GELU of the MLP.
        table = explain("--no-run")
        names = [kernel["name"] for kernel in table["kernels"]
                 if kernel["products"] and kernel["parts"] == ["transformer.h.*.mlp.c_fc"]
                 and kernel["entries"] == ["accumulate_first"]]
        gelu = None
        for name in names:
            (kernel,) = explain("--no-run", name)["kernels"]
            if any("tanh" in operation for operation in kernel["operations"]):
                gelu = kernel
        self.assertIsNotNone(gelu, names)
        shown = {(line["file"].rsplit("/", 1)[-1], line["text"]) for line in gelu["lines"]}
        self.assertTrue(any(file == "gpt2.gpt" and "gelu_tanh(x) =" in text for file, text in shown), shown)
        text = (MODELS / "gpt2.gpt").read_text().splitlines()
        for line in gelu["lines"]:
            if line["file"].endswith("gpt2.gpt"):
                self.assertEqual(line["text"], text[line["line"] - 1].strip())
        reasons = {(reason["pass"], reason["remark"]) for reason in gelu["reasons"]}
        self.assertIn(("gpt-fuse-epilogues", "MatmulEpilogue"), reasons)
        self.assertIn("func.func @" + gelu["name"], gelu["source"])
        # A part of the name that no other has will do, and the text says what the JSON says.
        part = gelu["name"].split("_", 1)[1][:12]
        shown = run("explain", *TINY, "--device", "cpu", "--no-run", part).stdout
        self.assertTrue(shown.startswith(gelu["name"] + "\n"), shown)
        self.assertIn(f"{gelu['bytes_read']} bytes read, {gelu['bytes_written']} written", shown)
        self.assertIn(f"{gelu['flops']} FLOPs", shown)
        self.assertIn("gelu_tanh(x) =", shown)
        self.assertIn(gelu["source"].strip(), shown)

    def test_kernels_at_a_place(self):
        everything = explain("--no-run")
        for at in ("mlp", "h.*.mlp", "mlp.c_fc"):
            report = explain("--no-run", "--at", at)
            expected = [kernel["name"] for kernel in everything["kernels"]
                        if any(f".{at}." in f".{part}." for part in kernel["parts"])]
            self.assertTrue(expected)
            self.assertLess(len(expected), len(everything["kernels"]))
            self.assertEqual([kernel["name"] for kernel in report["kernels"]], expected)
            self.assertEqual(report["step"], everything["step"])
        # A line: its kernels are those that name it when they are looked at one by one.
        text = (MODELS / "gpt2.gpt").read_text().splitlines()
        line = next(number for number, line in enumerate(text, 1) if "gelu_tanh(x) =" in line)
        report = explain("--no-run", "--at", line)
        self.assertEqual(report["kernels"], explain("--no-run", "--at", f"gpt2.gpt:{line}")["kernels"])
        names = {kernel["name"] for kernel in report["kernels"]}
        for kernel in everything["kernels"]:
            (whole,) = explain("--no-run", kernel["name"])["kernels"]
            here = any((shown["file"].endswith("gpt2.gpt"), shown["line"]) == (True, line) for shown in whole["lines"])
            self.assertEqual(kernel["name"] in names, here, kernel["name"])
        shown = run("explain", *TINY, "--device", "cpu", "--no-run", "--at", line).stdout
        launches = sum(kernel["launches"] for kernel in report["kernels"])
        self.assertRegex(shown, rf"\nthese +{launches} ")
        for wrong in ("mpl", "99999", "other.gpt:3", "transformer.h.mlp"):
            self.assertFails(run("explain", *TINY, "--device", "cpu", "--at", wrong, code=2), f"--at {wrong}", "mlp.c_fc")
        self.assertFails(run("explain", *TINY, "--at", "mpl", code=2), "did you mean mlp?")
        self.assertFails(run("explain", *TINY, "--at", "mlp", "matmul 16 x 64 x 16", code=2), "--at")

    def test_fused_kernels_say_so(self):
        for kernel in explain("--no-run")["kernels"]:
            (whole,) = explain("--no-run", kernel["name"])["kernels"]
            for key, value in kernel.items():
                self.assertEqual(whole[key], value, key)
            computing = [op for op in whole["operations"] if op.startswith(("map", "reduce", "embedding"))]
            if len(computing) > 2 and whole["schedule"] == "row" and "accumulate_first" in whole["entries"]:
                self.assertIn("Fused", [reason["remark"] for reason in whole["reasons"]], whole["name"])

    def test_a_product_of_the_library(self):
        (kernel,) = explain("--no-run", "matmul 16 x 64 x 16")["kernels"]
        self.assertEqual((kernel["schedule"], kernel["source"]), ("library", ""))
        self.assertEqual(kernel["flops"], 2 * 16 * 64 * 16 * kernel["launches"])
        self.assertEqual(kernel["bytes"], 4 * (16 * 16 + 16 * 64 + 16 * 64) * kernel["launches"])
        text = run("explain", *TINY, "--device", "cpu", "--no-run", kernel["name"])
        self.assertIn("a library computes it", text.stdout)

    def test_on_the_emulator(self):
        # The roofline is made of the attributes that it tells; what a kernel moves does not depend on the target.
        def report(*arguments):
            return json.loads(run("explain", *TINY, "--pad-multiple", 1, "--json", *arguments, environment=EMULATOR).stdout)

        cuda, cpu = report("--device", "cuda", "--runs", 1), report("--device", "cpu", "--no-run")
        self.assertEqual((cuda["target"], cpu["target"]), ("cuda", "cpu"))
        self.assertEqual(cuda["roofline"]["machine"], "gptc emulator")
        self.assertIn("clocks", cuda["roofline"]["origin"])
        self.assertGreater(sum(kernel["ms"] for kernel in cuda["kernels"]), 0)
        for key in ("launches", "bytes", "flops"):
            self.assertEqual(cuda["step"][key], cpu["step"][key], key)
        name = max((kernel for kernel in cuda["kernels"] if kernel["schedule"] == "row"), key=lambda k: k["flops"])["name"]
        (kernel,) = report("--device", "cuda", "--no-run", name)["kernels"]
        self.assertEqual(kernel["source_form"], "cuda")
        self.assertRegex(kernel["source"], rf"GPTC_KERNEL\(\d+\) {name}\(")

    def test_wrong_names(self):
        name = max((kernel["name"] for kernel in explain("--no-run")["kernels"]), key=len)
        wrong = name[:-2] + "zz"
        self.assertFails(run("explain", *TINY, "--device", "cpu", wrong, code=2), wrong, "did you mean", name)
        self.assertFails(run("explain", *TINY, "--device", "cpu", "transformer_", code=2), "transformer_", "part of")
        self.assertFails(run("explain", *TINY, "--device", "cpu", "qqqq", code=2), "qqqq")
        self.assertFails(run("explain", *TINY, "--runs", 0, code=2), "--runs")
        self.assertFails(run("explain", *TINY, "--device", "tpu", code=2), "tpu")
        self.assertFails(run("explain", self.path("none.gpt"), code=1), "none.gpt")


if __name__ == "__main__":
    unittest.main()
