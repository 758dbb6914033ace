"""Tensors of PyTorch in the comparisons: every dtype, with and without a graph, and none that only claims to be one."""

import numpy as np
import pytest

from upslope.checks import numbers
from upslope.checks.expect import Mismatch, close, equal, gradients, tensor_of
from upslope.checks.numbers import Unreadable, array_of, dtype_name, dtype_of, is_torch
from upslope.checks.samples import seeded, spelled

pytestmark = pytest.mark.needs("torch")


@pytest.fixture
def torch():
    import torch

    return torch


DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "uint8", "bool")


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_is_read_and_named(torch, dtype):
    x = torch.tensor([0, 1, 1], dtype=getattr(torch, dtype))
    assert array_of(x).tolist() == [0, 1, 1]
    assert dtype_of(x) == dtype_name(x.dtype) == dtype_name(dtype) == dtype
    close(x, [0, 1, 1], dtype=dtype)
    tensor_of(torch.zeros(2, 3, dtype=x.dtype), (2, 3), dtype=dtype)
    with pytest.raises(Mismatch, match="the dtype is wrong") as caught:
        close(x, [0, 1, 1], dtype="complex64")
    assert (caught.value.got, caught.value.expected) == (dtype, "complex64")


def test_names_of_numpys_dtypes():
    assert [dtype_name(d) for d in (np.float32, np.dtype("int64"), "float16", bool)] == [
        "float32",
        "int64",
        "float16",
        "bool",
    ]
    assert dtype_of(np.zeros(2, np.float32)) == "float32"
    assert dtype_of(3.0) == "float64"


def test_a_graph_views_and_parameters_are_no_hindrance(torch):
    leaf = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    close(leaf * 2, [[2, 4], [6, 8]])
    close((leaf * 2).T[1], [4, 8])
    close(torch.nn.Parameter(torch.ones(2)), [1, 1])
    close(torch.ones(3).expand(2, 3), np.ones((2, 3)))
    close([1.0, 2.0], torch.tensor([1.0, 2.0], requires_grad=True))
    assert is_torch(leaf)
    assert not is_torch(np.zeros(2))
    assert spelled(leaf) == "[[1, 2], [3, 4]]"


def test_what_differs_is_shown(torch):
    with pytest.raises(Mismatch) as caught:
        close(torch.tensor([1.0, 2.5]), torch.tensor([1.0, 2.0]), case="f(x)")
    assert (caught.value.got, caught.value.expected) == ("[1, 2.5]", "[1, 2]")
    with pytest.raises(Mismatch, match="the shape is wrong") as caught:
        close(torch.zeros(2, 1), torch.zeros(2))
    assert (caught.value.got, caught.value.expected) == ("(2, 1)", "(2,)")
    with pytest.raises(Mismatch, match=r"index \[1, 3\]"):
        close(torch.eye(4, 5).index_put((torch.tensor(1), torch.tensor(3)), torch.tensor(9.0)), torch.eye(4, 5))


def test_equal_takes_shapes_and_tensors_as_they_come(torch):
    equal(torch.zeros(2, 3).shape, (2, 3))
    equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
    for got, expected in ((torch.zeros(2).shape, (3,)), (torch.tensor([1, 2]), torch.tensor([1, 3]))):
        with pytest.raises(Mismatch):
            equal(got, expected)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda t: t.zeros(2, device="meta"), "holds no numbers"),
        (lambda t: t.zeros(2, dtype=t.complex64), "does not hold real numbers"),
        (lambda t: t.zeros(2).to_sparse(), "holds no numbers"),
        (lambda t: type("Liar", (t.Tensor,), {})(2), "is a Liar, not a plain tensor"),
        (lambda t: None, "returned None"),
        (lambda t: t.nn.Linear(2, 2), "does not hold numbers"),
    ],
)
def test_what_is_no_plain_tensor_is_said(torch, make, words):
    with pytest.raises(Mismatch, match=words):
        close(make(torch), [0, 0])


def test_a_mode_that_is_left_on_is_noticed(torch):
    from torch.utils._python_dispatch import TorchDispatchMode

    class Zero(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            return function(*args, **(kwargs or {}))

    with Zero(), pytest.raises(Unreadable, match="was left on"):
        array_of(torch.ones(2))


@pytest.mark.parametrize("name", ["detach", "numpy", "to", "tolist", "__array__", "dtype"])
def test_what_stands_in_front_of_pytorchs_own_is_passed_by(torch, monkeypatch, name):
    monkeypatch.setattr(torch.Tensor, name, lambda *_, **__: torch.zeros(2), raising=False)
    assert array_of(torch.tensor([1.0, 2.0])).tolist() == [1.0, 2.0]
    assert numbers.dtype_of(torch.tensor([1.0])) == "float32"


def leaf(array):
    import torch

    return torch.tensor(array, requires_grad=True)


def test_gradients_of_pytorch(torch):
    rng = np.random.default_rng(3)

    def check(f):
        gradients(f, [np.array([0.5, -1.5, 2.0])], rng=rng, tensor=leaf, names="x", case="f(x)")

    check(lambda x: x**3)

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x**3

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    with pytest.raises(Mismatch, match="gradient of x"):
        check(Double.apply)
    with pytest.raises(Mismatch, match="does not know what it was made from"):
        check(lambda x: (x**3).detach())
    with pytest.raises(Mismatch, match="no gradient reached x"):
        check(lambda x: x.detach() * leaf(np.ones(3)))


def test_seeded_puts_the_generator_back(torch):
    torch.manual_seed(5)
    expected = torch.rand(3).tolist()
    torch.manual_seed(5)
    with seeded(1):
        first = torch.rand(2).tolist()
    assert torch.rand(3).tolist() == expected
    assert torch.initial_seed() == 5
    with seeded(1):
        assert torch.rand(2).tolist() == first
