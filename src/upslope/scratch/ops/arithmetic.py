"""Arithmetic between two tensors, number by number, with broadcasting.

A derivative leaves its gradient in the result's shape; the engine sums it back to the parent's (see tape.sum_to_size).
"""

from typing import Any

import numpy as np

from upslope.scratch.ops.elementwise import silent
from upslope.scratch.tape import Array, masked
from upslope.scratch.tensor import Tensor, constant, operands


def as_tensor(x: Any) -> Tensor:
    """x itself if it is a tensor, otherwise a tensor of its numbers, copied."""
    return x if isinstance(x, Tensor) else Tensor(x.copy() if isinstance(x, np.ndarray) else x)


def add(x: Any, y: Any) -> Tensor:
    """x + y. Each gradient is g: the sum moves as much as either part."""
    x, y = operands(x, y, "add")
    return Tensor.of(x.data + y.data, (x, lambda g: g), (y, lambda g: g))


def sub(x: Any, y: Any) -> Tensor:
    """x - y. x's gradient is g, y's is -g."""
    if any(isinstance(part, Tensor) and part.dtype == bool for part in (x, y)):
        raise TypeError("sub: bools are not subtracted; write mask == False for the opposite, mask.float() for numbers")
    x, y = operands(x, y, "sub")
    return Tensor.of(x.data - y.data, (x, lambda g: g), (y, lambda g: -g))


def mul(x: Any, y: Any) -> Tensor:
    """x * y. Each gradient is g times the other factor."""
    x, y = operands(x, y, "mul")
    a, b = x.data, y.data
    return Tensor.of(a * b, (x, lambda g: g * b), (y, lambda g: g * a))


@silent
def div(x: Any, y: Any) -> Tensor:
    """x / y, in floats. x's gradient is g / y, y's is -g x / y^2. 1 / 0 is inf, 0 / 0 is nan."""
    x, y = operands(x, y, "div")
    if x.dtype.kind != "f":
        x, y = Tensor(x.data.astype(np.float32)), Tensor(y.data.astype(np.float32))
    b = y.data
    quotient = x.data / b
    return Tensor.of(quotient, (x, silent(lambda g: g / b)), (y, silent(lambda g: -g * quotient / b)))


@silent
def pow(x: Any, y: Any) -> Tensor:
    """x to the power y. x's gradient is g y x^(y - 1), 0 where y is 0; y's is g x^y log x, or 0 where x is 0."""
    x, y = operands(x, y, "pow")
    a, b = x.data, y.data
    # NumPy multiplies for squares but takes logarithms for an array that holds one 2.
    if b.ndim == 0 and b == 2:
        return Tensor.of(a * a, (x, lambda g: g * 2 * a), (y, silent(lambda g: g * power_slope(a, b, a * a))))
    out = a**b
    return Tensor.of(
        out,
        (x, silent(lambda g: np.where(b == 0, 0, g * b * a ** (b - 1)))),
        (y, silent(lambda g: g * power_slope(a, b, out))),
    )


def power_slope(a: Array, b: Array, power: Array) -> Array:
    """The slope of a^b in b: a^b log a. 0^b is 0 whatever b > 0 is, so that its slope is 0."""
    return np.where((a == 0) & (b >= 0), 0, power * np.log(a))


def neg(x: Tensor) -> Tensor:
    """-x. The gradient is -g."""
    return x.then(-x.data, lambda g: -g)


def taken(g: Array, lost: Array, equal: Array) -> Array:
    """The gradient of one of two numbers of which one was taken: none where it lost, half where both were equal."""
    share: Array = np.where(equal, g.dtype.type(0.5), g.dtype.type(1))
    return np.asarray(masked(g, ~lost) * share)


def maximum(x: Any, y: Any) -> Tensor:
    """The larger of each pair. The gradient goes to the larger, half to each where they are equal."""
    x, y = operands(x, y, "maximum")
    a, b = x.data, y.data
    return Tensor.of(np.maximum(a, b), (x, lambda g: taken(g, a < b, a == b)), (y, lambda g: taken(g, b < a, a == b)))


def minimum(x: Any, y: Any) -> Tensor:
    """The smaller of each pair. The gradient goes to the smaller, half to each where they are equal."""
    x, y = operands(x, y, "minimum")
    a, b = x.data, y.data
    return Tensor.of(np.minimum(a, b), (x, lambda g: taken(g, a > b, a == b)), (y, lambda g: taken(g, b > a, a == b)))


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """x where the condition holds, y elsewhere. Each gradient is g where its tensor was taken, 0 elsewhere."""
    x, y = operands(as_tensor(x) if not isinstance(y, Tensor) else x, y, "where")
    mask = as_tensor(condition).data.copy()
    if mask.dtype != bool:
        raise TypeError(f"where: a condition is made of bools, got {mask.dtype}; write where(x > 0, ...), say")
    return Tensor.of(
        np.where(mask, x.data, y.data),
        (x, lambda g: np.where(mask, g, 0)),
        (y, lambda g: np.where(mask, 0, g)),
    )


def compare(test: np.ufunc, x: Any, y: Any) -> Tensor:
    """A tensor of bools from a NumPy comparison such as np.less. A step has no slope: no gradient."""
    x = x if isinstance(x, Tensor) else constant(x, y)
    other = y if isinstance(y, Tensor) else constant(y, x)
    if x.dtype.kind in "iu" and other.data.ndim == 0:
        return Tensor(test(x.data, other.data))
    x, other = operands(x, other, test.__name__)
    return Tensor(test(x.data, other.data))
