"""Changes in place: x += y and x[...] = y, which no gradient can follow, and which backward notices."""

from collections.abc import Callable
from typing import Any

from upslope.scratch.ops.indexing import parsed, spelled_out
from upslope.scratch.tape import Array, recording
from upslope.scratch.tensor import CATEGORY, Tensor, cast


def update(x: Tensor, operation: Callable[[Any, Any], Tensor], y: Any) -> Tensor:
    """x += y (with operation=add) and its siblings: the numbers of x change, and x stays the same tensor.

    Under no_grad that is how a weight is changed: `with no_grad(): p -= lr * p.grad`. Outside of it a leaf that
    requires gradients may not be changed, as in PyTorch; and any other tensor that is or becomes part of a graph is
    not: there x += y means x = x + y.
    """
    if recording.on and x.requires_grad and x.is_leaf:
        raise RuntimeError(
            f"a leaf of shape {x.shape} that requires gradients cannot be changed in place while operations are "
            "recorded; write it inside `with no_grad():`, or x = x + y for a new tensor"
        )
    new = operation(x, y)
    if new.shape != x.shape:
        raise ValueError(
            f"a change in place keeps the shape {x.shape}, and the result has {new.shape}; write x = x + y"
        )
    if CATEGORY[new.dtype.kind] > CATEGORY[x.dtype.kind]:
        raise TypeError(f"a change in place keeps the dtype {x.dtype}, and the result is {new.dtype}; write x = x + y")
    if new.requires_grad:
        return cast(new, x.dtype)
    writable(x)[...] = new.data
    x.data = x.data  # so that it counts as a change
    return x


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """x[index] = value, which is not recorded: only for tensors that need no gradient, or under no_grad."""
    if recording.on and (x.requires_grad or (isinstance(value, Tensor) and value.requires_grad)):
        raise RuntimeError("x[...] = value is not recorded and would make gradients wrong; use where, cat or no_grad()")
    basic, arrays = parsed(index)
    picked = writable(x)[basic or ...]
    picked[spelled_out(arrays, picked.shape) or ...] = value.data if isinstance(value, Tensor) else value
    x.data = x.data  # so that it counts as a change


def writable(x: Tensor) -> Array:
    """The numbers of x, if each of them has a place of its own."""
    if not x.data.flags.writeable:
        raise RuntimeError(
            f"this tensor of shape {x.shape} shows one number in several places (expand does) or an array that is "
            "read-only, and cannot be changed in place; change a copy: Tensor(x.data.copy())"
        )
    return x.data
