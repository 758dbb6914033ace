"""Sinusoidal positions: each position is a row of sines and cosines, from fast ones to slow ones.

A. Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762, section 3.5.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def sinusoidal_positions(
    length: int, dim: int, *, base: float = 10_000.0, device: torch.device | None = None
) -> Float[Tensor, "T D"]:
    """Row t holds sin(t / base ** (2 i / dim)) at feature 2 i and the cosine of the same at feature 2 i + 1.

    Positions t are counted from 0, and i from 0 to dim / 2 - 1; the numbers are float32, in [-1, 1]. Nothing is
    learned, and no length is the last one. The row of t + k is the row of t, rotated by angles that depend on k alone,
    so how far apart two positions are is easy to read. An odd dim is refused with a ValueError that says "dim=5 is
    odd". sinusoidal_positions(2, 2) is [[0, 1], [0.8415, 0.5403]]. Vaswani et al. 2017, section 3.5.
    """
    # A sine and its cosine share a frequency: dim features are pairs.
    if dim % 2:
        raise ValueError(f"dim={dim} is odd, and positions are pairs of a sine and a cosine")
    # One frequency for each pair of features, from 1 down to nearly 1 / base radians a position.
    frequencies = base ** (-torch.arange(0, dim, 2, device=device) / dim)
    # The angle of each pair at each position: (T, D/2).
    angles = torch.arange(length, device=device)[:, None] * frequencies
    # Sine and cosine side by side: (T, D/2, 2), read as (T, D).
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
