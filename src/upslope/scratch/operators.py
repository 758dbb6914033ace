"""What can be written on a tensor: `x + y`, `x @ y`, `x.sum(dim=1)`. Each names the operation that does the work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    # tensor.py puts the operations here at run time, when both it and they have been loaded.
    from upslope.scratch import ops as ops
    from upslope.scratch.ops.reductions import Extremes
    from upslope.scratch.tensor import Tensor

Dims = int | Sequence[int] | None


class Operators:
    """The operators and methods of Tensor."""

    __slots__ = ()

    # Arithmetic, number by number, with broadcasting.
    def __add__(self: Any, other: Any) -> Tensor:
        return ops.add(self, other)

    def __radd__(self: Any, other: Any) -> Tensor:
        return ops.add(other, self)

    def __sub__(self: Any, other: Any) -> Tensor:
        return ops.sub(self, other)

    def __rsub__(self: Any, other: Any) -> Tensor:
        return ops.sub(other, self)

    def __mul__(self: Any, other: Any) -> Tensor:
        return ops.mul(self, other)

    def __rmul__(self: Any, other: Any) -> Tensor:
        return ops.mul(other, self)

    def __truediv__(self: Any, other: Any) -> Tensor:
        return ops.div(self, other)

    def __rtruediv__(self: Any, other: Any) -> Tensor:
        return ops.div(other, self)

    def __pow__(self: Any, exponent: Any) -> Tensor:
        return ops.pow(self, exponent)

    def __rpow__(self: Any, base: Any) -> Tensor:
        return ops.pow(base, self)

    def __neg__(self: Any) -> Tensor:
        return ops.neg(self)

    def __abs__(self: Any) -> Tensor:
        return ops.abs(self)

    def __matmul__(self: Any, other: Any) -> Tensor:
        return ops.matmul(self, ops.as_tensor(other))

    def __rmatmul__(self: Any, other: Any) -> Tensor:
        return ops.matmul(ops.as_tensor(other), self)

    # In place where nothing is recorded, else x += y is x = x + y (see ops.update).
    def __iadd__(self: Any, other: Any) -> Tensor:
        return ops.update(self, ops.add, other)

    def __isub__(self: Any, other: Any) -> Tensor:
        return ops.update(self, ops.sub, other)

    def __imul__(self: Any, other: Any) -> Tensor:
        return ops.update(self, ops.mul, other)

    def __itruediv__(self: Any, other: Any) -> Tensor:
        return ops.update(self, ops.div, other)

    def __ipow__(self: Any, other: Any) -> Tensor:
        return ops.update(self, ops.pow, other)

    # Comparisons, number by number: a tensor of bools, without gradient.
    def __eq__(self: Any, other: object) -> Tensor:  # type: ignore[override]
        return NotImplemented if other is None or isinstance(other, str) else ops.compare(np.equal, self, other)

    def __ne__(self: Any, other: object) -> Tensor:  # type: ignore[override]
        return NotImplemented if other is None or isinstance(other, str) else ops.compare(np.not_equal, self, other)

    def __lt__(self: Any, other: Any) -> Tensor:
        return ops.compare(np.less, self, other)

    def __le__(self: Any, other: Any) -> Tensor:
        return ops.compare(np.less_equal, self, other)

    def __gt__(self: Any, other: Any) -> Tensor:
        return ops.compare(np.greater, self, other)

    def __ge__(self: Any, other: Any) -> Tensor:
        return ops.compare(np.greater_equal, self, other)

    # Functions of each number.
    def exp(self: Any) -> Tensor:
        return ops.exp(self)

    def log(self: Any) -> Tensor:
        return ops.log(self)

    def abs(self: Any) -> Tensor:
        return ops.abs(self)

    def sin(self: Any) -> Tensor:
        return ops.sin(self)

    def cos(self: Any) -> Tensor:
        return ops.cos(self)

    def sqrt(self: Any) -> Tensor:
        return ops.sqrt(self)

    def tanh(self: Any) -> Tensor:
        return ops.tanh(self)

    def sigmoid(self: Any) -> Tensor:
        return ops.sigmoid(self)

    def relu(self: Any) -> Tensor:
        return ops.relu(self)

    def clamp(self: Any, min: float | None = None, max: float | None = None) -> Tensor:
        return ops.clamp(self, min, max)

    def maximum(self: Any, other: Any) -> Tensor:
        return ops.maximum(self, other)

    def minimum(self: Any, other: Any) -> Tensor:
        return ops.minimum(self, other)

    def softmax(self: Any, dim: int = -1) -> Tensor:
        return ops.softmax(self, dim)

    def log_softmax(self: Any, dim: int = -1) -> Tensor:
        return ops.log_softmax(self, dim)

    def logsumexp(self: Any, dim: int = -1, keepdim: bool = False) -> Tensor:
        return ops.logsumexp(self, dim, keepdim)

    # Reductions, over everything or along dimensions.
    def sum(self: Any, dim: Dims = None, keepdim: bool = False) -> Tensor:
        return ops.sum(self, dim, keepdim)

    def cumsum(self: Any, dim: int) -> Tensor:
        return ops.cumsum(self, dim)

    def mean(self: Any, dim: Dims = None, keepdim: bool = False) -> Tensor:
        return ops.mean(self, dim, keepdim)

    def var(self: Any, dim: Dims = None, correction: int = 1, keepdim: bool = False) -> Tensor:
        return ops.var(self, dim, correction=correction, keepdim=keepdim)

    def std(self: Any, dim: Dims = None, correction: int = 1, keepdim: bool = False) -> Tensor:
        return ops.std(self, dim, correction=correction, keepdim=keepdim)

    def max(self: Any, dim: int | None = None, keepdim: bool = False) -> Tensor | Extremes:
        return ops.max(self, dim, keepdim)

    def min(self: Any, dim: int | None = None, keepdim: bool = False) -> Tensor | Extremes:
        return ops.min(self, dim, keepdim)

    def argmax(self: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
        return ops.argmax(self, dim, keepdim)

    def argmin(self: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
        return ops.argmin(self, dim, keepdim)

    # Shapes and places.
    def reshape(self: Any, *shape: Any) -> Tensor:
        return ops.reshape(self, *shape)

    def view(self: Any, *shape: Any) -> Tensor:
        return ops.reshape(self, *shape)

    def flatten(self: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        return ops.flatten(self, start_dim, end_dim)

    def transpose(self: Any, dim0: int, dim1: int) -> Tensor:
        return ops.transpose(self, dim0, dim1)

    def permute(self: Any, *dims: Any) -> Tensor:
        return ops.permute(self, *dims)

    @property
    def T(self: Any) -> Tensor:
        return ops.permute(self, *reversed(range(self.ndim)))

    @property
    def mT(self: Any) -> Tensor:
        return ops.transpose(self, -2, -1)

    def squeeze(self: Any, dim: int | None = None) -> Tensor:
        return ops.squeeze(self, dim)

    def unsqueeze(self: Any, dim: int) -> Tensor:
        return ops.unsqueeze(self, dim)

    def expand(self: Any, *shape: Any) -> Tensor:
        return ops.expand(self, *shape)

    def __getitem__(self: Any, index: Any) -> Tensor:
        return ops.getitem(self, index)

    def __setitem__(self: Any, index: Any, value: Any) -> None:
        ops.setitem(self, index, value)

    def to(self: Any, dtype: Any) -> Tensor:
        return ops.to(self, dtype)

    def float(self: Any) -> Tensor:
        return ops.to(self, np.float32)

    def double(self: Any) -> Tensor:
        return ops.to(self, np.float64)

    def long(self: Any) -> Tensor:
        return ops.to(self, np.int64)
