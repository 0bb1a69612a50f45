#!/usr/bin/env python3
"""Trains GPT-2 in PyTorch and times each step: the peer that gptc is measured against.

The model is GPT-2 124M (fused scaled-dot-product attention, tied embedding and head, GELU by tanh),
with fused AdamW and gradients clipped to norm 1. A step is forward, backward, clipping and update
of one micro-batch; fresh random tokens are drawn outside the clock, and copied to the device within
it.

`--precision` is what users of PyTorch write for it. fp32 is what it says: no TF32, which is
PyTorch's default too. tf32 is torch.set_float32_matmul_precision("high"). bf16 and fp16 are
torch.autocast over the forward pass and the loss, parameters stay float32; with fp16 a GradScaler
scales the loss, and skips steps whose gradients overflow.

  bench_peer_gpt2.py --steps 20 --warmup 3      one JSON line a step: {"step", "ms", "loss"}
  bench_peer_gpt2.py --serve                    answers each line "step" on stdin with such a line;
                                                ends at the end of stdin

`tools/bench-cpu` and `tools/gpu-check` drive the second form.
"""

import argparse
import contextlib
import json
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.ln_2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)
            for part in self.qkv(self.ln_1(x)).split(width, -1)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attention_out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.ln_2(x)), approximate="tanh"))


class GPT2(nn.Module):
    def __init__(self, vocabulary, block_size, layers, heads, width):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(block_size, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        for name, parameter in self.named_parameters():
            if parameter.dim() >= 2:
                residual = name.endswith(("attention_out.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers) if residual else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens, targets):
        x = self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Trainer:
    def __init__(self, options):
        torch.set_num_threads(options.threads)
        torch.set_float32_matmul_precision("high" if options.precision == "tf32" else "highest")
        torch.manual_seed(options.seed)
        self.options = options
        self.model = GPT2(
            options.vocabulary, options.block_size, options.layers, options.heads, options.width
        ).to(options.device)
        parameters = list(self.model.parameters())
        groups = [
            {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.1},
            {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=6e-4, betas=(0.9, 0.95), fused=True)
        self.loss_of = torch.compile(self.model) if options.compile else self.model
        device = torch.device(options.device).type
        # Does nothing unless it is enabled.
        self.scaler = torch.amp.GradScaler(device, enabled=options.precision == "fp16")
        half = HALVES.get(options.precision)
        self.autocast = (lambda: torch.autocast(device, dtype=half)) if half else contextlib.nullcontext
        self.count = 0

    def step(self):
        """One step; its number, its milliseconds and its loss."""
        shape = (self.options.batch_size, self.options.sequence_length + 1)
        tokens = torch.randint(self.options.vocabulary, shape)
        inputs, targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
        start = time.perf_counter()
        inputs, targets = inputs.to(self.options.device), targets.to(self.options.device)
        with self.autocast():
            loss = self.loss_of(inputs, targets)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)  # gradients are clipped as they are
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        value = loss.item()  # waits for all of the step
        elapsed = (time.perf_counter() - start) * 1000
        self.count += 1
        return {"step": self.count - 1, "ms": round(elapsed, 3), "loss": round(value, 6)}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--sequence-length", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20, help="steps to print")
    parser.add_argument("--warmup", type=int, default=3, help="steps before them, not printed")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "tf32", *HALVES),
                        help="what products are computed in (default fp32); tf32 on GPUs alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="torch.compile instead of eager")
    parser.add_argument("--serve", action="store_true", help='a step for each line "step" on stdin')
    parser.add_argument("--vocabulary", type=int, default=50257)
    parser.add_argument("--block-size", type=int, default=1024)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--width", type=int, default=768)
    options = parser.parse_args()
    if options.sequence_length > options.block_size:
        parser.error("--sequence-length: required at most --block-size")
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit(f"bench_peer_gpt2: --device {options.device}: PyTorch finds no GPU")
    if options.precision == "tf32" and not options.device.startswith("cuda"):
        parser.error("--precision tf32: CPUs have no TensorFloat-32; required fp32, bf16 or fp16, or --device cuda")
    trainer = Trainer(options)
    if options.serve:
        for line in sys.stdin:
            if line.strip() != "step":
                sys.exit(f'bench_peer_gpt2: stdin: required "step", found {line.strip()!r}')
            print(json.dumps(trainer.step()), flush=True)
        return
    for _ in range(options.warmup):
        trainer.step()
    for _ in range(options.steps):
        print(json.dumps(trainer.step()), flush=True)


if __name__ == "__main__":
    main()
