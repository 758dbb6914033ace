"""Reductions, shapes, indexing and products, against PyTorch."""

import operator

import numpy as np
import pytest

from upslope.scratch import ops
from upslope.scratch.tensor import Tensor

DIMS = [None, 0, 1, -1, (0, 2), (-1, 0)]


@pytest.mark.parametrize("dim", DIMS, ids=str)
@pytest.mark.parametrize("name", ["sum", "mean", "var"])
def test_reductions(same_as_torch, rng, name, dim):
    for kwargs in ({"dim": dim}, {"dim": dim, "keepdim": True}) if dim is not None else ({},):
        reduce = operator.methodcaller(name, **kwargs)
        same_as_torch(reduce, reduce, rng.standard_normal((3, 4, 5)))


@pytest.mark.parametrize("correction", [0, 1, 2])
def test_variance_with_another_correction(same_as_torch, rng, correction):
    var = operator.methodcaller("var", dim=1, correction=correction)
    same_as_torch(var, var, rng.standard_normal((3, 5)))


@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_along_a_dimension(same_as_torch, rng, name):
    a = rng.integers(0, 5, (4, 6)).astype(float)
    for dim in (0, 1, -1):
        for keepdim in (False, True):
            same_as_torch(
                lambda x, d=dim, k=keepdim: getattr(x, name)(dim=d, keepdim=k).values,
                lambda x, d=dim, k=keepdim: getattr(x, name)(dim=d, keepdim=k).values,
                a,
            )
            same_as_torch(
                lambda x, d=dim, k=keepdim: getattr(x, name)(d, k)[1],
                lambda x, d=dim, k=keepdim: getattr(x, name)(d, k)[1],
                rng.permutation(24).reshape(4, 6).astype(float),
            )


def test_extremes_of_everything_share_the_gradient_among_equals(same_as_torch):
    a = np.array([[1.0, 3.0], [3.0, 0.0]])
    for name in ("max", "min"):
        same_as_torch(operator.methodcaller(name), operator.methodcaller(name), a)


def test_argmax(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    a = rng.standard_normal((3, 4))
    for dim, keepdim in ((None, False), (0, False), (1, True)):
        got, want = Tensor(a).argmax(dim, keepdim), torch.tensor(a).argmax(dim, keepdim)
        assert got.shape == tuple(want.shape)
        assert got.tolist() == want.tolist()


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.reshape(6, 4), lambda x: x.reshape((4, -1)), lambda x: x.view(24), lambda x: x.flatten(),
        lambda x: x.flatten(1), lambda x: x.flatten(0, 1), lambda x: x.transpose(0, 2), lambda x: x.transpose(-1, 1),
        lambda x: x.permute(2, 0, 1), lambda x: x.permute((1, -1, 0)), lambda x: x.mT, lambda x: x.unsqueeze(1),
        lambda x: x.unsqueeze(-1).squeeze(-1), lambda x: x[:, :1].squeeze(1), lambda x: x.squeeze(0),
        lambda x: x.unsqueeze(0).expand(5, -1, 3, 4), lambda x: x[:, :1].expand(2, 3, 4), lambda x: x[0].T,
    ],
)  # fmt: skip
def test_shapes(same_as_torch, rng, change):
    same_as_torch(change, change, rng.standard_normal((2, 3, 4)))


@pytest.mark.parametrize(
    "index",
    [
        0, -1, slice(1, 3), (slice(None), 2), (..., 1), (None, 1), (slice(None, None, 2), slice(1, None)),
        np.array([0, 2, 2]), (np.array([0, 1, 1]), np.array([3, 3, 3])), [1, 1],
        (slice(None), np.array([[0, 0], [1, 2]])),
    ],
    ids=str,
)  # fmt: skip
def test_indexing(same_as_torch, rng, index):
    same_as_torch(lambda x: x[index], lambda x: x[index], rng.standard_normal((4, 5, 3)))


def test_indexing_with_a_mask_and_with_tensors(same_as_torch, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    a = rng.standard_normal((4, 5))
    mask = a > 0
    same_as_torch(lambda x: x[mask], lambda x: x[torch.tensor(mask)], a)
    same_as_torch(lambda x: x[x > 0], lambda x: x[x > 0], a)
    same_as_torch(
        lambda x, i: x[i, i],
        lambda x, i: x[i, i],
        a, np.array([0, 1, 1]),
    )  # fmt: skip


def test_cat_stack_pad(same_as_torch, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    a, b = rng.standard_normal((2, 3)), rng.standard_normal((2, 3))
    for dim in (0, 1, -1):
        same_as_torch(lambda x, y, d=dim: ops.cat([x, y, x], d), lambda x, y, d=dim: torch.cat([x, y, x], d), a, b)
        same_as_torch(lambda x, y, d=dim: ops.stack([x, y], d), lambda x, y, d=dim: torch.stack([x, y], d), a, b)
    for width in ((1, 2), (0, 1, 2, 0)):
        same_as_torch(
            lambda x, w=width: ops.pad(x, w, 7.0), lambda x, w=width: torch.nn.functional.pad(x, w, value=7.0), a
        )


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3, 4), (4, 5)), ((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)),
        ((8, 1, 2, 3), (5, 3, 4)), ((4,), (6, 4, 5)), ((6, 3, 4), (4,)), ((3, 4), (6, 4, 5)), ((1, 1), (1, 1)),
        ((0, 3), (3, 2)),
    ],
)  # fmt: skip
def test_matmul(same_as_torch, rng, left, right):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    same_as_torch(ops.matmul, torch.matmul, rng.standard_normal(left), rng.standard_normal(right))


def test_matmul_of_views(same_as_torch, rng):
    a = rng.standard_normal((4, 6))
    same_as_torch(lambda x: x @ x.T, lambda x: x @ x.T, a)
    same_as_torch(lambda x: x[:, ::2].T @ x[:, 1::2], lambda x: x[:, ::2].T @ x[:, 1::2], a)


@pytest.mark.parametrize("front", [(), (5,), (2, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear(same_as_torch, rng, front, bias):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    arrays = [rng.standard_normal((*front, 4)), rng.standard_normal((6, 4)), rng.standard_normal(6)]
    same_as_torch(ops.linear, torch.nn.functional.linear, *arrays[: 3 if bias else 2])


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda x: x + Tensor(np.ones((4, 2))), r"add: shapes \(3, 4\) and \(4, 2\) do not broadcast"),
        (lambda x: x * np.ones(5), r"mul: shapes \(3, 4\) and \(5,\)"),
        (lambda x: x @ x, r"matmul: shapes \(3, 4\) and \(3, 4\) do not fit"),
        (lambda x: x @ Tensor(1.0), r"matmul: shapes \(3, 4\) and \(\)"),
        (lambda x: x.reshape(5, 2), r"reshape: .*\(3, 4\) has 12 numbers.*\(5, 2\)"),
        (lambda x: x.reshape(5, -1), r"reshape: .*\(3, 4\) has 12 numbers"),
        (lambda x: ops.linear(x, Tensor(np.ones((2, 3)))), r"linear: .*\(3, 4\).*\(2, 3\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(attempt, words):
    with pytest.raises(ValueError, match=words):
        attempt(Tensor(np.ones((3, 4)), requires_grad=True))


@pytest.mark.parametrize(
    "attempt", [lambda x: x.sum(dim=2), lambda x: x.transpose(0, 5), lambda x: ops.softmax(x, dim=-3)]
)
def test_a_dimension_that_is_not_there(attempt):
    with pytest.raises(IndexError, match=r"out of bounds for array of dimension 2|out of range"):
        attempt(Tensor(np.ones((3, 4))))
