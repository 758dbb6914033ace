"""Indexing: x[2], x[:, 1:], x[..., None], x[[0, 2, 2]], x[x > 0], with PyTorch's meaning."""

from typing import Any

import numpy as np

from upslope.scratch.ops.embeddings import not_integers
from upslope.scratch.tape import Array
from upslope.scratch.tensor import Tensor

Index = tuple[Any, ...]


def getitem(x: Tensor, index: Any) -> Tensor:
    """x[index], with numbers, slices, None, `...`, arrays of integers and of bools.

    Numbers and slices give a view of x's numbers, arrays a copy. The gradient goes back to the picked places; a place
    that an array of integers picked twice gets the sum of both.
    """
    basic, arrays = parsed(index)
    if basic:
        x = view(x, basic)
    return gather(x, arrays) if arrays else x


def view(x: Tensor, index: Index) -> Tensor:
    """x[index] with numbers, slices, None and `...` only: every place at most once."""
    shape = x.shape

    def scatter(g: Array) -> Array:
        gradient = np.zeros(shape, g.dtype)
        gradient[index] = g
        return gradient

    return x.then(x.data[index], scatter)


def gather(x: Tensor, index: Index) -> Tensor:
    """x[index] with arrays among the parts of the index."""
    shape = x.shape
    index = spelled_out(index, shape)
    repeats = any(isinstance(part, np.ndarray) and part.dtype != bool for part in index)

    def scatter(g: Array) -> Array:
        gradient = np.zeros(shape, g.dtype)
        if repeats:
            np.add.at(gradient, index, g)
        else:
            gradient[index] = g
        return gradient

    return x.then(x.data[index], scatter)


def parsed(index: Any) -> tuple[Index, Index]:
    """What numbers, slices, None and `...` pick first, and what arrays pick from that then; either may be ().

    In this order, because x[0, :, [1, 2]] means x[0][:, [1, 2]]. (NumPy takes the 0 for an array, too, and moves the
    dimension that the arrays leave to the front.)
    """
    parts = tuple(part_of(part) for part in (index if isinstance(index, tuple) else (index,)))
    if not any(isinstance(part, np.ndarray) for part in parts):
        # With `...` even a single number is a view, not a copy.
        return (parts if any(part is ... for part in parts) else (*parts, ...)), ()
    first: list[Any] = []
    then: list[Any] = []
    for part in parts:
        if isinstance(part, np.ndarray):
            # A mask covers as many dimensions as it has.
            first += [slice(None)] * (part.ndim if part.dtype == bool else 1)
            then.append(part)
        else:
            first.append(part)
            then += [] if isinstance(part, int) else [part if part is ... else slice(None)]
    if ... not in [part for part in first if not isinstance(part, slice)]:
        first.append(...)
    picks = any(part is not ... and part != slice(None) for part in first)
    return (tuple(first) if picks else ()), tuple(then)


def spelled_out(index: Index, shape: tuple[int, ...]) -> Index:
    """An index with arrays, `...` written as the slices that it stands for, and its masks compared with the shape.

    NumPy takes arrays with a `...` between them for separated even if it stands for nothing; and it lets a mask of the
    wrong size pass if nothing is picked.
    """
    covered = [part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1 for part in index]
    left = len(shape) - sum(n for n, part in zip(covered, index, strict=True) if part is not ...)
    written: list[Any] = []
    at = 0
    for part, dims in zip(index, covered, strict=True):
        if part is ...:
            written += [slice(None)] * left
            at += left
            continue
        if isinstance(part, np.ndarray) and part.dtype == bool and part.shape != shape[at : at + dims]:
            raise IndexError(f"a mask of shape {part.shape} does not fit dimension {at} of a tensor of shape {shape}")
        written.append(part)
        at += dims
    return tuple(written)


def part_of(part: Any) -> Any:
    """One part of an index: tensors and lists as arrays (copies, which backward finds unchanged), the rest as it is."""
    if part is None or part is ...:
        return part
    if isinstance(part, slice):
        if part.step is not None and part.step < 0:
            raise ValueError(f"a slice of a tensor goes forwards, got step {part.step}; x[[3, 2, 1]] goes in any order")
        return part
    array = np.array(part.data if isinstance(part, Tensor) else part)
    if not array.size and isinstance(part, list):
        array = array.astype(np.int64)
    if array.dtype.kind not in "iub":
        raise IndexError(f"an index is made of integers, slices or bools, got {not_integers(array)}")
    return int(array) if array.ndim == 0 and array.dtype != bool else array
