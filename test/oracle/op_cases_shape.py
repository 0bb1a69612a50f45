"""Op fixtures, second half: elementwise functions, choices with their ties, products, reductions,
lookups, and everything that moves elements without computing."""

import torch
import torch.nn.functional as F

from reference_models import gelu_tanh


def make_elementwise(c):
    def column(*values):
        return torch.tensor(values, dtype=torch.float64)

    anywhere = column(-30, -6, -2.5, -1, -0.5, -0.015625, 0, 0.015625, 0.5, 1, 2.5, 6, 30)
    modest = column(-6, -2.5, -1, -0.015625, 0, 0.5, 1, 3)
    above = column(0.015625, 0.5, 1, 2.5, 7, 100)
    smooth = {
        "exp": (modest, torch.exp, None),
        "log": (above, torch.log, None),
        "sqrt": (above, torch.sqrt, None),
        "rsqrt": (above, lambda x: 1 / torch.sqrt(x), torch.rsqrt),
        "sin": (anywhere, torch.sin, None),
        "cos": (anywhere, torch.cos, None),
        "tanh": (anywhere, torch.tanh, None),
        "sigmoid": (anywhere, torch.sigmoid, lambda x: 1 / (1 + torch.exp(-x))),
        "erf": (anywhere, torch.erf, None),
        "silu": (anywhere, lambda x: x * torch.sigmoid(x), F.silu),
        "gelu": (anywhere, lambda x: 0.5 * x * (1 + torch.erf(x / 2**0.5)), F.gelu),
        "gelu_tanh": (anywhere, gelu_tanh, lambda x: F.gelu(x, approximate="tanh")),
        "softplus": (column(-100, *anywhere.tolist(), 100),
                     lambda x: torch.logaddexp(x, torch.zeros_like(x)), None),
        "square": (modest, lambda x: x**2, None),
        "cube": (modest, lambda x: x**3, None),
        "inverse_square": (above, lambda x: x**-2, None),
    }
    for op, (x, function, peer) in smooth.items():
        # The left tail of erf-based GELU is a difference of numbers next to 1: central differences
        # of it say nothing there.
        c.add("across the range", op, function, {"x": x}, peer=peer, smooth=op != "gelu")
    for op, function in (("relu", torch.relu), ("abs", torch.abs)):
        c.add("with 0, where the derivative is 0", op, function, {"x": modest}, smooth=False)
    c.add("two tensors", "power", lambda x, y: x**y, {"x": c.positive(6), "y": c.tensor(6)})
    c.add("three tensors", "lerp", lambda a, b, w: a + w * (b - a),
          {"a": c.tensor(5), "b": c.tensor(5), "w": c.tensor(5)}, peer=torch.lerp)
    for op, function in (("add", torch.add), ("subtract", torch.sub), ("multiply", torch.mul),
                         ("divide", torch.div)):
        for shape in ((3, 4), (4,), (3, 1), ()):
            y = c.positive(*shape) if op == "divide" else c.tensor(*shape)
            c.add(f"[3, 4] with {list(shape)}", op, function,
                  {"x": c.tensor(3, 4), "y": y})


def make_choice(c):
    """Where, max, min and comparisons. On a tie max and min hand the gradient to the second
    operand: max(a, b) is where(a > b, a, b), which makes relu'(0) = 0 of max(x, 0)."""
    a = torch.tensor([1.0, -2.0, 0.5, 3.0, 0.0], dtype=torch.float64)
    b = torch.tensor([2.0, -3.0, 0.25, -1.0, 0.5], dtype=torch.float64)
    tied = torch.tensor([1.0, -3.0, 0.5, -1.0, 0.0], dtype=torch.float64)
    for op, torch_op, chosen in (("max", torch.maximum, torch.gt),
                                 ("min", torch.minimum, torch.lt)):
        c.add("no ties", op, torch_op, {"a": a, "b": b})
        c.add("ties", op, lambda a, b: torch.where(chosen(a, b), a, b), {"a": a, "b": tied},
              peer=torch_op, smooth=False)
        c.add("with a number", f"{op}_zero",
              lambda x: torch.where(chosen(x, 0), x, torch.zeros_like(x)), {"x": a}, smooth=False)
    condition = torch.tensor([1.0, 0.0, 0.5, -1.0, 0.0], dtype=torch.float64)
    c.add("any number but 0 chooses a", "where", lambda c, a, b: torch.where(c != 0, a, b),
          {"c": condition, "a": a, "b": b}, constant=("c",))
    for op, function in (("==", torch.eq), ("!=", torch.ne), ("<", torch.lt), ("<=", torch.le),
                         (">", torch.gt), (">=", torch.ge)):
        c.add("1 or 0", op, lambda a, b: function(a, b).double(), {"a": a, "b": tied},
              smooth=False)


def make_matmul(c):
    def add(name, x, y):
        c.add(name, "matmul", lambda x, y: torch.einsum("...mk,...kn->...mn", x, y),
              {"x": x, "y": y}, peer=torch.matmul)

    add("matrices", c.tensor(3, 5), c.tensor(5, 4))
    add("one batch axis", c.tensor(2, 3, 5), c.tensor(2, 5, 4))
    add("two batch axes", c.tensor(2, 3, 2, 4), c.tensor(2, 3, 4, 3))
    add("a matrix for all the batch", c.tensor(2, 3, 5), c.tensor(5, 4))
    add("one row, one column", c.tensor(1, 7), c.tensor(7, 1))
    c.add("second operand transposed", "matmul_transposed", lambda x, y: x @ y.transpose(-1, -2),
          {"x": c.tensor(2, 3, 5), "y": c.tensor(2, 4, 5)})
    c.add("with bias", "linear", lambda x, weight, bias: x @ weight.T + bias,
          {"x": c.tensor(2, 3, 5), "weight": c.tensor(4, 5), "bias": c.tensor(4)}, peer=F.linear)
    c.add("no bias", "linear", lambda x, weight: x @ weight.T,
          {"x": c.tensor(3, 5), "weight": c.tensor(4, 5)}, peer=F.linear)
    for pattern, formula, left, right in (
        ("[T], [F] -> [T, F]", "t,f->tf", (3,), (4,)),
        ("[B, T, C], [B, S, C] -> [B, T, S]", "btc,bsc->bts", (2, 3, 4), (2, 5, 4)),
        ("[B, H, T, D], [H, D] -> [B, T, H]", "bhtd,hd->bth", (2, 2, 3, 4), (2, 4)),
        ("[A, B], [A, B] -> []", "ab,ab->", (3, 4), (3, 4)),
    ):
        c.add(pattern, "einsum", lambda x, y: torch.einsum(formula, x, y),
              {"x": c.tensor(*left), "y": c.tensor(*right)}, {"pattern": pattern})


def make_reduce(c):
    patterns = {
        "[A, B, C] -> []": ((0, 1, 2), False),
        "[A, B, C] -> [A, B, 1]": ((2,), True),
        "[A, B, C] -> [C]": ((0, 1), False),
        "[A, B, C] -> [A, C]": ((1,), False),
    }
    functions = {
        "sum": lambda x, axes, keep: x.sum(axes, keep),
        "mean": lambda x, axes, keep: x.mean(axes, keep),
        "max": lambda x, axes, keep: x.amax(axes, keep),
        "min": lambda x, axes, keep: x.amin(axes, keep),
        "var": lambda x, axes, keep: x.var(axes, correction=0, keepdim=keep),
    }
    for op, function in functions.items():
        for pattern, (axes, keep) in patterns.items():
            attributes = {"pattern": pattern} | ({"correction": 0} if op == "var" else {})
            c.add(pattern, op, lambda x: function(x, axes, keep), {"x": c.distinct(2, 3, 4)},
                  attributes)
    c.add("correction 1", "var", lambda x: x.var((0,), correction=1), {"x": c.tensor(4, 3)},
          {"pattern": "[A, B] -> [B]", "correction": 1})
    c.add("every parameter", "l2", lambda p, q: (p**2).sum() + (q**2).sum(),
          {"p": c.tensor(3, 2), "q": c.tensor(4)})
    ties = torch.tensor([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0]], dtype=torch.float64)
    for op, function, x in (("max", torch.amax, ties), ("min", torch.amin, -ties)):
        c.add("ties share the gradient evenly", op, lambda x: function(x, -1), {"x": x},
              {"pattern": "[A, B] -> [A]"}, smooth=False)


def make_embedding(c):
    def add(name, indices, table):
        c.add(name, "embedding", lambda indices, table: table[indices],
              {"indices": indices, "table": table}, peer=F.embedding)

    add("repeated rows", torch.tensor([[1, 4, 1], [1, 0, 4]]), c.tensor(6, 3))
    add("one row throughout", torch.full((5,), 2), c.tensor(3, 4))
    add("every row once", torch.tensor([2, 0, 1]), c.tensor(3, 2))


def make_movement(c):
    """Slices, concat, split, shift, rearrange, transpose."""

    def add(name, op, function, *shape, **attributes):
        c.add(name, op, function, {"x": c.tensor(*shape)}, attributes)

    add("x[:, 1:4]", "slice", lambda x: x[:, 1:4], 3, 5, starts=[0, 1], stops=[3, 4])
    add("x[..., 2:]", "slice", lambda x: x[..., 2:], 2, 2, 5, starts=[0, 0, 2], stops=[2, 2, 5])
    add("x[:, 1], the axis dropped", "index", lambda x: x[:, 1], 2, 3, 4, axis=1, index=1)
    c.add("x read twice", "slices_that_overlap", lambda x: {"y": x[:, :3] * x[:, 2:]},
          {"x": c.tensor(2, 5)})
    c.add("last axis", "concat", lambda x, y: torch.cat([x, y], -1),
          {"x": c.tensor(2, 3, 2), "y": c.tensor(2, 3, 4)})
    c.add("three equal parts", "split",
          lambda x: dict(zip(("y0", "y1", "y2"), x.split(2, -1))), {"x": c.tensor(2, 3, 6)},
          {"sizes": [2, 2, 2]})
    c.add("given sizes", "split", lambda x: dict(zip(("y0", "y1"), x.split([1, 4], -1))),
          {"x": c.tensor(3, 5)}, {"sizes": [1, 4]})
    for count in (0, 1, 3, 4, 6):
        add(f"by {count}", "shift", lambda x: F.pad(x, (0, 0, count, 0))[..., : x.shape[-2], :],
            2, 4, 3, count=count)
    add("last two axes", "transpose", lambda x: x.transpose(-1, -2), 2, 3, 4)
    add("heads", "rearrange", lambda x: x.reshape(2, 3, 2, 4).transpose(1, 2), 2, 3, 8,
        pattern="[B, T, 2 * D] -> [B, 2, T, D]")
    add("back from heads", "rearrange", lambda x: x.transpose(1, 2).reshape(2, 3, 8), 2, 2, 3, 4,
        pattern="[B, H, T, D] -> [B, T, H * D]")
    add("neighbours in pairs", "rearrange", lambda x: x.reshape(2, 3, 8), 2, 6, 4,
        pattern="[B, P * 2, C] -> [B, P, 2 * C]")
    add("flattened", "rearrange", lambda x: x.reshape(2, 12), 2, 3, 4,
        pattern="[B, T, C] -> [B, T * C]")
    add("an axis dropped", "rearrange", lambda x: x.squeeze(1), 3, 1, pattern="[B, 1] -> [B]")
    add("order turned", "rearrange", lambda x: x.permute(2, 0, 1), 2, 3, 4,
        pattern="[A, B, C] -> [C, A, B]")
    c.add("no gradient passes detach", "detach", lambda x: x * x.detach(), {"x": c.tensor(4)},
          smooth=False)


SHAPE_FILES = {
    "elementwise": make_elementwise,
    "choice": make_choice,
    "matmul": make_matmul,
    "reduce": make_reduce,
    "embedding": make_embedding,
    "movement": make_movement,
}
