"""Changing pictures with masks: both are cut, mirrored and turned by quarters, so no class is ever interpolated."""

import torch

from upslope.training.batches import Batch, Transform


def disturb_masks(*, side: int, light: float = 0.0, contrast: float = 0.0, turn: bool = True) -> Transform:
    """A square of `side` pixels from each picture, mirrored and (`turn`) turned by a quarter, half or three quarters.

    Its light is changed by up to `light`, its contrast by up to the share `contrast`. The batch holds `image` (B, C, H,
    W) in [0, 1] and `mask` (B, H, W); a picture that is smaller than the square is refused with a ValueError.
    """

    def transform(batch: Batch, generator: torch.Generator) -> Batch:
        images, masks = batch["image"], batch["mask"]
        height, width = masks.shape[1:]
        if min(height, width) < side:
            raise ValueError(f"squares of {side} pixels from pictures of {height} x {width}")
        made = [_one(image, mask, side, turn, generator) for image, mask in zip(images, masks, strict=True)]
        pictures, targets = (torch.stack(each) for each in zip(*made, strict=True))
        brighter, wider = 2 * torch.rand(2, len(pictures), 1, 1, 1, generator=generator) - 1
        pictures = (pictures - 0.5) * (1 + contrast * wider) + 0.5 + light * brighter
        return {**batch, "image": pictures.clamp(0, 1), "mask": targets}

    return transform


def _one(
    image: torch.Tensor, mask: torch.Tensor, side: int, turn: bool, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """One square and its mask."""

    def whole(below: int) -> int:
        return int(torch.randint(below, (1,), generator=generator))

    top, left = whole(mask.shape[0] - side + 1), whole(mask.shape[1] - side + 1)
    flip, quarters = whole(2), whole(4) if turn else 0
    both = []
    for each in (image, mask):
        part = each[..., top : top + side, left : left + side]
        part = part.flip(-1) if flip else part
        both.append(torch.rot90(part, quarters, (-2, -1)))
    return both[0], both[1]
