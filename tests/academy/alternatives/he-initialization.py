"""Numbers drawn first, then scaled and copied over."""

import math

import torch
from torch import Tensor


def he_normal_(weight: Tensor, *, mode: str = "fan_in", generator: torch.Generator | None = None) -> Tensor:
    if len(weight.shape) < 2:
        raise ValueError(f"a weight of shape {tuple(weight.shape)} has no fan")
    side = 1 if mode == "fan_in" else 0
    fan = weight.shape[side] * math.prod(weight.shape[2:])
    drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    weight.data.copy_(drawn * math.sqrt(2.0 / fan))
    return weight
