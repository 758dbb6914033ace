"""Shapes: the same numbers, arranged, picked or put together differently. Gradients are arranged back."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from upslope.scratch.tape import Array, recording
from upslope.scratch.tensor import Tensor


def sizes(args: tuple[Any, ...]) -> tuple[int, ...]:
    """reshape(2, 3) and reshape((2, 3)) mean the same."""
    return tuple(args[0]) if len(args) == 1 and isinstance(args[0], tuple | list) else args


def reshape(x: Tensor, *shape: Any) -> Tensor:
    """The same numbers in the same order in another shape; one size may be -1, for whatever is left."""
    old, new = x.shape, sizes(shape)
    known = math.prod(size for size in new if size != -1)
    if (known != x.data.size) if -1 not in new else (not known or x.data.size % known):
        raise ValueError(f"reshape: a tensor of shape {old} has {x.data.size} numbers, which do not fill shape {new}")
    if x.data.flags.c_contiguous:
        return x.then(x.data.reshape(new), lambda g: g.reshape(old))
    # A layer may have left its numbers in another order in memory; the gradient goes back to it in that order.
    order = np.argsort([-stride for stride in x.data.strides], kind="stable")
    back = np.argsort(order).tolist()
    order = order.tolist()
    return x.then(x.data.reshape(new), lambda g: np.ascontiguousarray(g.reshape(old).transpose(order)).transpose(back))


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Dimensions `start_dim` to `end_dim` become one."""
    start, end = start_dim % x.ndim, end_dim % x.ndim
    return reshape(x, *x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :])


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions change places, and change back in the gradient."""
    return x.then(x.data.swapaxes(dim0, dim1), lambda g: g.swapaxes(dim0, dim1))


def permute(x: Tensor, *dims: Any) -> Tensor:
    """The dimensions in the order `dims`, and in the opposite order in the gradient."""
    order = sizes(dims)
    back = np.argsort([dim % x.ndim for dim in order]).tolist()
    return x.then(x.data.transpose(order), lambda g: g.transpose(back))


def squeeze(x: Tensor, dim: int | None = None) -> Tensor:
    """Without dimensions of size 1: all of them, or `dim` if that is one."""
    old = x.shape
    if dim is not None and old[dim] != 1:
        return x
    return x.then(x.data.squeeze(dim), lambda g: g.reshape(old))


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """With a new dimension of size 1 at `dim`."""
    old = x.shape
    return x.then(np.expand_dims(x.data, dim), lambda g: g.reshape(old))


def expand(x: Tensor, *shape: Any) -> Tensor:
    """Dimensions of size 1 repeated (not copied) up to `shape`, where -1 keeps a size. Gradients of repeats add up."""
    new = sizes(shape)
    old = (1,) * (len(new) - x.ndim) + x.shape
    return x.then(np.broadcast_to(x.data, [o if n == -1 else n for o, n in zip(old, new, strict=True)]), lambda g: g)


def getitem(x: Tensor, index: Any) -> Tensor:
    """x[index], with numbers, slices, arrays of integers or of bools. The gradient goes back to the picked places."""
    index = plain(index)
    shape = x.shape
    # Arrays of integers may pick a place twice, whose gradients then have to be added up.
    parts = index if isinstance(index, tuple) else (index,)
    repeats = any(isinstance(part, np.ndarray | list) and np.asarray(part).dtype.kind in "iu" for part in parts)

    def scatter(g: Array) -> Array:
        gradient = np.zeros(shape, g.dtype)
        if repeats:
            np.add.at(gradient, index, g)
        else:
            gradient[index] = g
        return gradient

    return x.then(x.data[index], scatter)


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """x[index] = value, which is not recorded: only for tensors that need no gradient, or under no_grad."""
    if recording.on and (x.requires_grad or (isinstance(value, Tensor) and value.requires_grad)):
        raise RuntimeError("x[...] = value is not recorded and would make gradients wrong; use where, cat or no_grad()")
    x.data[plain(index)] = value.data if isinstance(value, Tensor) else value
    x.data = x.data  # so that it counts as a change


def plain(index: Any) -> Any:
    """An index with arrays in the place of tensors."""
    if isinstance(index, Tensor):
        return index.data
    return tuple(plain(part) for part in index) if isinstance(index, tuple) else index


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors one after the other along `dim`. Each gets its piece of the gradient."""
    out = np.concatenate([x.data for x in tensors], axis=dim)
    ends = np.cumsum([x.data.shape[dim] for x in tensors]).tolist()
    before = (slice(None),) * (dim % out.ndim)
    pieces = [(*before, slice(start, end)) for start, end in zip([0, *ends], ends, strict=False)]
    return Tensor.of(out, *[(x, lambda g, piece=piece: g[piece]) for x, piece in zip(tensors, pieces, strict=True)])


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new dimension `dim`. Each gets its slice of the gradient."""
    out = np.stack([x.data for x in tensors], axis=dim)
    return Tensor.of(out, *[(x, lambda g, i=i: g.take(i, axis=dim)) for i, x in enumerate(tensors)])


def pad(x: Tensor, padding: Sequence[int], value: float = 0.0) -> Tensor:
    """A border of `value`: (left, right) of the last dimension, then of the one before, as PyTorch counts."""
    pairs = list(zip(padding[::2], padding[1::2], strict=True))[::-1]
    widths = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    inside = tuple(slice(before, before + size) for (before, _), size in zip(widths, x.shape, strict=True))
    return x.then(np.pad(x.data, widths, constant_values=value), lambda g: g[inside])
