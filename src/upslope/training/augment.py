"""Changing pictures in ways that do not change what they show; whole batches at once."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from upslope.training.batches import Batch, Transform

Pictures = Float[Tensor, "B C H W"]


def random_shift(x: Pictures, *, by: int, generator: torch.Generator, fill: float = 0.0) -> Pictures:
    """Each picture moved by up to `by` pixels up or down and left or right; what comes in from outside is `fill`."""
    size, _, height, width = x.shape
    padded = F.pad(x, (by, by, by, by), value=fill)
    down, right = torch.randint(0, 2 * by + 1, (2, size), generator=generator).to(x.device)
    rows = down[:, None] + torch.arange(height, device=x.device)  # (B, H)
    columns = right[:, None] + torch.arange(width, device=x.device)  # (B, W)
    which = torch.arange(size, device=x.device)[:, None, None]
    # (B, H, W, C), looked at as (B, C, H, W): channels last in memory, as convolutions like it.
    return padded[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def random_horizontal_flip(x: Pictures, *, generator: torch.Generator) -> Pictures:
    """Every second picture, at random, as in a mirror."""
    turned = torch.rand(len(x), generator=generator).to(x.device) < 0.5
    return torch.where(turned[:, None, None, None], x.flip(3), x)


def shift_and_flip(by: int, *, flip: bool = False) -> Transform:
    """What `Batches` does to the images of a batch: moved by up to `by` pixels, and every second one flipped."""

    def transform(batch: Batch, generator: torch.Generator) -> Batch:
        images = batch["image"]
        images = random_shift(images, by=by, generator=generator) if by else images
        return {**batch, "image": random_horizontal_flip(images, generator=generator) if flip else images}

    return transform
