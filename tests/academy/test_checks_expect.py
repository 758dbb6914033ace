"""The comparisons: what they must not let pass, and what they say."""

import numpy as np
import pytest

from upslope.checks.expect import Mismatch, close, equal, gradients, quiet, raises, tensor_of, true
from upslope.checks.samples import apart, leaf, some, spelled
from upslope.scratch.tensor import Tensor


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def check(f, rng, **more):
    gradients(f, [np.array([0.5, -1.5, 2.0])], rng=rng, tensor=leaf, names="x", case="f(x)", **more)


def test_a_right_gradient_passes(rng):
    check(lambda x: x.then(x.data**3, lambda g: g * 3 * x.data**2), rng)


@pytest.mark.parametrize(
    ("words", "backward"),
    [
        ("g divides where it should multiply", lambda x: lambda g: 3 * x.data**2 / g),
        ("g is forgotten", lambda x: lambda g: 3 * x.data**2),
        ("all zero", lambda x: lambda g: g * 0),
        ("the sign", lambda x: lambda g: -g * 3 * x.data**2),
        ("nan", lambda x: lambda g: g * np.nan),
        ("summed too early", lambda x: lambda g: np.full(3, (g * 3 * x.data**2).sum())),
    ],
)
def test_a_wrong_gradient_does_not(words, backward, rng):
    with pytest.raises(Mismatch, match="gradient of x") as caught:
        check(lambda x: x.then(x.data**3, backward(x)), rng)
    assert caught.value.got
    assert caught.value.expected


def test_a_result_without_parents_is_named(rng):
    with pytest.raises(Mismatch, match="does not know its parents"):
        check(lambda x: Tensor(x.data * 2), rng)


@pytest.mark.parametrize(
    ("what", "f"),
    [
        ("the result", lambda x: (lambda y: x.then(y, lambda g: np.multiply(g, 2, out=y)))(x.data * 2)),
        ("the data of x", lambda x: x.then(x.data * 2, lambda g: (x.data.__iadd__(1), g * 2)[1])),
    ],
)
def test_changes_in_place_are_named(what, f, rng):
    with pytest.raises(Mismatch, match=f"{what} was changed in place"):
        check(f, rng)


def test_the_gradient_that_came_back_is_not_the_answers_to_change(rng):
    """The engine hands it out read-only; should an answer find a way around that, the comparison sees it."""
    with pytest.raises(ValueError, match="read-only"):
        check(lambda x: x.then(x.data * 2, lambda g: np.multiply(g, 2, out=g)), rng)


def test_a_gradient_that_is_set_and_not_added_is_found(rng):
    def overwrite(x):
        def backward(g):
            x.grad = None
            return g * 2

        return x.then(x.data * 2, backward)

    with pytest.raises(Mismatch, match="summed over two uses"):
        check(overwrite, rng)


def test_the_first_difference_is_shown():
    with pytest.raises(Mismatch) as caught:
        close(np.array([1.0, 2.0]), [1.0, 2.5], case="f([1, 2])")
    assert (caught.value.case, caught.value.got, caught.value.expected) == ("f([1, 2])", "[1, 2]", "[1, 2.5]")
    with pytest.raises(Mismatch) as caught:
        close([1.0], [1.0 + 1e-7], rtol=1e-9, atol=0)
    assert (caught.value.got, caught.value.expected) == ("[1]", "[1.0000001]")
    large = np.zeros((4, 5))
    large[2, 3] = 1
    with pytest.raises(Mismatch, match=r"index \[2, 3\] of shape \(4, 5\)"):
        close(large, np.zeros((4, 5)))


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (np.nan, 1.0),
        (1.0, np.nan),
        (np.inf, 1e300),
        (1e300, np.inf),
        ([1.0], 1.0),
        ([1.0, 1.0], [1.0]),
        (None, 1.0),
        ("1", 1.0),
        (np.array([1.0], dtype=object), [1.0]),
        (np.zeros((0,)), [1.0]),
    ],
)
def test_what_is_not_close(got, expected):
    with pytest.raises(Mismatch):
        close(got, expected)


def test_nan_equals_nan_and_infinity_itself():
    close([np.nan, np.inf, -np.inf], [np.nan, np.inf, -np.inf])
    with pytest.raises(Mismatch) as caught:
        close([np.nan], [np.inf])
    assert caught.value.within == ""


def test_a_tensor_is_asked_for():
    tensor_of(Tensor([1.0]), (1,), dtype="float32")
    for got, words in ((None, "return"), (np.zeros(1), "not a Tensor"), (Tensor([[1.0]]), "shape")):
        with pytest.raises(Mismatch, match=words):
            tensor_of(got, (1,))
    with pytest.raises(Mismatch, match="dtype"):
        tensor_of(Tensor(np.zeros(1)), (1,), dtype="float32")


def test_an_overflow_is_shown_by_where_it_leads():
    large = np.array([1000.0])
    with pytest.warns(RuntimeWarning), pytest.raises(Mismatch) as caught:
        quiet(lambda: np.exp(large) / np.exp(large), [1.0], case="f([1000])")
    assert caught.value.got == "[nan]"
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(Mismatch, match="right, but an intermediate value overflows") as caught,
    ):
        quiet(lambda: 1 / (1 + np.exp(large)), [0.0], case="f([1000])")
    quiet(lambda: np.exp(-large), [0.0])


def test_laws_values_and_errors():
    true(True, "never said")
    with pytest.raises(Mismatch, match="the law is broken"):
        true(False, "the law is broken")
    equal((1, 2), (1, 2))
    for got in ([1, 2], (1, 3), (1.0, 2)):
        if got == (1, 2) and type(got) is tuple:
            continue
        with pytest.raises(Mismatch):
            equal(got, (1, 2))
    raises(ValueError, lambda: int("x"), says=["x"])
    with pytest.raises(Mismatch, match="no error"):
        raises(ValueError, lambda: 1)
    with pytest.raises(Mismatch, match="does not say enough"):
        raises(ValueError, lambda: int("x"), says=["seven"])
    with pytest.raises(ZeroDivisionError):
        raises(ValueError, lambda: 1 / 0)


def test_samples_read_well(rng):
    assert spelled(np.array([1.0, -0.5, 20.25])) == "[1, -0.5, 20.25]"
    assert spelled(np.array([[[[1.0, 2.0], [3.0, 4.0]]]])) == "[[1, 2], [3, 4]]"
    assert spelled(np.zeros((4, 5))) == "numbers of shape (4, 5)"
    x = some(rng, 50)
    assert np.array_equal(x, np.round(x, 2))
    for shape in ((4,), (3, 3), (2, 5)):
        numbers = np.sort(apart(rng, *shape).ravel())
        assert np.diff(numbers).min() >= 0.099
        assert np.abs(numbers).min() >= 0.024
