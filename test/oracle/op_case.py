"""One case of an op fixture: inputs, outputs, and the gradients that PyTorch's autograd finds.

Inputs and output gradients are multiples of 1/64 (a few of 1/2048): exact in float32 and short in
the file. Every case is checked before it is written: the gradients against central differences
(torch.autograd.gradcheck) and, where PyTorch has the op ready-made, the formula against that.
"""

import numpy as np
import torch

from fixture_files import tensor_json


class Cases:
    """Collects the cases of one file; each file has a seed of its own."""

    def __init__(self, seed):
        self.random = np.random.RandomState(seed)
        self.cases = []

    def tensor(self, *shape, scale=1.0):
        """Normal values, rounded to 1/64."""
        values = self.random.standard_normal(shape) * scale
        return torch.tensor(np.round(values * 64) / 64, dtype=torch.float64)

    def positive(self, *shape):
        return self.tensor(*shape).abs() + 0.125

    def indices(self, limit, *shape):
        return torch.tensor(self.random.randint(0, limit, shape))

    def distinct(self, *shape):
        """Values of which no two are equal, nor closer than gradcheck's step."""
        count = int(np.prod(shape))
        values = (self.random.permutation(count) - count // 2) / 4
        return torch.tensor(values.reshape(shape), dtype=torch.float64)

    def add(self, name, op, function, inputs, attributes=None, peer=None, constant=(), smooth=True):
        """`function(*inputs)` gives a tensor or a dictionary of them. Gradients are taken of the
        sum over outputs of output * output_gradient, for every real input not in `constant`.
        `peer` is PyTorch's own version; `smooth=False` leaves out central differences (kinks, or
        numbers so large that differences drown)."""
        wanted = [
            k for k, v in inputs.items() if v.is_floating_point() and k not in constant
        ]

        def evaluate(values):
            result = function(*values.values())
            return result if isinstance(result, dict) else {"y": result}

        values = {k: v.clone().requires_grad_(k in wanted) for k, v in inputs.items()}
        outputs = evaluate(values)
        differentiable = {k: v for k, v in outputs.items() if v.requires_grad}
        seeds = {k: self.tensor(*v.shape) for k, v in differentiable.items()}
        gradients = {}
        if differentiable:
            found = torch.autograd.grad(
                list(differentiable.values()), [values[k] for k in wanted], list(seeds.values())
            )
            gradients = dict(zip(wanted, found))
        self._check(name, op, evaluate, inputs, wanted if smooth else [], outputs, peer)
        self.cases.append({
            "name": name,
            "op": op,
            "attributes": attributes or {},
            "inputs": {k: tensor_json(v) for k, v in inputs.items()},
            "outputs": {k: tensor_json(v) for k, v in outputs.items()},
            "output_gradients": {k: tensor_json(v) for k, v in seeds.items()},
            "gradients": {k: tensor_json(v) for k, v in gradients.items()},
        })

    def _check(self, name, op, evaluate, inputs, wanted, outputs, peer):
        if peer is not None:
            expected = peer(*inputs.values())
            expected = expected if isinstance(expected, dict) else {"y": expected}
            for key, value in expected.items():
                torch.testing.assert_close(outputs[key], value, rtol=1e-12, atol=1e-13,
                                           check_dtype=False, msg=f"{op} {name} {key}")
        if wanted:

            def scalars(*arguments):
                values = evaluate(inputs | dict(zip(wanted, arguments)))
                return tuple(v for v in values.values() if v.is_floating_point())

            arguments = [inputs[k].clone().requires_grad_() for k in wanted]
            torch.autograd.gradcheck(scalars, arguments, eps=1e-6, atol=1e-7, rtol=1e-6)
