"""Shapes: the same numbers, arranged or put together differently. Gradients are arranged back."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from upslope.scratch.tensor import Tensor, cast, result_type


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
    start, end = place(x, start_dim, "flatten"), place(x, end_dim, "flatten")
    if not x.ndim:
        return reshape(x, 1)
    if start > end:
        raise ValueError(f"flatten: start_dim={start_dim} stands after end_dim={end_dim} in shape {x.shape}")
    return reshape(x, *x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :])


def place(x: Tensor, dim: int, name: str) -> int:
    """A dimension counted from the front."""
    ndim = max(x.ndim, 1)  # one number is taken for a row of one
    if not -ndim <= dim < ndim:
        raise IndexError(f"{name}: dimension {dim} is out of range for a tensor of shape {x.shape}")
    return dim % ndim


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions change places, and change back in the gradient."""
    first, second = place(x, dim0, "transpose"), place(x, dim1, "transpose")
    if not x.ndim:
        return x
    return x.then(x.data.swapaxes(first, second), lambda g: g.swapaxes(first, second))


def permute(x: Tensor, *dims: Any) -> Tensor:
    """The dimensions in the order `dims`, and in the opposite order in the gradient."""
    order = [place(x, dim, "permute") for dim in sizes(dims)]
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(f"permute: a tensor of shape {x.shape} needs each of its {x.ndim} dimensions once, got {dims}")
    back = np.argsort(order).tolist()
    return x.then(x.data.transpose(order), lambda g: g.transpose(back))


def squeeze(x: Tensor, dim: int | None = None) -> Tensor:
    """Without dimensions of size 1: all of them, or `dim` if that is one."""
    old = x.shape
    if dim is not None:
        dim = place(x, dim, "squeeze")
        if not old or old[dim] != 1:
            return x.then(x.data[...], lambda g: g)
    return x.then(x.data.squeeze(dim), lambda g: g.reshape(old))


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """With a new dimension of size 1 at `dim`."""
    old = x.shape
    return x.then(np.expand_dims(x.data, dim), lambda g: g.reshape(old))


def expand(x: Tensor, *shape: Any) -> Tensor:
    """Dimensions of size 1 repeated (not copied) up to `shape`, where -1 keeps a size. Gradients of repeats add up."""
    new = sizes(shape)
    front = len(new) - x.ndim
    old = (1,) * front + x.shape
    fits = front >= 0 and all(o in (1, n) or n == -1 for o, n in zip(old, new, strict=True)) and -1 not in new[:front]
    if not fits:
        raise ValueError(f"expand: a tensor of shape {x.shape} does not stretch to {new}; only sizes of 1 do")
    wide = tuple(o if n == -1 else n for o, n in zip(old, new, strict=True))
    # Where nothing stretches, the numbers keep places of their own, and may be changed.
    return x.then(x.data[...] if wide == x.shape else np.broadcast_to(x.data, wide), lambda g: g)


def met(tensors: Sequence[Tensor], name: str) -> list[Tensor]:
    """The tensors in the one dtype in which they meet."""
    if not tensors:
        raise ValueError(f"{name} needs tensors, got none")
    dtype = result_type(*[x.data for x in tensors])
    return [cast(x, dtype) for x in tensors]


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors one after the other along `dim`. Each gets its piece of the gradient."""
    tensors = met(tensors, "cat")
    out = np.concatenate([x.data for x in tensors], axis=dim)
    ends = np.cumsum([x.data.shape[dim] for x in tensors]).tolist()
    before = (slice(None),) * (dim % out.ndim)
    pieces = [(*before, slice(start, end)) for start, end in zip([0, *ends], ends, strict=False)]
    return Tensor.of(out, *[(x, lambda g, piece=piece: g[piece]) for x, piece in zip(tensors, pieces, strict=True)])


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new dimension `dim`. Each gets its slice of the gradient."""
    tensors = met(tensors, "stack")
    out = np.stack([x.data for x in tensors], axis=dim)
    return Tensor.of(out, *[(x, lambda g, i=i: g.take(i, axis=dim)) for i, x in enumerate(tensors)])


def pad(x: Tensor, padding: Sequence[int], value: float = 0.0) -> Tensor:
    """A border of `value`: (left, right) of the last dimension, then of the one before, as PyTorch counts."""
    pairs = list(zip(padding[::2], padding[1::2], strict=True))[::-1]
    widths = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    inside = tuple(slice(before, before + size) for (before, _), size in zip(widths, x.shape, strict=True))
    return x.then(np.pad(x.data, widths, constant_values=value), lambda g: g[inside])
