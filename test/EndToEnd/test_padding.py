"""Padded parameters: what is saved knows nothing of them, and training goes on with other ones or none."""

import json
import unittest

from gptc_testing import TINY, TINY_DATA, Case, read_log, read_weights, relative, run


class PaddingTest(Case):
    def train(self, name, multiple, *arguments, steps=8):
        run("train", *TINY, *TINY_DATA, "--set", "n_embd=10", "--pad-multiple", multiple, "--steps", steps,
            "--decay-steps", 8, "--eval-every", 0, "--log", self.path(name + ".jsonl"),
            "--save", self.path(name + ".safetensors"), *arguments)
        return [row["loss"] for row in read_log(self.path(name + ".jsonl"))[0]]

    # Sums over a padded axis may be taken in another order: float32 rounding, then what training makes of it.
    def assertLosses(self, actual, expected):
        self.assertEqual(len(actual), len(expected))
        for a, b in zip(actual, expected):
            self.assertLess(relative(a, b), 1e-5)

    def test_losses_are_the_same(self):
        plain = self.train("plain", 1)
        for multiple in (16, 64):
            self.assertLosses(self.train(f"padded{multiple}", multiple), plain)

    def test_saved_weights_are_without_pads(self):
        self.train("plain", 1), self.train("padded", 32)
        plain, padded = (read_weights(self.path(name + ".safetensors")) for name in ("plain", "padded"))
        self.assertEqual({name: shape for name, (shape, _) in plain.items()},
                         {name: shape for name, (shape, _) in padded.items()})

    def test_checkpoints_go_over_in_both_directions(self):
        whole = self.train("whole", 1)
        for first, second in ((1, 64), (64, 1), (16, 64)):
            run_folder = ["--checkpoint-dir", self.path(f"run{first}-{second}")]
            name = f"parts{first}-{second}"
            self.train(name, first, *run_folder, steps=4)
            self.assertLosses(self.train(name, second, *run_folder, "--resume"), whole)

    def test_weights_go_over_in_both_directions(self):
        self.train("plain", 1, steps=4), self.train("padded", 64, steps=4)
        losses = {}
        for start in ("plain", "padded"):
            for multiple in (1, 64):
                losses[start, multiple] = self.train(f"{start}{multiple}", multiple, "--init",
                                                     self.path(start + ".safetensors"), steps=4)
        for continued in losses.values():
            self.assertLosses(continued, losses["plain", 1])

    def test_samples_are_the_same(self):
        self.train("plain", 1)
        texts = {run("sample", *TINY[:1], "--init", self.path("plain.safetensors"), "--prompt", "gptc", "--max-tokens", 12,
                     "--temperature", 0, "--pad-multiple", multiple).stdout for multiple in (1, 64)}
        self.assertEqual(len(texts), 1)

    def test_memory_tells_of_it(self):
        bytes_ = [json.loads(run("memory", *TINY, "--set", "n_embd=10", "--pad-multiple", multiple, "--json").stdout)
                  ["segments"]["parameters"] for multiple in (1, 64)]
        self.assertLess(bytes_[0], bytes_[1])


if __name__ == "__main__":
    unittest.main()
