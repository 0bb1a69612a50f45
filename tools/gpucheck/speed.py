"""Parts that measure: a training step of GPT-2 (124M), and the same step in PyTorch beside it."""

import json
import shlex
import subprocess
import sys

from gpucheck import last_line


def profile(state):
    if not state.manifest["steps"]:
        state.record("profile", "all", "skipped", "prepared with --small: there are no plans of a large step")
    for step in state.manifest["steps"]:
        plan, name = state.folder / "step" / step["plan"], step["plan"].removesuffix(".plan")
        trace = state.out / f"{name}.trace.json"
        done = state.gptc("bench", plan, "--steps", 20, "--warmup", 5, "--json")
        timed = state.gptc("bench", plan, "--steps", 3, "--warmup", 3, "--json", "--profile", trace)
        failed = next((run for run in (done, timed) if run.returncode != 0), None)
        if failed:
            state.record("profile", name, "failed", last_line(failed))
            continue
        found = json.loads(done.stdout)
        (state.out / f"{name}.profile.txt").write_text(timed.stderr)
        state.record("profile", name, "passed",
                     f"{found['median_ms']:.2f} ms a step, {found['tokens_per_second']:.0f} tokens/s, "
                     f"{found['allocated_bytes'] / 2**30:.2f} GiB; table and trace in {name}.profile.txt, {trace.name}",
                     measured=found)


def torch_version(python):
    """What PyTorch there is with a GPU: a version, or why there is none."""
    script = "import torch; print(torch.__version__, torch.cuda.is_available())"
    try:
        done = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return None, str(problem)
    if done.returncode != 0:
        return None, f"{python} has no torch ({last_line(done)})"
    version, available = done.stdout.split()[-2:]
    return (version, "") if available == "True" else (None, f"torch {version} finds no GPU")


def beside_torch(state):
    if not state.manifest["steps"]:
        state.record("speed", "all", "skipped", "prepared with --small: there are no plans of a large step")
        return
    python = state.options.peer_python
    version, problem = torch_version(python)
    if not version:
        state.record("speed", "all", "skipped", problem)
        return
    state.machine["torch"] = version
    for step in state.manifest["steps"]:
        for mode, flags in (("eager", []), ("torch.compile", ["--compile"])):
            measure(state, step, mode, flags)


def measure(state, step, mode, flags):
    """One step of each in turn, in one precision, by the program that measures on the CPU."""
    python, batch, length = state.options.peer_python, step["batch_size"], step["sequence_length"]
    precision = step["precision"]
    peer = [python, str(state.folder / "peer" / "bench_peer_gpt2.py"), "--serve", "--device", state.options.device,
            "--batch-size", str(batch), "--sequence-length", str(length), "--precision", precision, *flags]
    ours = [state.gptc_run, "bench", str(state.folder / "step" / step["plan"]), "--serve", "--device",
            state.options.device]
    done = state.call([sys.executable, state.folder / "peer" / "bench-cpu", "--json", "--pairs", state.options.pairs,
                       "--warmup", 5, "--pause", 0, "--batch-size", batch, "--sequence-length", length,
                       "--peer", shlex.join(peer), "--", *ours])
    name = f"GPT-2 124M, {batch} x {length}, {precision}, beside {mode}"
    try:
        found = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        state.record("speed", name, "failed", last_line(done))
        return
    tokens = {who: 1e3 * batch * length / found[who]["median_ms"] for who in ("gptc", "peer")}
    state.record("speed", name, "passed",
                 f"gptc {tokens['gptc']:.0f} tokens/s, {mode} {tokens['peer']:.0f}: {found['ratio']:.3f} times "
                 f"({found['ratio_low']:.3f} to {found['ratio_high']:.3f})",
                 measured={"batch_size": batch, "sequence_length": length, "precision": precision, "mode": mode,
                           "tokens_per_second": tokens, **found})
