"""The models of models/*.gpt written out by hand in PyTorch.

They exist so that the training fixtures rest on mathematics that can be read in one page. A model
is a function of a dictionary of tensors whose keys are gptc's parameter paths. GPT-2 is compared
with the transformers library by make_training_fixtures.py; the others are too small to need a
second witness.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F


def layer_norm(x, weight, bias, eps=1e-5):
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + eps) * weight + bias


def gelu_tanh(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def cross_entropy(logits, targets):
    """Mean over the rows of logsumexp(logits) minus the target's logit."""
    logits = logits.reshape(-1, logits.shape[-1])
    picked = logits.gather(1, targets.reshape(-1, 1)).squeeze(1)
    return (torch.logsumexp(logits, -1) - picked).mean()


class GPT2:
    """models/gpt2.gpt at sizes that divide nothing."""

    config = {"vocab_size": 61, "block_size": 17, "n_layer": 2, "n_head": 3, "n_embd": 33}

    def initial(self, random):
        """Drawn wider than GPT-2's own 0.02, biases and norms included, so that no parameter is
        idle and a wrong gradient shows in the loss within a few steps."""
        vocab, block, width = (self.config[k] for k in ("vocab_size", "block_size", "n_embd"))

        def normal(std, *shape, mean=0.0):
            return mean + std * random.standard_normal(shape)

        def norm(path):
            return {
                f"{path}.weight": normal(0.2, width, mean=1),
                f"{path}.bias": normal(0.1, width),
            }

        def conv(path, n_in, n_out):
            return {
                f"{path}.weight": normal(0.15, n_in, n_out),
                f"{path}.bias": normal(0.1, n_out),
            }

        p = {
            "transformer.wte.weight": normal(0.25, vocab, width),
            "transformer.wpe.weight": normal(0.15, block, width),
        }
        for layer in range(self.config["n_layer"]):
            h = f"transformer.h.{layer}"
            p |= norm(f"{h}.ln_1")
            p |= conv(f"{h}.attn.c_attn", width, 3 * width)
            p |= conv(f"{h}.attn.c_proj", width, width)
            p |= norm(f"{h}.ln_2")
            p |= conv(f"{h}.mlp.c_fc", width, 4 * width)
            p |= conv(f"{h}.mlp.c_proj", 4 * width, width)
        return p | norm("transformer.ln_f")

    def output(self, p, tokens):
        """Logits [B, T, vocab_size] of tokens [B, T]."""
        heads, width = self.config["n_head"], self.config["n_embd"]
        batch, time = tokens.shape
        size = width // heads
        past = torch.ones(time, time, dtype=torch.bool).tril()

        def conv(path, x):
            return x @ p[f"{path}.weight"] + p[f"{path}.bias"]

        def norm(path, x):
            return layer_norm(x, p[f"{path}.weight"], p[f"{path}.bias"])

        def split_heads(x):
            return x.view(batch, time, heads, size).transpose(1, 2)

        x = p["transformer.wte.weight"][tokens] + p["transformer.wpe.weight"][:time]
        for layer in range(self.config["n_layer"]):
            h = f"transformer.h.{layer}"
            q, k, v = conv(f"{h}.attn.c_attn", norm(f"{h}.ln_1", x)).split(width, -1)
            q, k, v = split_heads(q), split_heads(k), split_heads(v)
            scores = (q @ k.transpose(-1, -2) / math.sqrt(size)).masked_fill(~past, -math.inf)
            y = torch.softmax(scores, -1) @ v
            x = x + conv(f"{h}.attn.c_proj", y.transpose(1, 2).reshape(batch, time, width))
            hidden = gelu_tanh(conv(f"{h}.mlp.c_fc", norm(f"{h}.ln_2", x)))
            x = x + conv(f"{h}.mlp.c_proj", hidden)
        return norm("transformer.ln_f", x) @ p["transformer.wte.weight"].T

    def loss(self, p, tokens, targets):
        return cross_entropy(self.output(p, tokens), targets)

    def noise_elements(self):
        """Path to [begin, end): parameters that no gradient reaches. A bias added to every key adds
        one number to a whole row of scores, which softmax ignores; rounding leaves a gradient near
        1e-9, and AdamW, dividing it by its own size, walks at random. Not to be compared."""
        width = self.config["n_embd"]
        layers = range(self.config["n_layer"])
        return {f"transformer.h.{i}.attn.c_attn.bias": [width, 2 * width] for i in layers}


class Bigram:
    """models/bigram.gpt."""

    config = {"vocab_size": 27}

    def initial(self, random):
        return {"table": random.standard_normal((27, 27))}

    def output(self, p, tokens):
        return p["table"][tokens]

    def loss(self, p, tokens, targets):
        return cross_entropy(self.output(p, tokens), targets) + 0.01 * (p["table"] ** 2).mean()


class MLP:
    """models/mlp.gpt: three characters in, the next one out. Narrower than its
    200 hidden units to keep the files small."""

    config = {"vocab_size": 27, "block_size": 3, "n_embd": 10, "n_hidden": 97}

    def initial(self, random):
        n_hidden = self.config["n_hidden"]
        return {
            "table.weight": random.standard_normal((27, 10)),
            "hidden.weight": random.standard_normal((n_hidden, 30)) * (5 / 3) / math.sqrt(30),
            "hidden.bias": random.standard_normal(n_hidden) * 0.1,
            "output.weight": random.standard_normal((27, n_hidden)) * 0.05,
            "output.bias": random.standard_normal(27) * 0.1,
        }

    def output(self, p, tokens):
        x = p["table.weight"][tokens].flatten(1)
        hidden = torch.tanh(F.linear(x, p["hidden.weight"], p["hidden.bias"]))
        return F.linear(hidden, p["output.weight"], p["output.bias"])

    def loss(self, p, tokens, targets):
        return cross_entropy(self.output(p, tokens), targets[:, 2])


class Moons:
    """models/micrograd.gpt: hinge loss and L2 over every parameter, biases too."""

    config = {"n_hidden": 16, "alpha": 1e-4}

    def initial(self, random):
        sizes = {"layer_1": (16, 2), "layer_2": (16, 16), "layer_3": (1, 16)}
        p = {}
        for path, (n_out, n_in) in sizes.items():
            p[f"{path}.weight"] = random.uniform(-1, 1, (n_out, n_in))
            p[f"{path}.bias"] = np.zeros(n_out)
        return p

    def output(self, p, x):
        for path in ("layer_1", "layer_2"):
            x = torch.relu(F.linear(x, p[f"{path}.weight"], p[f"{path}.bias"]))
        return F.linear(x, p["layer_3.weight"], p["layer_3.bias"]).squeeze(-1)

    def loss(self, p, x, label):
        hinge = torch.relu(1 - label * self.output(p, x)).mean()
        return hinge + self.config["alpha"] * sum((w**2).sum() for w in p.values())
