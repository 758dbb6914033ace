"""With the smaller product on the right side for tall matrices, and the polynomial written by Horner's rule."""

import torch
from torch import Tensor


def newton_schulz(g: Tensor, *, steps: int = 5, eps: float = 1e-7) -> Tensor:
    x = g / (g.square().sum(dim=(-2, -1), keepdim=True).sqrt() + eps)
    wide = g.shape[-2] <= g.shape[-1]
    unit = torch.eye(min(g.shape[-2:]), dtype=g.dtype)
    for _ in range(steps):
        product = x @ x.mT if wide else x.mT @ x
        polynomial = 3.4445 * unit + product @ (-4.775 * unit + 2.0315 * product)
        x = polynomial @ x if wide else x @ polynomial
    return x
