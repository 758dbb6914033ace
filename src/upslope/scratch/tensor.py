"""A tensor: numbers that remember what they were made from, so that gradients can find their way back.

`x.data` is a NumPy array, `x.grad` (None at first) an array of the same shape and dtype: after `loss.backward()` it
says how much loss changes per change of each number. Names, arguments and results are PyTorch's wherever it has them.

**How an operation is written.** It computes its result from the parents' `data`, and hands it on with, for each parent,
the derivative: a function that takes `g`, the gradient of the loss with respect to the result, and gives the gradient
with respect to that parent. One parent:

    def exp(x):
        y = np.exp(x.data)
        return x.then(y, lambda g: g * y)

Several parents:

    def mul(x, y):
        return Tensor.of(x.data * y.data, (x, lambda g: g * y.data), (y, lambda g: g * x.data))

That is all. The engine calls only the derivatives that somebody needs, sums gradients of numbers that were used many
times, and undoes broadcasting: a derivative may leave its gradient in the result's shape. It may not change g itself.
A parent may be None (a missing bias). What backward needs may not change before it has run: `x.data += 1` after `mul`
has read x is noticed and refused.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from upslope.scratch.array_protocol import ArrayProtocol
from upslope.scratch.operators import Operators
from upslope.scratch.tape import Array, Derivative, Edge, recording, walk_back

# glibc returns large freed blocks to the system, and a new one then costs a page fault for every 4 KB. Freeing a block
# of almost 32 MB, its limit, once teaches it to keep such blocks: a LeNet step takes half the time.
np.empty(31 << 20, dtype=np.uint8)

CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2}  # of an array's dtype.kind: bools, integers, floats
DTYPES = ("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool")
KINDS = frozenset(np.dtype(name) for name in DTYPES)


class Tensor(Operators, ArrayProtocol):
    """An array of numbers, with its gradient and the operation that made it.

    Python numbers and lists become float32 (bool stays bool), arrays keep their dtype and are not copied:
    Tensor([1, 2]).dtype is float32, Tensor(np.array([1, 2])).dtype is int64.
    """

    __slots__ = ("__weakref__", "_born", "_data", "_edges", "_retains_grad", "_version", "grad", "requires_grad")

    def __init__(self, data: Any, *, dtype: Any = None, requires_grad: bool = False) -> None:
        known = dtype is None and type(data) is np.ndarray and data.dtype in KINDS
        self._data = data if known else to_array(data, dtype)
        self.grad: Array | None = None
        self.requires_grad = requires_grad
        # Parents with their derivatives; None for a leaf, which nothing recorded has made.
        self._edges: tuple[Edge, ...] | None = None
        # Counts changes in place; a view shares the counter of what it looks at.
        self._version = [0]
        self._born = 0
        self._retains_grad = False
        if requires_grad and self._data.dtype.kind != "f":
            raise TypeError(f"only floating-point tensors can require gradients; this one is {self._data.dtype}")

    @staticmethod
    def of(data: Any, *parents: tuple["Tensor | None", Derivative]) -> "Tensor":
        """The result of an operation: its numbers, and each parent with its derivative."""
        out: Tensor = Tensor.__new__(Tensor)
        if type(data) is not np.ndarray:
            if isinstance(data, Tensor):
                raise TypeError("the result of an operation is an array: compute with x.data, not with x")
            data = np.asarray(data)
        out._data = data
        out.grad = None
        out.requires_grad = False
        out._edges = None
        out._born = 0
        out._retains_grad = False
        out._version = [0]
        if data.base is not None:
            # A view changes when what it looks at changes.
            for parent, _ in parents:
                if parent is not None and (data.base is parent._data or data.base is parent._data.base):
                    out._version = parent._version
                    out._born = out._version[0]
        if recording.on:
            edges: list[Edge] = []
            for parent, derivative in parents:
                if parent is None:
                    continue
                if parent.requires_grad:
                    out.requires_grad = True
                    edges.append((parent, derivative, parent._version[0]))
                else:
                    edges.append((parent, None, parent._version[0]))
            if out.requires_grad:
                out._edges = tuple(edges)
        return out

    def then(self, data: Any, derivative: Derivative) -> "Tensor":
        """The result of an operation with this tensor as its only parent."""
        return Tensor.of(data, (self, derivative))

    @property
    def data(self) -> Array:
        """The numbers. Assigning (`p.data = a`, `p.data -= step`) is not recorded, but it is noticed by backward."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        self._data = value if type(value) is np.ndarray else np.asarray(value)
        self._version[0] += 1

    def backward(self, gradient: Any = None, *, retain_graph: bool = False) -> None:
        """Add to `.grad` of every leaf that this tensor was made from the gradient of this tensor.

        gradient: where to start, in this tensor's shape; 1 for a tensor with one element, which may leave it out.
        retain_graph: keep what backward needs, so that it can be called again.
        """
        if not self.requires_grad:
            raise RuntimeError("backward needs a tensor made from one with requires_grad=True, outside of no_grad()")
        if gradient is None:
            if self._data.size != 1:
                raise RuntimeError(
                    f"backward starts at a scalar, this tensor has shape {self.shape}; "
                    "take .sum() or .mean() first, or give backward(gradient) of that shape"
                )
            start = np.ones(self._data.shape, self._data.dtype)
        else:
            start = to_array(gradient, self._data.dtype)
            if start.shape != self.shape:
                raise ValueError(f"backward of a tensor of shape {self.shape} got a gradient of shape {start.shape}")
        if self._edges is None:
            self.grad = start.copy() if self.grad is None else np.asarray(self.grad + start)
        else:
            walk_back(self, start, retain_graph=retain_graph)

    def retain_grad(self) -> None:
        """Keep the gradient of this intermediate result in `.grad` too; otherwise only leaves keep theirs."""
        self._retains_grad = self._edges is not None

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this tensor."""
        return self._edges is None

    def detach(self) -> "Tensor":
        """The same numbers (shared), outside of the graph."""
        out = Tensor(self._data)
        out._version = self._version
        out._born = self._version[0]
        return out

    def numpy(self) -> Array:
        """The numbers as an array (shared, not copied); a tensor that requires gradients is detached first."""
        if self.requires_grad:
            raise RuntimeError("numpy() would leave the graph unseen; write x.detach().numpy() or x.data")
        return self._data

    def item(self) -> Any:
        """The one number of a tensor with one element, as a Python number."""
        if self._data.size != 1:
            raise ValueError(f"item() needs a tensor with one element, this one has shape {self.shape}")
        return self._data.item()

    def tolist(self) -> Any:
        """The numbers as nested Python lists."""
        return self._data.tolist()

    @property
    def shape(self) -> tuple[int, ...]:
        return self._data.shape

    @property
    def ndim(self) -> int:
        return self._data.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._data.dtype

    def size(self, dim: int | None = None) -> Any:
        """The shape, or its entry `dim`."""
        return self._data.shape if dim is None else self._data.shape[dim]

    def numel(self) -> int:
        """How many numbers there are."""
        return self._data.size

    def __len__(self) -> int:
        if not self._data.ndim:
            raise TypeError("a tensor of shape () has no length")
        return len(self._data)

    def __iter__(self) -> Iterator["Tensor"]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iub" or self._data.size != 1:
            raise TypeError(f"one integer counts or picks a place, not a tensor of shape {self.shape} of {self.dtype}")
        return int(self._data.item())

    def __repr__(self) -> str:
        numbers = np.array2string(self._data, separator=", ", precision=4, prefix="Tensor(")
        kind = "" if self._data.dtype in (np.float32, np.bool_) else f", dtype={self._data.dtype}"
        graph = ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({numbers}{kind}{graph})"

    # Two tensors are compared number by number (see operators.py); as keys they are themselves.
    __hash__ = object.__hash__


def to_array(data: Any, dtype: Any = None) -> Array:
    """An array of one of the dtypes that tensors hold: Python numbers become float32, arrays stay what they are."""
    if isinstance(data, Tensor):
        data = data._data
    array = np.asarray(data)
    if dtype is not None:
        array = array.astype(np.dtype(dtype), copy=False)
    elif not isinstance(data, np.ndarray | np.generic) and array.dtype.kind in "iuf":
        array = array.astype(np.float32)
    if array.dtype not in KINDS:
        raise TypeError(f"a tensor holds {', '.join(DTYPES[:-1])} or {DTYPES[-1]}; got {array.dtype}")
    return array


def operands(x: Any, y: Any, name: str) -> tuple[Tensor, Tensor]:
    """The two sides of an arithmetic operation as tensors whose shapes broadcast; numbers take the other's dtype."""
    if not isinstance(x, Tensor):
        x = constant(x, y)
    elif not isinstance(y, Tensor):
        y = constant(y, x)
    a, b = x._data, y._data
    if a.shape != b.shape:
        for m, n in zip(reversed(a.shape), reversed(b.shape), strict=False):
            if m != n and m != 1 and n != 1:
                raise ValueError(f"{name}: shapes {a.shape} and {b.shape} do not broadcast")
    if a.dtype is not b.dtype:
        dtype = result_type(a, b)
        if a.dtype.kind != b.dtype.kind or dtype != np.promote_types(a.dtype, b.dtype):
            x, y = cast(x, dtype), cast(y, dtype)
    return x, y


def constant(value: Any, like: Any) -> Tensor:
    """A number or an array beside a tensor; a single number takes the tensor's dtype if that can hold it.

    An array is copied: its owner may fill it with the next batch before backward reads it.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int | float) and isinstance(like, Tensor):
        dtype = like._data.dtype
        if dtype.kind == "b" and type(value) is int:
            dtype = np.dtype(np.int64)
        fits = dtype.kind == "f" or (dtype.kind in "iu" and isinstance(value, int))
        return Tensor(np.asarray(value, dtype=dtype) if fits else value)
    return Tensor(value.copy() if isinstance(value, np.ndarray) else value)


def result_type(*arrays: Array) -> np.dtype[Any]:
    """The dtype in which arrays meet. PyTorch's rule, not NumPy's: int64 and float32 meet in float32.

    The highest category decides: floats, else integers, else bools. In it, arrays with dimensions count before single
    numbers, and the larger dtype before the smaller.
    """
    top = max(CATEGORY[a.dtype.kind] for a in arrays)
    highest = [a for a in arrays if CATEGORY[a.dtype.kind] == top]
    return np.result_type(*[a.dtype for a in [a for a in highest if a.ndim] or highest])


def cast(x: Tensor, dtype: np.dtype[Any]) -> Tensor:
    """x in another dtype; the gradient goes back in x's own."""
    return x if x._data.dtype == dtype else x.then(x._data.astype(dtype), lambda g: g)


# At the end, because the operations are written with Tensor. Operators look each one up when it is called.
from upslope.scratch import operators, ops  # noqa: E402

operators.ops = ops
