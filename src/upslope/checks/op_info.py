"""One description of an operation, from which the checks that every operation needs follow. PyTorch's tests call it so.

    OP = OpInfo(ops.softmax, samples=softmax_samples, truth=softmax_by_fsum)

    test_softmax_shape = OP.shape("the shape of x, whatever dim is")
    test_softmax_by_hand = OP.by_hand("softmax([0, ln 3]) is [0.25, 0.75]", ({"x": [0.0, LN3]}, [0.25, 0.75]))

A sample holds the arguments by name. Arrays of floats become tensors that want a gradient, arrays of whole numbers
become whole numbers of the same kind; everything else is handed on as it is. `truth` gets the same arguments, with
arrays in float64, and `peer`, PyTorch's own function, gets tensors.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from upslope.checks.expect import Mismatch, close, gradients, raises, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.numbers import array_of, is_torch
from upslope.checks.samples import leaf, spelled

__all__ = ["OpInfo"]

Check = Callable[[np.random.Generator], None]
Sample = Mapping[str, Any]
Samples = Callable[[np.random.Generator], Iterable[Sample]]
Case = tuple[Sample, Any] | tuple[Sample, Any, Any, Sample]
_FEW = 24  # numbers whose gradient is found by differences in no time
_DIGITS = {"bfloat16": 2e-2, "float16": 4e-3, "float32": 1e-4, "float64": 1e-9}


@dataclass(frozen=True)
class OpInfo:
    """An operation, calls of it, and where the right results come from.

    `tensor` makes a tensor that wants a gradient from an array of floats and keeps its dtype, `whole` one of whole
    numbers. The checks hold functions and plain values only, so that the grader can give each a copy.
    """

    f: Callable[..., Any]
    samples: Samples
    truth: Callable[..., Any]
    peer: Callable[..., Any] | None = None
    tensor: Callable[[Any], Any] = leaf
    whole: Callable[[Any], Any] = field(default=np.asarray)

    def shape(self, title: str, *, dtypes: Sequence[str] = ("float32", "float64")) -> Check:
        """The result has the shape of the right one and the dtype of the inputs."""
        wraps = (self.tensor, self.whole)
        return _titled(title, partial(_shape_and_dtype, self.f, self.samples, self.truth, wraps, tuple(dtypes)))

    def by_hand(self, title: str, *cases: Case) -> Check:
        """Results worked out on paper: the call and its result, and perhaps g with the gradients it goes back as."""
        return _titled(title, partial(_by_hand, self.f, cases, (self.tensor, self.whole)))

    def random(self, title: str, *, dtypes: Sequence[str] = ("float64", "float32"), atol: float = 1e-6) -> Check:
        """Every sample agrees with `truth`, and with `peer`, in each of the dtypes."""
        wraps = (self.tensor, self.whole)
        return _titled(title, partial(_agrees, self.f, self.samples, self.truth, self.peer, wraps, tuple(dtypes), atol))

    def large(self, title: str, samples: Samples, *, dtype: str = "float32", atol: float = 1e-5) -> Check:
        """Samples of the size that a lab has, in the dtype of a lab."""
        wraps = (self.tensor, self.whole)
        return _titled(title, partial(_agrees, self.f, samples, self.truth, self.peer, wraps, (dtype,), atol))

    def gradient(self, title: str, *, wanted: Sequence[str] = ()) -> Check:
        """The gradients of the float inputs, or of those in `wanted`, agree with central differences."""
        return _titled(title, partial(_gradient, self.f, self.samples, tuple(wanted), (self.tensor, self.whole)))

    def laws(self, title: str, *, dtypes: Sequence[str] = ("float32", "float64"), backward: bool = True) -> Check:
        """The laws of every operation (laws.py), with the first samples that differ in shape."""
        wraps = (self.tensor, self.whole)
        return _titled(title, partial(_laws, self.f, self.samples, wraps, tuple(dtypes), backward))

    def refuses(self, title: str, *cases: tuple[Sample, Sequence[str]]) -> Check:
        """Calls that raise ValueError, each with words that its message must hold."""
        return _titled(title, partial(_refuses, self.f, cases, (self.tensor, self.whole)))


# Plain functions from here on: those of a class could not be given copies of the comparisons (integrity/).


def _titled(title: str, run: Check) -> Check:
    """A check as a function of its own, under the title that people see."""

    def check(rng: np.random.Generator) -> None:
        run(rng)

    check.__doc__ = title
    return check


def _shape_and_dtype(
    f: Any, samples: Samples, truth: Any, wraps: tuple[Any, Any], dtypes: Sequence[str], rng: np.random.Generator
) -> None:
    for sample in samples(rng):
        expected = np.shape(array_of(truth(**_exact(sample))))
        for dtype in dtypes:
            tensor_of(f(**_given(sample, wraps, dtype)), expected, dtype=dtype, case=f"{_words(f, sample)} in {dtype}")


def _by_hand(f: Any, cases: Sequence[Case], wraps: tuple[Any, Any], rng: np.random.Generator) -> None:
    for sample, expected, *backward in cases:
        close(f(**_given(sample, wraps, "float64")), expected, case=_words(f, sample))
        if backward:
            g, slopes = np.asarray(backward[0], dtype=float), [np.asarray(value) for value in backward[1].values()]
            case = f"{_words(f, sample)}, g = {spelled(g)}"
            values = [_exact(sample)[name] for name in backward[1]]
            call = _moving(f, sample, tuple(backward[1]), wraps)
            gradients(
                call, values, rng=rng, tensor=wraps[0], names=list(backward[1]), case=case, upstream=g, expected=slopes
            )


def _agrees(
    f: Any,
    samples: Samples,
    truth: Any,
    peer: Any,
    wraps: tuple[Any, Any],
    dtypes: Sequence[str],
    atol: float,
    rng: np.random.Generator,
) -> None:
    for sample in samples(rng):
        for dtype in dtypes:
            # What rounding the inputs does to the result belongs to the inputs.
            rounded = {name: _rounded(value, dtype) for name, value in sample.items()}
            case = _words(f, sample) + ("" if dtype == "float64" else f" in {dtype}")
            got = f(**_given(sample, wraps, dtype))
            close(got, truth(**rounded), case=case, rtol=max(1e-5, _DIGITS[dtype]), atol=atol)
            if peer is not None:
                close(got, peer(**_given(sample, wraps, dtype)), case=case, rtol=max(1e-5, _DIGITS[dtype]), atol=atol)


def _gradient(
    f: Any, samples: Samples, wanted: Sequence[str], wraps: tuple[Any, Any], rng: np.random.Generator
) -> None:
    tried = 0
    for sample in samples(rng):
        moving = {name: value for name, value in sample.items() if _floats(value) and (not wanted or name in wanted)}
        if not 0 < sum(value.size for value in moving.values()) <= _FEW:
            continue
        tried += 1
        call, values, names = _moving(f, sample, tuple(moving), wraps), list(moving.values()), list(moving)
        gradients(call, values, rng=rng, tensor=wraps[0], names=names, case=_words(f, sample))
    if not tried:
        raise TypeError(f"no sample of {_name(f)} has at most {_FEW} numbers, as the gradient check needs")


def _moving(f: Any, sample: Sample, names: Sequence[str], wraps: tuple[Any, Any]) -> Callable[..., Any]:
    """`f` as a function of the inputs of these names; the others stay what they are."""
    fixed = {name: value for name, value in _given(sample, wraps, "float64").items() if name not in names}

    def call(*leaves: Any) -> Any:
        return f(**dict(zip(names, leaves, strict=True)), **fixed)

    return call


def _laws(
    f: Any,
    samples: Samples,
    wraps: tuple[Any, Any],
    dtypes: Sequence[str],
    backward: bool,
    rng: np.random.Generator,
) -> None:
    calls: list[Call] = []
    for sample in samples(rng):
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
        given = [whole(array) if type(array) is np.ndarray else array for array in arrays]
        return f(**dict(zip(names, given, strict=True)), **rest)

    return call


def _refuses(
    f: Any, cases: Sequence[tuple[Sample, Sequence[str]]], wraps: tuple[Any, Any], rng: np.random.Generator
) -> None:
    for sample, says in cases:
        given = _given(sample, wraps, "float32")
        raises(ValueError, partial(f, **given), case=_words(f, sample), says=says)


def _floats(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _array(value: Any) -> Any:
    """Lists are how a person writes arrays."""
    return np.asarray(value) if isinstance(value, list) else value


def _rounded(value: Any, dtype: str) -> Any:
    """The numbers that are left of an array in this dtype, in float64."""
    if not _floats(value):
        return value
    if dtype == "bfloat16":
        bits = np.asarray(value, dtype=np.float32).view(np.uint32)
        kept = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
        return kept.astype(np.uint32).view(np.float32).astype(np.float64)
    return value.astype(dtype).astype(np.float64)


def _exact(sample: Sample) -> dict[str, Any]:
    return {name: _rounded(_array(value), "float64") for name, value in sample.items()}


def _given(sample: Sample, wraps: tuple[Any, Any], dtype: str) -> dict[str, Any]:
    """The sample as the operation takes it."""
    tensor, whole = wraps
    given: dict[str, Any] = {}
    for name, value in sample.items():
        value = _array(value)
        if not isinstance(value, np.ndarray):
            given[name] = value
        elif value.dtype.kind == "f":
            made = tensor(value.astype("float32" if dtype == "bfloat16" else dtype))
            given[name] = _bfloat16(made) if dtype == "bfloat16" else made
        else:
            given[name] = whole(value)
    return given


def _bfloat16(made: Any) -> Any:
    if not is_torch(made):
        raise Mismatch("only PyTorch has bfloat16")
    return made.detach().bfloat16().requires_grad_()


def _name(f: Any) -> str:
    return str(getattr(f, "__name__", f))


def _words(f: Any, sample: Sample) -> str:
    """The call as a person writes it: the first input without its name, as most people do."""
    parts = []
    for k, (name, value) in enumerate(sample.items()):
        shown = spelled(_array(value)) if isinstance(value, np.ndarray | list) else repr(value)
        parts.append(shown if k == 0 else f"{name}={shown}")
    return f"{_name(f)}({', '.join(parts)})"
