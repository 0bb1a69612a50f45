"""Parts that compare: conformance, whole training runs, probes, and compute-sanitizer."""

import json
import shutil
import sys
from pathlib import Path

from gpucheck import last_line

GRAPHS = (("graphs", []), ("no graphs", ["--no-graphs"]))
MATMULS = ("library", "generated")


def lacks_library(done, matmul):
    """Whether a run failed for cuBLASLt alone: then the generated products are what there is."""
    return matmul == "library" and done.returncode != 0 and "cuBLASLt cannot be opened" in done.stderr


def conformance(state):
    """All cases, thrice each: graphs are captured, replayed, and must give the same bits."""
    folder = state.folder / "conformance"
    for plan in (folder / "compiled.plan", folder / "source.plan"):
        if not plan.exists():
            continue
        for matmul in MATMULS:
            for graphs, flags in GRAPHS:
                name = f"{plan.name}, {matmul} matmul, {graphs}"
                done = state.gptc("conformance", plan, "--cases", folder / "conformance.safetensors", "--json",
                                  "--repeat", 3, "--matmul", matmul, *flags)
                record_conformance(state, name, done, matmul)


def record_conformance(state, name, done, matmul):
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = None
    if lacks_library(done, matmul):
        state.record("conformance", name, "skipped", last_line(done))
    elif found is None:
        state.record("conformance", name, "failed", last_line(done))
    else:
        state.machine.setdefault("device", found["device"])
        wrong = found["failures"]
        # Where the kernels are from: compiled ahead of time, by the same run, or by the one before.
        kernels = [line for line in done.stderr.splitlines() if line.startswith("kernels: ")]
        first = f"; first {wrong[0]['entry']}: {wrong[0]['tensor']}: {wrong[0]['problem']}" if wrong else ""
        state.record("conformance", name, "passed" if done.returncode == 0 else "failed",
                     "; ".join([f"{found['cases']} cases, {found['failed']} failed{first}", *kernels]), failures=wrong)


def read_log(path):
    """The lines of a log without what time decides."""
    rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in ("ms", "tokens_per_second")} for row in rows]


def relative(found, expected):
    if found is None or expected is None:  # not finite
        return float("inf")
    return abs(found - expected) / max(abs(expected), 1e-30)


def compare_logs(ours, theirs, most_first, most):
    """The largest relative differences of the first step and of all, and what is wrong or nothing."""
    if len(ours) != len(theirs):
        return 0, 0, f"{len(ours)} lines of log, expected {len(theirs)}"
    first = largest = 0.0
    for row, expected in zip(ours, theirs):
        if row.keys() != expected.keys():
            return first, largest, f"step {expected.get('step')}: {sorted(row)} instead of {sorted(expected)}"
        worst = max(relative(row[key], expected[key]) for key in ("loss", "norm", "val_loss") if key in expected)
        largest = max(largest, worst)
        if expected["step"] == 0:
            first = max(first, worst)
    wrong = "" if first <= most_first and largest <= most else (
        f"more than {most_first:.0e} in the first step, or {most:.0e} in all")
    return first, largest, wrong


def training_arguments(state, training, log):
    folder = state.folder / "training" / training["name"]
    return ["train", folder / "cuda.plan", "--data", folder / "text.txt", *training["flags"], "--log", log]


def training(state):
    for one in state.manifest["training"]:
        expected = read_log(state.folder / "training" / one["name"] / "cpu.jsonl")
        for matmul in MATMULS:
            logs = []
            for graphs, flags in GRAPHS:
                name = f"{one['name']}, {matmul} matmul, {graphs}"
                log = state.out / f"train-{one['name']}-{matmul}-{graphs.replace(' ', '-')}.jsonl"
                log.unlink(missing_ok=True)
                done = state.gptc(*training_arguments(state, one, log), "--matmul", matmul, *flags)
                if lacks_library(done, matmul):
                    state.record("training", name, "skipped", last_line(done))
                    continue
                if done.returncode != 0:
                    state.record("training", name, "failed", last_line(done))
                    continue
                logs.append(read_log(log))
                first, largest, wrong = compare_logs(logs[-1], expected, one["first"], one["all"])
                detail = f"{one['steps']} steps beside the CPU: first {first:.1e}, all {largest:.1e}"
                state.record("training", name, "failed" if wrong else "passed",
                             f"{detail}: {wrong}" if wrong else detail, first=first, largest=largest)
            if len(logs) == 2:
                same = logs[0] == logs[1]
                state.record("training", f"{one['name']}, {matmul} matmul, graphs beside no graphs",
                             "passed" if same else "failed", "equal bits" if same else "other bits")


def probes(state):
    command = [sys.executable, state.folder / "gpucheck" / "probes.py", state.folder / "probes", "--record",
               state.out / "golden"]
    done = state.call(command)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        state.record("probes", "all", "failed", last_line(done))
        return
    state.machine |= {key: found[key] for key in ("device", "driver", "nvrtc", "architecture")
                      if not state.machine.get(key)}
    for name, probe in found["probes"].items():
        beside = {"golden": "a GPU's words", "emulator": "the emulator's words"}.get(probe["beside"], "nothing")
        state.record("probes", name, "failed" if probe["problem"] else "passed",
                     probe["problem"] or f"as {beside}")


def find_sanitizer():
    return shutil.which("compute-sanitizer") or next(
        (path for path in ("/usr/local/cuda/bin/compute-sanitizer",) if Path(path).exists()), None)


def sanitizer(state):
    program = find_sanitizer()
    if not program:
        state.record("sanitizer", "all", "skipped", "compute-sanitizer is not installed")
        return
    one = state.manifest["training"][-1]
    for tool in ("memcheck", "racecheck", "initcheck", "synccheck"):
        # The library's kernels are not ours to check; memory errors can come from how they are called.
        for matmul in MATMULS if tool == "memcheck" else ("generated",):
            log = state.out / f"sanitizer-{tool}.jsonl"
            log.unlink(missing_ok=True)
            arguments = [*training_arguments(state, one, log), "--matmul", matmul, "--no-graphs", "--device",
                         state.options.device]
            done = state.call([program, "--tool", tool, "--error-exitcode", 99, state.gptc_run, *arguments])
            name = f"{tool}, {one['name']}, {matmul} matmul"
            (state.out / f"sanitizer-{tool}-{matmul}.txt").write_text(done.stdout + done.stderr)
            if lacks_library(done, matmul):
                state.record("sanitizer", name, "skipped", last_line(done))
            else:
                summary = [line for line in (done.stdout + done.stderr).splitlines() if "SUMMARY" in line]
                state.record("sanitizer", name, "passed" if done.returncode == 0 else "failed",
                             summary[-1].strip("= ") if summary else last_line(done))
