"""PyTorch tensors and modules for checks, with numbers from the check's own generator.

Weights are written, never drawn by PyTorch: the same seed gives the same case, whoever made the module, in which order.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from upslope.checks.expect import Mismatch
from upslope.checks.expect import gradients as compare
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import some

__all__ = ["TorchOp", "filled", "gradients", "holding", "holds", "laid", "leaf", "tensor"]


# An OpInfo whose tensors are PyTorch's.
TorchOp = partial(OpInfo, tensor=lambda array: laid(array), whole=torch.from_numpy)


def tensor(array: Any, dtype: torch.dtype = torch.float64) -> Tensor:
    """A copy of these numbers as a tensor."""
    return torch.tensor(np.asarray(array), dtype=dtype)


def leaf(array: Any) -> Tensor:
    """A float64 tensor that wants a gradient."""
    return tensor(array).requires_grad_()


def laid(array: Any) -> Tensor:
    """A tensor that wants a gradient, with the array's dtype and its order in memory."""
    return torch.from_numpy(np.asarray(array)).requires_grad_()


def holding(module: nn.Module, values: Mapping[str, Any]) -> nn.Module:
    """The module in float64, with these numbers in the parameters and buffers of these names."""
    module.double()
    state = module.state_dict()
    with torch.no_grad():
        for name, value in values.items():
            state[name].copy_(tensor(value))
    return module


def filled(module: nn.Module, rng: np.random.Generator) -> nn.Module:
    """The module in float64, with random numbers in every parameter and buffer; variances and scales are positive."""
    values = {}
    for name, value in sorted(module.state_dict().items()):
        if value.is_floating_point():
            shape = tuple(value.shape)
            positive = name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1)
            values[name] = np.round(rng.uniform(0.5, 2.0, shape), 2) if positive else some(rng, *shape, spread=0.5)
    return holding(module, values)


def holds(module: nn.Module, expected: Mapping[str, list[int]], *, case: str) -> None:
    """The module's parameters and buffers have these names and shapes, and no others are there; counters are left out.

    Only the names that differ are shown.
    """
    there = {name: list(value.shape) for name, value in module.state_dict().items()}
    names = sorted(name for name in {*there, *expected} if not name.endswith("num_batches_tracked"))
    differ = [name for name in names if there.get(name) != expected.get(name)]
    if differ:
        problem = "what it keeps has other names or shapes"
        raise Mismatch(
            problem, case=f"{case}.state_dict()", got=_listed(there, differ), expected=_listed(expected, differ)
        )


def _listed(shapes: Mapping[str, list[int]], names: list[str]) -> str:
    """These names with their shapes, at most four of them."""
    said = [f"{name} {shapes[name]}" if name in shapes else f"no {name}" for name in names[:4]]
    return ", ".join(said) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def gradients(
    f: Callable[..., Any],
    inputs: Mapping[str, Any],
    *,
    rng: np.random.Generator,
    case: str,
    truth: Callable[..., Tensor] | None = None,
) -> None:
    """The gradients that `f` gives these inputs agree with central differences, for a random gradient at the result.

    With `truth` they agree with those that PyTorch finds for it: differences go wrong next to a corner of relu.
    """
    upstream = expected = None
    if truth is not None:
        others = [leaf(value) for value in inputs.values()]
        out = truth(*others)
        shape = tuple(out.shape)
        upstream = rng.uniform(0.5, 2.0, shape) * rng.choice([-1.0, 1.0], shape)
        (out * tensor(upstream)).sum().backward()
        expected = [np.zeros(tuple(other.shape)) if other.grad is None else other.grad.numpy() for other in others]
    values, names = list(inputs.values()), list(inputs)
    compare(f, values, rng=rng, tensor=leaf, names=names, case=case, upstream=upstream, expected=expected)
