"""Laws that every operation keeps, whatever it computes, so that nobody writes them again for a new exercise.

    @grades(ops.relu)
    def test_laws(rng):
        \"\"\"the laws of every operation: calls, passes, memory and dtypes do not get mixed up\"\"\"
        keeps_laws(*(Call(ops.relu, [some(rng, *shape)]) for shape in ((3,), (2, 4))))

A law compares an operation with itself: what it computes is the business of the other checks. It holds for the
engine's tensors and for PyTorch's. Inputs are arrays; those of whole numbers have no gradient and stay as they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from upslope.checks.expect import Mismatch, close, tensor_of
from upslope.checks.numbers import Numbers, array_of, is_torch, plain, shape_text
from upslope.checks.samples import leaf

__all__ = ["Call", "keeps_laws", "learns"]

Wrap = Callable[[Any], Any]  # an array of floats to a leaf that wants a gradient
Layout = Callable[[Numbers], Numbers]


@dataclass(frozen=True)
class Call:
    """A function of tensors, and arrays to call it with."""

    f: Callable[..., Any]
    inputs: Sequence[Any]
    case: str = ""

    @property
    def words(self) -> str:
        shapes = " and ".join(shape_text(np.shape(x)) for x in self.inputs)
        return self.case or f"numbers of shape {shapes}"


def keeps_laws(
    *calls: Call,
    tensor: Wrap = leaf,
    dtypes: Sequence[str] = ("float32", "float64"),
    backward: bool = True,
) -> None:
    """All laws for two or more calls of one operation, with inputs of different sizes.

    `tensor` makes a leaf that wants a gradient from an array of floats and keeps its dtype and its place in memory.
    """
    if len(calls) < 2:
        raise TypeError("a law needs two calls")
    _inputs_stay(calls, tensor)
    _calls_do_not_remember_calls(calls, tensor)
    _memory_may_lie_in_any_order(calls, tensor, backward)
    for dtype in dtypes:
        _dtype_stays(calls[0], tensor, dtype)
    if backward:
        _passes_do_not_mix(calls, tensor)
        _a_second_backward_adds(calls[0], tensor)


# Plain functions throughout: those of a class could not be given copies of the comparisons (integrity/).


def _inputs_stay(calls: Sequence[Call], tensor: Wrap) -> None:
    """A call changes none of its inputs; others still need them."""
    for call in calls:
        inputs = [x.detach() if is_torch(x) else x for x in _leaves(call, tensor)]
        before = [plain(_copy(x)) for x in inputs]
        call.f(*inputs)
        for k, (x, was) in enumerate(zip(inputs, before, strict=True)):
            if plain(_copy(x)) != was:
                raise Mismatch(f"input {k} was changed in place; others still need it", case=call.words)


def _calls_do_not_remember_calls(calls: Sequence[Call], tensor: Wrap) -> None:
    """The same numbers again give the same result, whatever was computed between; the first result stays."""
    for one, other in ((calls[0], calls[1]), (calls[1], calls[0])):
        first = one.f(*_leaves(one, tensor))
        before = _copy(first)
        other.f(*_leaves(other, tensor))
        close(first, before, case=f"{one.words}: the result after a call with {other.words}", rtol=0, atol=0)
        for when in (f"after one with {other.words}", "once more"):
            again = one.f(*_leaves(one, tensor))
            close(again, before, case=f"{one.words}: the same call {when}", rtol=1e-9)


def _passes_do_not_mix(calls: Sequence[Call], tensor: Wrap) -> None:
    """Two forward passes, then both backward passes: each has the gradients that it has alone."""
    for pair in ((calls[0], calls[1]), (calls[1], calls[0])):
        alone = [_backward(call, *_forward(call, tensor), tensor) for call in pair]
        passes = [_forward(call, tensor) for call in pair]
        for call, (inputs, out), expected in zip(pair, passes, alone, strict=True):
            what = f"{call.words}: two forward passes, then both backward passes"
            _compare(_backward(call, inputs, out, tensor), expected, what)


def _a_second_backward_adds(call: Call, tensor: Wrap) -> None:
    """PyTorch's `backward(retain_graph=True)`, then another: both leave the same gradient."""
    inputs, out = _forward(call, tensor)
    if not is_torch(out):
        return
    once = _backward(call, inputs, out, tensor, retain_graph=True)
    twice = _backward(call, inputs, out, tensor)
    doubled = [None if gradient is None else 2 * gradient for gradient in once]
    _compare(twice, doubled, f"{call.words}: backward twice through one graph")


def _memory_may_lie_in_any_order(calls: Sequence[Call], tensor: Wrap, backward: bool) -> None:
    """Transposed and sliced arrays hold the same numbers, and give the same results and gradients."""
    for call in calls:
        inputs, out = _forward(call, tensor)
        expected = _backward(call, inputs, out, tensor) if backward else []
        for how, laid in (("transposed", _transposed), ("sliced", _sliced)):
            inputs, got = _forward(call, tensor, laid)
            close(got, _copy(out), case=f"{call.words}, {how} in memory", rtol=1e-6)
            if backward:
                what = f"{call.words}, {how} in memory, and so is g"
                _compare(_backward(call, inputs, got, tensor, laid), expected, what)


def _dtype_stays(call: Call, tensor: Wrap, dtype: str) -> None:
    """The result has the dtype of the inputs, and their precision."""
    rounded = [x.astype(dtype) if x.dtype.kind == "f" else x for x in map(np.asarray, call.inputs)]
    # What rounding the inputs does to the result belongs to the inputs.
    exact = _copy(call.f(*(_wrapped(_as_float64(x), tensor) for x in rounded)))
    got = call.f(*(_wrapped(x, tensor) for x in rounded))
    case = f"{call.words} in {dtype}"
    tensor_of(got, exact.shape, dtype=dtype, case=case)
    small = {"float16": 2e-2, "float32": 1e-4, "float64": 1e-9}[dtype]
    close(got, exact, case=case, rtol=small, atol=small)


def _wrapped(x: Any, tensor: Wrap) -> Any:
    return tensor(x) if np.asarray(x).dtype.kind == "f" else x


def _leaves(call: Call, tensor: Wrap, laid: Layout = np.array) -> list[Any]:
    return [_wrapped(laid(_as_float64(x)), tensor) for x in call.inputs]


def _forward(call: Call, tensor: Wrap, laid: Layout = np.array) -> tuple[list[Any], Any]:
    inputs = _leaves(call, tensor, laid)
    return inputs, call.f(*inputs)


def _backward(
    call: Call, inputs: Sequence[Any], out: Any, tensor: Wrap, laid: Layout = np.array, **more: bool
) -> list[Numbers | None]:
    """The gradients of the inputs, for a gradient at the result that depends on its shape alone."""
    shape = _copy(out).shape
    g = laid(np.cos(1.0 + np.arange(int(np.prod(shape)), dtype=np.float64)).reshape(shape))
    given = tensor(g)
    if is_torch(out):
        (out * given.detach()).sum().backward(**more)
    else:
        out.backward(given)
    if plain(_copy(given)) != plain(g):
        raise Mismatch("the gradient that came back was changed in place; others still need it", case=call.words)
    found = [getattr(x, "grad", None) for x in inputs]
    return [None if gradient is None else _copy(gradient) for gradient in found]


def learns(module: Any, x: Any, *, case: str) -> None:
    """A plain backward pass, in training and in evaluation, brings a gradient to every parameter and to the input."""
    for mode in ("training", "evaluation"):
        module.train(mode == "training")
        module.zero_grad()
        there = x.detach().clone().requires_grad_()
        out = module(there)
        # Weighted, because the sum of what a norm gives does not depend on its input.
        g = np.cos(1.0 + np.arange(out.numel())).reshape(tuple(out.shape))
        (out * x.new_tensor(g)).sum().backward()
        for name, leaf_ in [*module.named_parameters(), ("the input", there)]:
            if leaf_.grad is None or not any(plain(array_of(leaf_.grad))):
                got = "None" if leaf_.grad is None else "zeros"
                raise Mismatch(f"no gradient reaches {name} in {mode}", case=case, got=got, expected="a gradient")


def _compare(got: Sequence[Numbers | None], expected: Sequence[Numbers | None], case: str) -> None:
    for k, (gradient, wanted) in enumerate(zip(got, expected, strict=True)):
        what = f"{case}: gradient of input {k}" if len(got) > 1 else f"{case}: gradient"
        if (gradient is None) != (wanted is None):
            raise Mismatch("a gradient is missing", case=what, got=str(gradient), expected=str(wanted))
        if wanted is not None:
            close(gradient, wanted, case=what, rtol=1e-6, atol=1e-9)


def _copy(value: Any) -> Numbers:
    """The numbers of a result, in float64, in an array of their own."""
    return np.array(array_of(value), dtype=np.float64)


def _as_float64(x: Any) -> Numbers:
    array = np.asarray(x)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _transposed(x: Numbers) -> Numbers:
    """The same numbers, with the first dimension's neighbours side by side in memory."""
    return np.asfortranarray(x) if x.ndim else x


def _sliced(x: Numbers) -> Numbers:
    """The same numbers, every second one of an array twice as wide."""
    if x.ndim == 0:
        return x
    wide = np.full((*x.shape[:-1], 2 * x.shape[-1]), 7, dtype=x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]
