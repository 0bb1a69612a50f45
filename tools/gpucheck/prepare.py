"""Gathers what a machine with a GPU needs: programs, plans, data, and results to compare with.

FOLDER/
  gpu-check, gpucheck/         this program
  manifest.json                what is here
  bin/gptc-run, lib/           the runtime, with the shared libraries that a machine may lack
  conformance/                 plans (kernels as source, and compiled), inputs and expected values
  training/NAME/               a plan, data, and the log of the same run on the CPU
  step/                        plans of one training step of GPT-2 (124M), in each precision
  probes/                      kernels, the device header, the emulator's words
  peer/                        the same model in PyTorch, and the program that measures both
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
ROOT = TOOLS.parent
MOST_BYTES = 60 << 20

# Not part of every system; libc and its kin must be those of the machine.
CARRIED = ("libfmt", "libz", "libstdc++", "libgcc_s")

TINY = {"model": "gpt2", "steps": 3, "compile": [
    "--set", "n_layer=1", "--set", "n_head=2", "--set", "n_embd=16", "--set", "block_size=16",
    "--batch-size", "2", "--sequence-length", "8"], "train": ["--total-batch-size", "32"]}
# Odd sizes: a width of 33 in three heads, 13 of 17 positions, a batch of 3.
GPT2 = {"model": "gpt2", "steps": 20, "compile": [
    "--set", "n_layer=2", "--set", "n_head=3", "--set", "n_embd=33", "--set", "block_size=17",
    "--batch-size", "3", "--sequence-length", "13"], "train": ["--total-batch-size", "78"]}
MLP = {"model": "mlp", "steps": 20, "compile": ["--batch-size", "8"],
       "train": ["--total-batch-size", "48"]}
STEPS = ((4, 1024), (16, 1024))
# Half a unit in the last place of 1 of what products are rounded to.
UNITS = {"tf32": 2**-11, "bf16": 2**-8, "fp16": 2**-11}


class Failure(Exception):
    pass


def call(command, environment=None):
    """Runs a program; its output goes to standard error unless it fails."""
    words = [str(word) for word in command]
    print("gpu-check:", " ".join(words), file=sys.stderr)
    done = subprocess.run(words, env=os.environ | (environment or {}), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise Failure(f"{words[0]} failed with status {done.returncode}:\n{done.stdout}")
    return done.stdout


class Preparation:
    def __init__(self, options):
        self.options = options
        self.folder = Path(options.folder)
        self.build = Path(options.build) if options.build else ROOT / "build"
        self.bin = self.build / "bin"
        self.target = "cuda" if options.small else f"cuda:{options.architecture}"
        self.manifest = {
            "prepared": time.strftime("%Y-%m-%d"), "small": options.small, "source": source_state(),
            "architecture": "" if options.small else options.architecture,
            "training": [], "steps": [],
        }

    def run(self):
        for program in ("gptc", "gptc-run", "make-conformance"):
            if not (self.bin / program).exists():
                raise Failure(f"{self.bin / program} is not there: build it first (tools/build)")
        if self.folder.exists() and any(self.folder.iterdir()):
            if not (self.folder / "manifest.json").exists():
                raise Failure(f"{self.folder} is not a folder that prepare has made; it stays as it is")
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "manifest.json").write_text("{}")
        self.copy_programs()
        self.make_conformance()
        self.make_probes()
        if self.options.small:
            self.make_training("tiny", TINY, "bf16")
        else:
            for precision in UNITS:
                self.make_training("gpt2", GPT2, precision)
        for name, training in {"tiny": TINY}.items() if self.options.small else {
                "gpt2": GPT2, "mlp": MLP, "tiny": TINY}.items():
            self.make_training(name, training)
        if not self.options.small:
            for batch, length in STEPS:
                for precision in ("fp32", *UNITS):
                    self.make_step(batch, length, precision)
        (self.folder / "manifest.json").write_text(json.dumps(self.manifest, indent=1) + "\n")

    def copy_programs(self):
        shutil.copy(TOOLS / "gpu-check", self.folder)
        shutil.copytree(TOOLS / "gpucheck", self.folder / "gpucheck",
                        ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / "peer").mkdir()
        for name in ("bench-cpu", "bench_turns.py", "bench_peer_gpt2.py"):
            shutil.copy(TOOLS / name, self.folder / "peer")
        (self.folder / "bin").mkdir()
        (self.folder / "lib").mkdir()
        shutil.copy(self.bin / "gptc-run", self.folder / "bin")
        for name, path in re.findall(r"(\S+) => (/\S+)", call(["ldd", self.bin / "gptc-run"])):
            if name.startswith(CARRIED):
                shutil.copy(path, self.folder / "lib" / name)

    def make_conformance(self):
        folder = self.folder / "conformance"
        if not self.options.small:
            call([self.bin / "make-conformance", folder, "--architecture", self.options.architecture])
            (folder / "conformance.cuda.plan").rename(folder / "compiled.plan")
        call([self.bin / "make-conformance", folder])
        (folder / "conformance.cuda.plan").rename(folder / "source.plan")
        (folder / "conformance.cpu.plan").unlink()

    def make_probes(self):
        folder = self.folder / "probes"
        shutil.copytree(ROOT / "test" / "emulator" / "probes", folder)
        header = call([self.bin / "gptc", "dump", ROOT / "models" / "gpt2.gpt", *TINY["compile"],
                       "--set", "vocab_size=8", "--stage", "source", "--as", "header"])
        (folder / "gptc_device.h").write_text(header)
        emulator = self.build / "test" / "emulator"
        call([sys.executable, TOOLS / "gpucheck" / "probes.py", folder, "--record", folder / "emulator"],
             {"GPTC_CUDA_LIBRARIES": str(emulator)})

    def make_training(self, name, training, precision="fp32"):
        if precision != "fp32":
            name += "-" + precision
        folder = self.folder / "training" / name
        folder.mkdir(parents=True)
        text = (ROOT / "README.md").read_text()
        (folder / "text.txt").write_text(text)
        sizes = [*training["compile"], "--set", f"vocab_size={len(set(text))}"]
        model = ROOT / "models" / f"{training['model']}.gpt"
        # CPUs have no TF32: there, the same in float32.
        call([self.bin / "gptc", "compile", model, *sizes, "--target", "cpu", "--precision",
              "fp32" if precision == "tf32" else precision, "-o", folder / "cpu.plan"])
        call([self.bin / "gptc", "compile", model, *sizes, "--target", self.target, "--precision", precision,
              "-o", folder / "cuda.plan"])
        flags = [*training["train"], "--steps", str(training["steps"]), "--learning-rate", "1e-3",
                 "--eval-every", "10", "--eval-batches", "2", "--tokenizer", "char"]
        call([self.bin / "gptc-run", "train", folder / "cpu.plan", "--data", folder / "text.txt", *flags,
              "--device", "cpu", "--log", folder / "cpu.jsonl"])
        (folder / "cpu.plan").unlink()
        # float32 sums in another order are some 1e-7 a step apart, and 20 steps of it. Where numbers are rounded to
        # few bits, a sum that is tipped over to the next of them is one unit off: of losses and norms, which are of
        # many such sums, sixteen halves of it are beyond what that explains.
        first, largest = (1e-6, 1e-5) if precision == "fp32" else (16 * UNITS[precision],) * 2
        self.manifest["training"].append({"name": name, "flags": flags, "steps": training["steps"],
                                          "first": first, "all": largest})

    def make_step(self, batch, length, precision):
        (self.folder / "step").mkdir(exist_ok=True)
        name = f"gpt2-124m-{batch}x{length}{'' if precision == 'fp32' else '-' + precision}.plan"
        call([self.bin / "gptc", "compile", ROOT / "models" / "gpt2.gpt", "--batch-size", batch,
              "--sequence-length", length, "--target", self.target, "--precision", precision, "-o",
              self.folder / "step" / name])
        self.manifest["steps"].append({"plan": name, "batch_size": batch, "sequence_length": length,
                                       "precision": precision})


def source_state():
    """The commit that was built, "…-changed" if files differ from it; empty without git."""
    try:
        state = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty=-changed"],
                               capture_output=True, text=True)
    except OSError:
        return ""
    return state.stdout.strip() if state.returncode == 0 else ""


def pack(folder):
    path = folder.with_name(folder.name + ".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, arcname=folder.name)
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise Failure(f"{path} has {size} bytes; at most {MOST_BYTES} are meant to be carried")
    return path, size


def prepare(options):
    try:
        preparation = Preparation(options)
        preparation.run()
        path, size = pack(preparation.folder)
    except (Failure, OSError) as problem:
        print(f"gpu-check: {problem}", file=sys.stderr)
        return 1
    print(f"{preparation.folder} is ready; {path} has {size / 2**20:.1f} MiB")
    return 0
