"""What a check demands: comparisons that say what came, what was expected and where they first differ.

They lean on as little as possible, because they run in the same process as the code under test: values are pulled out
of arrays and tensors (numbers.py) as plain Python numbers and compared with plain Python arithmetic, so replacing
`numpy.allclose` or `torch.equal` fools nobody. The engine's tensors and PyTorch's are taken alike.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from upslope.checks.numbers import (
    Unreadable,
    array_of,
    dtype_name,
    dtype_of,
    is_torch,
    plain,
    shape_text,
    show,
)

__all__ = [
    "Mismatch",
    "close",
    "equal",
    "gradient_at",
    "gradients",
    "numeric_gradient",
    "quiet",
    "raises",
    "tensor_of",
    "true",
]


class Mismatch(AssertionError):
    """A demand that did not hold, in parts, so that it can be shown to a person and compared with a known mistake."""

    def __init__(
        self,
        problem: str,
        *,
        case: str = "",
        got: str = "",
        expected: str = "",
        within: str = "",
        values: Sequence[float] = (),
    ) -> None:
        super().__init__(problem)
        self.problem, self.case, self.got, self.expected, self.within = problem, case, got, expected, within
        self.values = values  # some of the numbers that came, more than a person would read

    def __str__(self) -> str:
        lines = [self.case, self.problem]
        within = f"      ({self.within})" if self.within else ""
        lines += [f"got       {self.got}"] if self.got else []
        lines += [f"expected  {self.expected}{within}"] if self.expected else []
        return "\n".join(line for line in lines if line)


# Where a list stands here, a comparison that does not hold is written into it and the check goes on: so mistakes are
# told apart by all that they get wrong (grading/host/mistakes.py). In a verdict the first counterexample ends a check.
NOTES: list[BaseException] | None = None
_VALUES = 16  # numbers of one comparison that are kept


def _broken(mismatch: Mismatch) -> None:
    """A comparison does not hold: the check ends here, or goes on and it is noted."""
    if NOTES is None:
        raise mismatch
    NOTES.append(mismatch)


def close(
    got: Any,
    expected: Any,
    *,
    case: str = "",
    rtol: float = 1e-5,
    atol: float = 1e-6,
    dtype: Any = None,
) -> None:
    """`got` has the shape of `expected` and every element is within atol + rtol * |expected|; nan equals nan.

    Both may be tensors of either kind (PyTorch's as they are, with or without a graph, bfloat16 too), arrays or
    numbers. `dtype` is a name, "float32", or a dtype. `case` is the call in words, "softmax([1, 2, 3], dim=0)".
    """
    array = _array(got, case)
    wanted = np.asarray(array_of(expected), dtype=np.float64)
    if not _has(got, array, wanted.shape, dtype, case):
        return
    ours, theirs = plain(array), plain(wanted)
    for flat, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if not _near(a, b, rtol, atol):
            _broken(_first_difference(array, wanted, flat, case, rtol, atol))
            return


def _has(got: Any, array: np.ndarray[Any, Any], shape: tuple[int, ...], dtype: Any, case: str) -> bool:
    """Whether shape and dtype are right, so that the numbers can be compared."""
    right = bool(array.shape == shape)
    if not right:
        _broken(Mismatch("the shape is wrong", case=case, got=shape_text(array.shape), expected=shape_text(shape)))
    if dtype is not None and dtype_of(got) != dtype_name(dtype):
        _broken(Mismatch("the dtype is wrong", case=case, got=dtype_of(got), expected=dtype_name(dtype)))
    return right


def _near(a: float, b: float, rtol: float, atol: float) -> bool:
    if a == b or (a != a and b != b):
        return True
    return math.isfinite(a) and math.isfinite(b) and abs(a - b) <= atol + rtol * abs(b)


def _first_difference(
    got: np.ndarray[Any, Any], expected: np.ndarray[Any, Any], flat: int, case: str, rtol: float, atol: float
) -> Mismatch:
    there = abs(plain(expected)[flat])
    within = f"within {atol + rtol * there:.1g}" if math.isfinite(there) else ""
    problem = ""
    values = plain(got)[:: -(-got.size // _VALUES)]
    if got.size > 12:
        index = tuple(int(i) for i in np.unravel_index(flat, got.shape))
        problem = f"first difference at index {list(index)} of shape {shape_text(got.shape)}"
        got, expected = got[index], expected[index]
    # As few digits as show that the two differ.
    for digits in (5, 9, 17):
        ours, theirs = show(got, digits), show(expected, digits)
        if ours != theirs:
            break
    return Mismatch(problem, case=case, got=ours, expected=theirs, within=within, values=values)


def equal(got: Any, expected: Any, *, case: str = "", problem: str = "") -> None:
    """`got == expected` for plain values: shapes, strings, counts, lists; tensors and arrays number for number."""
    if type(got).__name__ == "Size":  # a shape as PyTorch gives it
        got = tuple(got)
    if is_torch(got) or type(got) is np.ndarray:
        close(got, expected, case=case, rtol=0.0, atol=0.0)
        return
    if type(got) is not type(expected) or got != expected:
        _broken(Mismatch(problem, case=case, got=repr(got), expected=repr(expected)))


def true(condition: bool, problem: str, *, case: str = "", got: Any = "", expected: Any = "") -> None:
    """A law that must hold; `problem` says in words what is wrong when it does not."""
    if not condition:
        _broken(Mismatch(problem, case=case, got=str(got), expected=str(expected)))


def tensor_of(got: Any, shape: tuple[int, ...], *, dtype: Any = None, case: str = "") -> None:
    """`got` is a tensor of this shape, and of this dtype ("float32") if one is given: the engine's or PyTorch's."""
    if not is_torch(got) and not hasattr(got, "requires_grad"):
        problem = "returned None; is a return missing?" if got is None else "what came back is not a Tensor"
        raise Mismatch(problem, case=case, got=type(got).__name__, expected="Tensor")
    _has(got, _array(got, case), tuple(shape), dtype, case)


def quiet(call: Callable[[], Any], expected: Any, *, case: str = "", rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """`call()` gives `expected`, and nothing on the way overflows, divides by zero or makes a nan."""
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            result = call()
    except FloatingPointError as error:
        # Once more, to see where it leads: NumPy's warning then names the line, and nan is what a learner will meet.
        with np.errstate(over="warn", invalid="warn", divide="warn"):
            close(call(), expected, case=case, rtol=rtol, atol=atol)
        raise Mismatch(f"right, but an intermediate value overflows: {error}", case=case) from None
    close(result, expected, case=case, rtol=rtol, atol=atol)


def raises(kind: type[BaseException], call: Callable[[], object], *, case: str = "", says: Sequence[str] = ()) -> None:
    """`call()` raises `kind`, and its message holds every word of `says`."""
    try:
        result = call()
    except kind as error:
        missing = [word for word in says if word not in str(error)]
        if missing:
            wanted = f"a message that holds {', '.join(missing)}"
            _broken(Mismatch("the error does not say enough", case=case, got=str(error), expected=wanted))
        return
    _broken(Mismatch("no error was raised", case=case, got=repr(result), expected=f"{kind.__name__}"))


def numeric_gradient(
    f: Callable[..., Any], inputs: Sequence[np.ndarray[Any, Any]], upstream: np.ndarray[Any, Any], *, step: float = 1e-5
) -> list[np.ndarray[Any, Any]]:
    """d sum(upstream * f(inputs)) / d input by central differences in float64, one element at a time."""
    results = []
    for k, x in enumerate(inputs):
        slope = np.zeros(x.shape, dtype=np.float64)
        for index in np.ndindex(x.shape):
            sides = []
            for sign in (1.0, -1.0):
                moved = [np.array(v, dtype=np.float64) for v in inputs]
                moved[k][index] += sign * step
                value = np.asarray(_array(f(*moved), ""), dtype=np.float64)
                sides.append(float((upstream * value).sum()))
            slope[index] = (sides[0] - sides[1]) / (2 * step)
        results.append(slope)
    return results


def gradients(
    f: Callable[..., Any],
    inputs: Sequence[np.ndarray[Any, Any]],
    *,
    rng: np.random.Generator,
    tensor: Callable[[np.ndarray[Any, Any]], Any],
    names: Sequence[str] = (),
    case: str = "",
    expected: Sequence[np.ndarray[Any, Any]] | None = None,
    upstream: np.ndarray[Any, Any] | None = None,
    rtol: float = 1e-4,
    atol: float = 1e-6,
) -> None:
    """Backward of `f` agrees with central differences, for a random upstream gradient, in float64.

    `f` takes tensors and returns a tensor; `tensor` wraps a float64 array as a leaf that wants a gradient. The upstream
    gradient is random and not 1, because a backward that divides by it, or forgets it, agrees when it is 1.
    `expected` replaces the differences by gradients known from elsewhere.
    """
    values = [np.array(x, dtype=np.float64) for x in inputs]
    leaves = [tensor(v.copy()) for v in values]
    out = f(*leaves)
    if not getattr(out, "requires_grad", False):
        problem = "the result does not know its parents: hand it on with x.then(...) or Tensor.of(...)"
        if is_torch(out):
            problem = "the result does not know what it was made from: it was detached, or its numbers were copied"
        raise Mismatch(problem, case=case, got=type(out).__name__)
    result = np.array(_array(out, case), dtype=np.float64)
    g = rng.uniform(0.5, 2.0, result.shape) * rng.choice([-1.0, 1.0], result.shape) if upstream is None else upstream
    g = np.asarray(g, dtype=np.float64)
    given = g.copy()
    _backward(out, tensor(given))
    if expected is None:
        expected = numeric_gradient(lambda *moved: f(*(tensor(v) for v in moved)), values, g)
    called = [names[k] if k < len(names) else f"input {k}" for k in range(len(values))]
    cases = [f"{case}: gradient of {name}" if case else f"gradient of {name}" for name in called]
    for leaf, slope, name, what in zip(leaves, expected, called, cases, strict=True):
        if leaf.grad is None:
            _broken(Mismatch(f"no gradient reached {name}", case=case, got="None", expected=show(slope)))
            continue
        close(leaf.grad, slope, case=what, rtol=rtol, atol=atol)
    # Others hold these arrays too: another use of the input, the caller, the parent that comes next.
    kept: list[tuple[Any, Any, str]] = [(given, g, "the gradient that came back"), (out, result, "the result")]
    kept += [(leaf, v, f"the data of {name}") for leaf, v, name in zip(leaves, values, called, strict=True)]
    for now, before, what in kept:
        if plain(_array(now, case)) != plain(before):
            problem = f"{what} was changed in place; others still need it"
            _broken(Mismatch(problem, case=case, got=show(now), expected=show(before)))
    # A second use of the same leaves adds to what the first one left.
    _backward(f(*leaves), tensor(g.copy()))
    for leaf, slope, what in zip(leaves, expected, cases, strict=True):
        close(leaf.grad, 2 * slope, case=f"{what}, summed over two uses", rtol=rtol, atol=atol)


def gradient_at(f: Callable[[Any], Any], x: Any, g: Any) -> Any:
    """The gradient that `g` at the result of `f` causes at the tensor `x`, and None where none arrives."""
    x.grad = None
    _backward(f(x), g)
    return x.grad


def _backward(out: Any, g: Any) -> None:
    if is_torch(out):
        # The same as out.backward(g), which would first cost a second of imports inside PyTorch.
        (out * g.detach()).sum().backward()
    else:
        out.backward(g)


def _array(value: Any, case: str) -> np.ndarray[Any, Any]:
    if value is None:
        raise Mismatch("returned None; is a return missing?", case=case, got="None", expected="a value")
    try:
        return array_of(value)
    except Unreadable as error:
        raise Mismatch(str(error), case=case, got=type(value).__name__) from None
