"""The cost of a PyTorch operation in multiply-adds, and its receptive field.

- Multiply-adds of convolutions and matrix products (linear layers, both products of attention, fused or not). Norms,
  activations and sums are left out, as in published figures.
- The receptive field (Araujo, Norris, Sim 2019, https://distill.pub/2019/computing-receptive-fields): a kernel of k
  pixels adds (k - 1) * jump, a stride multiplies the jump. Of several paths the widest counts. What joins all places
  (attention, an average over the picture, a linear layer over all of them) sees the whole picture.

Operations are known by their names in ATen, which is what every layer comes down to.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from torch import Tensor

from upslope.blocks.convolution_arithmetic import receptive_field

WHOLE = math.inf  # the receptive field of what sees every pixel


@dataclass(frozen=True)
class Field:
    """How far one place of a tensor sees, how far apart two places are, and how many places there are."""

    size: float  # pixels of the input, on a side
    jump: float  # pixels of the input
    places: int  # height * width of the last map


def multiply_adds(name: str, args: tuple[Any, ...], out: Tensor) -> int:
    """The multiply-adds of one operation of ATen; 0 for what is not a sum of products."""
    if name == "convolution":
        source, weight, transposed = args[0], args[1], args[6]
        return (source if transposed else out).numel() * math.prod(weight.shape[1:])
    if name in _PRODUCTS:
        a, b = _PRODUCTS[name](args)
        return int(a.numel()) * int(b.shape[-1])
    if "scaled_dot_product" in name and name.endswith(("attention", "attention_for_cpu")):
        q, k, v = args[:3]
        return int(q.numel()) * int(k.shape[-2]) + int(q[..., 0].numel()) * int(k.shape[-2]) * int(v.shape[-1])
    return 0


_PRODUCTS: dict[str, Callable[[tuple[Any, ...]], tuple[Tensor, Tensor]]] = {
    "mm": lambda args: (args[0], args[1]),
    "bmm": lambda args: (args[0], args[1]),
    "addmm": lambda args: (args[1], args[2]),
    "baddbmm": lambda args: (args[1], args[2]),
}
_AVERAGES = ("mean", "sum", "amax", "max", "var", "logsumexp")


def behind(name: str, args: tuple[Any, ...], out: Tensor, there: Field, *, joined: int) -> Field:
    """The receptive field behind an operation, from the widest in front of it."""
    whole = replace(there, size=WHOLE)
    if name == "convolution" and not args[6]:
        return _slid(there, out, kernel=args[1].shape[2:], stride=args[3], dilation=args[5])
    if name in ("max_pool2d_with_indices", "avg_pool2d"):
        stride = args[2] if len(args) > 2 and args[2] else args[1]
        dilation = args[4] if name.startswith("max") and len(args) > 4 else 1
        return _slid(there, out, kernel=args[1], stride=stride, dilation=dilation)
    if "scaled_dot_product" in name or "adaptive" in name:
        return whole
    if name in _PRODUCTS:
        # Two sides that both come from the picture: attention. Fewer rows than places: a layer over all of them.
        rows = math.prod(_PRODUCTS[name](args)[0].shape[:-1])
        return whole if joined > 1 or rows < there.places else there
    if name in _AVERAGES and len(args) > 1 and isinstance(args[1], list | tuple):
        places = {2, 3} if args[0].ndim == 4 else {1} if args[0].ndim == 3 else set()
        return whole if places & {d % args[0].ndim for d in args[1]} else there
    return there


def _slid(there: Field, out: Tensor, *, kernel: Any, stride: Any, dilation: Any) -> Field:
    """Behind a window, along the side on which it reaches further."""
    places = out.shape[-2] * out.shape[-1]
    if there.size == WHOLE:
        return replace(there, places=places)
    span = max(d * (k - 1) + 1 for k, d in zip(pair(kernel), pair(dilation), strict=True))
    size, jump = receptive_field([(span, max(pair(stride)), 1)], size=int(there.size), jump=int(there.jump))
    return Field(size=size, jump=jump, places=places)


def pair(value: object) -> tuple[int, int]:
    """A size on both sides: 3 is (3, 3)."""
    sides = [int(v) for v in value] if isinstance(value, tuple | list) else [cast(int, value)]
    return sides[0], sides[-1]
