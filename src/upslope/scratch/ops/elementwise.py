"""Functions of each number on its own. The derivative is the function's slope there, times g."""

from typing import Any

import numpy as np

from upslope.scratch.tensor import Tensor


def exp(x: Tensor) -> Tensor:
    """e to the power x, its own slope."""
    y = np.exp(x.data)
    return x.then(y, lambda g: g * y)


def log(x: Tensor) -> Tensor:
    """The natural logarithm, with slope 1 / x. log 0 is -inf, log of a negative number is nan, as in PyTorch."""
    a = x.data
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(a)
    return x.then(y, lambda g: g / a)


def sqrt(x: Tensor) -> Tensor:
    """The square root y, with slope 1 / (2 y)."""
    y = np.sqrt(x.data)
    return x.then(y, lambda g: g / (2 * y))


def abs(x: Tensor) -> Tensor:
    """The distance from 0, with slope sign(x), and 0 at 0."""
    a = x.data
    return x.then(np.abs(a), lambda g: g * np.sign(a))


def sin(x: Tensor) -> Tensor:
    """The sine, with slope cos x."""
    a = x.data
    return x.then(np.sin(a), lambda g: g * np.cos(a))


def cos(x: Tensor) -> Tensor:
    """The cosine, with slope -sin x."""
    a = x.data
    return x.then(np.cos(a), lambda g: -g * np.sin(a))


def clamp(x: Tensor, min: float | None = None, max: float | None = None) -> Tensor:
    """x, but at least `min` and at most `max`. The gradient passes where x was within them, the bounds included."""
    if min is None and max is None:
        raise ValueError("clamp needs min, max or both")
    a = x.data
    y = np.clip(a, min, max)
    return x.then(y, lambda g: g * (y == a))


def to(x: Tensor, dtype: Any) -> Tensor:
    """The same numbers in another dtype. The gradient goes back in x's."""
    kind = np.dtype(dtype)
    if kind == x.dtype:
        return x
    if kind.kind != "f":
        return Tensor(x.data, dtype=kind)
    return x.then(x.data.astype(kind), lambda g: g)
