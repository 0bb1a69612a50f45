"""`gptc run replay`: it computes what `info --commands` lists, and refuses what it cannot replay. See gptc_testing.py for
the environment."""

import collections
import json
import pathlib
import re
import unittest

from gptc_testing import MODELS, NO_GPU, TINY, Case, run


class Replay(Case):
    def compile(self, *flags):
        path = self.path("tiny.plan")
        run("compile", *TINY, "--target", "cpu", *flags, "-o", path)
        return path

    def products(self, plan, entries):
        """{sizes: count} of the entries' products."""
        info = json.loads(run("run", "info", plan, "--commands", "--json").stdout)
        return collections.Counter(command["code"] for entry in entries
                                   for command in info["entries"][entry]["command_list"]
                                   if command["kind"] == "matmul")

    def replay(self, plan, *flags):
        return json.loads(run("run", "replay", plan, "--json", "--steps", 2, "--warmup", 0, *flags).stdout)

    def check(self, result, products):
        found, flops = collections.Counter(), 0
        for shape in result["shapes"]:
            sizes = re.match(r"\d+( x \d+)*", shape["code"])[0]
            found[sizes] += shape["count"]
            work = 2
            for size in sizes.split(" x "):
                work *= int(size)
            flops += work * shape["count"]
            self.assertTrue(shape["method"])
        self.assertEqual(found, products)
        self.assertEqual(result["flops"], flops)

    def test_products_of_a_step(self):
        plan = self.compile()
        result = self.replay(plan, "--threads", 2)
        self.assertEqual(result["entries"], ["accumulate_first", "update"])
        self.check(result, self.products(plan, result["entries"]))
        parameters = json.loads(run("run", "info", plan, "--json").stdout)["parameters"]
        self.assertEqual(result["bytes"], 28 * parameters)
        self.assertGreater(result["products_ms"], 0)
        self.assertGreater(result["memory_ms"], 0)

    def test_products_of_entries(self):
        # Attention written out: batches of products.
        plan = self.compile("--disable-pass", "gpt-form-flash-attention")
        entries = ["logits", "logits", "accumulate_middle"]
        result = self.replay(plan, *[word for entry in entries for word in ("--entry", entry)])
        self.assertTrue(any(shape["batch"] > 1 for shape in result["shapes"]))
        self.check(result, self.products(plan, entries))
        self.assertEqual(result["bytes"], 0)

    def test_generated_products_are_the_library_s_here(self):
        # The logits, 64 x 50257 x 64, are large enough to be generated.
        model = [MODELS / "gpt2.gpt", "--set", "n_layer=1", "--set", "n_embd=64", "--set", "n_head=2",
                 "--batch-size", 4, "--sequence-length", 16]
        self.assertIn(" generated", run("dump", *model, "--stage", "plan").stdout)
        plan = self.path("generated.plan")
        run("compile", *model, "--target", "cpu", "-o", plan)
        result = self.replay(plan)
        self.check(result, self.products(plan, result["entries"]))

    def test_text_and_serving(self):
        plan = self.compile("--optimizer", "sgd")
        text = run("run", "replay", plan, "--steps", 1, "--threads", 1).stdout
        for pattern in (r"by oneDNN 2\.\S+, 1 thread$", r"^products  \d+, ", r"^memory .* GB/s$", r"^floor .* / 0\.85: "):
            self.assertRegex(text, re.compile(pattern, re.MULTILINE))
        answers = [json.loads(line) for line in
                   run("run", "replay", plan, "--serve", stdin="step\nstep\nquit\n").stdout.splitlines()]
        self.assertEqual(len(answers), 2)
        for answer in answers:
            self.assertGreater(answer["ms"], 0)

    def test_refusals(self):
        plan = self.compile()
        self.assertFails(run("run", "replay", plan, "--entry", "logit", code=2), "logit", "did you mean logits")
        self.assertFails(run("run", "replay", plan, "--steps", 0, code=2), "--steps 0")
        self.assertFails(run("run", "replay", plan, "--serve", "--json", code=2), "--serve")
        self.assertFails(run("run", "replay", self.compile("--precision", "bf16"), code=1), "bfloat16",
                         "--precision fp32")
        run("compile", *TINY, "--target", "cuda", "-o", self.path("cuda.plan"))
        self.assertFails(run("run", "replay", self.path("cuda.plan"), code=1), "cuda.plan", "compiled for cuda")

    def test_no_products(self):
        model = pathlib.Path(TINY[0]).parent / "bigram.gpt"
        path = self.path("bigram.plan")
        run("compile", model, "--target", "cpu", "-o", path)
        self.assertFails(run("run", "replay", path, code=1), "bigram.plan", "no matrix product")

    def test_without_onednn(self):
        # What the loader finds first is no library.
        for name in ("libdnnl.so.2", "libdnnl.so.3"):
            pathlib.Path(self.path(name)).write_text("not a library, but long enough to be looked at as one\n" * 4)
        done = run("run", "replay", self.compile(), code=1, environment=NO_GPU | {"LD_LIBRARY_PATH": str(self.folder)})
        self.assertFails(done, "oneDNN", "libdnnl2")


if __name__ == "__main__":
    unittest.main()
