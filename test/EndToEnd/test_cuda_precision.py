"""Training in bf16, fp16 and tf32 on GPUs, on the emulator: products by the stand-in for cuBLASLt, and generated ones."""

import json
import unittest

from gptc_testing import EMULATOR, MODELS, ORACLE, TINY, TINY_DATA, Case, read_log, relative, run, without_times

# Half a unit in the last place of 1.
UNITS = {"bf16": 2**-8, "fp16": 2**-11, "tf32": 2**-11}
FLAGS = ["batch_size", "sequence_length", "shuffle", "steps", "learning_rate", "min_learning_rate", "warmup_steps",
         "decay_steps", "weight_decay", "beta1", "beta2", "epsilon", "clip_norm", "optimizer"]


class CudaPrecisionTest(Case):
    def setUp(self):
        super().setUp()
        self.cuda = EMULATOR | {"GPTC_CACHE_DIR": self.path("cache")}

    def train(self, *arguments, environment=None, device="cuda"):
        run("train", *arguments, "--device", device, "--log", self.path("log.jsonl"),
            environment=environment or self.cuda)
        return without_times(read_log(self.path("log.jsonl"))[0])

    def fixture(self, name):
        """A run that PyTorch did in float32: its steps, and the arguments of ours."""
        folder = ORACLE / name
        expected = json.loads((folder / "expected.json").read_text())
        settings = expected["settings"]
        arguments = [MODELS / f"{settings['model']}.gpt", "--data", folder / settings["data"], "--init",
                     folder / settings["init"], "--eval-every", 0]
        for key, value in settings["set"].items():
            arguments += ["--set", f"{key}={value}"]
        for key in FLAGS:
            if settings.get(key) is not None:
                arguments += ["--" + key.replace("_", "-"), settings[key]]
        micro_batch = settings["batch_size"] * settings.get("sequence_length", 1)
        return expected["steps"], [*arguments, "--total-batch-size", settings["accumulation_steps"] * micro_batch]

    def check(self, steps, peers, unit, what):
        """A loss is a mean of some dozens of terms, each of a logit of rounded products and factors, whose errors of up
        to u each are as good as independent; over the steps weights differ by as much as gradients do, a few u. 8 u
        covers both. A norm is of gradients as they are, two roundings for each product on the way: twice that. A
        wrong sum, or a step that is left out, is 10^-2 and more of the loss, beyond the budgets of fp16 and tf32."""
        self.assertEqual(len(steps), len(peers), what)
        for number, (step, peer) in enumerate(zip(steps, peers)):
            self.assertLess(relative(step["loss"], peer["loss"]), 8 * unit, f"{what}: loss of step {number}")
            self.assertLess(relative(step["norm"], peer["norm"]), 16 * unit, f"{what}: norm of step {number}")
        # Rounded indeed: float32 differs by some 10^-7.
        self.assertGreater(max(relative(s["loss"], p["loss"]) for s, p in zip(steps, peers)), unit / 256, what)

    def test_losses_are_those_of_float32_up_to_roundings(self):
        for name in ("gpt2", "mlp"):
            peers, arguments = self.fixture(name)
            for precision, unit in UNITS.items():
                for matmul in ("auto", "generated"):
                    what = f"{name} {precision} {matmul}"
                    with self.subTest(what):
                        steps = self.train(*arguments, "--precision", precision, "--matmul", matmul)
                        self.check(steps, peers, unit, what)

    def test_losses_are_those_of_the_cpu(self):
        """Both round the same numbers. A float32 sum in another order tips some of them over to the next one, 2 u away:
        of the hundreds that a loss or a norm is made of a few, which steps hand on. A quarter of what rounding may do."""
        for name in ("gpt2", "mlp"):
            _, arguments = self.fixture(name)
            for precision in ("bf16", "fp16"):
                with self.subTest(f"{name} {precision}"):
                    flags = [*arguments, "--precision", precision]
                    theirs, ours = self.train(*flags, device="cpu"), self.train(*flags)
                    self.assertEqual(len(ours), len(theirs))
                    for step, peer in zip(ours, theirs):
                        self.assertEqual(step.get("skipped"), peer.get("skipped"))
                        for key, most in (("loss", 2), ("norm", 4)):
                            self.assertLess(relative(step[key], peer[key]), most * UNITS[precision], key)

    def test_no_races(self):
        """The emulator ends the program at the first pair of accesses that nothing orders."""
        checked = self.cuda | {"GPTC_EMULATOR_RACES": "1"}
        modern = [MODELS / "modern_gpt.gpt", "--set", "n_layer=1", "--set", "n_head=4", "--set", "n_kv=2", "--set",
                  "n_embd=16", "--set", "n_hidden=24", "--sequence-length", 8, "--batch-size", 4, *TINY_DATA]
        for name, model in (("gpt2", [*TINY, *TINY_DATA]), ("modern_gpt", modern)):
            for precision in UNITS:
                with self.subTest(f"{name} {precision}"):
                    arguments = [*model, "--steps", 2, "--eval-every", 0, "--precision", precision, "--matmul",
                                 "generated"]
                    plain = self.train(*arguments)
                    self.assertEqual(plain, self.train(*arguments, environment=checked))

    def test_same_bits(self):
        for precision in UNITS:
            with self.subTest(precision):
                tiny = [*TINY, *TINY_DATA, "--steps", 4, "--total-batch-size", 32, "--eval-every", 0, "--precision",
                        precision]
                first = self.train(*tiny)
                self.assertEqual(first, self.train(*tiny, "--no-graphs"))
                self.assertEqual(first, self.train(*tiny, "--no-reuse"))
                other = self.cuda | {"GPTC_EMULATOR_SEED": "12345"}
                self.assertEqual(first, self.train(*tiny, environment=other))

    def test_every_pass_is_verified(self):
        for precision in UNITS:
            for model in ("modern_gpt", "mlp_batchnorm"):
                with self.subTest(f"{model} {precision}"):
                    done = run("verify", MODELS / f"{model}.gpt", "--device", "cuda", "--precision", precision,
                               environment=self.cuda)
                    self.assertIn("all passes verified", done.stdout)

    def test_tensor_cores_are_used_as_asked(self):
        for precision, products in (("bf16", "bf16"), ("fp16", "f16"), ("tf32", "tf32"), ("fp32", "fp32")):
            source = run("dump", *TINY, "--precision", precision, "--target", "cuda", "--stage", "source", "--as",
                         "cuda").stdout
            for other in ("bf16", "f16", "tf32", "fp32"):
                uses = f"gptc_attention_shape<gptc_{other}_products" in source
                self.assertEqual(uses, other == products, f"{precision}: {other}")


if __name__ == "__main__":
    unittest.main()
