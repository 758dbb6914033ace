"""Changing pictures with masks: both are cut, mirrored and turned by quarters, so no class is ever interpolated."""

import torch

from upslope.data.loading.dataset import Dataset
from upslope.runs.errors import ConfigProblem
from upslope.training.batches import Batch, Batches, Collate, Transform


def disturb_masks(*, side: int, light: float = 0.0, contrast: float = 0.0, turned: bool = True) -> Transform:
    """A square of `side` pixels from each picture, mirrored and, if `turned`, turned by any number of quarters.

    Its light is changed by up to `light`, its contrast by up to the share `contrast`. The batch holds `image` (B, C, H,
    W) in [0, 1] and `mask` (B, H, W); a picture that is smaller than the square is refused with a ConfigProblem.
    """

    def transform(batch: Batch, generator: torch.Generator) -> Batch:
        images, masks = batch["image"], batch["mask"]
        height, width = masks.shape[1:]
        _must_fit(side, height, width)
        made = [_one((image, mask), side, generator, turned=turned) for image, mask in zip(images, masks, strict=True)]
        pictures, targets = (torch.stack(each) for each in zip(*made, strict=True))
        return {**batch, "image": _lit(pictures, light, contrast, generator), "mask": targets}

    return transform


def disturb_maps(*maps: str, side: int, light: float = 0.0, contrast: float = 0.0, turned: bool = True) -> Transform:
    """As `disturb_masks` for pictures of different sizes and any maps (B, H, W), by their names in the batch.

    Each sample lies in the upper left of what the batch holds; its height and width stand in `size` (B, 2).
    """

    def transform(batch: Batch, generator: torch.Generator) -> Batch:
        made = []
        for k, (height, width) in enumerate(batch["size"].tolist()):
            _must_fit(side, height, width)
            whole = tuple(batch[name][k][..., :height, :width] for name in ("image", *maps))
            made.append(_one(whole, side, generator, turned=turned))
        pictures, *others = (torch.stack(each) for each in zip(*made, strict=True))
        size = torch.full_like(batch["size"], side)
        lit = _lit(pictures, light, contrast, generator)
        return {"image": lit, **dict(zip(maps, others, strict=True)), "size": size}

    return transform


def squares(
    dataset: Dataset, *maps: str, collate: Collate, side: int, batch_size: int, seed: int, turned: bool = True
) -> Batches:
    """Batches of squares with these maps, each lit otherwise every time; `turned`: the pictures have no upper side."""
    change = disturb_maps(*maps, side=side, light=0.1, contrast=0.2, turned=turned)
    return Batches(dataset, collate=collate, transform=change, batch_size=batch_size, seed=seed)


def _must_fit(side: int, height: int, width: int) -> None:
    if min(height, width) < side:
        raise ConfigProblem(f"side={side}: no such square fits into a picture of {height} x {width} pixels")


def _lit(pictures: torch.Tensor, light: float, contrast: float, generator: torch.Generator) -> torch.Tensor:
    """Pictures (B, C, H, W) in [0, 1], each lit otherwise."""
    brighter, wider = 2 * torch.rand(2, len(pictures), 1, 1, 1, generator=generator) - 1
    return ((pictures - 0.5) * (1 + contrast * wider) + 0.5 + light * brighter).clamp(0, 1)


def _one(
    maps: tuple[torch.Tensor, ...], side: int, generator: torch.Generator, *, turned: bool = True
) -> tuple[torch.Tensor, ...]:
    """The same square of a picture and of its masks."""

    def whole(below: int) -> int:
        return int(torch.randint(below, (1,), generator=generator))

    height, width = maps[0].shape[-2:]
    top, left = whole(height - side + 1), whole(width - side + 1)
    flip, quarters = whole(2), whole(4) if turned else 0
    moved = []
    for each in maps:
        part = each[..., top : top + side, left : left + side]
        part = part.flip(-1) if flip else part
        moved.append(torch.rot90(part, quarters, (-2, -1)))
    return tuple(moved)
