"""Numbers for checks to work on: random, but few and short, so that a case that fails can be worked by hand."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from upslope.checks.numbers import Numbers, array_of
from upslope.scratch.tensor import Tensor

__all__ = ["apart", "leaf", "seeded", "some", "spelled"]


def some(rng: np.random.Generator, *shape: int, spread: float = 1.0) -> Numbers:
    """Normal numbers with two digits after the point, float64."""
    return np.round(rng.normal(0.0, spread, shape), 2) + 0.0


def apart(rng: np.random.Generator, *shape: int, gap: float = 0.1) -> Numbers:
    """Numbers in random order around 0, no two closer than `gap` and none closer to 0 than a quarter of it."""
    count = int(np.prod(shape))
    return np.round((rng.permutation(count) - count / 2 + 0.5) * gap + gap / 4 * (count % 2), 4).reshape(shape)


def leaf(array: Any) -> Tensor:
    """A tensor that wants a gradient."""
    return Tensor(array, requires_grad=True)


def spelled(array: Any) -> str:
    """An array as a person writes it, if it is small; else its shape. An image of one channel is a matrix."""
    array = array_of(array)
    if array.size > 12:
        return f"numbers of shape {array.shape}"
    while array.ndim > 2 and len(array) == 1:
        array = array[0]
    text = np.array2string(array, separator=", ", formatter={"float_kind": lambda v: f"{v:.6g}"})
    return " ".join(text.split())


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """PyTorch's own generator begins at `seed` inside, and goes on afterwards as if nothing had happened."""
    torch = sys.modules["torch"]
    before = torch.get_rng_state()
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before)
