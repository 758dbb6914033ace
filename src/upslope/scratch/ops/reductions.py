"""Reductions: many numbers become one, over everything or along dimensions (`dim`, as PyTorch names NumPy's axis)."""

from typing import NamedTuple

import numpy as np

from upslope.scratch.tape import Array
from upslope.scratch.tensor import Tensor

Dims = int | tuple[int, ...] | None


class Extremes(NamedTuple):
    """What max and min along a dimension give: the values and where they stood."""

    values: Tensor
    indices: Tensor


def spread(g: Array, shape: tuple[int, ...], dim: Dims, keepdim: bool) -> Array:
    """The gradient of a reduced tensor, shown (not copied) to every number that it was reduced from."""
    if dim is not None and not keepdim:
        g = np.expand_dims(g, dim)
    return np.broadcast_to(g, shape)


def sum(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The sum over everything or along `dim`. Each number's gradient is the g of the sum it went into."""
    shape = x.shape
    out = x.data.sum(axis=dim, keepdims=keepdim)
    return x.then(out, lambda g: spread(g, shape, dim, keepdim))


def mean(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The mean over everything or along `dim`. Each number's gradient is g over how many shared the mean."""
    if x.dtype.kind != "f":
        raise TypeError(f"mean needs floats, got {x.dtype}; write x.float().mean()")
    shape = x.shape
    out = x.data.mean(axis=dim, keepdims=keepdim)
    count = x.data.size // np.size(out) if np.size(out) else 0
    return x.then(out, lambda g: spread(g / count, shape, dim, keepdim))


def var(x: Tensor, dim: Dims = None, *, correction: int = 1, keepdim: bool = False) -> Tensor:
    """The variance: squared distances from the mean, summed and divided by n - correction.

    Each number's gradient is 2 g (x - mean) / (n - correction).
    """
    off = x.data - x.data.mean(axis=dim, keepdims=True)
    out = np.square(off).sum(axis=dim, keepdims=keepdim)
    freedom = x.data.size // np.size(out) - correction
    return x.then(out / x.dtype.type(freedom), lambda g: spread(g, off.shape, dim, keepdim) * off * (2 / freedom))


def max(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor | Extremes:
    """The largest number of all; or, along `dim`, the largest with their places: `values, indices = x.max(dim=1)`.

    Along a dimension the gradient goes to the place that was found; over everything, equal largest ones share it.
    """
    if dim is None:
        return overall(x, x.data.max())
    return along(x, x.data.argmax(axis=dim, keepdims=True), dim, keepdim)


def min(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor | Extremes:
    """The smallest number of all; or, along `dim`, the smallest with their places: `values, indices = x.min(dim=1)`."""
    if dim is None:
        return overall(x, x.data.min())
    return along(x, x.data.argmin(axis=dim, keepdims=True), dim, keepdim)


def overall(x: Tensor, extreme: Array) -> Tensor:
    """The one extreme number; those equal to it share its gradient."""
    hits = x.data == extreme
    return x.then(extreme, lambda g: hits * (g / np.count_nonzero(hits)))


def along(x: Tensor, places: Array, dim: int, keepdim: bool) -> Extremes:
    """The numbers at `places` (one along `dim`), to which their gradients go back."""

    def scatter(g: Array) -> Array:
        gradient = np.zeros(shape, g.dtype)
        np.put_along_axis(gradient, places, g if keepdim else np.expand_dims(g, dim), axis=dim)
        return gradient

    shape = x.shape
    values = np.take_along_axis(x.data, places, axis=dim)
    if keepdim:
        return Extremes(x.then(values, scatter), Tensor(places))
    return Extremes(x.then(values.squeeze(dim), scatter), Tensor(places.squeeze(dim)))


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the largest number stands (the first of equals), along `dim` or in the flattened tensor. No gradient."""
    return Tensor(np.asarray(np.argmax(x.data, axis=dim, keepdims=keepdim)))
