"""The tape: order, accumulation, no_grad, what is freed, and what is said when something is wrong."""

import gc
import threading
import weakref

import numpy as np
import pytest

from upslope.scratch.tape import no_grad, sum_to_size
from upslope.scratch.tensor import Tensor


def leaf(*shape, value=2.0):
    return Tensor(np.full(shape, value), requires_grad=True)


def test_gradients_add_up_over_uses_and_calls():
    x = leaf(3)
    (x * x + x).sum().backward()
    assert x.grad.tolist() == [5, 5, 5]
    x.sum().backward()
    assert x.grad.tolist() == [6, 6, 6]


def test_a_diamond_waits_for_both_ways():
    x = leaf()
    a = x * 3
    b = a.exp()
    (a * b + a).backward()
    e = np.exp(6)
    np.testing.assert_allclose(x.grad, 3 * e + 6 * 3 * e + 3)


def test_deep_graphs_do_not_recurse():
    x = leaf()
    y = x
    for _ in range(20_000):
        y = y + 1
    y.backward()
    assert x.grad == 1


def test_gradients_of_different_leaves_are_different_arrays():
    x, y, z = leaf(3), leaf(3), leaf(3)
    (x + y + z.reshape(3)).sum().backward()
    g = np.ones(3)
    w = leaf(3)
    w.backward(g)
    (w * 1).backward(g)
    x.grad *= 5
    assert y.grad.tolist() == z.grad.tolist() == g.tolist() == [1, 1, 1]
    assert w.grad.tolist() == [2, 2, 2]


def test_a_gradient_that_is_passed_on_and_kept_is_not_shared():
    x, y = leaf(3), leaf(3)
    h = x + y
    h.retain_grad()
    (h.reshape(3) * 2).sum().backward()
    for t in (x, y, h):
        assert t.grad.tolist() == [2, 2, 2]
        t.grad += 1
        assert t.grad.flags.writeable
    assert x.grad.tolist() == y.grad.tolist() == h.grad.tolist() == [3, 3, 3]


def test_in_place_addition_never_reaches_what_an_operation_has_saved():
    x = leaf(3)
    saved = np.full(3, 7.0)
    y = x.then(saved.copy(), lambda g: saved)
    (y + x * 2 + x * 3 + x.exp()).sum().backward()
    assert saved.tolist() == [7, 7, 7]


def test_a_derivative_cannot_spoil_a_gradient_that_others_share():
    x, y = leaf(3), leaf(3)

    def spoil(g):
        g *= 10
        return g

    h = x.then(x.data * 1, spoil)
    with pytest.raises(ValueError, match="read-only"):
        (h + y).sum().backward()
    given = np.ones(3)
    with pytest.raises(ValueError, match="read-only"):
        x.then(x.data * 1, spoil).backward(given)
    assert given.tolist() == [1, 1, 1]
    assert given.flags.writeable


def test_only_leaves_keep_gradients_unless_asked():
    x = leaf()
    h = x * 2
    k = h * 3
    k.retain_grad()
    (k * k).backward()
    assert h.grad is None
    assert k.grad == 24
    assert x.grad == 144
    assert x.is_leaf
    assert not k.is_leaf


def test_derivatives_that_nobody_needs_are_not_called():
    x, constant = leaf(2), Tensor(np.ones(2))

    def never(g):
        raise AssertionError("this parent needs no gradient")

    Tensor.of(x.data * 2, (x, lambda g: 2 * g), (constant, never), (None, never)).sum().backward()
    assert x.grad.tolist() == [2, 2]
    assert constant.grad is None


def test_no_grad_records_nothing_and_comes_back_after_errors():
    x = leaf(2)
    with no_grad():
        assert not (x * 2).requires_grad
        with no_grad():
            pass
        assert not (x * 2).requires_grad
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert (x * 2).requires_grad

    @no_grad()
    def evaluate():
        return x * 2

    assert not evaluate().requires_grad
    assert not evaluate().requires_grad


def test_no_grad_is_one_threads_own():
    x, seen = leaf(2), []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append((x * 2).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]


def test_detach_cuts():
    x = leaf(2)
    (x.detach() * x).sum().backward()
    assert x.grad.tolist() == [2, 2]
    assert x.detach().data is x.data


@pytest.mark.parametrize(
    ("shape", "to"),
    [((4, 3), (3,)), ((2, 4, 3), (4, 1)), ((5,), ()), ((2, 3), (1, 1)), ((2, 3), (2, 3)), ((1, 3), (3,))],
)
def test_sum_to_size_undoes_broadcasting(shape, to):
    ones = sum_to_size(np.ones(shape), to)
    assert ones.shape == to
    assert (ones == np.prod(shape) / np.prod(to)).all()


def test_backward_lets_go_of_everything_as_it_walks():
    x = leaf(1000)
    alive = []

    class Watched:
        def __init__(self):
            alive.append(weakref.ref(self))

    y = x
    for _ in range(5):
        token = Watched()
        y = y.then(y.data * 2, lambda g, token=token: g * 2)
    del token
    inner = weakref.ref(y)
    y = y.sum()
    gc.disable()
    try:
        assert all(ref() for ref in alive)
        y.backward()
        assert not any(ref() for ref in alive)
        assert inner() is None
    finally:
        gc.enable()


def test_retain_graph_allows_a_second_backward():
    x = leaf(2)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [8, 8]
    with pytest.raises(RuntimeError, match=r"second time.*retain_graph=True"):
        y.backward()


@pytest.mark.parametrize(
    ("attempt", "kind", "words"),
    [
        (lambda: leaf(2, 3).exp().backward(), RuntimeError, r"scalar.*\(2, 3\).*sum\(\)"),
        (lambda: leaf(2, 3).backward(np.ones(3)), ValueError, r"\(2, 3\).*\(3,\)"),
        (lambda: Tensor(1.0).backward(), RuntimeError, "requires_grad=True"),
        (lambda: Tensor(np.array([1, 2]), requires_grad=True), TypeError, "floating-point.*int64"),
        (lambda: Tensor(np.array([1j])), TypeError, r"float32, .*or bool; got complex128"),
        (lambda: Tensor(np.zeros(2, dtype=np.float16)), TypeError, r"got float16"),
        (lambda: Tensor("ten"), TypeError, r"got <U3"),
        (lambda: leaf(2).numpy(), RuntimeError, r"detach\(\)"),
        (lambda: leaf(2).item(), ValueError, r"shape \(2,\)"),
        (lambda: bool(leaf(2)), ValueError, r"shape \(2,\)"),
        (lambda: len(leaf()), TypeError, r"shape \(\)"),
        (lambda: leaf(2).__setitem__(0, 1.0), RuntimeError, "not recorded"),
        (lambda: leaf(2).then(leaf(2), lambda g: g), TypeError, r"x\.data, not with x"),
        (lambda: leaf(2).then(np.ones(2), lambda g: None).sum().backward(), TypeError, "gave None"),
        (lambda: leaf(2).then(np.ones(2), lambda g: np.ones(5)).sum().backward(), ValueError, r"\(5,\).*\(2,\)"),
    ],
)
def test_errors_are_sentences(attempt, kind, words):
    with pytest.raises(kind, match=words):
        attempt()


def test_what_a_tensor_is_made_of():
    assert Tensor(1.5).dtype == Tensor([1, 2]).dtype == Tensor([[1.0], [2.0]]).dtype == np.float32
    assert Tensor(True).dtype == bool
    assert Tensor(np.array([1, 2])).dtype == np.int64
    array = np.ones(3)
    assert Tensor(array).data is array
    assert Tensor([1, 2], dtype="int64").dtype == np.int64
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert (x.shape, x.ndim, x.size(), x.size(0), x.numel(), len(x)) == ((2, 2), 2, (2, 2), 2, 4, 2)
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]]
    assert repr(Tensor([1.5])) == "Tensor([1.5])"
    assert repr(x[0]) == "Tensor([1., 2.], requires_grad=True)"
    assert np.asarray(x.detach()).tolist() == x.tolist()
    assert len({x, x, Tensor(1.0)}) == 2
