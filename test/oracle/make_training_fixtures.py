#!/usr/bin/env python3
"""Trains four small models in PyTorch and writes what gptc must reproduce, a folder for each run:

  init.safetensors   the weights before the first step, under gptc's parameter paths
  data/              train and val: a token stream (.npy, uint16) or arrays by input name
  expected.json      settings, loss and norm of each step, losses in float64, val_loss, outputs
  final.safetensors  the weights after the last step

`--check` makes everything anew in a temporary folder and compares. README.md has the conventions.
"""

import argparse
import math
import sys
import tempfile
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

import fixture_data as data
import reference_models as models
from fixture_files import compare_folders, versions, write_json

HERE = Path(__file__).resolve().parent
DEFAULTS = {
    "shuffle": "none",
    "precision": "fp32",
    "steps": 20,
    "accumulation_steps": 2,
    "eval_batches": 4,
    "optimizer": "adamw",
    "learning_rate": 1e-2,
    "min_learning_rate": 1e-3,
    "warmup_steps": 5,
    "decay_steps": 20,
    "weight_decay": 0.1,
    "beta1": 0.9,
    "beta2": 0.95,
    "epsilon": 1e-8,
    "clip_norm": 1.0,
}


@dataclass
class Run:
    """One folder of fixtures. `time` is the sequence length, or 0 for data given as arrays."""

    folder: str
    model_name: str
    model: object
    seed: int
    batch: int
    time: int = 0
    flags: dict = field(default_factory=dict)

    @property
    def settings(self):
        flags = DEFAULTS | self.flags
        sizes = {"batch_size": self.batch}
        if self.time:
            sizes["sequence_length"] = self.time
            sizes["total_batch_size"] = self.batch * self.time * flags["accumulation_steps"]
        files = {"data": "data", "init": "init.safetensors"}
        return {"model": self.model_name, "set": self.model.config} | files | sizes | flags

    def make_data(self, random):
        """(train, val), each a token array or a dictionary of arrays."""
        vocab = self.model.config.get("vocab_size")
        if self.time:
            tokens = data.markov_tokens(random, vocab, 900)
            return tokens[:700], tokens[700:]
        make = data.character_windows if vocab else data.moons
        rows = make(random, 260)
        return {k: v[:150] for k, v in rows.items()}, {k: v[150:] for k, v in rows.items()}

    def batches(self, source):
        if self.time:
            return data.stream_batches(source, self.batch, self.time)
        return data.array_batches(source, self.batch)


RUNS = [
    Run("gpt2", "gpt2", models.GPT2(), 1, batch=3, time=13),
    Run("mlp", "mlp", models.MLP(), 2, batch=16),
    Run("bigram", "bigram", models.Bigram(), 3, batch=4, time=8,
        flags={"learning_rate": 0.1, "min_learning_rate": 0.01, "decay_steps": 15}),
    Run("micrograd_adamw", "micrograd", models.Moons(), 4, batch=20,
        flags={"learning_rate": 0.05, "min_learning_rate": 0.005}),
    Run("micrograd_sgd", "micrograd", models.Moons(), 5, batch=25,
        flags={"optimizer": "sgd", "learning_rate": 0.5, "min_learning_rate": 0.05,
               "accumulation_steps": 1, "weight_decay": 0.0, "clip_norm": 0.0}),
]


def learning_rate(step, settings):
    """max * (step + 1) / warmup, then a cosine that meets min at decay_steps, then min."""
    highest, lowest = settings["learning_rate"], settings["min_learning_rate"]
    warmup, decay = settings["warmup_steps"], settings["decay_steps"]
    if step < warmup:
        return highest * (step + 1) / warmup
    if step >= decay:
        return lowest
    progress = (step - warmup) / (decay - warmup)
    return lowest + 0.5 * (1 + math.cos(math.pi * progress)) * (highest - lowest)


def make_optimizer(parameters, settings):
    if settings["optimizer"] == "sgd":
        return torch.optim.SGD(parameters.values(), lr=0.0)
    decayed = [p for p in parameters.values() if p.dim() >= 2]
    others = [p for p in parameters.values() if p.dim() < 2]
    return torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": settings["weight_decay"]},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=0.0,
        betas=(settings["beta1"], settings["beta2"]),
        eps=settings["epsilon"],
    )


def as_tensors(batch, dtype):
    """Indices become int64 tensors, real numbers tensors of the run's precision."""
    tensors = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in batch.items()}
    return {n: t.to(dtype) if t.is_floating_point() else t.long() for n, t in tensors.items()}


def train(loss_of, parameters, batches, settings, dtype):
    """Trains `parameters` in place. Returns the steps, and each parameter's gradient norm in step 0
    (of the accumulated gradient, before clipping)."""
    optimizer = make_optimizer(parameters, settings)
    micro_steps, steps, first_norms = settings["accumulation_steps"], [], {}
    for step in range(settings["steps"]):
        optimizer.zero_grad()
        loss_sum = 0.0
        for batch in islice(batches, micro_steps):
            loss = loss_of(**as_tensors(batch, dtype))
            (loss / micro_steps).backward()
            loss_sum += loss.item()
        gradients = [p.grad for p in parameters.values()]
        if step == 0:
            first_norms = {k: p.grad.norm().item() for k, p in parameters.items()}
        norm = torch.nn.utils.get_total_norm(gradients).item()
        if settings["clip_norm"]:
            torch.nn.utils.clip_grad_norm_(parameters.values(), settings["clip_norm"])
        lr = learning_rate(step, settings)
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
        steps.append({"step": step, "loss": loss_sum / micro_steps, "lr": lr, "norm": norm})
    return steps, first_norms


def train_by_hand(run, initial, source, dtype):
    parameters = {k: torch.tensor(v, dtype=dtype, requires_grad=True) for k, v in initial.items()}

    def loss_of(**batch):
        return run.model.loss(parameters, **batch)

    return parameters, *train(loss_of, parameters, run.batches(source), run.settings, dtype)


@torch.no_grad()
def evaluate(run, parameters, source, dtype):
    """Mean loss over the first eval_batches batches of the split."""
    count = run.settings["eval_batches"]
    batches = islice(run.batches(source), count)
    return sum(run.model.loss(parameters, **as_tensors(b, dtype)).item() for b in batches) / count


@torch.no_grad()
def output_checks(run, parameters, val, dtype):
    """What `forward` gives for a few validation inputs under the final weights; of a sequence, the
    logits at its last position. The second prompt of a token model is shorter than T."""
    if run.time:
        windows = [val[: run.time], val[50 : 50 + run.time // 2]]
        inputs = [{"tokens": w.astype(np.int64)[None]} for w in windows]
    else:
        names = [name for name in val if name not in ("targets", "label")]
        inputs = [{name: val[name][row : row + 1] for name in names} for row in (0, 1)]
    checks = []
    for batch in inputs:
        output = run.model.output(parameters, **as_tensors(batch, dtype))[0]
        last = output[-1] if run.time else output
        given = {k: [round(x, 9) for x in v[0].tolist()] for k, v in batch.items()}
        checks.append(given | {"output": last.reshape(-1).tolist()})
    return checks


def compare_with_transformers(run, initial, source):
    """GPT-2 by hand against GPT2LMHeadModel: logits and gradients in float32, every step in
    float64."""
    from transformers import GPT2Config, GPT2LMHeadModel

    c = run.model.config
    config = GPT2Config(
        vocab_size=c["vocab_size"], n_positions=c["block_size"], n_embd=c["n_embd"],
        n_layer=c["n_layer"], n_head=c["n_head"], activation_function="gelu_new",
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, layer_norm_epsilon=1e-5,
        bos_token_id=0, eos_token_id=0, attn_implementation="eager")

    def build(dtype):
        theirs = GPT2LMHeadModel(config).to(dtype)
        weights = {k: torch.tensor(v, dtype=dtype) for k, v in initial.items()}
        missing = theirs.load_state_dict(weights, strict=False)
        if missing.unexpected_keys or set(missing.missing_keys) - {"lm_head.weight"}:
            raise SystemExit(f"GPT2LMHeadModel has other parameters: {missing}")
        return theirs, lambda tokens, targets: F.cross_entropy(
            theirs(tokens).logits.flatten(0, 1), targets.flatten()
        )

    def require(what, error, limit):
        print(f"  {what}: {error:.2e}")
        if not error <= limit:
            raise SystemExit(f"{what} is {error:.2e}, more than {limit:g}")

    theirs, loss_of = build(torch.float32)
    ours = {k: torch.tensor(v, requires_grad=True) for k, v in initial.items()}
    batch = as_tensors(next(run.batches(source)), torch.float32)
    difference = theirs(batch["tokens"]).logits - run.model.output(ours, batch["tokens"])
    largest = run.model.output(ours, batch["tokens"]).abs().max()
    error = (difference.abs().max() / largest).item()
    require("logits against transformers, float32, of the largest", error, 1e-6)
    loss_of(**batch).backward()
    run.model.loss(ours, **batch).backward()
    named = dict(theirs.named_parameters())
    error = max((named[k].grad - p.grad).abs().max().item() for k, p in ours.items())
    require("gradients against transformers, float32", error, 1e-6)

    theirs, loss_of = build(torch.float64)
    named = dict(theirs.named_parameters())
    steps, _ = train(loss_of, named, run.batches(source), run.settings, torch.float64)
    _, ours, _ = train_by_hand(run, initial, source, torch.float64)
    for key in ("loss", "norm"):
        error = max(abs(a[key] - b[key]) for a, b in zip(steps, ours))
        require(f"{key} of 20 steps against transformers, float64", error, 1e-8)


def make(run, folder):
    random = np.random.RandomState(run.seed)
    train_data, val_data = run.make_data(random)
    initial = {k: v.astype(np.float32) for k, v in run.model.initial(random).items()}
    (folder / "data").mkdir(parents=True)
    save_file(initial, folder / "init.safetensors")
    for split, source in (("train", train_data), ("val", val_data)):
        if run.time:
            np.save(folder / "data" / f"{split}.npy", source)
        else:
            save_file(source, folder / "data" / f"{split}.safetensors")
    if run.model_name == "gpt2":
        compare_with_transformers(run, initial, train_data)

    start = {k: torch.tensor(v) for k, v in initial.items()}
    final, steps, _ = train_by_hand(run, initial, train_data, torch.float32)
    exact, exact_steps, norms = train_by_hand(run, initial, train_data, torch.float64)
    final_arrays = {k: v.detach().numpy() for k, v in final.items()}
    save_file(final_arrays, folder / "final.safetensors")
    noise = run.model.noise_elements() if run.model_name == "gpt2" else {}
    differences = {k: (final[k] - exact[k]).abs() for k in final}
    for path, (begin, end) in noise.items():
        differences[path][begin:end] = 0
    differences = {k: v.max().item() for k, v in differences.items()}
    write_json(folder / "expected.json", {
        "settings": run.settings,
        "versions": versions(),
        "parameters": sum(v.size for v in initial.values()),
        "steps": steps,
        "losses_float64": [s["loss"] for s in exact_steps],
        "norms_float64": [s["norm"] for s in exact_steps],
        "val_loss": {
            "before": evaluate(run, start, val_data, torch.float32),
            "after": evaluate(run, final, val_data, torch.float32),
            "after_float64": evaluate(run, exact, val_data, torch.float64),
        },
        "outputs": output_checks(run, final, val_data, torch.float32),
        "first_step_gradient_norms_float64": norms,
        "final_difference_float64": differences,
        "noise_elements": noise,
    })
    worst = {
        key: max(abs(a[key] / b[key] - 1) for a, b in zip(steps, exact_steps))
        for key in ("loss", "norm")
    }
    losses = f"loss {steps[0]['loss']:.4f} -> {steps[-1]['loss']:.4f}"
    print(f"  {losses}; float32 against float64, relative: loss {worst['loss']:.1e}, "
          f"norm {worst['norm']:.1e}, weights {max(differences.values()):.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="for --check")
    options = parser.parse_args()
    torch.set_num_threads(1)
    problems = []
    with tempfile.TemporaryDirectory() as temporary:
        for run in RUNS:
            print(run.folder)
            folder = Path(temporary) / run.folder
            make(run, folder)
            target = HERE / run.folder
            if options.check:
                problems += compare_folders(folder, target, options.tolerance)
                continue
            for path in (p for p in folder.rglob("*") if p.is_file()):
                destination = target / path.relative_to(folder)
                destination.parent.mkdir(parents=True, exist_ok=True)
                destination.write_bytes(path.read_bytes())
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
