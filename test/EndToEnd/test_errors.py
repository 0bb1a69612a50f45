"""Bad input: an exit code, a message that names the culprit, and nothing half-written."""

import json
import os
import pathlib
import struct
import unittest

from gptc_testing import MODELS, TEXT, TINY, TINY_DATA, Case, run


def safetensors(path, tensors, truncate=0):
    """Writes float32 tensors of zeros, {name: shape}; the last `truncate` bytes are left out."""
    header, offset = {}, 0
    for name, shape in tensors.items():
        size = 4
        for n in shape:
            size *= n
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    data = struct.pack("<Q", len(text)) + text + bytes(offset)
    pathlib.Path(path).write_bytes(data[:len(data) - truncate])


class DescriptionErrors(Case):
    def describe(self, text):
        pathlib.Path(self.path("model.gpt")).write_text(text)
        return self.path("model.gpt")

    def dump(self, text, code=1, *arguments):
        return run("dump", self.describe(text), *arguments, code=code)

    BIGRAM = (MODELS / "bigram.gpt").read_text()

    def test_model_that_is_not_there(self):
        """The file is named, whatever else is missing."""
        self.assertFails(run("train", "nope.gpt", code=2), "nope.gpt")
        self.assertFails(run("memory", "nope.gpt", code=1), "nope.gpt")

    def test_misspelt_words_of_the_command_line(self):
        for arguments, wrong, right in ((["trian"], "trian", "train"),
                                        (["train", *TINY, "--dta", "x"], "--dta", "--data"),
                                        (["train", *TINY, "--setps=5"], "--setps", "--steps"),
                                        (["run", "evl", "x.plan"], "evl", "eval")):
            with self.subTest(wrong):
                done = run(*arguments, code=2)
                self.assertFails(done, f"{wrong} was not expected; did you mean {right}?")

    def test_syntax(self):
        self.assertFails(self.dump(self.BIGRAM.replace("normal(1)", "normal(1")), "model.gpt:", "error:", "^")

    def test_shape(self):
        text = self.BIGRAM.replace("-> [B, T, vocab_size]", "-> [B, T, 3]")
        self.assertNotEqual(text, self.BIGRAM)
        self.assertFails(self.dump(text), "model.gpt:", "required:", "found:")

    def test_unknown_operation(self):
        self.assertFails(self.dump(self.BIGRAM.replace("embedding(tokens", "embeding(tokens")), "embeding", "did you mean")

    def test_every_mistake_in_one_go(self):
        text = self.BIGRAM.replace("embedding(tokens", "embeding(tokens").replace("mean(table^2)", "meen(table^2)")
        self.assertFails(self.dump(text), "embeding", "meen", "2 errors")

    def test_unknown_config_value_and_preset(self):
        done = run("dump", MODELS / "gpt2.gpt", "--set", "n_layers=4", code=2)
        self.assertFails(done, "--set n_layers=4", "did you mean n_layer")
        self.assertFails(run("dump", MODELS / "gpt2.gpt", "--preset", "smal", code=2), "smal", "did you mean small")

    def test_sizes_that_do_not_divide(self):
        self.assertFails(run("dump", MODELS / "gpt2.gpt", "--set", "n_embd=770", code=1), "not whole", "770", "64.17")

    def test_sequence_longer_than_the_model_takes(self):
        done = run("dump", MODELS / "gpt2.gpt", "--preset", "small", "--sequence-length", 65, code=2)
        self.assertFails(done, "65", "64")

    def test_missing_description(self):
        self.assertFails(run("dump", self.path("none.gpt"), code=1), "none.gpt")

    def test_unknown_flag(self):
        self.assertFails(run("train", MODELS / "gpt2.gpt", "--bach-size", 4, code=2), "--bach-size")
        self.assertFails(run("trian", code=2), "trian")


class DataErrors(Case):
    def train(self, data, *words, tokenizer="char", code=1, arguments=()):
        done = run("train", *TINY, "--data", data, *(["--tokenizer", tokenizer] if tokenizer else []), "--steps", 2,
                   "--save", self.path("out.safetensors"), *arguments, code=code)
        self.assertFails(done, *words)
        self.assertFalse(os.path.exists(self.path("out.safetensors")))

    def file(self, name, content):
        path = pathlib.Path(self.path(name))
        path.write_bytes(content)
        return path

    def test_missing(self):
        self.train(self.path("none.txt"), "none.txt")

    def test_empty(self):
        self.train(self.file("empty.txt", b""), "empty.txt", "empty")

    def test_too_short(self):
        self.train(self.file("short.txt", b"abc"), "short.txt", "17")

    def test_not_utf8(self):
        self.train(self.file("latin.txt", b"hello \xe9 " * 100), "latin.txt", "UTF-8", "6")

    def test_shard_with_a_wrong_header(self):
        content = struct.pack("<256i", 20240520, 99, 1000, *([0] * 253)) + bytes(2000)
        self.train(self.file("x_train.bin", content), "x_train.bin", "99", tokenizer=None)

    def test_token_outside_the_vocabulary(self):
        header = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118)
        text = b"{'descr': '<u2', 'fortran_order': False, 'shape': (1000,), }"
        tokens = [5] * 1000
        tokens[123] = 60000
        content = header + text.ljust(117) + b"\n" + struct.pack("<1000H", *tokens)
        self.train(self.file("train.npy", content), "train.npy", "60000", "123", tokenizer=None)

    def test_unwritable_outputs_are_found_first(self):
        for flag in ("--save", "--log"):
            done = run("train", *TINY, *TINY_DATA, "--steps", 2, flag, "/nonexistent/folder/file", code=1)
            self.assertFails(done, flag, "/nonexistent/folder")

    def test_a_total_batch_that_does_not_divide(self):
        done = run("train", *TINY, *TINY_DATA, "--steps", 2, "--total-batch-size", 17, code=2)
        self.assertFails(done, "--total-batch-size 17", "16")


class WeightErrors(Case):
    def init(self, tensors, *words, truncate=0):
        safetensors(self.path("weights.safetensors"), tensors, truncate)
        done = run("train", MODELS / "bigram.gpt", "--set", "vocab_size=27", "--data", self.data(), "--tokenizer", "char",
                   "--sequence-length", 8, "--steps", 1, "--init", self.path("weights.safetensors"), code=1)
        self.assertFails(done, "weights.safetensors", *words)

    def data(self):
        path = pathlib.Path(self.path("letters.txt"))
        path.write_text("".join(chr(ord("a") + i * i % 26) for i in range(2000)))
        return path

    def test_truncated(self):
        self.init({"table": [27, 27]}, truncate=5)

    def test_wrong_shape(self):
        self.init({"table": [27, 26]}, "table", "[27, 26]", "[27, 27]")

    def test_missing_tensor(self):
        self.init({}, "table")

    def test_extra_tensor(self):
        self.init({"table": [27, 27], "chair": [2]}, "chair")

    def test_not_safetensors(self):
        path = pathlib.Path(self.path("weights.safetensors"))
        path.write_bytes(b"hello")
        self.assertFails(run("sample", MODELS / "bigram.gpt", "--init", path, code=1), "weights.safetensors")


class PlanErrors(Case):
    def plan(self):
        path = pathlib.Path(self.path("tiny.plan"))
        run("compile", *TINY, "-o", path)
        return path

    def test_corrupt(self):
        path = self.plan()
        content = path.read_bytes()
        for name, damaged in (("short", content[:len(content) // 2]), ("empty", b""), ("other", b"GIF89a" + content[6:]),
                              ("zeros", content[:64] + bytes(len(content) - 64))):
            with self.subTest(name):
                path.write_bytes(damaged)
                self.assertFails(run("info", path, program="gptc-run", code=1), "tiny.plan")

    def test_unwritable(self):
        self.assertFails(run("compile", *TINY, "-o", "/nonexistent/tiny.plan", code=1), "/nonexistent/tiny.plan")

    def test_no_memory(self):
        # Attention of so many sequences: said before anything is allocated, with a batch that would do.
        text = pathlib.Path(self.path("long.txt"))
        text.write_text("to be or not to be, that is the question\n" * 600_000)
        done = run("train", MODELS / "gpt2.gpt", "--set", "n_layer=12", "--batch-size", 2048, "--data", text,
                   "--tokenizer", "char", "--steps", 1, code=1)
        self.assertFails(done, "GiB", "--batch-size", "would fit")


if __name__ == "__main__":
    unittest.main()
