"""What backward must do on a graph of single numbers."""

import math
from typing import Any

from upslope.checks import grades, wrong
from upslope.checks.expect import Mismatch, close, equal
from upslope.scratch.scalar import Value


class Watched(tuple[Any, ...]):
    """Parents or slopes that count, in a list they share, how often they are looked at, and end an endless walk."""

    looks: list[int]

    def __iter__(self):
        self.look()
        return super().__iter__()

    def __getitem__(self, index):
        self.look()
        return super().__getitem__(index)

    def look(self):
        self.looks[0] += 1
        if self.looks[0] > 2000:
            raise Mismatch(
                "the walk follows every path; each value should be visited once",
                case="y = x, then y = y + y forty times: y.backward()",
                got="more than 2,000 looks at 40 values",
            )


@grades(Value.backward)
def test_result(rng):
    """the result's own gradient is 1"""
    alone = Value(3.0)
    alone.backward()
    equal(float(alone.grad), 1.0, case="v = Value(3), v.backward(): v.grad")
    end = Value(3.0) * 2.0
    end.backward()
    equal(float(end.grad), 1.0, case="v = Value(3) * 2, v.backward(): v.grad")


@grades(Value.backward)
def test_by_hand(rng):
    """with a = 2 and b = 3, (a * b + a).backward() makes a.grad 4 and b.grad 2"""
    a, b = Value(2.0), Value(3.0)
    (a * b + a).backward()
    close([a.grad, b.grad], [4, 2], case="a = 2, b = 3, (a * b + a).backward(): gradients of a and b")


@grades(Value.backward)
def test_used_twice(rng):
    """a value used twice gets the sum of both uses"""
    x = Value(3.0)
    (x * x + x).backward()
    close(x.grad, 7, case="x = 3, (x * x + x).backward(): gradient of x")
    x = Value(3.0)
    (x + x).backward()
    close(x.grad, 2, case="x = 3, (x + x).backward(): gradient of x")


@grades(Value.backward)
def test_complete_before_passed_on(rng):
    """a value passes its gradient on after all of its uses"""
    # Short and long ways from q to the result, the short one first and last: 2x (1 + 3q^2) and so on.
    for words, f in (
        ("q + q * q * q", lambda q: q + q * q * q),
        ("q * q * q + q", lambda q: q * q * q + q),
        ("q * (q + 1) * q", lambda q: q * (q + 1) * q),
    ):
        x = Value(2.0)
        f(x * x).backward()
        slope = 2 * 2.0 * ((f(4.0 + 1e-5) - f(4.0 - 1e-5)) / 2e-5)
        close(x.grad, slope, case=f"x = 2, q = x * x, ({words}).backward(): gradient of x", atol=1e-4)


@grades(Value.backward)
def test_random(rng):
    """random expressions, beside finite differences"""

    def tanh(v):
        return v.tanh() if isinstance(v, Value) else math.tanh(v)

    for _ in range(5):
        numbers = [round(v, 2) for v in rng.uniform(-1.5, 1.5, 3).tolist()]
        moves = [(int(kind), *(int(i) for i in picks)) for kind, *picks in rng.integers(0, 1000, (8, 3))]

        def grow(inputs, moves=moves):
            made = list(inputs)
            for kind, i, j in moves:
                x, y = made[i % len(made)], made[j % len(made)]
                made.append((x + y, x * y, tanh(x), x - y * 0.5)[kind % 4])
            # Everything made along the way has a part in the result.
            return sum(made[1:], made[0])

        leaves = [Value(v) for v in numbers]
        grow(leaves).backward()
        for k, v in enumerate(leaves):
            up, down = ([*numbers[:k], numbers[k] + h, *numbers[k + 1 :]] for h in (1e-5, -1e-5))
            slope = (grow(up) - grow(down)) / 2e-5
            forms = ("x{i} + x{j}", "x{i} * x{j}", "tanh(x{i})", "x{i} - x{j} / 2")
            steps = ", ".join(
                forms[kind % 4].format(i=i % (3 + n), j=j % (3 + n)) for n, (kind, i, j) in enumerate(moves)
            )
            case = f"x0, x1, x2 = {numbers}, then x3, x4, ... = {steps}; the sum of all of them: gradient of x{k}"
            close(v.grad, slope, case=case, rtol=1e-4, atol=1e-4)


@grades(Value.backward)
def test_called_again(rng):
    """over several calls the weights' gradients add up, and those in between start again"""
    w = Value(3.0)
    q = w * w
    first, second = q * 2.0, q + w
    first.backward()
    close([w.grad, q.grad], [12, 2], case="w = 3, q = w * w, (q * 2).backward(): gradients of w and q")
    second.backward()
    close([w.grad, q.grad], [12 + 7, 1], case="then (q + w).backward(): gradients of w and q")


@grades(Value.backward)
def test_long_chain(rng):
    """a chain of 3,000 steps, deeper than Python's recursion goes"""
    x = Value(0.5)
    y = x
    for _ in range(3000):
        y = y + 1.0
    try:
        y.backward()
    except RecursionError:
        raise Mismatch(
            "the chain is longer than Python's recursion is deep", case="y = x, then y = y + 1 three thousand times"
        ) from None
    close(x.grad, 1, case="y = x, then y = y + 1 three thousand times: gradient of x")


@grades(Value.backward)
def test_many_paths(rng):
    """each value is visited once, however many paths lead to it"""
    looks = [0]
    x = Value(1.0)
    y = x
    for _ in range(40):
        parents, slopes = Watched((y, y)), Watched((1.0, 1.0))
        parents.looks = slopes.looks = looks
        y = Value(y.data * 2, parents, slopes)
    y.backward()
    close(x.grad, 2.0**40, case="y = x, then y = y + y forty times: gradient of x")


wrong(
    Value.backward,
    {
        "a gradient is overwritten where it should be added to": (
            "parent.grad += slope * value.grad",
            "parent.grad = slope * value.grad",
        ),
        "the walk does not start with 1 at the result": ("self.grad = 1.0", "pass"),
        "the slope beside the parent is left out": ("parent.grad += slope * value.grad", "parent.grad += value.grad"),
        "the slope is passed on without the gradient that came back": (
            "parent.grad += slope * value.grad",
            "parent.grad += slope",
        ),
        "the list is walked forward, so nothing has arrived yet when a value passes on": (
            "in reversed(order):",
            "in order:",
        ),
        "values pass on their gradient as they are met (breadth first), before all of their uses have come in": (
            "        # Everything in between starts from 0, the result itself from 1.\n",
            """        order = [self]
        for value in order:
            order.extend(p for p in value.parents if p.parents and p not in order)
        order.reverse()
""",
        ),
        "gradients in between are not set back to 0 before the next call": (
            "            value.grad = 0.0\n",
            "            value.grad += 0.0\n",
        ),
        "the weights' gradients are set back to 0 too, so several calls do not add up": (
            "            value.grad = 0.0\n",
            """            value.grad = 0.0
            for parent in value.parents:
                parent.grad = 0.0
""",
        ),
    },
)
