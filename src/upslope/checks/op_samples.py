"""A sample: the arguments of one call of an operation, by name, as a person writes them or a generator draws them.

Arrays of floats become tensors in some dtype, arrays of whole numbers (and of True and False) whole tensors; everything
else is handed on as it is. Plain functions, so that the grader can give each a copy of its own (integrity/).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from upslope.checks.expect import Mismatch
from upslope.checks.numbers import is_torch
from upslope.checks.samples import spelled

__all__ = ["Sample", "Samples", "Wraps", "drawn", "exact", "floats", "given", "name_of", "rounded", "words_of"]

Sample = Mapping[str, Any]
Samples = Callable[[np.random.Generator], Iterable[Sample]]
Wraps = tuple[Callable[[Any], Any], Callable[[Any], Any]]  # how arrays of floats and of whole numbers become tensors


def floats(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _array(value: Any) -> Any:
    """Lists are how a person writes arrays, and a single number drawn is one, too."""
    return np.asarray(value) if isinstance(value, list | np.generic) else value


def drawn(samples: Samples, rng: np.random.Generator) -> list[dict[str, Any]]:
    return [{name: _array(value) for name, value in sample.items()} for sample in samples(rng)]


def rounded(value: Any, dtype: str) -> Any:
    """The numbers that are left of an array in this dtype, in float64."""
    if not floats(value):
        return value
    if dtype == "bfloat16":
        bits = np.asarray(value, dtype=np.float32).view(np.uint32)
        kept = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
        return kept.astype(np.uint32).view(np.float32).astype(np.float64)
    return value.astype(dtype).astype(np.float64)


def exact(sample: Sample) -> dict[str, Any]:
    return {name: rounded(_array(value), "float64") for name, value in sample.items()}


def given(sample: Sample, wraps: Wraps, dtype: str) -> dict[str, Any]:
    """The sample as the operation takes it."""
    tensor, whole = wraps
    made: dict[str, Any] = {}
    for name, value in sample.items():
        value = _array(value)
        if not isinstance(value, np.ndarray):
            made[name] = value
        elif value.dtype.kind == "f":
            leaf = tensor(value.astype("float32" if dtype == "bfloat16" else dtype))
            made[name] = _bfloat16(leaf) if dtype == "bfloat16" else leaf
        else:
            made[name] = whole(value)
    return made


def _bfloat16(made: Any) -> Any:
    if not is_torch(made):
        raise Mismatch("only PyTorch has bfloat16")
    return made.detach().bfloat16().requires_grad_(made.requires_grad)


def name_of(f: Any) -> str:
    return str(getattr(f, "__name__", f))


def words_of(f: Any, sample: Sample) -> str:
    """The call as a person writes it: the first input without its name, as most people do."""
    parts = []
    for k, (name, value) in enumerate(sample.items()):
        shown = spelled(_array(value)) if isinstance(value, np.ndarray | list) else repr(value)
        parts.append(shown if k == 0 else f"{name}={shown}")
    return f"{name_of(f)}({', '.join(parts)})"
