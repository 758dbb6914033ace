"""NumPy's functions on tensors: np.exp(x) where the engine has that operation, arrays or a clear sentence elsewhere.

NumPy asks its arguments before it computes: `__array_ufunc__` for functions of each number (`array + tensor` is one of
them), `__array_function__` for the rest (NEP 13 and NEP 18). Where the engine has the same operation, it is taken, with
its gradient. Else a tensor that needs no gradient counts as its array, and one that needs one is refused, because
NumPy's result would not know where it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from upslope.scratch.tape import Array

# NumPy's functions of each number, and the operations of ours that are the same.
OPERATIONS: Mapping[Any, str] = {
    np.add: "add",
    np.subtract: "sub",
    np.multiply: "mul",
    np.true_divide: "div",
    np.power: "pow",
    np.negative: "neg",
    np.absolute: "abs",
    np.matmul: "matmul",
    np.maximum: "maximum",
    np.minimum: "minimum",
    np.exp: "exp",
    np.log: "log",
    np.sqrt: "sqrt",
    np.sin: "sin",
    np.cos: "cos",
    np.tanh: "tanh",
}
COMPARISONS = (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)

# What to write in the place of NumPy's other names.
METHODS = {"amax": "max", "amin": "min", "clip": "clamp", "swapaxes": "transpose", "expand_dims": "unsqueeze"}
FUNCTIONS = {"concatenate": "cat", "stack": "stack", "where": "where", "pad": "pad"}


class ArrayProtocol:
    """How a tensor meets NumPy."""

    __slots__ = ()

    def __array__(self: Any, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __array_ufunc__(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from upslope.scratch import ops

        if method == "__call__" and not kwargs:
            if ufunc in COMPARISONS:
                return ops.compare(ufunc, *inputs)
            if ufunc in OPERATIONS:
                # The arithmetic takes numbers and arrays on either side, the product tensors only.
                inputs = tuple(map(ops.as_tensor, inputs)) if ufunc is np.matmul else inputs
                return getattr(ops, OPERATIONS[ufunc])(*inputs)
        refuse_gradients(ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}", inputs, kwargs)
        return getattr(ufunc, method)(*arrays(inputs), **arrays(kwargs))

    def __array_function__(
        self: Any, func: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        refuse_gradients(func.__name__, args, kwargs)
        return func(*arrays(args), **arrays(kwargs))


def refuse_gradients(name: str, *arguments: Any) -> None:
    """Raise if NumPy is about to compute with a tensor that requires gradients."""
    for x in tensors(arguments):
        if x.requires_grad:
            method = METHODS.get(name, name)
            ours = f"x.{method}()" if hasattr(x, method) else f"ops.{FUNCTIONS[name]}(...)" if name in FUNCTIONS else ""
            raise TypeError(
                f"np.{name} knows no gradients, and a tensor of shape {x.shape} requires them: write "
                f"{f'{ours}, or ' if ours else ''}np.{name}(x.data) if no gradient is to pass"
            )


def tensors(argument: Any) -> Iterator[Any]:
    """The tensors among arguments, in lists and dicts too."""
    if isinstance(argument, ArrayProtocol):
        yield argument
    elif isinstance(argument, list | tuple | dict):
        for part in argument.values() if isinstance(argument, dict) else argument:
            yield from tensors(part)


def arrays(argument: Any) -> Any:
    """The same arguments with arrays in the place of tensors."""
    if isinstance(argument, ArrayProtocol):
        return np.asarray(argument)
    if isinstance(argument, dict):
        return {name: arrays(value) for name, value in argument.items()}
    if isinstance(argument, list | tuple):
        return type(argument)(arrays(part) for part in argument)
    return argument
