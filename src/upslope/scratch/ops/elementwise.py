"""Functions of each number on its own. The derivative is the function's slope there, times g."""

from typing import Any

import numpy as np

from upslope.scratch.tape import Array, masked
from upslope.scratch.tensor import Tensor, cast

# log 0 is -inf, the slope of a root at 0 is inf, sqrt(-1) is nan: answers, of which NumPy need not warn.
silent = np.errstate(divide="ignore", invalid="ignore")


def floats(x: Tensor) -> Array:
    """The numbers of x to compute a fraction from: integers and bools count as float32, as in PyTorch."""
    return x.data if x.dtype.kind == "f" else x.data.astype(np.float32)


def exp(x: Tensor) -> Tensor:
    """e to the power x, its own slope."""
    y = np.exp(floats(x))
    return x.then(y, lambda g: g * y)


@silent
def log(x: Tensor) -> Tensor:
    """The natural logarithm, with slope 1 / x. log 0 is -inf, log of a negative number is nan."""
    a = floats(x)
    return x.then(np.log(a), silent(lambda g: g / a))


@silent
def sqrt(x: Tensor) -> Tensor:
    """The square root y, with slope 1 / (2 y), infinite at 0. The root of a negative number is nan."""
    y = np.sqrt(floats(x))
    return x.then(y, silent(lambda g: g / (2 * y)))


def abs(x: Tensor) -> Tensor:
    """The distance from 0, with slope sign(x), and 0 at 0."""
    a = x.data
    return x.then(np.abs(a), lambda g: g * np.sign(a))


def sin(x: Tensor) -> Tensor:
    """The sine, with slope cos x."""
    a = floats(x)
    return x.then(np.sin(a), lambda g: g * np.cos(a))


def cos(x: Tensor) -> Tensor:
    """The cosine, with slope -sin x."""
    a = floats(x)
    return x.then(np.cos(a), lambda g: -g * np.sin(a))


def clamp(x: Tensor, min: float | None = None, max: float | None = None) -> Tensor:
    """x, but at least `min` and at most `max`. The gradient passes where x was within them, the bounds included."""
    if min is None and max is None:
        raise ValueError("clamp needs min, max or both")
    if x.dtype.kind != "f" and (isinstance(min, float) or isinstance(max, float)):
        x = cast(x, np.dtype(np.float32))
    a = x.data
    within = (a >= (-np.inf if min is None else min)) & (a <= (np.inf if max is None else max))
    return x.then(np.clip(a, min, max), lambda g: masked(g, within))


def to(x: Tensor, dtype: Any) -> Tensor:
    """The same numbers in another dtype. The gradient goes back in x's."""
    kind = np.dtype(dtype)
    if kind == x.dtype:
        return x
    if kind.kind != "f":
        return Tensor(x.data, dtype=kind)
    return x.then(x.data.astype(kind), lambda g: g)
