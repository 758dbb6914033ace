"""With draws of 0 and 1 from Bernoulli's distribution."""

import torch
from torch import Tensor


def stochastic_depth(x: Tensor, *, rate: float, training: bool, generator: torch.Generator | None = None) -> Tensor:
    if rate < 0 or rate >= 1:
        raise ValueError(f"rate={rate} is not in [0, 1)")
    if rate == 0 or not training:
        return x.clone()
    stay = 1 - rate
    chances = torch.full((len(x),), stay)
    factors = torch.bernoulli(chances, generator=generator).type_as(x) / stay
    return torch.einsum("b...,b->b...", x, factors)
