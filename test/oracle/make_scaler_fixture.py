#!/usr/bin/env python3
"""Trains the MLP of mlp/ in float16 under torch.amp.GradScaler and writes mlp_fp16/expected.json: which steps are
skipped and what the scale is behind each, besides loss, lr and norm.

Data and first weights are those of mlp/. The scale starts far too high and grows after a few steps, so that it
goes down, up and over the edge several times.

PyTorch's autocast rounds the gradients of weights to float16 as well, which can overflow by itself; gptc keeps
them float32. Matmuls here round what gptc rounds: both operands and the result, but for a weight's gradient; sums are
float32. Which step is skipped then depends on the scaler alone, so long as no gradient is close to the largest
float16: the script fails if one is.
"""

import argparse
import json
import sys
import tempfile
from itertools import islice
from pathlib import Path

import torch
from safetensors.numpy import load_file

import fixture_data as data
import reference_models as models
from fixture_files import compare_folders, versions, write_json
from make_training_fixtures import as_tensors, learning_rate, make_optimizer

HERE = Path(__file__).resolve().parent
SCALING = {"precision": "fp16", "steps": 40, "loss_scale": 2.0**25, "loss_scale_growth_interval": 4}
# What float16 rounds to infinity. Roundings before move a gradient by less than 2^-10 of itself.
OVERFLOW = 65520
MARGIN = 2.0**-8


def half(x):
    return x.half().float()


class Linear(torch.autograd.Function):
    """x wᵀ of float16 numbers, with float32 sums."""

    largest = []  # of each rounded gradient so far, before it is rounded

    @staticmethod
    def round(gradient):
        Linear.largest.append(gradient.abs().max().item())
        return half(gradient)

    @staticmethod
    def forward(context, x, weight):
        x, weight = half(x), half(weight)
        context.save_for_backward(x, weight)
        return half(x @ weight.T)

    @staticmethod
    def backward(context, gradient):
        x, weight = context.saved_tensors
        gradient = Linear.round(gradient)
        return Linear.round(gradient @ weight), gradient.T @ x


class HalfMLP(models.MLP):
    def output(self, p, tokens):
        x = p["table.weight"][tokens].flatten(1)
        hidden = torch.tanh(Linear.apply(x, p["hidden.weight"]) + p["hidden.bias"])
        return Linear.apply(hidden, p["output.weight"]) + p["output.bias"]


def check_margin(step):
    finite = [x for x in Linear.largest if x < float("inf")]
    Linear.largest.clear()
    for largest in finite:
        if abs(largest / OVERFLOW - 1) < MARGIN:
            sys.exit(f"step {step}: a gradient of {largest} is too close to the largest float16")


def train(settings):
    model = HalfMLP()
    initial = load_file(HERE / "mlp" / "init.safetensors")
    parameters = {k: torch.tensor(v, requires_grad=True) for k, v in initial.items()}
    batches = data.array_batches(load_file(HERE / "mlp/data/train.safetensors"), settings["batch_size"])
    optimizer = make_optimizer(parameters, settings)
    scaler = torch.amp.GradScaler("cpu", init_scale=settings["loss_scale"],
                                  growth_interval=settings["loss_scale_growth_interval"])
    steps, count = [], settings["accumulation_steps"]
    for step in range(settings["steps"]):
        optimizer.zero_grad()
        loss_sum = 0.0
        for batch in islice(batches, count):
            loss = model.loss(parameters, **as_tensors(batch, torch.float32))
            scaler.scale(loss / count).backward()
            loss_sum += loss.item()
        check_margin(step)
        scaler.unscale_(optimizer)
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), settings["clip_norm"]).item()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, settings)
        applied = sum(state["step"].item() for state in optimizer.state.values())
        scaler.step(optimizer)
        scaler.update()
        skipped = applied == sum(state["step"].item() for state in optimizer.state.values())
        finite = norm < float("inf")
        steps.append({"step": step, "loss": loss_sum / count, "lr": learning_rate(step, settings),
                      "norm": norm if finite else None, "skipped": skipped, "loss_scale": scaler.get_scale()})
    return steps


def make(folder):
    settings = json.loads((HERE / "mlp/expected.json").read_text())["settings"] | SCALING
    settings |= {"data": "../mlp/data", "init": "../mlp/init.safetensors"}
    steps = train(settings)
    skipped = [s["step"] for s in steps if s["skipped"]]
    scales = [settings["loss_scale"]] + [s["loss_scale"] for s in steps]
    grown = [i for i, (a, b) in enumerate(zip(scales, scales[1:])) if b > a]
    print(f"skipped {skipped}; the scale grew behind {grown}")
    if not skipped or not grown or grown[-1] > skipped[-1]:
        sys.exit("required steps that are skipped before and after the scale grows")
    write_json(folder / "expected.json", {"settings": settings, "versions": versions(), "steps": steps})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="for --check")
    options = parser.parse_args()
    torch.set_num_threads(1)
    target = HERE / "mlp_fp16"
    if not options.check:
        target.mkdir(exist_ok=True)
        make(target)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        make(Path(temporary))
        problems = compare_folders(temporary, target, options.tolerance)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
