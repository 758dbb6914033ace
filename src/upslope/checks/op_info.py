"""One description of an operation, from which the checks that every operation needs follow. PyTorch's tests call it so.

    OP = OpInfo(ops.softmax, samples=softmax_samples, truth=softmax_by_fsum)

    test_softmax_shape = OP.shape("the shape of x, whatever dim is")
    test_softmax_by_hand = OP.by_hand("softmax([0, ln 3]) is [0.25, 0.75]", ({"x": [0.0, LN3]}, [0.25, 0.75]))

A sample holds the arguments by name. Arrays of floats become tensors that want a gradient, arrays of whole numbers
become whole numbers of the same kind; everything else is handed on as it is. `truth` gets the same arguments, with
arrays in float64, and `peer`, PyTorch's own function, gets tensors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from upslope.checks.expect import Mismatch, close, equal, gradient_at, gradients, quiet, raises, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.numbers import array_of
from upslope.checks.op_samples import Sample, Samples, Wraps, drawn, exact, floats, given, name_of, rounded, words_of
from upslope.checks.samples import leaf, spelled

__all__ = ["OpInfo"]

Check = Callable[[np.random.Generator], None]
Case = tuple[Sample, Any] | tuple[Sample, Any, Any, Sample]  # ... as the result: what `truth` says
_FEW = 24  # numbers whose gradient is found by differences in no time
_DIGITS = {"bfloat16": 2e-2, "float16": 4e-3, "float32": 1e-4, "float64": 1e-5}


@dataclass(frozen=True)
class OpInfo:
    """An operation, calls of it, and where the right results come from.

    `tensor` makes a tensor that wants a gradient from an array of floats and keeps its dtype, `whole` one of whole
    numbers. `call` makes and calls `f` where that is a class. The checks hold functions and plain values only, so that
    the grader can give each a copy.
    """

    f: Callable[..., Any]
    samples: Samples
    truth: Callable[..., Any]
    peer: Callable[..., Any] | None = None
    tensor: Callable[[Any], Any] = leaf
    whole: Callable[[Any], Any] = field(default=np.asarray)
    call: Callable[..., Any] | None = None

    def shape(
        self,
        title: str,
        samples: Samples | None = None,
        *,
        dtypes: Sequence[str] = ("float32", "float64"),
        gives: str = "",
    ) -> Check:
        """The result has the shape of the right one and the dtype of the inputs, or the one that is given."""
        return self._check(title, _shape_and_dtype, samples or self.samples, self.truth, tuple(dtypes), gives)

    def by_hand(self, title: str, *cases: Case) -> Check:
        """Results worked out on paper: the call and its result, and perhaps g with the gradients it goes back as."""
        return self._check(title, _by_hand, cases, self.truth)

    def stable(self, title: str, *cases: Case, dtypes: Sequence[str] = ("float32", "float64")) -> Check:
        """The same for numbers so large or small that something may overflow on the way, which is noticed."""
        return self._check(title, _stable, cases, self.truth, tuple(dtypes))

    def random(
        self,
        title: str,
        samples: Samples | None = None,
        *,
        dtypes: Sequence[str] = ("float64", "float32"),
        atol: float = 1e-6,
    ) -> Check:
        """Every sample agrees with `truth`, and with `peer`, in each of the dtypes."""
        return self._check(title, _agrees, samples or self.samples, self.truth, self.peer, tuple(dtypes), atol)

    def large(self, title: str, samples: Samples, *, dtype: str = "float32", atol: float = 1e-5) -> Check:
        """Samples of the size that a lab has, in the dtype of a lab."""
        return self.random(title, samples, dtypes=(dtype,), atol=atol)

    def gradient(self, title: str, samples: Samples | None = None, *, wanted: Sequence[str] = ()) -> Check:
        """The gradients of the float inputs, or of those in `wanted`, agree with central differences.

        Of the operation's own samples the small ones are taken, of `samples` all.
        """
        few = _FEW if samples is None else 10**6
        return self._check(title, _gradient, samples or self.samples, tuple(wanted), few)

    def laws(
        self,
        title: str,
        samples: Samples | None = None,
        *,
        dtypes: Sequence[str] = ("float32", "float64"),
        backward: bool = True,
    ) -> Check:
        """The laws of every operation (laws.py), with the first samples that differ in shape."""
        return self._check(title, _laws, samples or self.samples, tuple(dtypes), backward)

    def refuses(self, title: str, *cases: tuple[Sample, Sequence[str]]) -> Check:
        """Calls that raise ValueError, each with words that its message must hold."""
        return self._check(title, _refuses, cases)

    def _check(self, title: str, run: Callable[..., None], *args: Any) -> Check:
        """A check as a function of its own, under the title that people see."""
        part = partial(run, self.call or self.f, (self.tensor, self.whole), *args)

        def check(rng: np.random.Generator) -> None:
            part(rng)

        check.__doc__ = title
        return check


# Plain functions from here on: those of a class could not be given copies of the comparisons (integrity/).


def _shape_and_dtype(
    f: Any, wraps: Wraps, samples: Samples, truth: Any, dtypes: Sequence[str], gives: str, rng: np.random.Generator
) -> None:
    for sample in drawn(samples, rng):
        expected = np.shape(array_of(truth(**exact(sample))))
        for dtype in dtypes:
            case = f"{words_of(f, sample)} in {dtype}"
            got = f(**given(sample, wraps, dtype))
            if type(wraps[0](np.zeros(1))) is not np.ndarray:
                tensor_of(got, expected, dtype=gives or dtype, case=case)
            elif type(got) is not np.ndarray:
                raise Mismatch("what came back is not an array", case=case, got=type(got).__name__, expected="an array")
            else:
                equal(got.shape, expected, case=case, problem="the shape is wrong")
                equal(got.dtype.name, gives or dtype, case=case, problem="the dtype is wrong")


def _by_hand(f: Any, wraps: Wraps, cases: Sequence[Case], truth: Any, rng: np.random.Generator) -> None:
    for sample, expected, *backward in cases:
        wanted = truth(**exact(sample)) if expected is ... else expected
        close(f(**given(sample, wraps, "float64")), wanted, case=words_of(f, sample))
        if backward:
            g, slopes = np.asarray(backward[0], dtype=float), [np.asarray(value) for value in backward[1].values()]
            case = f"{words_of(f, sample)}, g = {spelled(g)}"
            names = list(backward[1])
            values = [exact(sample)[name] for name in names]
            call = _moving(f, sample, names, wraps)
            gradients(call, values, rng=rng, tensor=wraps[0], names=names, case=case, upstream=g, expected=slopes)


def _stable(
    f: Any, wraps: Wraps, cases: Sequence[Case], truth: Any, dtypes: Sequence[str], rng: np.random.Generator
) -> None:
    for dtype in dtypes:
        for sample, expected, *backward in cases:
            inputs, case = given(sample, wraps, dtype), words_of(f, sample) + (f" in {dtype}" if dtypes[1:] else "")
            wanted = truth(**exact(sample)) if expected is ... else expected
            quiet(partial(f, **inputs), wanted, case=case)
            for name, slope in backward[1].items() if backward else ():
                rest = {other: value for other, value in inputs.items() if other != name}
                g = wraps[0](np.asarray(backward[0], dtype=dtype))
                there = partial(gradient_at, partial(_named, f, name, rest), inputs[name], g)
                # Of a score around 1000 a float32 keeps four digits after the point.
                quiet(there, slope, case=f"{case}, g = {spelled(backward[0])}: gradient of {name}", rtol=1e-3)


def _named(f: Any, name: str, rest: Sample, value: Any) -> Any:
    return f(**{name: value}, **rest)


def _agrees(
    f: Any,
    wraps: Wraps,
    samples: Samples,
    truth: Any,
    peer: Any,
    dtypes: Sequence[str],
    atol: float,
    rng: np.random.Generator,
) -> None:
    for sample in drawn(samples, rng):
        for dtype in dtypes:
            # What rounding the inputs does to the result belongs to the inputs.
            held = {name: rounded(value, dtype) for name, value in sample.items()}
            case = words_of(f, sample) + ("" if dtype == "float64" else f" in {dtype}")
            got = f(**given(sample, wraps, dtype))
            close(got, truth(**held), case=case, rtol=_DIGITS[dtype], atol=atol)
            if peer is not None:
                close(got, peer(**given(sample, wraps, dtype)), case=case, rtol=_DIGITS[dtype], atol=atol)


def _gradient(
    f: Any, wraps: Wraps, samples: Samples, wanted: Sequence[str], few: int, rng: np.random.Generator
) -> None:
    tried = 0
    for sample in drawn(samples, rng):
        moving = {name: value for name, value in sample.items() if floats(value) and (not wanted or name in wanted)}
        if not 0 < sum(value.size for value in moving.values()) <= few:
            continue
        tried += 1
        call, values, names = _moving(f, sample, tuple(moving), wraps), list(moving.values()), list(moving)
        gradients(call, values, rng=rng, tensor=wraps[0], names=names, case=words_of(f, sample))
    if not tried:
        raise TypeError(f"no sample of {name_of(f)} has at most {few} numbers, as the gradient check needs")


def _moving(f: Any, sample: Sample, names: Sequence[str], wraps: Wraps) -> Callable[..., Any]:
    """`f` as a function of the inputs of these names; the others stay what they are."""
    fixed = {name: value for name, value in given(sample, wraps, "float64").items() if name not in names}

    def call(*leaves: Any) -> Any:
        return f(**dict(zip(names, leaves, strict=True)), **fixed)

    return call


def _laws(
    f: Any, wraps: Wraps, samples: Samples, dtypes: Sequence[str], backward: bool, rng: np.random.Generator
) -> None:
    calls: list[Call] = []
    for sample in drawn(samples, rng):
        arrays = {name: value for name, value in sample.items() if isinstance(value, np.ndarray)}
        shapes = [value.shape for value in arrays.values()]
        if all(value.size for value in arrays.values()) and all(
            shapes != [np.shape(x) for x in c.inputs] for c in calls
        ):
            rest = {name: value for name, value in sample.items() if name not in arrays}
            calls.append(Call(_positional(f, tuple(arrays), rest, wraps[1]), list(arrays.values())))
    keeps_laws(*calls[:2], tensor=wraps[0], dtypes=dtypes, backward=backward)


def _positional(f: Any, names: Sequence[str], rest: Sample, whole: Any) -> Callable[..., Any]:
    """`f` as a function of its arrays alone; those of whole numbers are still to be wrapped."""

    def call(*arrays: Any) -> Any:
        inputs = [whole(array) if type(array) is np.ndarray else array for array in arrays]
        return f(**dict(zip(names, inputs, strict=True)), **rest)

    return call


def _refuses(f: Any, wraps: Wraps, cases: Sequence[tuple[Sample, Sequence[str]]], rng: np.random.Generator) -> None:
    for sample, says in cases:
        raises(ValueError, partial(f, **given(sample, wraps, "float32")), case=words_of(f, sample), says=says)
