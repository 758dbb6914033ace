"""Convolution and pooling against PyTorch, over random shapes, memory layouts and edge cases."""

import numpy as np
import pytest

from upslope.scratch import ops
from upslope.scratch.tensor import Tensor


@pytest.fixture
def F():
    return pytest.importorskip("torch", reason="PyTorch is the oracle of these tests").nn.functional


@pytest.mark.parametrize("seed", range(20))
def test_conv2d_over_random_shapes(same_as_torch, F, seed):
    rng = np.random.default_rng(seed)
    stride, padding = int(rng.integers(1, 4)), int(rng.integers(0, 3))
    kh, kw = rng.integers(1, 5, 2)
    batch, channels, filters = rng.integers(1, 5, 3)
    x = rng.standard_normal((batch, channels, kh + rng.integers(0, 6), kw + rng.integers(0, 6)))
    arrays = [x, rng.standard_normal((filters, channels, kh, kw)), rng.standard_normal(filters)]
    same_as_torch(
        lambda *a: ops.conv2d(*a, stride=stride, padding=padding),
        lambda *a: F.conv2d(*a, stride=stride, padding=padding),
        *arrays[: 3 if seed % 2 else 2],
    )


@pytest.mark.parametrize(("batch", "stride"), [(40, 1), (300, 1), (700, 2)])
def test_conv2d_of_batches_that_take_one_band_and_several(same_as_torch, F, rng, batch, stride):
    arrays = [rng.standard_normal((batch, 3, 11, 12)), rng.standard_normal((4, 3, 5, 5)), rng.standard_normal(4)]
    same_as_torch(
        lambda *a: ops.conv2d(*a, stride=stride, padding=2), lambda *a: F.conv2d(*a, stride=stride, padding=2), *arrays
    )


def test_conv2d_of_images_that_are_not_contiguous(same_as_torch, F, rng):
    x, w = rng.standard_normal((5, 6, 8, 3)), rng.standard_normal((4, 3, 3, 3))
    same_as_torch(
        lambda x, w: ops.conv2d(x.permute(0, 3, 1, 2)[:, :, ::2], w),
        lambda x, w: F.conv2d(x.permute(0, 3, 1, 2)[:, :, ::2], w),
        x, w,
    )  # fmt: skip


def test_layers_of_convolution_and_pooling(same_as_torch, F, rng):
    def network(ops, x, w1, b1, w2, w3):
        h = ops.max_pool2d(ops.conv2d(x, w1, b1, padding=1).relu(), 2)
        h = ops.avg_pool2d(ops.conv2d(h, w2, stride=2).relu(), 2, stride=1)
        return h.flatten(1) @ w3

    arrays = [rng.standard_normal(shape) for shape in ((4, 1, 14, 14), (6, 1, 3, 3), (6,), (8, 6, 3, 3), (32, 5))]
    same_as_torch(lambda *a: network(ops, *a), lambda *a: network(F, *a), *arrays)


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize(("kernel", "stride"), [(2, None), (2, 1), (3, 2), (3, None), (1, 2), (2, 3)])
@pytest.mark.parametrize("size", [(4, 4), (7, 6), (5, 9)])
def test_pooling(same_as_torch, F, rng, name, kernel, stride, size):
    pool = lambda ops: lambda x: getattr(ops, name)(x, kernel, stride=stride)  # noqa: E731
    same_as_torch(pool(ops), pool(F), rng.standard_normal((3, 2, *size)))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_max_pool2d_gives_the_gradient_to_the_first_of_equals(same_as_torch, F, rng, stride):
    ties = rng.integers(0, 2, (2, 3, 8, 8)).astype(float)
    same_as_torch(lambda x: ops.max_pool2d(x, 3, stride=stride), lambda x: F.max_pool2d(x, 3, stride=stride), ties)
    same_as_torch(lambda x: ops.max_pool2d(x, 2), lambda x: F.max_pool2d(x, 2), np.zeros((1, 1, 4, 4)))


def test_pooling_of_a_convolutions_result_keeps_its_layout(same_as_torch, F, rng):
    x, w = rng.standard_normal((7, 2, 9, 9)), rng.standard_normal((4, 2, 2, 2))
    for name in ("max_pool2d", "avg_pool2d"):
        same_as_torch(
            lambda x, w, n=name: getattr(ops, n)(ops.conv2d(x, w), 2),
            lambda x, w, n=name: getattr(F, n)(F.conv2d(x, w), 2),
            x, w,
        )  # fmt: skip


def test_numbers_worked_by_hand():
    x = Tensor([[[[1.0, 2.0, 3.0]]]], requires_grad=True)
    w = Tensor([[[[1.0, -1.0]]]], requires_grad=True)
    out = ops.conv2d(x, w)
    out.backward([[[[1.0, 1.0]]]])
    assert out.tolist() == [[[[-1, -1]]]]
    assert x.grad.tolist() == [[[[1, 0, -1]]]]
    assert w.grad.tolist() == [[[[3, 5]]]]
    x = Tensor([[[[1.0, 4.0], [3.0, 4.0]]]], requires_grad=True)
    out = ops.max_pool2d(x, 2)
    out.sum().backward()
    assert out.tolist() == [[[[4]]]]
    assert x.grad.tolist() == [[[[0, 1], [0, 0]]]]


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda x: ops.conv2d(x, Tensor(np.ones((2, 2, 3, 3)))), r"conv2d: .*\(1, 3, 4, 4\).*\(2, 2, 3, 3\)"),
        (lambda x: ops.conv2d(x, Tensor(np.ones((2, 3, 5, 5)))), r"conv2d: .*padding=0.*\(2, 3, 5, 5\)"),
        (lambda x: ops.max_pool2d(x, 5), r"max_pool2d: .*5 x 5.*\(1, 3, 4, 4\)"),
        (lambda x: ops.avg_pool2d(x, 5), r"avg_pool2d: .*5 x 5.*\(1, 3, 4, 4\)"),
    ],
)
def test_windows_that_do_not_fit(attempt, words):
    with pytest.raises(ValueError, match=words):
        attempt(Tensor(np.ones((1, 3, 4, 4))))


def test_no_gradient_is_computed_for_an_image_that_needs_none():
    x, w = Tensor(np.ones((2, 1, 4, 4))), Tensor(np.ones((3, 1, 2, 2)), requires_grad=True)
    ops.conv2d(x, w).sum().backward()
    assert x.grad is None
    assert w.grad.shape == w.shape
