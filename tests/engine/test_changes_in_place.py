"""Changes between forward and backward: refused exactly where a derivative would read the changed numbers."""

import numpy as np
import pytest

from upslope.scratch import ops
from upslope.scratch.tape import no_grad
from upslope.scratch.tensor import Tensor


def leaf(*shape, value=2.0):
    return Tensor(np.full(shape, value), requires_grad=True)


@pytest.mark.parametrize(
    ("operation", "needs"),
    [
        (lambda x: x * x, True), (lambda x: x.exp(), False), (lambda x: x + 1, False), (lambda x: x * 2, False),
        (lambda x: x @ x, True), (lambda x: x.sum(), False), (lambda x: x.log(), True), (ops.softmax, False),
        (lambda x: x.reshape(4) * 1.5, False), (lambda x: x[0] * x[1], True), (lambda x: x.T * x.T, True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("change", ["data", "item", "whole"])
def test_changes_in_place_are_refused_exactly_where_backward_needs_the_numbers(operation, needs, change):
    """Which operations need their input is PyTorch's answer too: it saves the same tensors."""
    x = leaf(2, 2)
    y = operation(x).sum()
    if change == "data":
        x.data += 1
    elif change == "whole":
        x.data[...] = 5.0
        x.data = x.data
    else:
        with no_grad():
            x[0, 0] = 3.0
    if needs:
        with pytest.raises(RuntimeError, match=r"shape \(2,\)|shape \(2, 2\).*changed in place"):
            y.backward()
    else:
        y.backward()


def test_a_change_of_the_result_is_refused_where_the_slope_is_made_from_it():
    x = leaf(2)
    y = x.exp()
    y.data *= 2
    with pytest.raises(RuntimeError, match="exp needs the numbers"):
        y.sum().backward()


def test_a_change_through_a_detached_tensor_or_a_view_is_refused_too():
    for other in (lambda x: x.detach(), lambda x: x.reshape(2, 1).detach(), lambda x: x[:1]):
        x = leaf(2)
        look = other(x)
        y = (x * x).sum()
        look.data += 1
        with pytest.raises(RuntimeError, match="mul needs the numbers"):
            y.backward()


def test_a_change_of_a_constant_is_refused_too():
    w, x = leaf(2), Tensor([1.0, 2.0])
    y = (w * x).sum()
    x[0] = 5.0
    with pytest.raises(RuntimeError, match="mul needs the numbers"):
        y.backward()


def test_new_numbers_for_a_tensor_do_not_disturb_a_derivative_that_holds_the_old_ones():
    x = leaf(2)
    y = (x * x).sum()
    x.data = np.zeros(2)
    y.backward()
    assert x.grad.tolist() == [4, 4]


def test_an_optimizer_step_between_forward_and_backward_is_noticed():
    w = leaf(2, 2)
    y = (Tensor(np.ones((2, 2)), requires_grad=True) @ w).sum()
    w.data -= 0.1
    with pytest.raises(RuntimeError, match="matmul needs the numbers of a tensor of shape"):
        y.backward()


def test_a_convolution_reads_its_weight_only_for_the_gradient_of_its_images():
    """It has lined up the images already, so those may change."""
    x, w = leaf(2, 1, 4, 4), leaf(3, 1, 2, 2)
    out = ops.conv2d(x, w).sum()
    x.data += 1
    out.backward()
    out = ops.conv2d(x, w).sum()
    w.data += 1
    with pytest.raises(RuntimeError, match="conv2d needs the numbers of a tensor of shape"):
        out.backward()
    out = ops.conv2d(x.detach(), w).sum()
    w.data += 1
    out.backward()
