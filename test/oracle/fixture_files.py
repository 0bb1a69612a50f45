"""Writing fixtures, and comparing freshly made ones with those that are checked in.

JSON is laid out so that a difference reads well: one line a member, one line a step, one line a
tensor. Numbers are Python's shortest text that gives back the same double.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file


def write_json(path, document):
    """Nested dictionaries and lists of dictionaries are broken into lines; a tensor, or anything
    else, stays on one."""

    def nests(value):
        return "values" not in value and any(isinstance(v, (dict, list)) for v in value.values())

    def text(value, indent):
        inner = "\n" + " " * (indent + 1)
        if isinstance(value, dict) and nests(value):
            members = (f"{json.dumps(k)}: {text(v, indent + 1)}" for k, v in value.items())
            return "{" + inner + ("," + inner).join(members) + "\n" + " " * indent + "}"
        if isinstance(value, list) and value and isinstance(value[0], dict):
            items = (text(v, indent + 1) for v in value)
            return "[" + inner + ("," + inner).join(items) + "\n" + " " * indent + "]"
        return json.dumps(value, allow_nan=False)

    Path(path).write_text(text(document, 0) + "\n")


def tensor_json(tensor):
    """Values in row-major order; a scalar has the shape []."""
    kind = "float64" if tensor.is_floating_point() else "int64"
    values = tensor.detach().to(getattr(torch, kind)).reshape(-1).tolist()
    return {"shape": list(tensor.shape), "type": kind, "values": values}


def versions():
    import transformers

    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
    }


def _compare_json(where, made, kept, tolerance, problems):
    if isinstance(made, dict) and isinstance(kept, dict) and made.keys() == kept.keys():
        for key in made:
            if key != "versions":
                _compare_json(f"{where}.{key}", made[key], kept[key], tolerance, problems)
    elif isinstance(made, list) and isinstance(kept, list) and len(made) == len(kept):
        for index, (a, b) in enumerate(zip(made, kept)):
            _compare_json(f"{where}[{index}]", a, b, tolerance, problems)
    elif isinstance(made, float) and isinstance(kept, (int, float)):
        if not math.isclose(made, kept, rel_tol=tolerance, abs_tol=tolerance):
            problems.append(f"{where}: made {made}, checked in {kept}")
    elif made != kept:
        problems.append(f"{where}: made {made}, checked in {kept}")


def _noise_elements(weights):
    return json.loads((weights.parent / "expected.json").read_text())["noise_elements"]


def compare_folders(made, kept, tolerance):
    """A list of the differences between two folders of fixtures. JSON numbers may differ by
    `tolerance`, relative or absolute, and so may weights after training; all else by nothing."""
    made, kept, problems = Path(made), Path(kept), []
    names = sorted(p.relative_to(made) for p in made.rglob("*") if p.is_file())
    extra = {p.relative_to(kept) for p in kept.rglob("*") if p.is_file()} - set(names)
    problems += [f"{kept / name}: nothing makes this file" for name in sorted(extra)]
    for name in names:
        a, b = made / name, kept / name
        if not b.exists():
            problems.append(f"{b}: missing")
        elif name.suffix == ".json":
            _compare_json(str(b), json.loads(a.read_text()), json.loads(b.read_text()), tolerance,
                          problems)
        elif name.name == "final.safetensors":
            left, right = load_file(a), load_file(b)
            if left.keys() != right.keys():
                problems.append(f"{b}: other tensors than {sorted(left)}")
                continue
            for path, (begin, end) in _noise_elements(a).items():
                left[path][begin:end] = right[path][begin:end] = 0
            for key in left:
                if not np.allclose(left[key], right[key], rtol=tolerance, atol=tolerance):
                    problems.append(f"{b}: {key} differs by more than {tolerance}")
        elif a.read_bytes() != b.read_bytes():
            problems.append(f"{b}: bytes differ")
    return problems
