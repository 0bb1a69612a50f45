"""NVIDIA's compiler takes every kernel of every model, and none of them spills registers. Needs NVRTC, but no GPU."""

import unittest

from gptc_testing import MODELS, NO_GPU, Case, run

# Large enough that reductions are a block's, and several blocks of columns.
SIZES = {
    "gpt2": ["--batch-size", 4, "--sequence-length", 1024],
    "modern_gpt": ["--batch-size", 2, "--sequence-length", 64],
    "wavenet": ["--batch-size", 32],
    "mlp": ["--batch-size", 32],
    "mlp_batchnorm": ["--batch-size", 32],
    "bigram": ["--batch-size", 32],
    "micrograd": ["--batch-size", 100],
}


class NvrtcTest(Case):
    # A folder without libraries stands for a machine without a GPU; here NVRTC itself is looked for.
    def compile(self, model, architecture, *arguments, code=0):
        environment = {"GPTC_CUDA_LIBRARIES": "", "GPTC_CACHE_DIR": self.path("cache")}
        return run("compile", MODELS / f"{model}.gpt", *SIZES[model], "--target", f"cuda:{architecture}", "-o",
                   self.path(f"{model}.plan"), *arguments, code=code, environment=environment)

    def setUp(self):
        super().setUp()
        try:
            self.compile("bigram", "sm_80")
        except AssertionError as failure:
            if "NVRTC" in str(failure) and "install" in str(failure):
                self.skipTest("NVRTC is not installed")
            raise

    def test_every_kernel_compiles_without_spills(self):
        cases = [(model, "fp32") for model in SIZES] + [
            (model, precision) for model in ("gpt2", "modern_gpt") for precision in ("tf32", "bf16", "fp16")]
        for architecture in ("sm_80", "sm_90a"):
            for model, precision in cases:
                with self.subTest(f"{model} {architecture} {precision}"):
                    done = self.compile(model, architecture, "--resources", "--precision", precision)
                    rows = [line.split() for line in done.stdout.splitlines()[1:]]
                    self.assertGreater(len(rows), 10)
                    print(f"{model}, {architecture}, {precision}: {len(rows)} kernels, at most {max(int(r[0]) for r in rows)} "
                          f"registers and {max(int(r[1]) for r in rows)} bytes of shared memory")
                    print(done.stdout)
                    for registers, shared, spilled, kernel in rows:
                        self.assertEqual(int(spilled), 0, kernel)
                        self.assertLessEqual(int(registers), 255, kernel)
                        self.assertLessEqual(int(shared), 48 * 1024, kernel)

    def test_unknown_architecture(self):
        self.assertFails(self.compile("mlp", "sm_20", code=2), "sm_20", "sm_80")
        self.assertFails(self.compile("mlp", "sm_99", code=1), "sm_99")

    def test_machine_without_nvrtc(self):
        done = run("compile", MODELS / "mlp.gpt", "--target", "cuda:sm_80", "-o", self.path("x.plan"), code=1,
                   environment=NO_GPU)
        self.assertFails(done, "NVRTC")


if __name__ == "__main__":
    unittest.main()
