"""What can go wrong with a GPU has one message, and leaves nothing half-done."""

import os
import pathlib
import unittest

from gptc_testing import EMULATOR, NO_GPU, TEXT, TINY, TINY_DATA, Case, run

STEPS = [*TINY, *TINY_DATA, "--steps", "3"]


class CudaFaultsTest(Case):
    def setUp(self):
        super().setUp()
        self.cuda = EMULATOR | {"GPTC_CACHE_DIR": self.path("cache")}

    def train(self, *arguments, code=0, **variables):
        return run("train", *STEPS, *arguments, code=code, environment=self.cuda | variables)

    def test_no_driver(self):
        done = run("train", *STEPS, "--device", "cuda", code=1, environment=NO_GPU)
        self.assertFails(done, "no CUDA driver found")
        done = run("train", *STEPS, environment=NO_GPU)
        self.assertEqual(done.stderr.count("no CUDA driver found; using the CPU"), 1)
        self.assertNotIn("CUDA", run("train", *STEPS, "--device", "cpu", environment=NO_GPU).stderr)

    def test_no_device(self):
        self.assertFails(self.train("--device", "cuda", code=1, GPTC_EMULATOR_NO_DEVICE="1"), "no GPU")
        self.assertFails(self.train("--device", "cuda:7", code=1), "cuda:7")
        self.assertFails(self.train("--device", "tpu", code=2), "tpu")

    def test_old_driver(self):
        done = self.train("--device", "cuda", code=1, GPTC_EMULATOR_DRIVER_VERSION="11040")
        self.assertFails(done, "11.4", "12.0")

    def test_no_memory(self):
        done = self.train("--device", "cuda", "--save", self.path("w.safetensors"), code=1, GPTC_EMULATOR_MEMORY="20000")
        self.assertFails(done, "bytes of memory", "free memory of the GPU")
        self.assertFalse(os.path.exists(self.path("w.safetensors")))

    def test_lost_device(self):
        done = self.train("--device", "cuda", "--save", self.path("w.safetensors"), "--log", self.path("log.jsonl"),
                          code=1, GPTC_EMULATOR_LOSE_DEVICE="400")
        self.assertFails(done, "CUDA_ERROR_ILLEGAL_ADDRESS")
        self.assertFalse(os.path.exists(self.path("w.safetensors")))
        self.assertEqual(self.train("--device", "cuda").returncode, 0)

    def test_kernel_that_does_not_compile(self):
        plan = pathlib.Path(self.path("broken.plan"))
        run("compile", *TINY, "--set", f"vocab_size={len(set(TEXT.read_text()))}", "--target", "cuda", "-o", plan,
            environment=self.cuda)
        content = plan.read_bytes()
        self.assertIn(b"= gptc_warp_sum(", content)
        plan.write_bytes(content.replace(b"= gptc_warp_sum(", b"= gptc_warp_som("))
        done = run("train", plan, *TINY_DATA, "--steps", "1", program="gptc-run", code=1, environment=self.cuda)
        self.assertFails(done, "gptc_warp_som", "gpt2.gpt:")
        # The source is kept where the message says.
        kept = [word.strip(":,;()") for word in done.stderr.split() if word.strip(":,;()").endswith(".cu")]
        self.assertTrue(kept, done.stderr)
        self.assertIn("gptc_warp_som", pathlib.Path(kept[0]).read_text())

    def test_cache_that_cannot_be_written(self):
        plan = self.path("tiny.plan")
        run("compile", *TINY, "--set", f"vocab_size={len(set(TEXT.read_text()))}", "--target", "cuda", "-o", plan,
            environment=self.cuda)
        done = run("train", plan, *TINY_DATA, "--steps", "1", program="gptc-run",
                   environment=self.cuda | {"GPTC_CACHE_DIR": "/proc/gptc"})
        self.assertIn("/proc/gptc", done.stderr)

    def test_damaged_cache_is_rebuilt(self):
        plan = self.path("tiny.plan")
        run("compile", *TINY, "--set", f"vocab_size={len(set(TEXT.read_text()))}", "--target", "cuda", "-o", plan,
            environment=self.cuda)
        train = ["train", plan, *TINY_DATA, "--steps", "1"]
        run(*train, program="gptc-run", environment=self.cuda)
        entries = sorted(pathlib.Path(self.path("cache")).glob("*.cubin"))
        self.assertTrue(entries)
        for entry, damage in zip(entries, (b"", b"rubbish", entries[0].read_bytes()[:-5])):
            entry.write_bytes(damage)
        run(*train, program="gptc-run", environment=self.cuda)
        again = run(*train, program="gptc-run", environment=self.cuda)
        self.assertIn(f"{len(entries)} from the cache", again.stdout + again.stderr)

    def test_plan_for_something_else(self):
        for target, device, words in (("cpu", "cuda", "cpu"), ("cuda", "cpu", "cuda")):
            plan = self.path(target + ".plan")
            run("compile", *TINY, "--target", target, "-o", plan, environment=self.cuda)
            done = run("train", plan, *TINY_DATA, "--steps", "1", "--device", device, program="gptc-run", code=1,
                       environment=self.cuda)
            self.assertFails(done, plan, words)

    def test_bad_targets(self):
        self.assertFails(run("compile", *TINY, "--target", "cuda:hopper", "-o", self.path("x.plan"), code=2),
                         "cuda:hopper")
        self.assertFails(run("compile", *TINY, "--resources", "-o", self.path("x.plan"), code=2), "--resources")


if __name__ == "__main__":
    unittest.main()
