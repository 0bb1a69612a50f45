"""Training in 16 bits: against PyTorch, and what a user sees of loss scaling."""

import json
import unittest

from gptc_testing import MODELS, ORACLE, TEXT, Case, read_log, read_weights, relative, run, without_times

MLP = ORACLE / "mlp"
TINY = [MODELS / "gpt2.gpt", "--preset", "small", "--set", "n_layer=1", "--set", "n_embd=32", "--set", "n_head=2",
        "--batch-size", 2, "--sequence-length", 16]
TINY_DATA = ["--data", TEXT, "--tokenizer", "char", "--eval-every", 0]


class PrecisionTest(Case):
    def train_mlp(self, name, steps, *flags):
        """Two micro-batches a step, as the fixtures of the MLP have it."""
        settings = json.loads((MLP / "expected.json").read_text())["settings"]
        arguments = ["train", MODELS / "mlp.gpt", "--data", MLP / "data", "--init", MLP / "init.safetensors",
                     "--eval-every", 0, "--steps", steps, "--total-batch-size", 2 * settings["batch_size"],
                     "--log", self.path(name + ".jsonl"), "--save", self.path(name + ".safetensors"), *flags]
        for key, value in settings["set"].items():
            arguments += ["--set", f"{key}={value}"]
        for key in ("batch_size", "shuffle", "learning_rate", "min_learning_rate", "warmup_steps", "decay_steps",
                    "weight_decay", "beta1", "beta2", "epsilon", "clip_norm"):
            arguments += ["--" + key.replace("_", "-"), settings[key]]
        done = run(*arguments)
        return read_log(self.path(name + ".jsonl"))[0], done

    def test_steps_are_skipped_as_by_the_scaler_of_pytorch(self):
        expected = json.loads((ORACLE / "mlp_fp16" / "expected.json").read_text())
        settings, peers = expected["settings"], expected["steps"]
        steps, done = self.train_mlp("fp16", len(peers), "--precision", "fp16", "--loss-scale", settings["loss_scale"],
                                     "--loss-scale-growth-interval", settings["loss_scale_growth_interval"])
        for key in ("skipped", "loss_scale"):
            self.assertEqual([step[key] for step in steps], [peer[key] for peer in peers], key)
        # Both round the same numbers. A float32 sum in another order (2^-22 of itself) tips one in 2^10 of them over to
        # the next float16, by 2^-10: a sum of a hundred terms then differs by 10^-5 of itself, and over 40 steps, in which the
        # weights go on from where the last step left them, by some tens of that. Overflowing gradients are far beyond it.
        for step, peer in zip(steps, peers):
            self.assertLess(relative(step["loss"], peer["loss"]), 1e-3, f"loss of step {peer['step']}")
            if peer["skipped"]:
                self.assertIsNone(step["norm"])
            else:
                self.assertLess(relative(step["norm"], peer["norm"]), 5e-3, f"norm of step {peer['step']}")
        count = sum(peer["skipped"] for peer in peers)
        self.assertIn(f"{count} skipped, as gradients overflowed", done.stdout)

    def test_losses_are_those_of_float32_up_to_roundings(self):
        peers = json.loads((MLP / "expected.json").read_text())["steps"]
        # u is half a unit in the last place. A logit of order 3 is rounded by less than 3 u, and the loss is a mean of 32
        # terms: u / 2. Gradients are off by u, so weights by u of the way that they have gone, which changes the loss by
        # u times what it has come down, 1.5: together 2 u. A step that is left out makes 10^-2.
        for precision, unit in (("bf16", 2**-8), ("fp16", 2**-11)):
            steps, _ = self.train_mlp(precision, len(peers), "--precision", precision)
            for step, peer in zip(steps, peers):
                self.assertLess(relative(step["loss"], peer["loss"]), 2 * unit, f"{precision}, step {peer['step']}")
                self.assertEqual("skipped" in step, precision == "fp16")
            # Rounded indeed.
            self.assertNotEqual([step["loss"] for step in steps], [peer["loss"] for peer in peers])

    def test_a_run_in_fp16_is_resumed(self):
        flags = ["train", *TINY, *TINY_DATA, "--precision", "fp16", "--loss-scale", 2**30, "--decay-steps", 12,
                 "--loss-scale-growth-interval", 3]
        run(*flags, "--steps", 12, "--log", self.path("whole.jsonl"), "--save", self.path("whole.safetensors"))
        run(*flags, "--steps", 6, "--log", self.path("parts.jsonl"), "--checkpoint-dir", self.path("run"))
        run(*flags, "--steps", 12, "--log", self.path("parts.jsonl"), "--checkpoint-dir", self.path("run"), "--resume",
            "--save", self.path("parts.safetensors"))
        whole, parts = (without_times(read_log(self.path(n + ".jsonl"))[0]) for n in ("whole", "parts"))
        self.assertEqual(whole, parts)
        self.assertTrue(any(step["skipped"] for step in whole[:6]))
        weights = read_weights(self.path("whole.safetensors"))
        self.assertEqual(weights, read_weights(self.path("parts.safetensors")))
        # Weights are weights alone; what the scaler goes on with is in checkpoints.
        self.assertFalse([name for name in weights if name.startswith("scaler:")])

    def test_checkpoints_go_from_precision_to_precision(self):
        base = ["train", *TINY, *TINY_DATA, "--checkpoint-dir", self.path("run")]
        run(*base, "--steps", 2)
        run(*base, "--resume", "--steps", 4, "--precision", "fp16", "--log", self.path("log.jsonl"))
        names = read_weights(self.path("run") + "/step-00000004.safetensors")
        # The steps before count: moments are as old as they.
        self.assertEqual(list(names["scaler:applied_steps"][1]), [4.0])
        run(*base, "--resume", "--steps", 6, "--precision", "bf16")
        vocabulary = len(set(TEXT.read_text()))
        run("eval", *TINY, "--set", f"vocab_size={vocabulary}", "--checkpoint", self.path("run"), "--data", TEXT)

    def test_errors(self):
        done = run("train", *TINY, *TINY_DATA, "--precision", "tf32", code=2)
        self.assertIn("--precision tf32", done.stderr)
        done = run("train", *TINY, *TINY_DATA, "--precision", "bf16", "--loss-scale", 8, code=2)
        self.assertIn("--loss-scale", done.stderr)
        self.assertIn("found bf16", done.stderr)
        for scale in ("nan", "inf", "1e-12", "x"):
            done = run("compile", *TINY, "--precision", "fp16", "--loss-scale", scale, "-o", "no.plan", code=2)
            self.assertIn(f"found {scale}", done.stderr)
        done = run("train", *TINY, *TINY_DATA, "--precision", "fp8", code=2)
        self.assertIn("fp8", done.stderr)

    def test_roundings_can_be_kept(self):
        text = run("dump", *TINY, "--precision", "bf16", "--stage", "optimized").stdout
        kept = run("dump", *TINY, "--precision", "bf16", "--stage", "optimized", "--disable-pass",
                   "gpt-remove-roundings").stdout
        self.assertNotEqual(text, kept)
        losses = []
        for flags in ([], ["--disable-pass", "gpt-remove-roundings"]):
            run("train", *TINY, *TINY_DATA, "--steps", 3, "--precision", "bf16", *flags, "--log", self.path("log.jsonl"))
            losses.append([step["loss"] for step in read_log(self.path("log.jsonl"))[0]])
        for one, other in zip(*losses):
            self.assertLess(relative(one, other), 8 * 2**-8)

    def test_plan_says_its_precision(self):
        run("compile", *TINY, "--precision", "bf16", "-o", self.path("tiny.plan"))
        info = json.loads(run("info", self.path("tiny.plan"), "--json", program="gptc-run").stdout)
        self.assertEqual(info["settings"]["precision"], "bf16")


if __name__ == "__main__":
    unittest.main()
