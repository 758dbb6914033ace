"""Reductions: many numbers become one, over everything or along dimensions (`dim`, as PyTorch names NumPy's axis)."""

import math
import warnings
from builtins import max as larger
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from upslope.scratch.ops.elementwise import silent
from upslope.scratch.tape import Array, masked
from upslope.scratch.tensor import Tensor

Dims = int | Sequence[int] | None


class Extremes(NamedTuple):
    """What max and min along a dimension give: the values and where they stood."""

    values: Tensor
    indices: Tensor


def axes(x: Tensor, dim: Dims, name: str) -> tuple[int, ...] | None:
    """`dim` as NumPy's axis: None for everything, which an empty `dim` means as well."""
    if dim is None or dim == () or dim == []:
        return None
    dims = tuple(dim) if isinstance(dim, Sequence) else (dim,)
    for d in dims:
        # One number is taken for a row of one, as in PyTorch: sum(0) of a scalar is that scalar.
        if not -larger(x.ndim, 1) <= d < larger(x.ndim, 1):
            raise IndexError(f"{name}: dimension {d} is out of range for a tensor of shape {x.shape}")
    if len({d % larger(x.ndim, 1) for d in dims}) < len(dims):
        raise ValueError(f"{name}: each dimension once, got dim={dim} for a tensor of shape {x.shape}")
    return dims if x.ndim else ()


def spread(g: Array, shape: tuple[int, ...], axis: tuple[int, ...] | None, keepdim: bool) -> Array:
    """The gradient of a reduced tensor, shown (not copied) to every number that it was reduced from."""
    if axis is not None and not keepdim:
        g = np.expand_dims(g, axis)
    return np.broadcast_to(g, shape)


def whole(x: Tensor) -> type | None:
    """Sums of integers and of bools are int64, whatever they are made of."""
    return None if x.dtype.kind == "f" else np.int64


def sum(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The sum over everything or along `dim`. Each number's gradient is the g of the sum it went into."""
    shape, axis = x.shape, axes(x, dim, "sum")
    out = x.data.sum(axis=axis, keepdims=keepdim, dtype=whole(x))
    return x.then(out, lambda g: spread(g, shape, axis, keepdim))


def cumsum(x: Tensor, dim: int) -> Tensor:
    """The running sum along `dim`: y_i = x_0 + ... + x_i. x_i is in every sum from y_i on and gets all of their g."""
    if not x.ndim:
        return sum(x, dim)
    axes(x, dim, "cumsum")
    out = np.cumsum(x.data, axis=dim, dtype=whole(x))
    return x.then(out, lambda g: np.flip(np.cumsum(np.flip(g, dim), axis=dim), dim))


@silent
def mean(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The mean over everything or along `dim`, nan over nothing. Each gradient is g over how many shared the mean."""
    if x.dtype.kind != "f":
        raise TypeError(f"mean needs floats, got {x.dtype}; write x.float().mean()")
    shape, axis = x.shape, axes(x, dim, "mean")
    count = shared_by(shape, axis)
    out = x.data.sum(axis=axis, keepdims=keepdim) / x.dtype.type(count)
    return x.then(out, lambda g: spread(g / larger(count, 1), shape, axis, keepdim))


def shared_by(shape: tuple[int, ...], axis: tuple[int, ...] | None) -> int:
    """How many numbers become one."""
    return math.prod(shape if axis is None else [shape[d] for d in axis])


@silent
def var(x: Tensor, dim: Dims = None, *, correction: int = 1, keepdim: bool = False) -> Tensor:
    """The variance: squared distances from the mean, summed and divided by n - correction.

    Each number's gradient is 2 g (x - mean) / (n - correction). Over one number (or none) the variance with the usual
    correction of 1 is nan, with a warning: a single number says nothing about a spread.
    """
    shape, axis = x.shape, axes(x, dim, "var")
    off, out, freedom = squared_distances(x, axis, correction, keepdim, "var")
    return x.then(out, silent(lambda g: spread(g, shape, axis, keepdim) * off * (2 / freedom)))


@silent
def std(x: Tensor, dim: Dims = None, *, correction: int = 1, keepdim: bool = False) -> Tensor:
    """The standard deviation, the root of `var`.

    Each number's gradient is g (x - mean) / ((n - correction) std), 0 where all numbers are equal.
    """
    shape, axis = x.shape, axes(x, dim, "std")
    off, variance, freedom = squared_distances(x, axis, correction, keepdim, "std")
    out = np.sqrt(variance)

    def gradient_of_x(g: Array) -> Array:
        # At std = 0 there is a corner; PyTorch takes the slope 0.
        share = np.where(out == 0, 0, g / out)
        return np.asarray(spread(share, shape, axis, keepdim) * off * (1 / freedom))

    return x.then(out, silent(gradient_of_x))


def squared_distances(
    x: Tensor, axis: tuple[int, ...] | None, correction: int, keepdim: bool, name: str
) -> tuple[Array, Array, Any]:
    """The distances from the mean, their squares' sum over the degrees of freedom, and that number n - correction."""
    if x.dtype.kind != "f":
        raise TypeError(f"{name} needs floats, got {x.dtype}; write x.float().{name}()")
    count = shared_by(x.shape, axis)
    freedom = x.dtype.type(larger(count - correction, 0))
    off = x.data - x.data.sum(axis=axis, keepdims=True) / x.dtype.type(count)
    squares = np.square(off).sum(axis=axis, keepdims=keepdim)
    if not freedom and squares.size:
        warnings.warn(
            f"{name} over {count} number{'s' * (count != 1)} with correction={correction} has no degrees of freedom; "
            "write correction=0 for the spread of these numbers alone",
            stacklevel=5,
        )
    return off, squares / freedom, freedom


def max(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor | Extremes:
    """The largest number of all; or, along `dim`, the largest with their places: `values, indices = x.max(dim=1)`.

    Along a dimension the gradient goes to the place that was found; over everything, equal largest ones share it.
    """
    some(x, dim, "max")
    if dim is None:
        return overall(x, x.data.max())
    return along(x, np.argmax, dim, keepdim)


def min(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor | Extremes:
    """The smallest number of all; or, along `dim`, the smallest with their places: `values, indices = x.min(dim=1)`."""
    some(x, dim, "min")
    if dim is None:
        return overall(x, x.data.min())
    return along(x, np.argmin, dim, keepdim)


def some(x: Tensor, dim: int | None, name: str) -> None:
    """Refuse to look for an extreme among no numbers."""
    if not shared_by(x.shape, axes(x, dim, name)):
        raise IndexError(f"{name}: no number is the extreme of none; dim={dim} of shape {x.shape} is empty")


def overall(x: Tensor, extreme: Array) -> Tensor:
    """The one extreme number; those equal to it share its gradient."""
    hits = np.isnan(x.data) if np.isnan(extreme) else x.data == extreme
    return x.then(extreme, lambda g: masked(g / np.count_nonzero(hits), hits))


def along(x: Tensor, find: Callable[..., Any], dim: int, keepdim: bool) -> Extremes:
    """The numbers that `find` finds (one along `dim`), to which their gradients go back."""
    # One number is taken for a row of one.
    a = x.data if x.ndim else x.data.reshape(1)
    places = find(a, axis=dim, keepdims=True)

    def scatter(g: Array) -> Array:
        gradient = np.zeros(a.shape, g.dtype)
        np.put_along_axis(gradient, places, g.reshape(places.shape), axis=dim)
        return gradient.reshape(shape)

    shape = x.shape
    values = np.take_along_axis(a, places, axis=dim)
    to = (values.shape if keepdim else values.squeeze(dim).shape) if x.ndim else ()
    return Extremes(x.then(values.reshape(to), scatter), Tensor(places.reshape(to)))


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the largest number stands (the first of equals), along `dim` or in the flattened tensor. No gradient."""
    some(x, dim, "argmax")
    return Tensor(np.asarray(np.argmax(x.data, axis=dim if x.ndim else None, keepdims=keepdim)))


def argmin(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the smallest number stands (the first of equals), along `dim` or in the flattened tensor. No gradient."""
    some(x, dim, "argmin")
    return Tensor(np.asarray(np.argmin(x.data, axis=dim if x.ndim else None, keepdims=keepdim)))
