"""Changing pictures in ways that do not change what they show; whole batches at once."""

import torch
from torch.nn import functional as F

from upslope.training.batches import Pictures


def shifted(x: Pictures, *, by: int, generator: torch.Generator, fill: float = 0.0) -> Pictures:
    """Each picture moved by up to `by` pixels up or down and left or right; what comes in from outside is `fill`."""
    size, _, height, width = x.shape
    padded = F.pad(x, (by, by, by, by), value=fill)
    down, right = torch.randint(0, 2 * by + 1, (2, size), generator=generator).to(x.device)
    rows = down[:, None] + torch.arange(height, device=x.device)  # (B, H)
    columns = right[:, None] + torch.arange(width, device=x.device)  # (B, W)
    which = torch.arange(size, device=x.device)[:, None, None]
    # (B, H, W, C), looked at as (B, C, H, W): channels last in memory, as convolutions like it.
    return padded[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def mirrored(x: Pictures, *, generator: torch.Generator) -> Pictures:
    """Every second picture, at random, as in a mirror."""
    turned = torch.rand(len(x), generator=generator).to(x.device) < 0.5
    return torch.where(turned[:, None, None, None], x.flip(3), x)


def erased(x: Pictures, *, side: int, generator: torch.Generator, fill: float = 0.0) -> Pictures:
    """In each picture a square of this side is lost (T. DeVries, G. Taylor 2017, https://arxiv.org/abs/1708.04552).

    Its centre may be any pixel, so a part of the square can lie outside.
    """
    size, _, height, width = x.shape
    down = torch.randint(0, height, (size, 1), generator=generator).to(x.device)
    right = torch.randint(0, width, (size, 1), generator=generator).to(x.device)
    rows = (torch.arange(height, device=x.device) - down + side // 2).ge(0) & (
        torch.arange(height, device=x.device) - down - (side + 1) // 2
    ).lt(0)
    columns = (torch.arange(width, device=x.device) - right + side // 2).ge(0) & (
        torch.arange(width, device=x.device) - right - (side + 1) // 2
    ).lt(0)
    return x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], fill)
