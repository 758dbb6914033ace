"""From what an answer gave back to plain numbers: arrays, the engine's tensors, PyTorch's tensors.

PyTorch is never imported here. Where it is loaded already, its conversions are taken from its own types, which nothing
can change, and not by name from the tensor at hand: what an answer puts in front of them is not what is compared.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Numbers", "Unreadable", "array_of", "dtype_name", "dtype_of", "is_torch", "plain", "shape_text", "show"]

Numbers = np.ndarray[Any, Any]


class Unreadable(TypeError):
    """A value that holds no numbers; the text says why."""


class _Torch(NamedTuple):
    """PyTorch's own ways from a tensor to numbers. A tuple, so that nobody changes it."""

    tensor: type
    plain: tuple[type, ...]  # tensors as PyTorch makes them; a class of somebody else's may claim what it likes
    detach: Callable[[Any], Any]
    to: Callable[[Any, Any], Any]
    numpy: Callable[[Any], Numbers]
    dtype: Callable[[Any], Any]
    wide: Any  # float32
    narrow: tuple[Any, ...]  # dtypes that NumPy does not have
    untouched: Callable[[], AbstractContextManager[Any]]
    modes: Callable[[], int]


def _conversions() -> "_Torch | None":
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "nn"):
        return None
    base = torch._C.TensorBase
    narrow = [name for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2") if hasattr(torch, name)]
    return _Torch(
        torch.Tensor,
        (torch.Tensor, torch.nn.Parameter),
        base.detach,
        base.to,
        base.numpy,
        base.dtype.__get__,
        torch.float32,
        tuple(getattr(torch, name) for name in narrow),
        torch._C.DisableTorchFunction,
        torch._C._len_torch_dispatch_stack,
    )


_torch = _conversions()


def _loaded() -> "_Torch | None":
    global _torch
    if _torch is None:
        _torch = _conversions()
    return _torch


def is_torch(value: Any) -> bool:
    """Whether a value is one of PyTorch's tensors."""
    torch = _loaded()
    return torch is not None and issubclass(type(value), torch.tensor)


def array_of(value: Any) -> Numbers:
    """The numbers of a tensor of either kind, an array, a list or a number. Raises Unreadable where there are none."""
    torch = _loaded()
    if torch is not None and issubclass(type(value), torch.tensor):
        return _from_torch(value, torch)
    try:
        array = np.asarray(value.data if hasattr(value, "requires_grad") else value)
    except ValueError as error:
        raise Unreadable(f"what came back is not an array: {error}") from None
    if array.dtype == object or array.dtype.kind not in "fiub":
        raise Unreadable("what came back does not hold numbers")
    return array


def _from_torch(value: Any, torch: _Torch) -> Numbers:
    if type(value) not in torch.plain:
        raise Unreadable(f"what came back is a {type(value).__name__}, not a plain tensor")
    if torch.modes():
        raise Unreadable("a mode that changes what PyTorch computes was left on")
    with torch.untouched():
        try:
            value = torch.detach(value)
            array = torch.numpy(torch.to(value, torch.wide) if torch.dtype(value) in torch.narrow else value)
        except (RuntimeError, TypeError, NotImplementedError) as error:
            said = str(error).partition("\n")[0].partition(". ")[0].rstrip(".")
            raise Unreadable(f"what came back holds no numbers: {said}") from None
    if array.dtype.kind not in "fiub":
        raise Unreadable("what came back does not hold real numbers")
    return array


def dtype_of(value: Any) -> str:
    """The name of the dtype that a value has: "float32", "bfloat16"."""
    torch = _loaded()
    if torch is not None and issubclass(type(value), torch.tensor):
        return dtype_name(torch.dtype(value))
    return str(array_of(value).dtype.name)


def dtype_name(dtype: Any) -> str:
    """The name of a dtype, however it is written: "float32", np.float32, torch.float32."""
    text = str(dtype)
    if text.startswith("torch.") or text == "bfloat16":
        return text.removeprefix("torch.")
    return str(np.dtype(dtype).name)


def plain(array: Any) -> list[float]:
    """Every number as Python's own."""
    return [float(v) for v in np.asarray(array).ravel().tolist()]


def shape_text(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"


def show(value: Any, digits: int = 5) -> str:
    """Numbers on one line. Of more than two dimensions, leading ones of size 1 are left out."""
    array = array_of(value)
    while array.ndim > 2 and len(array) == 1:
        array = array[0]
    text = np.array2string(
        array + 0.0 if array.dtype.kind == "f" else array,  # -0 reads as 0
        separator=", ",
        formatter={"float_kind": lambda v: f"{v:.{digits}g}"},
        max_line_width=10_000,
    )
    return " ".join(text.split())
