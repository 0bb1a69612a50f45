"""How many commands a training step of GPT-2 takes, listed by name. See gptc_testing.py for the environment."""

import json
import pathlib
import tempfile
import unittest

import gptc_testing as gptc

# Of GPT-2's step, whatever its width: what a layer adds, forward and backward, and all else with the update.
LAYER, OUTSIDE = 18, 15


def commands_of(layers):
    """The commands of a step of one micro-batch, as "entry: kind code part"."""
    with tempfile.TemporaryDirectory() as folder:
        plan = pathlib.Path(folder) / "gpt2.plan"
        gptc.run("compile", gptc.MODELS / "gpt2.gpt", "--preset", "small", "--set", f"n_layer={layers}", "-o", plan)
        info = json.loads(gptc.run("run", "info", plan, "--commands", "--json").stdout)
    return [f"{entry}: {command['kind']} {command['code']} {command['part']}"
            for entry in ("accumulate_first", "update") for command in info["entries"][entry]["command_list"]]


class Launches(unittest.TestCase):
    def test_commands_of_a_step(self):
        two, three = commands_of(2), commands_of(3)
        layer = len(three) - len(two)
        outside = len(two) - 2 * layer
        listing = "\n".join(two)
        print(f"GPT-2: {layer} commands a layer, {outside} outside; with two layers:\n{listing}")
        self.assertLessEqual(layer, LAYER, listing)
        self.assertLessEqual(outside, OUTSIDE, listing)


if __name__ == "__main__":
    unittest.main()
