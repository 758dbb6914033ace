"""Laws that every operation keeps, whatever it computes, so that nobody writes them again for a new exercise.

    @grades(ops.relu)
    def test_laws(rng):
        \"\"\"the laws of every operation: calls, passes, memory and dtypes do not get mixed up\"\"\"
        keeps_laws(*(Call(ops.relu, [some(rng, *shape)]) for shape in ((3,), (2, 4))), rng=rng)

A law compares an operation with itself: what it computes is the business of the other checks. It holds for the
engine's tensors and for PyTorch's. Inputs are arrays; those of whole numbers have no gradient and stay as they are.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from upslope.checks.expect import Mismatch, close, tensor_of
from upslope.checks.numbers import Numbers, array_of, is_torch, plain, shape_text
from upslope.checks.samples import leaf

__all__ = ["Call", "keeps_laws", "learns"]


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
    rng: np.random.Generator,
    tensor: Callable[[Any], Any] = leaf,
    dtypes: Sequence[str] = ("float32", "float64"),
    backward: bool = True,
) -> None:
    """All laws for two or more calls of one operation, with inputs of different sizes.

    `tensor` makes a leaf that wants a gradient from an array of floats and keeps its dtype and its place in memory.
    """
    pair = _Pair(calls, rng, tensor)
    pair.inputs_stay()
    pair.calls_do_not_remember_calls()
    pair.memory_may_lie_in_any_order(backward)
    for dtype in dtypes:
        pair.dtype_stays(dtype)
    if backward:
        pair.passes_do_not_mix()
        pair.a_second_backward_adds()


class _Pair:
    """Two calls of one operation, each with its result and its gradients when it is made alone."""

    def __init__(self, calls: Sequence[Call], rng: np.random.Generator, tensor: Callable[[Any], Any]) -> None:
        self.calls, self.tensor, self.rng = calls, tensor, rng

    def inputs_stay(self) -> None:
        """A call changes none of its inputs; others still need them."""
        for call in self.calls:
            inputs = [x.detach() if is_torch(x) else x for x in self._leaves(call)]
            before = [plain(_copy(x)) for x in inputs]
            call.f(*inputs)
            for k, (x, was) in enumerate(zip(inputs, before, strict=True)):
                if plain(_copy(x)) != was:
                    raise Mismatch(f"input {k} was changed in place; others still need it", case=call.words)

    def calls_do_not_remember_calls(self) -> None:
        """The same numbers again give the same result, whatever was computed between; the first result stays."""
        for one, other in self._pairs():
            first = one.f(*self._leaves(one))
            before = _copy(first)
            other.f(*self._leaves(other))
            close(first, before, case=f"{one.words}: the result after a call with {other.words}", rtol=0, atol=0)
            for when in (f"after one with {other.words}", "once more"):
                again = one.f(*self._leaves(one))
                close(again, before, case=f"{one.words}: the same call {when}", rtol=1e-9)

    def passes_do_not_mix(self) -> None:
        """Two forward passes, then both backward passes: each has the gradients that it has alone."""
        for one, other in self._pairs():
            alone = [self._backward(call, *self._forward(call)) for call in (one, other)]
            passes = [self._forward(call) for call in (one, other)]
            for call, (inputs, out), expected in zip((one, other), passes, alone, strict=True):
                what = f"{call.words}: two forward passes, then both backward passes"
                _compare(self._backward(call, inputs, out), expected, what)

    def a_second_backward_adds(self) -> None:
        """PyTorch's `backward(retain_graph=True)`, then another: both leave the same gradient."""
        call = self.calls[0]
        inputs, out = self._forward(call)
        if not is_torch(out):
            return
        once = self._backward(call, inputs, out, retain_graph=True)
        twice = self._backward(call, inputs, out)
        doubled = [None if gradient is None else 2 * gradient for gradient in once]
        _compare(twice, doubled, f"{call.words}: backward twice through one graph")

    def memory_may_lie_in_any_order(self, backward: bool) -> None:
        """Transposed and sliced arrays hold the same numbers, and give the same results and gradients."""
        for call in self.calls:
            inputs, out = self._forward(call)
            expected = self._backward(call, inputs, out) if backward else []
            for how, laid in (("transposed", _transposed), ("sliced", _sliced)):
                inputs, got = self._forward(call, laid)
                close(got, _copy(out), case=f"{call.words}, {how} in memory", rtol=1e-6)
                if backward:
                    what = f"{call.words}, {how} in memory, and so is g"
                    _compare(self._backward(call, inputs, got, laid), expected, what)

    def dtype_stays(self, dtype: str) -> None:
        """The result has the dtype of the inputs, and their precision."""
        call = self.calls[0]
        exact = _copy(call.f(*self._leaves(call)))
        rounded = [x.astype(dtype) if x.dtype.kind == "f" else x for x in map(np.asarray, call.inputs)]
        got = call.f(*(self._tensor(x) for x in rounded))
        case = f"{call.words} in {dtype}"
        tensor_of(got, exact.shape, dtype=dtype, case=case)
        small = {"float16": 2e-2, "float32": 1e-4, "float64": 1e-9}[dtype]
        # What rounding the inputs does to the result belongs to the inputs.
        exact = _copy(call.f(*(self._tensor(_as_float64(x)) for x in rounded)))
        close(got, exact, case=case, rtol=small, atol=small)

    def _pairs(self) -> Iterator[tuple[Call, Call]]:
        if len(self.calls) < 2:
            raise TypeError("a law needs two calls")
        yield self.calls[0], self.calls[1]
        yield self.calls[1], self.calls[0]

    def _tensor(self, x: Any) -> Any:
        return self.tensor(x) if np.asarray(x).dtype.kind == "f" else x

    def _leaves(self, call: Call, laid: Callable[[Numbers], Numbers] = np.array) -> list[Any]:
        return [self._tensor(laid(_as_float64(x))) for x in call.inputs]

    def _forward(self, call: Call, laid: Callable[[Numbers], Numbers] = np.array) -> tuple[list[Any], Any]:
        inputs = self._leaves(call, laid)
        return inputs, call.f(*inputs)

    def _backward(
        self,
        call: Call,
        inputs: Sequence[Any],
        out: Any,
        laid: Callable[[Numbers], Numbers] = np.array,
        **more: bool,
    ) -> list[Numbers | None]:
        """The gradients of the inputs, for a gradient at the result that depends on its shape alone."""
        shape = _copy(out).shape
        g = laid(np.cos(1.0 + np.arange(int(np.prod(shape)), dtype=np.float64)).reshape(shape))
        given = self.tensor(g)
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
