"""Arithmetic, comparisons and functions of each number, against PyTorch: results, gradients, broadcasting, dtypes."""

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from upslope.scratch import ops
from upslope.scratch.tensor import Tensor

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv]


@pytest.mark.parametrize("operation", BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    "shapes", [((2, 3), (2, 3)), ((4, 1, 3), (2, 1)), ((), (3,)), ((3,), ()), ((0, 2), (2,)), ((5, 1), (1, 4))], ids=str
)
def test_two_tensors(same_as_torch, rng, operation, shapes):
    a, b = (rng.uniform(0.5, 2, shape) * rng.choice([-1, 1], shape) for shape in shapes)
    same_as_torch(operation, operation, np.asarray(a), np.asarray(b))


@settings(max_examples=40, deadline=None)
@given(shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4), seed=st.integers(0, 1000))
def test_any_shapes_that_broadcast(shapes, seed):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    rng = np.random.default_rng(seed)
    a, b = (np.asarray(rng.standard_normal(shape)) for shape in shapes.input_shapes)
    x, y = Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)
    t, u = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
    (x * y + x - y).sum().backward()
    (t * u + t - u).sum().backward()
    np.testing.assert_allclose(x.grad, t.grad.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(y.grad, u.grad.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "function",
    [lambda x: x + 2, lambda x: 3 - x, lambda x: 2 * x, lambda x: 1 / x, lambda x: -x, lambda x: x / 4, abs,
     lambda x: x**2, lambda x: x**3, lambda x: x**-1, lambda x: x**0],
)  # fmt: skip
def test_a_tensor_and_a_number(same_as_torch, rng, function):
    same_as_torch(function, function, rng.standard_normal((3, 4)))


def test_powers(same_as_torch, rng):
    base, exponent = rng.uniform(0.5, 3, (3, 4)), rng.uniform(-2, 2, 4)
    same_as_torch(operator.pow, operator.pow, base, exponent)
    same_as_torch(lambda x: 2.0**x, lambda x: 2.0**x, exponent)
    same_as_torch(lambda x: x**0.5, lambda x: x**0.5, base)
    same_as_torch(operator.pow, operator.pow, np.zeros((2, 1)), np.array([0.0, 1.0, 2.0, 3.0]))


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "abs", "sin", "cos", "tanh", "sigmoid", "relu"])
def test_functions_of_each_number(same_as_torch, rng, name):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    a = rng.uniform(0.1, 3, (4, 5)) if name in ("log", "sqrt") else rng.standard_normal((4, 5)) * 3
    same_as_torch(getattr(ops, name), getattr(torch, name), a)


def test_slopes_at_zero_are_pytorchs(same_as_torch):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    zero = np.zeros(3)
    same_as_torch(ops.relu, torch.relu, zero)
    same_as_torch(ops.abs, torch.abs, zero)
    same_as_torch(lambda x: x**2, lambda x: x**2, zero)


@pytest.mark.parametrize(("low", "high"), [(-0.5, 0.5), (None, 0.3), (-0.2, None)])
def test_clamp(same_as_torch, rng, low, high):
    a = rng.standard_normal((5, 6))
    a[0, 0] = low or high
    same_as_torch(lambda x: x.clamp(low, high), lambda x: x.clamp(low, high), a)


def test_maximum_minimum_where(same_as_torch, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    a, b = rng.integers(0, 3, (4, 5)).astype(float), rng.integers(0, 3, 5).astype(float)
    same_as_torch(ops.maximum, torch.maximum, a, b)
    same_as_torch(ops.minimum, torch.minimum, a, b)
    mask = rng.random((4, 5)) < 0.5
    same_as_torch(lambda x, y: ops.where(mask, x, y), lambda x, y: torch.where(torch.tensor(mask), x, y), a, b)


@pytest.mark.parametrize("test", [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne])
def test_comparisons_are_bools_without_gradient(test):
    x, y = Tensor([1.0, 2.0, 3.0], requires_grad=True), Tensor([3.0, 2.0, 1.0])
    answer = test(x, y)
    assert answer.dtype == bool
    assert not answer.requires_grad
    assert answer.tolist() == [test(a, b) for a, b in [(1, 3), (2, 2), (3, 1)]]
    assert test(Tensor(np.array([1, 2])), 1.5).tolist() == [test(1, 1.5), test(2, 1.5)]


def test_arrays_and_numpy_numbers_on_either_side():
    x = Tensor([1.0, 2.0], requires_grad=True)
    for out in (np.float64(3) * x, x * np.float64(3), np.array([3, 3]) * x, x * np.array([3, 3])):
        assert isinstance(out, Tensor)
        assert out.dtype == np.float32
        assert out.tolist() == [3, 6]
    assert (np.ones((2, 2)) @ x.double()).tolist() == [3, 3]


def test_dtypes_meet_as_in_pytorch():
    ints, floats, doubles = Tensor(np.array([1, 2])), Tensor([1.0, 2.0]), Tensor(np.array([1.0, 2.0]))
    assert (ints + floats).dtype == np.float32
    assert (floats + doubles).dtype == np.float64
    assert (ints + 1).dtype == np.int64
    assert (ints + 1.5).dtype == np.float32
    assert (ints / ints).dtype == np.float32
    assert (doubles * 2).dtype == np.float64


def test_a_float32_parent_gets_a_float32_gradient_from_a_float64_result():
    x = Tensor([1.0, 2.0], requires_grad=True)
    (x * np.array([3.0, 4.0])).sum().backward()
    assert x.grad.dtype == np.float32
    assert x.grad.tolist() == [3, 4]
    y = Tensor([1.0, 2.0], requires_grad=True)
    y.to("float64").sum().backward()
    assert y.grad.dtype == np.float32
