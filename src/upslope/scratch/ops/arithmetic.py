"""Arithmetic between two tensors, number by number, with broadcasting.

A derivative leaves its gradient in the result's shape; the engine sums it back to the parent's (see tape.sum_to_size).
"""

from typing import Any

import numpy as np

from upslope.scratch.tensor import Tensor, constant, operands


def as_tensor(x: Any) -> Tensor:
    """x itself if it is a tensor, otherwise a tensor of its numbers."""
    return x if isinstance(x, Tensor) else Tensor(x)


def add(x: Any, y: Any) -> Tensor:
    """x + y. Each gradient is g: the sum moves as much as either part."""
    x, y = operands(x, y, "add")
    return Tensor.of(x.data + y.data, (x, lambda g: g), (y, lambda g: g))


def sub(x: Any, y: Any) -> Tensor:
    """x - y. x's gradient is g, y's is -g."""
    x, y = operands(x, y, "sub")
    return Tensor.of(x.data - y.data, (x, lambda g: g), (y, lambda g: -g))


def mul(x: Any, y: Any) -> Tensor:
    """x * y. Each gradient is g times the other factor."""
    x, y = operands(x, y, "mul")
    a, b = x.data, y.data
    return Tensor.of(a * b, (x, lambda g: g * b), (y, lambda g: g * a))


def div(x: Any, y: Any) -> Tensor:
    """x / y, in floats. x's gradient is g / y, y's is -g x / y^2."""
    x, y = operands(x, y, "div")
    if x.dtype.kind != "f":
        x, y = Tensor(x.data.astype(np.float32)), Tensor(y.data.astype(np.float32))
    b = y.data
    quotient = x.data / b
    return Tensor.of(quotient, (x, lambda g: g / b), (y, lambda g: -g * quotient / b))


def pow(x: Any, y: Any) -> Tensor:
    """x to the power y. x's gradient is g y x^(y - 1), y's is g x^y log x (0 where x is 0)."""
    x, y = operands(x, y, "pow")
    a, b = x.data, y.data
    # NumPy multiplies for squares but takes logarithms for an array that holds one 2.
    out = a * a if b.ndim == 0 and b == 2 else a**b
    return Tensor.of(
        out,
        (x, lambda g: g * (2 * a if b.ndim == 0 and b == 2 else b * a ** np.where(b == 0, 1, b - 1))),
        (y, lambda g: g * out * np.log(np.where(a == 0, 1, a))),
    )


def neg(x: Tensor) -> Tensor:
    """-x. The gradient is -g."""
    return x.then(-x.data, lambda g: -g)


def maximum(x: Any, y: Any) -> Tensor:
    """The larger of each pair. The gradient goes to the larger, half to each where they are equal."""
    x, y = operands(x, y, "maximum")
    a, b = x.data, y.data
    share = (a > b) + 0.5 * (a == b)
    return Tensor.of(np.maximum(a, b), (x, lambda g: g * share), (y, lambda g: g * (1 - share)))


def minimum(x: Any, y: Any) -> Tensor:
    """The smaller of each pair. The gradient goes to the smaller, half to each where they are equal."""
    x, y = operands(x, y, "minimum")
    a, b = x.data, y.data
    share = (a < b) + 0.5 * (a == b)
    return Tensor.of(np.minimum(a, b), (x, lambda g: g * share), (y, lambda g: g * (1 - share)))


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """x where the condition holds, y elsewhere. Each gradient is g where its tensor was taken, 0 elsewhere."""
    x, y = operands(x, y, "where")
    mask = as_tensor(condition).data.astype(bool)
    return Tensor.of(
        np.where(mask, x.data, y.data),
        (x, lambda g: np.where(mask, g, 0)),
        (y, lambda g: np.where(mask, 0, g)),
    )


def compare(test: np.ufunc, x: Tensor, y: Any) -> Tensor:
    """A tensor of bools from a NumPy comparison such as np.less. A step has no slope: no gradient."""
    other = y if isinstance(y, Tensor) else constant(y, x)
    if x.dtype.kind in "iu" and other.data.ndim == 0:
        return Tensor(test(x.data, other.data))
    x, other = operands(x, other, test.__name__)
    return Tensor(test(x.data, other.data))
