#!/usr/bin/env python3
"""Writes ops/*.json: values and gradients of single ops in float64, from PyTorch's autograd.

`--check` makes them anew and compares. README.md has the format and the conventions (ties, masks).
"""

import argparse
import math
import sys
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F

import op_case
from fixture_files import compare_folders, versions, write_json
from op_cases_shape import SHAPE_FILES
from reference_models import cross_entropy, layer_norm

HERE = Path(__file__).resolve().parent


def make_layer_norm(c):
    def add(name, x, eps=1e-5, smooth=True):
        width = x.shape[-1]
        c.add(name, "layer_norm", lambda x, weight, bias: layer_norm(x, weight, bias, eps),
              {"x": x, "weight": c.tensor(width), "bias": c.tensor(width)}, {"eps": eps},
              lambda x, weight, bias: F.layer_norm(x, (width,), weight, bias, eps), smooth=smooth)

    add("odd width", c.tensor(2, 3, 7))
    add("one row", c.tensor(1, 19))
    add("far from zero", c.tensor(3, 9, scale=0.5) + 64)
    add("large eps", c.tensor(3, 5), eps=0.5)
    add("constant row", torch.full((1, 6), 1.5, dtype=torch.float64), smooth=False)
    c.add("no parameters", "layer_norm", lambda x: layer_norm(x, 1, 0), {"x": c.tensor(4, 6)},
          {"eps": 1e-5}, lambda x: F.layer_norm(x, (6,)))


def rms_norm(x, eps=1e-6):
    return x * torch.rsqrt((x**2).mean(-1, keepdim=True) + eps)


def make_rms_norm(c):
    for name, x in (("odd width", c.tensor(2, 3, 7)), ("small values", c.tensor(3, 5) / 32)):
        c.add(name, "rms_norm", rms_norm, {"x": x}, {"eps": 1e-6},
              lambda x: F.rms_norm(x, (x.shape[-1],), eps=1e-6))
    c.add("large eps", "rms_norm", lambda x: rms_norm(x, 0.5), {"x": c.tensor(2, 5)}, {"eps": 0.5})


def make_batch_norm(c):
    """Leading axes are all reduced. The running statistics are states: no gradient passes them."""
    momentum, eps = 0.1, 1e-5

    def training(x, weight, bias, running_mean, running_var):
        axes = tuple(range(x.dim() - 1))
        mean = x.mean(axes)
        variance = x.var(axes, correction=0)
        unbiased = x.var(axes, correction=1)
        return {
            "y": (x - mean) * torch.rsqrt(variance + eps) * weight + bias,
            "running_mean": torch.lerp(running_mean, mean, momentum).detach(),
            "running_var": torch.lerp(running_var, unbiased, momentum).detach(),
        }

    def training_peer(x, weight, bias, running_mean, running_var):
        mean, var = running_mean.clone(), running_var.clone()
        y = F.batch_norm(x.reshape(-1, x.shape[-1]), mean, var, weight, bias, True, momentum, eps)
        return {"y": y.reshape(x.shape), "running_mean": mean, "running_var": var}

    def evaluation(x, weight, bias, running_mean, running_var):
        return (x - running_mean) * torch.rsqrt(running_var + eps) * weight + bias

    def evaluation_peer(x, weight, bias, running_mean, running_var):
        rows = x.reshape(-1, x.shape[-1])
        y = F.batch_norm(rows, running_mean, running_var, weight, bias, False, momentum, eps)
        return y.reshape(x.shape)

    for name, shape in (("batch", (6, 5)), ("batch and time", (2, 3, 5))):
        inputs = {"x": c.tensor(*shape), "weight": c.tensor(5), "bias": c.tensor(5),
                  "running_mean": c.tensor(5), "running_var": c.positive(5)}
        states = ("running_mean", "running_var")
        for mode, f, peer in (("training", training, training_peer),
                              ("evaluation", evaluation, evaluation_peer)):
            c.add(f"{name}, {mode}", "batch_norm", f, inputs,
                  {"training": mode == "training", "momentum": momentum, "eps": eps}, peer, states)


def make_softmax(c):
    ops = {
        "softmax": (lambda x: x.sub(x.amax(-1, True)).exp() / x.sub(x.amax(-1, True)).exp()
                    .sum(-1, True), lambda x: torch.softmax(x, -1)),
        "log_softmax": (lambda x: torch.log_softmax(x, -1), None),
        "logsumexp": (lambda x: torch.logsumexp(x, -1), None),
    }
    for op, (function, peer) in ops.items():
        c.add("odd width", op, function, {"x": c.tensor(2, 3, 7, scale=2)}, peer=peer)
        c.add("one element", op, function, {"x": c.tensor(3, 1)}, peer=peer)
        far = torch.tensor([[1000.0, 999.0, 1001.0, 998.5], [-1000.0, -1002.0, -999.0, -1000.5]])
        c.add("far from zero", op, function, {"x": far.double()}, peer=peer, smooth=False)
        wide = torch.tensor([[900.0, -900.0, 0.0, 899.0]]).double()
        c.add("wide range", op, function, {"x": wide}, peer=peer, smooth=False)
    past = torch.ones(5, 5).tril().bool()
    c.add("past only", "causal_softmax",
          lambda x: torch.softmax(torch.where(past, x, -math.inf), -1), {"x": c.tensor(2, 5, 5)})


def make_cross_entropy(c):
    def mean_of_kept(logits, targets):
        kept = targets.reshape(-1) >= 0
        return cross_entropy(logits.reshape(-1, logits.shape[-1])[kept], targets.reshape(-1)[kept])

    def peer(logits, targets):
        flat = logits.reshape(-1, logits.shape[-1])
        return F.cross_entropy(flat, targets.reshape(-1).clamp(min=-1), ignore_index=-1)

    def add(name, logits, targets, smooth=True):
        c.add(name, "cross_entropy", mean_of_kept, {"logits": logits, "targets": targets},
              peer=peer, smooth=smooth)

    add("sequence", c.tensor(2, 3, 7), c.indices(7, 2, 3))
    add("rows", c.tensor(4, 11, scale=3), torch.tensor([0, 10, 3, 3]))
    targets = c.indices(7, 2, 4)
    targets[0, 1], targets[1, 3] = -1, -100
    add("targets below 0 are left out", c.tensor(2, 4, 7), targets)
    large = torch.tensor([[800.0, -800.0, 0.0], [-1000.0, -1001.0, -1000.0]]).double()
    add("large logits", large, torch.tensor([1, 1]), smooth=False)

    def each(logits, targets):
        picked = logits.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
        return torch.where(targets >= 0, torch.logsumexp(logits, -1) - picked, 0.0)

    c.add("a loss per target, 0 where it is left out", "cross_entropy_terms", each,
          {"logits": c.tensor(2, 4, 5), "targets": targets.clamp(max=4)},
          peer=lambda logits, targets: F.cross_entropy(
              logits.flatten(0, 1), targets.flatten().clamp(min=-1), ignore_index=-1,
              reduction="none").view(2, 4))
    c.add("repeated", "pick", lambda x, indices: x.gather(-1, indices[..., None])[..., 0],
          {"x": c.tensor(2, 3, 5), "indices": torch.tensor([[4, 0, 4], [1, 1, 2]])})


def attention(q, k, v, causal=False, window=None, scale=None):
    heads, groups, size = q.shape[1], k.shape[1], q.shape[-1]
    k, v = (x.repeat_interleave(heads // groups, 1) for x in (k, v))
    scores = q @ k.transpose(-1, -2) * (1 / math.sqrt(size) if scale is None else scale)
    behind = torch.arange(q.shape[2])[:, None] - torch.arange(k.shape[2])
    seen = torch.ones_like(behind, dtype=torch.bool)
    if causal:
        seen &= behind >= 0
    if window is not None:
        seen &= behind < window
    return torch.softmax(scores.masked_fill(~seen, -math.inf), -1) @ v


def make_attention(c):
    def add(name, batch=1, heads=2, groups=2, queries=4, keys=4, size=3, width=3, **flags):
        def peer(q, k, v):
            mask = None
            if "window" in flags:
                behind = torch.arange(queries)[:, None] - torch.arange(keys)
                mask = (behind >= 0) & (behind < flags["window"])
            return F.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, is_causal=mask is None and flags.get("causal", False),
                scale=flags.get("scale"), enable_gqa=True)

        inputs = {"q": c.tensor(batch, heads, queries, size),
                  "k": c.tensor(batch, groups, keys, size),
                  "v": c.tensor(batch, groups, keys, width)}
        attributes = {"causal": False} | flags
        c.add(name, "attention", lambda q, k, v: attention(q, k, v, **flags), inputs, attributes,
              peer)

    add("causal", batch=2, causal=True)
    add("full, more keys than queries", keys=7)
    add("full, fewer keys than queries", keys=2)
    add("grouped queries", heads=4, groups=2, causal=True)
    add("one group", heads=3, groups=1)
    add("window of 3", queries=5, keys=5, causal=True, window=3)
    add("window of 1 sees itself only", causal=True, window=1, queries=3, keys=3)
    add("scale", causal=True, scale=0.25)
    add("values of another width", causal=True, width=5)
    add("one position", causal=True, queries=1, keys=1)


def make_rope(c):
    def rope(x, base):
        half = x.shape[-1] // 2
        frequency = base ** (-2.0 * torch.arange(half, dtype=torch.float64) / x.shape[-1])
        angle = torch.outer(torch.arange(x.shape[2], dtype=torch.float64), frequency)
        a, b = x.split(half, -1)
        return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1)

    def rotation(x, base):
        """The same by complex numbers."""
        half = x.shape[-1] // 2
        position = torch.arange(x.shape[2], dtype=torch.float64)[:, None]
        power = -2 * torch.arange(half, dtype=torch.float64) / x.shape[-1]
        turn = torch.exp(1j * position * torch.pow(base, power))
        turned = torch.complex(*x.split(half, -1)) * turn
        return torch.cat([turned.real, turned.imag], -1)

    for base, shape in ((10000.0, (2, 2, 5, 6)), (100.0, (1, 1, 9, 4)), (10000.0, (1, 1, 3, 2))):
        c.add(f"base {base:g}, width {shape[-1]}", "rope", lambda x: rope(x, base),
              {"x": c.tensor(*shape)}, {"base": base}, lambda x: rotation(x, base))


def make_optimizer(c):
    """Two updates of torch.optim's AdamW and SGD, and clip_grad_norm_. No gradients here."""
    for name, decay, shape in (("decay", 0.1, (3, 4)), ("no decay", 0.0, (5,))):
        p, gradients = c.tensor(*shape), [c.tensor(*shape), c.tensor(*shape)]
        gradients[0].view(-1)[0] = gradients[1].view(-1)[0] = 0
        rates = [0.01, 0.02]
        parameter = p.clone().requires_grad_()
        optimizer = torch.optim.AdamW([parameter], betas=(0.9, 0.95), eps=1e-8, weight_decay=decay)
        outputs = {}
        for step, (gradient, rate) in enumerate(zip(gradients, rates)):
            parameter.grad = gradient.clone()
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
            state = optimizer.state[parameter]
            outputs |= {f"parameter_{step}": parameter.detach().clone(),
                        f"m_{step}": state["exp_avg"].clone(),
                        f"v_{step}": state["exp_avg_sq"].clone()}
        c.add(name, "adamw", lambda *_: outputs,
              {"parameter": p, "gradient_0": gradients[0], "gradient_1": gradients[1]},
              {"learning_rates": rates, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8,
               "weight_decay": decay}, smooth=False)
    c.add("plain", "sgd", lambda parameter, gradient: (parameter - 0.5 * gradient).detach(),
          {"parameter": c.tensor(3, 2), "gradient": c.tensor(3, 2)}, {"learning_rate": 0.5},
          smooth=False)

    def clip(first, second, limit):
        parameters = [torch.zeros_like(g) for g in (first, second)]
        for parameter, gradient in zip(parameters, (first, second)):
            parameter.grad = gradient.detach().clone()
        norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
        return {"norm": norm, "first": parameters[0].grad, "second": parameters[1].grad}

    for name, scale in (("above the limit", 1.0), ("below the limit", 0.125)):
        c.add(name, "clip", lambda first, second: clip(first, second, 1.0),
              {"first": c.tensor(3, 2, scale=scale), "second": c.tensor(4, scale=scale)},
              {"clip_norm": 1.0}, smooth=False)


FILES = {
    "layer_norm": make_layer_norm,
    "rms_norm": make_rms_norm,
    "batch_norm": make_batch_norm,
    "softmax": make_softmax,
    "cross_entropy": make_cross_entropy,
    "attention": make_attention,
    "rope": make_rope,
    "optimizer": make_optimizer,
} | SHAPE_FILES


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if options.check else HERE / "ops"
        folder.mkdir(exist_ok=True)
        for seed, (name, make) in enumerate(sorted(FILES.items())):
            cases = op_case.Cases(100 + seed)
            make(cases)
            write_json(folder / f"{name}.json", {"versions": versions(), "cases": cases.cases})
            print(f"{name}: {len(cases.cases)} cases")
        problems = compare_folders(folder, HERE / "ops", 1e-12) if options.check else []
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
