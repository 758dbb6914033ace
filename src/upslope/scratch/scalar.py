"""A number that remembers how it was made: reverse-mode automatic differentiation in one class of pure Python.

Each operation makes a new Value from older ones (its parents) and notes, beside each parent, the slope: by how much
the result moves when that parent moves. `backward` multiplies slopes along every path from the result and adds up the
paths, which is the chain rule (Linnainmaa 1970). Nothing but Python's standard library is used. After Karpathy's
micrograd; new here are `dot` and `logsumexp`, whole sums as single steps, which make a network of this kind fast
enough to be trained.
"""

import math
from collections.abc import Sequence
from operator import mul

Number = int | float


class Value:
    """One number, what it was made from, and after `backward` its gradient.

    data      the number
    grad      how much the result moves when this number moves; 0 before backward
    parents   the values it was made from; none if it was written down
    slopes    beside each parent, how much this number moves when the parent moves
    """

    __slots__ = ("data", "grad", "parents", "slopes")

    def __init__(self, data: Number, parents: Sequence["Value"] = (), slopes: Sequence[Number] = ()) -> None:
        self.data = data
        self.grad = 0.0
        self.parents = parents
        self.slopes = slopes

    def __add__(self, other: "Value | Number") -> "Value":
        if not isinstance(other, Value):
            return Value(self.data + other, (self,), (1.0,))
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: "Value | Number") -> "Value":
        if not isinstance(other, Value):
            return Value(self.data * other, (self,), (other,))
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent: Number) -> "Value":
        if not isinstance(exponent, int | float):
            raise TypeError(f"the exponent must be a plain number, got {type(exponent).__name__}")
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1) if exponent else 0.0,))

    def __neg__(self) -> "Value":
        return Value(-self.data, (self,), (-1.0,))

    def __sub__(self, other: "Value | Number") -> "Value":
        return self + (-other)

    def __truediv__(self, other: "Value | Number") -> "Value":
        return self * other**-1

    def __radd__(self, other: Number) -> "Value":
        return self + other

    def __rsub__(self, other: Number) -> "Value":
        return -self + other

    def __rmul__(self, other: Number) -> "Value":
        return self * other

    def __rtruediv__(self, other: Number) -> "Value":
        return self**-1 * other

    def exp(self) -> "Value":
        """e to this power, which is its own slope."""
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def log(self) -> "Value":
        """The natural logarithm, with slope 1 / x."""
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def tanh(self) -> "Value":
        """The hyperbolic tangent, between -1 and 1, with slope 1 - tanh^2."""
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t * t,))

    def relu(self) -> "Value":
        """The number if it is positive, otherwise 0; the slope is 1 or 0."""
        return Value(self.data, (self,), (1.0,)) if self.data > 0 else Value(0.0, (self,), (0.0,))

    def backward(self) -> None:
        """Give every value that this one was made from its gradient: how much this one moves when that one moves.

        Start with self.grad = 1. Every value passes on to each of its parents, by adding to the parent's grad, its
        own grad times the slope beside that parent; but only after all values made from it have passed on theirs. A
        value used twice gets the sum of both uses. Over several calls the gradients of values without parents (the
        weights) add up; those of values with parents start again from 0 in every call. Chains of many thousand steps
        must work, where Python's recursion ends at about a thousand.
        With a = Value(2) and b = Value(3), (a * b + a).backward() makes a.grad 4 and b.grad 2.
        """
        # Go down to the parents, and note each value after all that it was made from; a stack instead of recursion.
        order = []
        seen = {self}
        stack = [(self, iter(self.parents))]
        while stack:
            value, parents = stack[-1]
            # The next parent not yet seen. Values that were only written down have nothing to pass on.
            parent = next((p for p in parents if p.parents and p not in seen), None)
            if parent is None:
                order.append(value)
                stack.pop()
            else:
                seen.add(parent)
                stack.append((parent, iter(parent.parents)))
        # Everything in between starts from 0, the result itself from 1.
        for value in order:
            value.grad = 0.0
        self.grad = 1.0
        # Back from the result: the chain rule, one value at a time.
        for value in reversed(order):
            for parent, slope in zip(value.parents, value.slopes, strict=True):
                parent.grad += slope * value.grad

    def __repr__(self) -> str:
        return f"Value({self.data:.6g}, grad={self.grad:.6g})"


def dot(weights: Sequence[Value], inputs: Sequence[Value | Number], bias: Value) -> Value:
    """A neuron's weighted sum, sum_i weights[i] * inputs[i] + bias, as one step. Inputs may be values or plain numbers.

    A product moves by its other factor: the slope beside a weight is its input, the slope beside an input its weight.
    """
    if len(weights) != len(inputs):
        raise ValueError(f"dot: {len(weights)} weights and {len(inputs)} inputs")
    w = [weight.data for weight in weights]
    x = [i.data if isinstance(i, Value) else i for i in inputs]
    total = sum(map(mul, w, x), bias.data)
    # Plain numbers have no gradient: then only the weights and the bias are parents.
    values = [i for i in inputs if isinstance(i, Value)]
    if not values:
        return Value(total, (*weights, bias), (*x, 1.0))
    slopes = [slope for slope, i in zip(w, inputs, strict=True) if isinstance(i, Value)]
    return Value(total, (*weights, *values, bias), (*x, *slopes, 1.0))


def logsumexp(values: Sequence[Value]) -> Value:
    """log sum_i exp(values[i]), a smooth maximum, as one step. The largest is taken out so that exp cannot overflow.

    The slope beside each value is its share of the sum, its softmax probability. So -log of the probability of class c,
    the cross-entropy loss of scores s, is logsumexp(s) - s[c].
    """
    top = max(value.data for value in values)
    e = [math.exp(value.data - top) for value in values]
    total = sum(e)
    return Value(top + math.log(total), values, [share / total for share in e])
