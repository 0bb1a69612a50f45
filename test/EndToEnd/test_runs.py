"""What must hold from run to run: the same bits, the same memory, training that goes on where it stopped."""

import json
import pathlib
import re
import unittest

from gptc_testing import (MODELS, TEXT, TINY, TINY_DATA, Case, read_log, read_weights, relative, run, without_times)


class RunsTest(Case):
    def train(self, name, *arguments, threads=None, steps=6):
        run("train", *TINY, *TINY_DATA, "--steps", steps, "--total-batch-size", 32, "--eval-every", 3, "--eval-batches", 2,
            "--log", self.path(name + ".jsonl"), "--save", self.path(name + ".safetensors"), *arguments, threads=threads)
        steps_, evaluations = read_log(self.path(name + ".jsonl"))
        return without_times(steps_), evaluations, read_weights(self.path(name + ".safetensors"))

    def test_same_command_gives_the_same_bits(self):
        self.assertEqual(self.train("a"), self.train("b"))

    def test_seed_matters(self):
        self.assertNotEqual(self.train("a")[0], self.train("b", "--seed", 7)[0])

    def test_memory_of_its_own_gives_the_same_bits(self):
        self.assertEqual(self.train("a"), self.train("b", "--no-reuse"))

    def test_passes_can_be_left_out(self):
        whole = self.train("a")
        self.assertEqual(whole, self.train("b", "--disable-pass", "plan-merge-launches"))
        merged, single = (run("dump", *TINY, "--stage", "plan", *extra).stdout.count("plan.launch")
                          for extra in ([], ["--disable-pass", "plan-merge-launches"]))
        self.assertLess(merged, single)
        done = run("dump", *TINY, "--stage", "plan", "--disable-pass", "plan-merge", code=2)
        self.assertFails(done, "plan-merge")

    def test_threads(self):
        one, two = (self.train(f"t{n}", threads=n, steps=20)[0] for n in (1, 2))
        # Only oneDNN's matmuls may sum in another order: float32 rounding, then what training makes of it.
        self.assertLess(relative(two[0]["loss"], one[0]["loss"]), 1e-6)
        for a, b in zip(one, two):
            self.assertLess(relative(b["loss"], a["loss"]), 1e-5)

    def test_resume_continues_with_the_same_bits(self):
        arguments = ["train", *TINY, *TINY_DATA, "--shuffle", "windows", "--eval-every", 0]
        run(*arguments, "--steps", 8, "--decay-steps", 8, "--log", self.path("whole.jsonl"), "--save", self.path("whole.safetensors"))
        run(*arguments, "--steps", 4, "--decay-steps", 8, "--log", self.path("parts.jsonl"),
            "--checkpoint-dir", self.path("run"))
        run(*arguments, "--steps", 8, "--decay-steps", 8, "--log", self.path("parts.jsonl"),
            "--checkpoint-dir", self.path("run"), "--resume", "--save", self.path("parts.safetensors"))
        whole, parts = (without_times(read_log(self.path(n + ".jsonl"))[0]) for n in ("whole", "parts"))
        self.assertEqual(whole, parts)
        self.assertEqual(read_weights(self.path("whole.safetensors")), read_weights(self.path("parts.safetensors")))

    def test_memory_is_known_before_the_run(self):
        for precision in ("fp32", "bf16"):
            model = [*TINY, "--precision", precision]
            report = json.loads(run("memory", *model, "--json").stdout)
            scratch = report["scratch"]
            self.assertEqual(scratch["bytes"], scratch["per_thread"] * scratch["threads"])
            self.assertEqual(report["total"], sum(report["segments"].values()) + scratch["bytes"])
            plan = self.path("tiny.plan")
            run("compile", *model, "-o", plan)
            info = json.loads(run("info", plan, "--json", program="gptc-run").stdout)
            allocated = info["memory"]["train_and_evaluate"]
            self.assertEqual(report["total"], allocated["bytes"])
            self.assertEqual(scratch, allocated["scratch"])
            for name, size in report["segments"].items():
                self.assertEqual(allocated["segments"][name], size, name)

    def test_scratch_of_products_grows_with_threads(self):
        """Products of 16 bits compute with memory of their own, so much for each thread."""
        model = [*TINY, "--precision", "bf16"]
        reports = [json.loads(run("memory", *model, "--json", threads=threads).stdout) for threads in (1, 2)]
        self.assertGreater(reports[0]["scratch"]["per_thread"], 0)
        self.assertEqual(reports[0]["scratch"]["threads"], 1)
        self.assertEqual(reports[1]["total"] - reports[0]["total"], reports[0]["scratch"]["per_thread"] *
                         (reports[1]["scratch"]["threads"] - 1))
        plan = self.path("tiny.plan")
        run("compile", *model, "-o", plan)
        for threads, report in zip((1, 2), reports):
            bench = run("bench", plan, "--steps", 1, "--json", program="gptc-run", threads=threads).stdout
            self.assertEqual(json.loads(bench)["allocated_bytes"], report["train"])
        self.assertIn("scratch of products", run("memory", *model).stdout)
        self.assertEqual(json.loads(run("memory", *model, "--target", "cuda", "--json").stdout)["scratch"]["bytes"], 0)

    def test_plan_file_does_what_gptc_does(self):
        steps, _, weights = self.train("direct")
        plan = self.path("tiny.plan")
        vocabulary = len(set(TEXT.read_text()))
        run("compile", *TINY, "--set", f"vocab_size={vocabulary}", "-o", plan)
        run("train", plan, *TINY_DATA, "--steps", 6, "--total-batch-size", 32, "--eval-every", 3, "--eval-batches", 2,
            "--log", self.path("plan.jsonl"), "--save", self.path("plan.safetensors"), program="gptc-run")
        self.assertEqual(without_times(read_log(self.path("plan.jsonl"))[0]), steps)
        self.assertEqual(read_weights(self.path("plan.safetensors")), weights)

    def test_samples_are_reproducible_and_need_no_flags_but_the_weights(self):
        self.train("a")
        arguments = ["sample", MODELS / "gpt2.gpt", "--init", self.path("a.safetensors"), "--prompt", "gptc",
                     "--count", 2, "--max-tokens", 20]
        first, second = run(*arguments).stdout, run(*arguments).stdout
        self.assertEqual(first, second)
        self.assertIn("gptc", first)
        self.assertNotEqual(first, run(*arguments, "--seed", 5).stdout)

    def test_eval_agrees_with_training(self):
        _, evaluations, _ = self.train("a")
        done = run("eval", MODELS / "gpt2.gpt", "--init", self.path("a.safetensors"), *TINY_DATA, "--batch-size", 2,
                   "--eval-batches", 2)
        loss = float(re.search(r"validation loss (\d+\.\d+)", done.stdout).group(1))
        self.assertAlmostEqual(loss, evaluations[-1]["val_loss"], places=3)

    def test_every_model_trains(self):
        text = pathlib.Path(self.path("names.txt"))
        text.write_text("".join(chr(ord("a") + (7 * i * i + i // 5) % 26) for i in range(4000)))
        for model in ("bigram", "mlp", "mlp_batchnorm", "wavenet"):
            with self.subTest(model):
                done = run("train", MODELS / f"{model}.gpt", "--data", text, "--tokenizer", "char", "--batch-size", 8,
                           "--steps", 3, "--eval-every", 0, "--log", self.path(model + ".jsonl"))
                steps, _ = read_log(self.path(model + ".jsonl"))
                self.assertEqual(len(steps), 3, done.stderr)
                self.assertTrue(all(0 < row["loss"] < 40 for row in steps))
        modern = ["--set", "n_layer=1", "--set", "n_head=4", "--set", "n_kv=2", "--set", "n_embd=16", "--set", "n_hidden=24"]
        run("train", MODELS / "modern_gpt.gpt", *modern, "--data", text, "--tokenizer", "char", "--batch-size", 2,
            "--sequence-length", 8, "--steps", 3, "--eval-every", 0, "--log", self.path("modern.jsonl"))
        self.assertEqual(len(read_log(self.path("modern.jsonl"))[0]), 3)

    def test_every_stage_can_be_seen(self):
        for stage, word in (("graph", "gpt.repeat"), ("forward", "gpt.matmul"), ("training", "gpt.adamw"),
                            ("optimized", "gpt.fused"), ("plan", "plan.launch"), ("source", "scf.for")):
            with self.subTest(stage):
                self.assertIn(word, run("dump", *TINY, "--stage", stage).stdout)
        self.assertIn("plan.entry @update", run("dump", *TINY, "--stage", "plan", "--entry", "update").stdout)
        self.assertIn("define", run("dump", *TINY, "--stage", "source", "--as", "llvm").stdout)

    def test_passes_can_be_seen(self):
        before = run("dump", *TINY, "--after", "canonicalize", "--entry", "train").stdout
        self.assertIn("func.func @train", before)
        self.assertNotIn("@accumulate_first", run("dump", *TINY, "--after", "cse").stdout)
        self.assertIn("@accumulate_first", run("dump", *TINY, "--after", "gpt-differentiate").stdout)
        # What a pass did not touch is no difference, though its values have other numbers.
        difference = run("dump", *TINY, "--diff", "gpt-inline-scalars", "--entry", "update").stdout.splitlines()
        changed = [line for line in difference if line[:1] in "+-" and line[:3] not in ("---", "+++")]
        self.assertTrue(changed)
        for line in changed:
            self.assertNotIn("gpt.read", line)
        self.assertNotIn("gpt.global_norm", "".join(changed))
        self.assertEqual(run("dump", *TINY, "--diff", "gpt-inline-scalars", "--entry", "logits").stdout, "")
        self.assertFails(run("dump", *TINY, "--diff", "gpt-splt", code=2), "gpt-splt", "gpt-split-reductions")

    def test_formatted_models_stay_as_they_are(self):
        run("fmt", "--check", *sorted(MODELS.glob("*.gpt")))


if __name__ == "__main__":
    unittest.main()
