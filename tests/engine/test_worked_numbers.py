"""The worked numbers that the docstrings of the exercises promise, each computed by the code below its docstring."""

import numpy as np
import pytest

from upslope.scratch import nn, ops, optim
from upslope.scratch.scalar import Value
from upslope.scratch.tensor import Tensor

LN3 = float(np.log(3))


def grads(operation, g, *numbers):
    """The result of an operation and the gradients that g causes at its parents."""
    parents = [Tensor(np.array(n, dtype=np.float64), requires_grad=True) for n in numbers]
    out = operation(*parents)
    out.backward(np.array(g, dtype=np.float64))
    return out.data, *[p.grad for p in parents]


@pytest.mark.parametrize(
    ("operation", "g", "numbers", "expected"),
    [
        (ops.relu, [1, 1, 1], [[-2, 0, 3]], [[0, 0, 3], [0, 0, 1]]),
        (ops.sigmoid, [1, 1], [[0, LN3]], [[0.5, 0.75], [0.25, 0.1875]]),
        (ops.softmax, [1, 0], [[0, LN3]], [[0.25, 0.75], [0.1875, -0.1875]]),
        (ops.logsumexp, 1, [[0, LN3]], [np.log(4), [0.25, 0.75]]),
        (ops.matmul, [[1]], [[[1, 2]], [[3], [4]]], [[[11]], [[3, 4]], [[1], [2]]]),
        (lambda x: ops.cross_entropy(x, [1]), 1, [[[0, LN3]]], [np.log(4 / 3), [[0.25, -0.25]]]),
        (
            lambda x, w: ops.conv2d(x.reshape(1, 1, 1, 3), w.reshape(1, 1, 1, 2)).reshape(2),
            [1, 1],
            [[1, 2, 3], [1, -1]],
            [[-1, -1], [1, 0, -1], [3, 5]],
        ),
        (
            lambda x: ops.max_pool2d(x.reshape(1, 1, 2, 2), 2).reshape(1),
            [1],
            [[[1, 4], [3, 4]]],
            [[4], [[0, 1], [0, 0]]],
        ),
    ],
)
def test_operations(operation, g, numbers, expected):
    for got, want in zip(grads(operation, g, *numbers), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_linear():
    layer = nn.Linear(2, 2)
    layer.weight.data = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)
    layer.bias.data = np.array([10.0, 20.0], dtype=np.float32)
    assert layer(Tensor([1, 1])).tolist() == [13, 27]


def test_sgd():
    p = Tensor(np.array([1.0]), requires_grad=True)
    sgd = optim.SGD([p], lr=0.1, momentum=0.9)
    seen = []
    for _ in range(2):
        p.grad = np.array([2.0])
        sgd.step()
        seen.append(p.item())
    assert seen == pytest.approx([0.8, 0.42])


def test_adam():
    p = Tensor(np.array([1.0]), requires_grad=True)
    p.grad = np.array([7.0])
    optim.Adam([p], lr=0.1).step()
    assert p.item() == pytest.approx(0.9)


def test_value_backward():
    a, b = Value(2), Value(3)
    (a * b + a).backward()
    assert (a.grad, b.grad) == (4, 2)
