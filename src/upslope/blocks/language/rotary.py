"""Rotary positions: queries and keys are rotated by angles that grow with their position.

J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021, https://arxiv.org/abs/2104.09864.
The pairs are feature i and feature i + D/2, as in Llama's published weights; the paper pairs neighbours.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def rotary_embedding(x: Float[Tensor, "*B T D"], *, start: int = 0, base: float = 10_000.0) -> Float[Tensor, "*B T D"]:
    """Rotate each pair (x[i], x[i + D/2]) at position t by the angle (start + t) * base ** (-2 * i / D).

    (a, b) becomes (a cos - b sin, a sin + b cos). The dot product of a rotated query and a rotated key then depends on
    how far apart they stand and not on where: rotary positions are relative. `start` is the position of the first row,
    for rows that continue a sequence. Lengths stay, position 0 is left as it is, and D is even. With D = 2 there is one
    pair with the angle t, so [[1, 0], [1, 0]] becomes [[1, 0], [0.5403, 0.8415]]. Su et al. 2021, equations 14 and 15.
    """
    half = x.shape[-1] // 2
    # One frequency for each pair, from 1 down to nearly 1 / base radians a position.
    frequencies = base ** (-torch.arange(half, device=x.device) / half)
    # The angle of each pair at each position: (T, D/2).
    positions = torch.arange(start, start + x.shape[-2], device=x.device)
    angles = positions[:, None] * frequencies
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    # The two features of a pair stand half the row apart; each pair is rotated in its own plane.
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


def rotation(
    positions: Int[Tensor, "*B"], dim: int, *, base: float = 10_000.0, dtype: torch.dtype = torch.float32
) -> tuple[Float[Tensor, "*B D"], Float[Tensor, "*B D"]]:
    """Cosines and sines of some positions, once for all blocks: where the rotary embedding takes the pair (1, 0).

    The sines of the first half are negative, so that rotating is x * cosines + (x with its halves swapped) * sines.
    """
    half, low = dim // 2, int(positions.min())
    ones = torch.ones(int(positions.max()) - low + 1, half, device=positions.device, dtype=dtype)
    turned = rotary_embedding(torch.cat([ones, torch.zeros_like(ones)], dim=-1), start=low, base=base)
    cos, sin = turned[positions - low].chunk(2, dim=-1)
    return torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1)


def rotated(x: Float[Tensor, "*B T D"], by: tuple[Tensor, Tensor]) -> Float[Tensor, "*B T D"]:
    """Queries or keys by given cosines and sines."""
    cosines, sines = by
    return x * cosines + x.roll(x.shape[-1] // 2, dims=-1) * sines
