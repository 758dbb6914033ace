"""With the row turned by a quarter: (a, b) becomes (a, b) cos + (-b, a) sin, as in Llama's published code."""

import torch
from torch import Tensor


def rotary_embedding(x: Tensor, *, start: int = 0, base: float = 10_000.0) -> Tensor:
    size = x.shape[-1]
    exponents = torch.arange(0, size, 2, dtype=torch.float64) / size
    positions = torch.arange(x.shape[-2], dtype=torch.float64) + start
    angles = torch.outer(positions, base**-exponents).repeat(1, 2)
    quarter = torch.cat([-x[..., size // 2 :], x[..., : size // 2]], dim=-1)
    return x * angles.cos().to(x.dtype) + quarter * angles.sin().to(x.dtype)
