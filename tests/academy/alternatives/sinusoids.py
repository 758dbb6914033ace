"""Into an empty table, with frequencies by their logarithms."""

import math

import torch
from torch import Tensor


def sinusoidal_positions(
    length: int, dim: int, *, base: float = 10_000.0, device: torch.device | None = None
) -> Tensor:
    if dim % 2 != 0:
        raise ValueError(f"dim={dim} must be even")
    table = torch.empty(length, dim, device=device)
    for i in range(dim // 2):
        angles = torch.arange(length, dtype=torch.float32, device=device) * math.exp(-2 * i / dim * math.log(base))
        table[:, 2 * i] = torch.sin(angles)
        table[:, 2 * i + 1] = torch.cos(angles)
    return table
