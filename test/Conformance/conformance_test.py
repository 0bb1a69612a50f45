"""Tests of `gptc-run conformance`: that it finds every kind of difference, and what it says about files that are wrong.

  conformance_test.py GPTC_RUN FOLDER       FOLDER holds what make-conformance wrote; standard library only
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

GPTC_RUN, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
# Small, with a real output that is written, one that accumulates, and inputs.
ENTRY = "elementwise_5x33"
FIRST, SECOND = f"{ENTRY}.output5", f"{ENTRY}.gradient6"


class File:
    """The tensors of some entries of the conformance file, to be changed and written again."""

    def __init__(self, *entries):
        data = (FOLDER / "conformance.safetensors").read_bytes()
        (size,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + size])
        tolerances = json.loads(header.pop("__metadata__")["tolerances"])
        self.tolerances = {entry: tolerances[entry] for entry in entries}
        self.tensors = {}
        for name, tensor in header.items():
            if name.split("/")[1] in entries:
                begin, end = (8 + size + offset for offset in tensor["data_offsets"])
                self.tensors[name] = [tensor["dtype"], tensor["shape"], bytearray(data[begin:end])]

    def write(self, path, metadata=None):
        header, position = {"__metadata__": metadata or {"tolerances": json.dumps(self.tolerances)}}, 0
        for name, (dtype, shape, data) in self.tensors.items():
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [position, position + len(data)]}
            position += len(data)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(bytes(t[2]) for t in self.tensors.values()))

    def number(self, name, element, value=None, code="f"):
        data = self.tensors[name][2]
        if value is not None:
            struct.pack_into("<" + code, data, 4 * element, value)
        return struct.unpack_from("<" + code, data, 4 * element)[0]


class Conformance(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "cases.safetensors"
        self.file = File(ENTRY)

    def run_cases(self, code, *flags, metadata=None):
        self.file.write(self.path, metadata)
        command = [GPTC_RUN, "conformance", str(FOLDER / "conformance.cpu.plan"), "--cases", str(self.path)]
        done = subprocess.run([*command, "--device", "cpu", *flags], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def assert_refuses(self, *words, metadata=None):
        done = self.run_cases(1, metadata=metadata)
        self.assertEqual(done.stdout, "")
        for word in (str(self.path), *words):
            self.assertIn(word, done.stderr)

    def test_passes(self):
        done = self.run_cases(0)
        self.assertRegex(done.stdout, r"conformance.cpu.plan on cpu, \d+ threads?: 1 cases, 0 failed\n")

    def test_names_the_worst_element(self):
        name = f"out/{ENTRY}/{FIRST}"
        tolerance = self.file.tolerances[ENTRY][FIRST]
        right = self.file.number(name, 40)
        self.file.number(name, 40, right + 3 * tolerance)
        self.file.number(name, 7, self.file.number(name, 7) - 2 * tolerance)
        done = self.run_cases(1)
        line = done.stdout.splitlines()[0]
        self.assertTrue(line.startswith(f"{ENTRY}: {FIRST}[1, 7] is {right:.5}"[:-2]), line)
        self.assertIn("expected", line)
        self.assertTrue(line.endswith("outside of the tolerance (2 elements such)"), line)
        self.assertIn("1 cases, 1 failed", done.stdout)
        self.assertIn("1 of 1 cases failed", done.stderr)

    def test_json(self):
        self.file.number(f"out/{ENTRY}/{SECOND}", 0, 1e9)
        result = json.loads(self.run_cases(1, "--json").stdout)
        self.assertEqual((result["cases"], result["failed"]), (1, 1))
        (failure,) = result["failures"]
        self.assertEqual((failure["entry"], failure["tensor"]), (ENTRY, SECOND))
        self.assertEqual((failure["element"], failure["elements"], failure["expected"]), ("[0, 0]", 1, 1e9))

    def test_accumulation_depends_on_what_was_there(self):
        name = f"in/{ENTRY}/{SECOND}"
        self.file.number(name, 3, self.file.number(name, 3) + 1)
        self.assertIn(f"{SECOND}[0, 3]", self.run_cases(1).stdout)

    def test_not_a_number_fails(self):
        self.file.number(f"in/{ENTRY}/{ENTRY}.input0", 0, float("nan"))
        self.assertIn(f"{FIRST}[0, 0] is nan", self.run_cases(1).stdout)

    def test_tensors_that_must_not_change(self):
        # The entry writes it, but the file says nothing of that.
        del self.file.tensors[f"out/{ENTRY}/{FIRST}"]
        self.assertIn("the entry must not change it", self.run_cases(1).stdout)

    def test_names_of_tensors(self):
        self.file.tensors["other"] = ["F32", [1], bytearray(4)]
        self.assert_refuses('"other"', "required are names in/ENTRY/TENSOR and out/ENTRY/TENSOR")

    def test_missing_entry(self):
        self.file.tensors["in/nothing/x"] = ["F32", [1], bytearray(4)]
        self.assert_refuses('has no entry "nothing"')

    def test_missing_tensor(self):
        self.file.tensors[f"in/{ENTRY}/x"] = ["F32", [1], bytearray(4)]
        self.assert_refuses('has no tensor "x"')

    def test_wrong_shape_and_type(self):
        name = f"out/{ENTRY}/{FIRST}"
        self.file.tensors[name][1] = [33, 5]
        self.assert_refuses(name, "it is [33, 5] of float32", "[5, 33] of float32")
        self.file.tensors[name][:2] = ["I32", [5, 33]]
        self.assert_refuses(name, "it is [5, 33] of int32")

    def test_tolerances(self):
        self.file.tolerances[ENTRY][FIRST] = -1
        self.assert_refuses(FIRST, "no tolerance for it that is a number from 0 on")
        del self.file.tolerances[ENTRY]
        self.assert_refuses("no tolerance for it")
        self.assert_refuses("no \"tolerances\"", metadata={"other": "1"})
        self.assert_refuses("not a JSON object", metadata={"tolerances": "[1]"})


    def test_usage(self):
        done = subprocess.run([GPTC_RUN, "conformance", "x.plan"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--cases", done.stderr)
        self.run_cases(2, "--repeat", "0")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
