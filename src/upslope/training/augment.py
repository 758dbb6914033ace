"""Changing pictures in ways that do not change what they show; whole batches at once."""

import math

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


def random_affine(x: Pictures, *, shift: float, zoom: float, turn: float, generator: torch.Generator) -> Pictures:
    """Each picture moved by up to `shift` pixels, larger or smaller by up to the share `zoom`, turned by up to `turn`.

    `turn` is in degrees, to either side. What comes in from outside is as the nearest pixel of the border.
    """
    size, _, height, width = x.shape
    angle, factor, across, down = 2 * torch.rand(4, size, generator=generator).to(x.device) - 1
    cosine, sine = (f(angle * math.radians(turn)) * (1 + zoom * factor) for f in (torch.cos, torch.sin))
    # For each place of the new picture the place of the old one; a picture runs from -1 to 1.
    first = torch.stack([cosine, -sine, 2 * shift * across / width], dim=1)
    second = torch.stack([sine, cosine, 2 * shift * down / height], dim=1)
    grid = F.affine_grid(torch.stack([first, second], dim=1), [*x.shape], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def random_light(x: Pictures, *, most: float, generator: torch.Generator) -> Pictures:
    """Light from a side: each picture gets brighter towards a random side by up to the share `most`, darker away."""
    size, _, height, width = x.shape
    across, down = most * (2 * torch.rand(2, size, 1, 1, 1, generator=generator).to(x.device) - 1)
    columns, rows = (torch.linspace(-1, 1, n, device=x.device) for n in (width, height))
    return x * (1 + across * columns + down * rows[:, None])


def disturb_faces(*, shift: float = 3, zoom: float = 0.08, turn: float = 8, light: float = 0.3) -> Transform:
    """What `Batches` does to faces: mirrored, moved, turned and zoomed a little, in another light."""

    def transform(batch: Batch, generator: torch.Generator) -> Batch:
        images = random_horizontal_flip(batch["image"], generator=generator)
        images = random_affine(images, shift=shift, zoom=zoom, turn=turn, generator=generator)
        return {**batch, "image": random_light(images, most=light, generator=generator)}

    return transform
