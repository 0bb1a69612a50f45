"""Plans for GPUs do what plans for CPUs do. They run on the emulator, which compiles the same CUDA source."""

import pathlib
import unittest

from gptc_testing import (EMULATOR, MODELS, ORACLE, TEXT, TINY, TINY_DATA, Case, read_log, read_weights, relative, run,
                          without_times)

# Odd sizes: a width of 33 in three heads, 13 of 17 positions, a batch of 3.
GPT2 = [MODELS / "gpt2.gpt", "--set", "n_layer=2", "--set", "n_head=3", "--set", "n_embd=33", "--set", "block_size=17",
        "--batch-size", "3", "--sequence-length", "13", *TINY_DATA]
MLP = [MODELS / "mlp.gpt", *TINY_DATA, "--batch-size", "8"]
TWENTY_STEPS = ["--steps", "20", "--learning-rate", "1e-3", "--eval-every", "10", "--eval-batches", "2"]


class CudaTest(Case):
    def setUp(self):
        super().setUp()
        # The cache is this test's own, so that one test does not hide another's compilations.
        self.cuda = EMULATOR | {"GPTC_CACHE_DIR": self.path("cache")}

    def train(self, name, *arguments, environment=None):
        run("train", *arguments, "--log", self.path(name + ".jsonl"), "--save", self.path(name + ".safetensors"),
            environment=environment or self.cuda)
        steps, evaluations = read_log(self.path(name + ".jsonl"))
        return without_times(steps), evaluations, read_weights(self.path(name + ".safetensors"))

    def check_against_cpu(self, *arguments):
        """Sums in another order, products that are fused or not: some 1e-7 a step, and 20 steps of it."""
        cpu, cpu_evaluations, _ = self.train("cpu", *arguments, "--device", "cpu")
        cuda, cuda_evaluations, _ = self.train("cuda", *arguments, "--device", "cuda")
        self.assertEqual(len(cpu), 20)
        self.assertEqual(len(cuda), 20)
        for step, (ours, theirs) in enumerate(zip(cuda, cpu)):
            for key in ("loss", "norm"):
                self.assertLess(relative(ours[key], theirs[key]), 1e-6 if step == 0 else 1e-5, f"{key} of step {step}")
        for ours, theirs in zip(cuda_evaluations, cpu_evaluations):
            self.assertLess(relative(ours["val_loss"], theirs["val_loss"]), 1e-5)

    def test_gpt2_as_on_the_cpu(self):
        self.check_against_cpu(*GPT2, *TWENTY_STEPS, "--total-batch-size", "78")

    def test_mlp_as_on_the_cpu(self):
        self.check_against_cpu(*MLP, *TWENTY_STEPS, "--total-batch-size", "48")

    def test_micrograd_as_on_the_cpu(self):
        self.check_against_cpu(MODELS / "micrograd.gpt", "--data", ORACLE / "micrograd_adamw" / "data",
                               "--batch-size", "10", "--total-batch-size", "10", *TWENTY_STEPS)

    def test_generated_matmuls_as_on_the_cpu(self):
        self.check_against_cpu(*GPT2, *TWENTY_STEPS, "--total-batch-size", "78", "--matmul", "generated")

    def small_models(self):
        """Arguments that train each of the other models for a few steps."""
        text = pathlib.Path(self.path("names.txt"))
        text.write_text("".join(chr(ord("a") + (7 * i * i + i // 5) % 26) for i in range(4000)))
        data = ["--data", text, "--tokenizer", "char", "--batch-size", 4, "--steps", 3, "--eval-every", 0]
        modern = ["--set", "n_layer=1", "--set", "n_head=4", "--set", "n_kv=2", "--set", "n_embd=16", "--set",
                  "n_hidden=24", "--sequence-length", "8"]
        for model, extra in (("bigram", []), ("mlp_batchnorm", []), ("wavenet", []), ("modern_gpt", modern)):
            yield model, [MODELS / f"{model}.gpt", *extra, *data]

    def test_every_model_trains(self):
        for model, arguments in self.small_models():
            with self.subTest(model):
                cpu, _, _ = self.train("cpu", *arguments, "--device", "cpu")
                cuda, _, _ = self.train("cuda", *arguments, "--device", "cuda")
                for ours, theirs in zip(cuda, cpu):
                    self.assertLess(relative(ours["loss"], theirs["loss"]), 1e-5)

    def test_no_races(self):
        """The emulator ends the program at the first pair of accesses that nothing orders."""
        checked = self.cuda | {"GPTC_EMULATOR_RACES": "1"}
        gpt2 = [*GPT2, "--steps", "2", "--eval-every", "0"]
        for model, arguments in [("gpt2", gpt2), *self.small_models()]:
            with self.subTest(model):
                plain, _, _ = self.train("plain", *arguments, "--device", "cuda", "--matmul", "generated")
                races, _, _ = self.train("races", *arguments, "--device", "cuda", "--matmul", "generated",
                                         environment=checked)
                self.assertEqual(plain, races)

    def test_same_bits(self):
        tiny = [*TINY, *TINY_DATA, "--steps", "6", "--total-batch-size", "32", "--eval-every", "3", "--eval-batches",
                "2", "--device", "cuda"]
        first = self.train("first", *tiny)
        self.assertEqual(first, self.train("again", *tiny))
        self.assertEqual(first, self.train("launches", *tiny, "--no-graphs"))
        self.assertEqual(first, self.train("own memory", *tiny, "--no-reuse"))
        self.assertEqual(first, self.train("profile", *tiny, "--profile", self.path("trace.json")))
        # Threads and blocks in another order.
        other = self.cuda | {"GPTC_EMULATOR_SEED": "12345"}
        self.assertEqual(first, self.train("order", *tiny, environment=other))

    def test_samples_and_evaluation(self):
        self.train("a", *TINY, *TINY_DATA, "--steps", "3", "--device", "cuda")
        weights = self.path("a.safetensors")
        sample = ["sample", MODELS / "gpt2.gpt", "--init", weights, "--prompt", "gptc", "--max-tokens", "20", "--count", 2]
        self.assertEqual(run(*sample).stdout, run(*sample, "--device", "cuda", environment=self.cuda).stdout)
        evaluation = ["eval", MODELS / "gpt2.gpt", "--init", weights, *TINY_DATA, "--batch-size", 2, "--eval-batches", 2]
        self.assertEqual(run(*evaluation).stdout.splitlines()[-1],
                         run(*evaluation, "--device", "cuda", environment=self.cuda).stdout.splitlines()[-1])

    def test_plan_files(self):
        steps = ["--steps", "3", *TINY_DATA]
        vocabulary = ["--set", f"vocab_size={len(set(TEXT.read_text()))}"]
        direct, _, _ = self.train("direct", *TINY, *steps, "--device", "cuda")
        # Source alone, to be compiled where it runs; compiled for that GPU; compiled for another one.
        for target in ("cuda", "cuda:sm_90a", "cuda:sm_80"):
            with self.subTest(target):
                plan = self.path(target.replace(":", "-") + ".plan")
                run("compile", *TINY, *vocabulary, "--target", target, "-o", plan, environment=self.cuda)
                log = self.path(target.replace(":", "-") + ".jsonl")
                done = run("train", plan, *steps, "--log", log, program="gptc-run", environment=self.cuda)
                self.assertEqual(without_times(read_log(log)[0]), direct)
                origin = "in the plan" if target == "cuda:sm_90a" else "from the cache"
                self.assertIn(origin, done.stdout + done.stderr)
        # Another cache knows nothing yet.
        environment = self.cuda | {"GPTC_CACHE_DIR": self.path("other cache")}
        done = run("train", self.path("cuda.plan"), *steps, program="gptc-run", environment=environment)
        self.assertNotIn("from the cache", done.stdout + done.stderr)
        done = run("train", self.path("cuda.plan"), *steps, program="gptc-run", environment=environment)
        self.assertIn("from the cache", done.stdout + done.stderr)

    def test_dumps_source(self):
        source = run("dump", *TINY, "--stage", "source", "--as", "cuda").stdout
        self.assertIn("GPTC_KERNEL", source)
        self.assertIn("gpt2.gpt:", source)
        self.assertIn("ln_1_weight", source)
        self.assertIn("gptc_view", run("dump", *TINY, "--stage", "source", "--as", "header").stdout)
        done = run("dump", *TINY, "--stage", "source", "--as", "ptx", code=2)
        self.assertFails(done, "--target cuda:sm_")


if __name__ == "__main__":
    unittest.main()
