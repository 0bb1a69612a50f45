"""What the end-to-end tests share: running gptc, reading its logs and weights. Standard library only.

The tests run the program as a user would. Environment: GPTC_BIN, the folder with gptc; GPTC_SOURCE, the project's
root; GPTC_TEST_DATA, a folder with larger texts, optional; GPTC_EMULATOR, the folder of the libraries that stand in
for CUDA.
"""

import json
import math
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["GPTC_BIN"])
SOURCE = pathlib.Path(os.environ["GPTC_SOURCE"])
MODELS = SOURCE / "models"
ORACLE = SOURCE / "test" / "oracle"
# Some 60 different characters, a few thousand of them: enough to train a tiny model on.
TEXT = SOURCE / "README.md"


# Tests run on the CPU, whatever machine this is, unless they ask for the emulator of a GPU.
NO_GPU = {"GPTC_CUDA_LIBRARIES": "/nonexistent"}
EMULATOR = {"GPTC_CUDA_LIBRARIES": os.environ.get("GPTC_EMULATOR", "/nonexistent")}


def run(*arguments, code=0, threads=None, program="gptc", stdin=None, environment=NO_GPU):
    """Runs a program of gptc's; the completed process. Fails if its exit code is not `code`."""
    command = [str(BIN / program), *map(str, arguments)]
    if threads:
        command += ["--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, input=stdin, timeout=900,
                          env=os.environ | environment)
    if done.returncode != code:
        raise AssertionError(
            f"{' '.join(command)}\nexit code {done.returncode}, expected {code}\n{done.stdout}\n{done.stderr}")
    return done


def read_log(path):
    """The steps and the evaluations of a JSON-lines log."""
    rows = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
    return [row for row in rows if "loss" in row], [row for row in rows if "val_loss" in row]


def without_times(steps):
    return [{key: value for key, value in row.items() if key not in ("ms", "tokens_per_second")} for row in steps]


def read_weights(path):
    """{name: (shape, [float])} of a safetensors file of float32 tensors."""
    data = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    weights = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "F32", name
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        weights[name] = (entry["shape"], struct.unpack(f"<{(end - begin) // 4}f", data[begin:end]))
    return weights


def relative(actual, expected):
    return abs(actual - expected) / max(abs(expected), 1e-30)


class Case(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gptc-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def path(self, name):
        return str(self.folder / name)

    def assertFails(self, done, *words):
        """One message, and each word in it."""
        for word in words:
            self.assertIn(str(word), done.stderr)
        self.assertNotIn("Traceback", done.stderr)


# A model that trains in a blink.
TINY = [MODELS / "gpt2.gpt", "--set", "n_layer=1", "--set", "n_head=2", "--set", "n_embd=16", "--set", "block_size=16",
        "--batch-size", "2", "--sequence-length", "8"]
TINY_DATA = ["--data", TEXT, "--tokenizer", "char"]
ln = math.log
