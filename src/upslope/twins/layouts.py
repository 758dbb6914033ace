"""How the numbers of a weight lie in PyTorch and in Keras: each layout turns the arrays of one into those of the other.

A tensor of PyTorch's may be one variable of Keras' with its axes in another order, several variables (the joined
queries, keys and values), or none (the second bias of an LSTM). So a layout takes and gives a list on Keras' side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]


class Layout(Protocol):
    """The way from the arrays of Keras' variables to PyTorch's array, and back."""

    def to_torch(self, arrays: Sequence[Array]) -> Array:
        """One array with PyTorch's axes."""

    def to_keras(self, array: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        """The inverse: an array of each of these shapes."""


@dataclass(frozen=True)
class Transposed:
    """One variable. `order` says which of Keras' axes comes first in PyTorch, which second, and so on."""

    order: tuple[int, ...]

    def to_torch(self, arrays: Sequence[Array]) -> Array:
        return arrays[0].transpose(self.order)

    def to_keras(self, array: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        return [array.transpose(np.argsort(self.order))]


VECTOR, TABLE, LINEAR, FILTERS = Transposed((0,)), Transposed((0, 1)), Transposed((1, 0)), Transposed((3, 2, 0, 1))


@dataclass(frozen=True)
class AfterFlatten:
    """A linear layer that reads maps (H, W, C) as a row: in PyTorch C comes first."""

    maps: tuple[int, int, int]

    def to_torch(self, arrays: Sequence[Array]) -> Array:
        maps = arrays[0].reshape(*self.maps, -1).transpose(3, 2, 0, 1)  # (out, C, H, W)
        return maps.reshape(len(maps), -1)

    def to_keras(self, array: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        height, width, channels = self.maps
        maps = array.reshape(-1, channels, height, width).transpose(2, 3, 1, 0)  # (H, W, C, out)
        return [maps.reshape(height * width * channels, -1)]


@dataclass(frozen=True)
class IntoHeads:
    """Queries, keys and values: kernels (in, heads, d) as the rows of one matrix, biases (heads, d) as one row."""

    def to_torch(self, arrays: Sequence[Array]) -> Array:
        if arrays[0].ndim == 2:
            return np.concatenate([array.ravel() for array in arrays])
        return np.concatenate([array.reshape(len(array), -1).T for array in arrays])

    def to_keras(self, array: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        parts = np.split(array, len(shapes))
        return [part.T.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


@dataclass(frozen=True)
class OutOfHeads:
    """What joins the heads: the kernel (heads, d, out) is (out, heads * d) in PyTorch."""

    def to_torch(self, arrays: Sequence[Array]) -> Array:
        return arrays[0].reshape(-1, arrays[0].shape[-1]).T

    def to_keras(self, array: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        return [array.T.reshape(shapes[0])]


@dataclass(frozen=True)
class Absent:
    """Nothing in Keras: zeros of a shape in PyTorch, since another weight holds what it would add."""

    shape: tuple[int, ...]

    def to_torch(self, arrays: Sequence[Array]) -> Array:
        return np.zeros(self.shape, np.float32)

    def to_keras(self, array: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        return []
