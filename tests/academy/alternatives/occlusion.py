"""Masks in place of slices: all squares at once, from comparisons of places."""

import math

import torch
from torch import Tensor


def occlusion(score, x: Tensor, *, window: int, stride: int, value=0.0) -> Tensor:
    height, width = x.shape[1], x.shape[2]

    def masks(size):
        count = max(0, math.ceil((size - window) / stride)) + 1
        starts = torch.arange(count)[:, None] * stride
        places = torch.arange(size)
        return (places >= starts) & (places < starts + window)

    down, across = masks(height), masks(width)
    under = (down[:, None, :, None] & across[None, :, None, :]).reshape(-1, 1, height, width)
    filled = torch.as_tensor(value, dtype=x.dtype)
    with torch.no_grad():
        scores = score(torch.where(under, filled, x))
        lost = score(x.unsqueeze(0)) - scores
    return lost.unflatten(0, (len(down), len(across)))
