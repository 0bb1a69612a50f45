"""Whole training runs give PyTorch's losses, norms and weights."""

import json
import unittest

from gptc_testing import MODELS, ORACLE, Case, read_log, read_weights, relative, run

# Each step sums thousands of float32 products: relative errors of some 1e-7 a step, which 20 steps of training do not
# amplify (PyTorch's own float32 and float64 runs of these models differ by 3e-7). Ten times that.
LOSS_TOLERANCE = 5e-6

FLAGS = ["batch_size", "sequence_length", "shuffle", "steps", "learning_rate", "min_learning_rate", "warmup_steps",
         "decay_steps", "weight_decay", "beta1", "beta2", "epsilon", "clip_norm", "optimizer", "eval_batches"]


class OracleTest(Case):
    def train(self, name):
        folder = ORACLE / name
        expected = json.loads((folder / "expected.json").read_text())
        settings = expected["settings"]
        arguments = ["train", MODELS / f"{settings['model']}.gpt", "--data", folder / settings["data"],
                     "--init", folder / settings["init"], "--eval-every", settings["steps"],
                     "--log", self.path("log.jsonl"), "--save", self.path("final.safetensors")]
        for key, value in settings["set"].items():
            arguments += ["--set", f"{key}={value}"]
        for key in FLAGS:
            if settings.get(key) is not None:
                arguments += ["--" + key.replace("_", "-"), settings[key]]
        # Counted in tokens where data are a stream of tokens, in examples where they are arrays.
        micro_batch = settings["batch_size"] * settings.get("sequence_length", 1)
        arguments += ["--total-batch-size", settings["accumulation_steps"] * micro_batch]
        run(*arguments)
        return expected, arguments

    def check(self, name):
        expected, _ = self.train(name)
        steps, evaluations = read_log(self.path("log.jsonl"))
        self.assertEqual(len(steps), len(expected["steps"]))
        for actual, peer in zip(steps, expected["steps"]):
            for key in ("loss", "norm"):
                self.assertLess(relative(actual[key], peer[key]), LOSS_TOLERANCE, f"{key} of step {peer['step']}")
            self.assertLess(relative(actual["lr"], peer["lr"]), 1e-6)
        if "val_loss" in expected:
            for actual, peer in ((evaluations[0], "before"), (evaluations[-1], "after")):
                self.assertLess(relative(actual["val_loss"], expected["val_loss"][peer]), LOSS_TOLERANCE)
        # AdamW turns rounding into steps of full size where a gradient is truly zero; those elements are named.
        noise = expected.get("noise_elements", {})
        weights = read_weights(self.path("final.safetensors"))
        peers = read_weights(ORACLE / name / "final.safetensors")
        self.assertEqual(weights.keys(), peers.keys())
        for tensor, (shape, values) in peers.items():
            self.assertEqual(weights[tensor][0], shape)
            # An element moves by the rate times m / sqrt(v), whatever the gradient's size: 0.1 in 20 steps. Where
            # the gradient is a thousandth of the terms that it sums, rounding of 6e-8 of these is 6e-5 of it, and a
            # few such errors add up over the steps and the ten or so sums that lead to it.
            tolerance = max(0.1 * 5e-4, 20 * expected["final_difference_float64"][tensor])
            begin, end = noise.get(tensor, (0, 0))
            for index, (actual, peer) in enumerate(zip(weights[tensor][1], values)):
                if not begin <= index < end:
                    self.assertLess(abs(actual - peer), tolerance, f"{tensor}[{index}]")

    def test_gpt2(self):
        self.check("gpt2")

    def test_mlp(self):
        self.check("mlp")

    def test_bigram(self):
        self.check("bigram")

    def test_micrograd_adamw(self):
        self.check("micrograd_adamw")

    def test_micrograd_sgd(self):
        self.check("micrograd_sgd")


if __name__ == "__main__":
    unittest.main()
