"""All parts on the machine with the GPU, and the report after each of them."""

import datetime
import glob
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from gpucheck import checks, report, speed

PARTS = ("conformance", "training", "probes", "sanitizer", "profile", "speed")
TIMEOUT = 1800  # seconds that one program may take


class Run:
    """What the parts share: where things are, how gptc-run is called, where results go."""

    def __init__(self, options):
        self.options = options
        self.folder, self.out = Path(options.folder).resolve(), Path(options.out).resolve()
        self.out.mkdir(parents=True, exist_ok=True)
        self.manifest = json.loads((self.folder / "manifest.json").read_text())
        self.gptc_run = str(self.folder / "bin" / "gptc-run")
        self.environment = os.environ | {"GPTC_CACHE_DIR": str(self.out / "cache")}
        libraries = [str(self.folder / "lib"), *package_libraries(options.peer_python)]
        if os.environ.get("LD_LIBRARY_PATH"):
            libraries.append(os.environ["LD_LIBRARY_PATH"])
        self.environment["LD_LIBRARY_PATH"] = ":".join(libraries)
        self.results, self.machine = [], machine()

    def call(self, command, **environment):
        """Runs a program; the completed process. One that takes too long has the status 124."""
        words = [str(word) for word in command]
        print("gpu-check:", " ".join(words), file=sys.stderr, flush=True)
        try:
            return subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT,
                                  env=self.environment | environment)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(words, 124, "", f"no end after {TIMEOUT} s")
        except OSError as problem:
            return subprocess.CompletedProcess(words, 127, "", str(problem))

    def gptc(self, *arguments):
        return self.call([self.gptc_run, *arguments, "--device", self.options.device])

    def record(self, part, name, result, detail, **data):
        """`result` is passed, failed or skipped."""
        assert result in ("passed", "failed", "skipped")
        self.results.append({"part": part, "name": name, "result": result, "detail": detail, **data})
        print(f"{result}: {part}: {name}: {detail}", flush=True)

    @property
    def failed(self):
        return [row for row in self.results if row["result"] == "failed"]

    def write(self):
        found = {"date": datetime.date.today().isoformat(), "machine": self.machine,
                 "prepared": {key: self.manifest[key] for key in ("prepared", "source", "architecture", "small")},
                 "ok": not self.failed, "results": self.results}
        (self.out / "gpu-check.json").write_text(json.dumps(found, indent=1) + "\n")
        (self.out / "gpu-check.md").write_text(report.markdown(found))


def package_libraries(python):
    """Folders of NVIDIA's libraries that came with a Python's packages: where there is no toolkit, those of
    torch serve."""
    try:
        done = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
                              capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return sorted(glob.glob(os.path.join(done.stdout.strip(), "nvidia", "*", "lib"))) if done.stdout else []


def machine():
    found = {"cpu": platform.processor() or platform.machine(), "system": platform.platform(), "gpu": "", "driver": ""}
    try:
        query = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.sm",
                                "--format=csv,noheader"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return found
    if query.returncode == 0 and query.stdout.strip():
        name, driver, memory, clock = (field.strip() for field in query.stdout.splitlines()[0].split(","))
        found |= {"gpu": name, "driver": driver, "memory": memory, "clock": clock}
    return found


def run(options):
    try:
        state = Run(options)
    except (OSError, ValueError) as problem:
        print(f"gpu-check: {options.folder}: required is a folder that `gpu-check prepare` made: {problem}",
              file=sys.stderr)
        return 2
    parts = {"conformance": checks.conformance, "training": checks.training, "probes": checks.probes,
             "sanitizer": checks.sanitizer, "profile": speed.profile, "speed": speed.beside_torch}
    for part in PARTS:
        if part not in options.only.split(","):
            state.record(part, "all", "skipped", "not asked for (--only)")
            continue
        begin = time.monotonic()
        parts[part](state)
        print(f"gpu-check: {part} took {time.monotonic() - begin:.1f} s", file=sys.stderr, flush=True)
        state.write()  # what comes later may end the machine
    state.write()
    print(f"{'FAILED' if state.failed else 'passed'}: {state.out / 'gpu-check.md'}")
    return 1 if state.failed else 0
