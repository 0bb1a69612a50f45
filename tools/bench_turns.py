"""What bench-cpu and bench-matmuls share: programs that take turns, step by step, and what is trained.

A program stays loaded and answers each line "step" on stdin with one line on stdout: the milliseconds, as a number or as
a JSON object {"ms": ..., "loss": ...}. Interleaving programs makes a machine's changing mood strike all; who goes first
alternates.
"""

import contextlib
import json
import os
import random
import select
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parent

# What is trained: our options of the model, the peer's, and the sizes of a batch.
RECIPES = {
    "gpt2": {"ours": [], "peer": [], "batch_size": 4, "sequence_length": 64},
    # nanoGPT's CPU recipe: 4 layers of 4 heads, width 128, the 65 characters of Tiny Shakespeare.
    "nanogpt": {
        "ours": ["--preset", "small", "--set", "vocab_size=65"],
        "peer": ["--layers", "4", "--heads", "4", "--width", "128", "--vocabulary", "65",
                 "--block-size", "64"],
        "batch_size": 12,
        "sequence_length": 64,
    },
}


def fail(message):
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")


class Program:
    """A child that runs one training step for each line "step"."""

    def __init__(self, name, command, environment, timeout):
        self.name, self.timeout, self.pending = name, timeout, b""
        self.milliseconds, self.answers, self.outside = [], [], []
        self.first_loss = None
        try:
            self.child = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        except OSError as error:
            fail(f"{name}: cannot start {command[0]}: {error.strerror}")

    def read_line(self):
        deadline = time.monotonic() + self.timeout
        while b"\n" not in self.pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.child.stdout], [], [], left)[0]:
                fail(f"{self.name}: no answer to \"step\" within {self.timeout:g} s")
            data = os.read(self.child.stdout.fileno(), 65536)
            if not data:
                fail(f"{self.name}: ended with status {self.child.wait()} instead of answering")
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode(errors="replace")

    def step(self):
        start = time.perf_counter()
        try:
            self.child.stdin.write(b"step\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            pass  # read_line reports how the child ended.
        line = self.read_line()
        round_trip = (time.perf_counter() - start) * 1000
        try:
            answer = json.loads(line)
            answer = answer if isinstance(answer, dict) else {"ms": answer}
            milliseconds = float(answer["ms"])
            if not milliseconds > 0:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            fail(f"{self.name}: required the milliseconds of a step, found {line!r}")
        if self.first_loss is None:
            self.first_loss = answer.get("loss")
        self.milliseconds.append(milliseconds)
        self.answers.append(answer)
        self.outside.append(round_trip - milliseconds)

    def forget(self):
        """Drops the answers so far, of the warm-up, but not the first loss."""
        self.milliseconds, self.answers, self.outside = [], [], []

    def close(self):
        """Ends the child by the end of its stdin, or by force."""
        try:
            self.child.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def median(self):
        return statistics.median(self.milliseconds)

    def summary(self):
        return {
            "median_ms": self.median(),
            "min_ms": min(self.milliseconds),
            "max_ms": max(self.milliseconds),
            "outside_clock_ms": statistics.median(self.outside),
            "first_loss": self.first_loss,
            "ms": self.milliseconds,
        }

    def warn(self):
        """On stderr, if much of the program's time lies outside of what it reports."""
        outside = statistics.median(self.outside)
        if outside > 5 + 0.05 * self.median():
            print(f"{Path(sys.argv[0]).name}: warning: {self.name} spends {outside:.1f} ms a step "
                  "outside the time it reports", file=sys.stderr)


def bootstrap(peer, ours, draws=10000):
    """The 5th and 95th percentile of the ratio of medians, pairs drawn with replacement."""
    draw = random.Random(1)
    pairs = list(zip(peer, ours))
    ratios = []
    for _ in range(draws):
        sample = draw.choices(pairs, k=len(pairs))
        medians = [statistics.median(column) for column in zip(*sample)]
        ratios.append(medians[0] / medians[1])
    ratios.sort()
    return ratios[int(0.05 * draws)], ratios[int(0.95 * draws) - 1]


def add_options(parser):
    """The options that all take: what is trained, and how it is timed."""
    parser.add_argument("--recipe", choices=RECIPES, default="gpt2",
                        help="gpt2: GPT-2 124M, B 4 x T 64 (default); nanogpt: nanoGPT's for a CPU")
    parser.add_argument("--batch-size", type=int, help="default: the recipe's")
    parser.add_argument("--sequence-length", type=int, help="default: the recipe's")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--pairs", type=int, default=15, help="pairs measured, default 15")
    parser.add_argument("--warmup", type=int, default=3, help="pairs before them, default 3")
    parser.add_argument("--pause", type=float, default=0.25, help="seconds between steps")
    parser.add_argument("--timeout", type=float, default=600, help="seconds one step may take")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--gptc", default=str(ROOT / "build" / "bin" / "gptc"), metavar="PATH")
    parser.add_argument("--plan", metavar="FILE", help="made for these sizes; default: compile one")


def check_options(parser, options):
    """Fills in the recipe's sizes; ends the program if a number makes no sense."""
    for name in ("batch_size", "sequence_length"):
        if getattr(options, name) is None:
            setattr(options, name, RECIPES[options.recipe][name])
    for name in ("batch_size", "sequence_length", "threads", "pairs"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')}: required at least 1")
    if options.warmup < 0 or options.pause < 0 or options.timeout <= 0:
        parser.error("--warmup and --pause: required at least 0; --timeout: more than 0")


def plan_of(options, folder):
    """The plan that was named, or one of the recipe compiled into the folder."""
    if options.plan:
        return options.plan
    plan = str(Path(folder) / "bench.plan")
    command = [options.gptc, "compile", str(ROOT / "models" / "gpt2.gpt"), "-o", plan]
    command += ["--target", "cpu"]
    command += ["--batch-size", str(options.batch_size)]
    command += ["--sequence-length", str(options.sequence_length)]
    command += RECIPES[options.recipe]["ours"]
    try:
        status = subprocess.run(command, stdout=sys.stderr).returncode
    except OSError as error:
        fail(f"--gptc {options.gptc}: {error.strerror}")
    if status != 0:
        fail(f"{shlex.join(command)} failed with status {status}")
    return plan


def take_turns(options, commands, extra={}):
    """Runs {name: command} in turn; the programs after their steps, in that order. `extra` holds more of the
    environment by program."""
    environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
    with contextlib.ExitStack() as stack:
        programs = []
        for name, words in commands.items():
            programs.append(
                Program(name, words, environment | extra.get(name, {}), options.timeout))
            stack.callback(programs[-1].close)
        run_rounds(options, programs)
    return programs


def run_rounds(options, programs):
    total = options.warmup + options.pairs
    for count in range(total):
        if count == options.warmup:
            for program in programs:
                program.forget()
        for program in programs if count % 2 == 0 else programs[::-1]:
            program.step()
            # Worker threads of OpenMP spin for a while after their work; let them fall asleep.
            time.sleep(options.pause)
        if not options.json:
            phase = "warm-up" if count < options.warmup else "measured"
            times = ", ".join(f"{p.name} {p.milliseconds[-1]:.1f} ms" for p in programs)
            print(f"pair {count + 1}/{total} ({phase}): {times}", file=sys.stderr)
