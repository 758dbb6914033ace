"""Changing pictures with boxes: what moves a picture moves its boxes, and what leaves the picture leaves them."""

import torch
from torch.nn import functional as F

from upslope.data.loading.dataset import Dataset
from upslope.training.batches import Batch, Batches, Collate, Transform

KEPT = 0.3  # of a box' area that must still be seen


def disturb_boxes(*, shift: float, zoom: float, light: float, upside_down: bool = False) -> Transform:
    """Mirrored, moved by up to the share `shift` of a side, larger or smaller by up to `zoom`, in other light.

    `upside_down` mirrors from top to bottom as well: for what has no upper side. The batch holds `image` (B, C, H, W),
    `boxes` (B, M, 4) in xyxy pixels, `label` (B, M), and how many are real under `boxes_lengths`.
    """

    def transform(batch: Batch, generator: torch.Generator) -> Batch:
        images, boxes = batch["image"], batch["boxes"]
        size, _, height, width = images.shape
        chance = torch.rand(6, size, generator=generator)
        flip = torch.where(chance[:2] < 0.5, -1.0, 1.0)
        flip[1] = flip[1] if upside_down else 1
        scale = 1 + zoom * (2 * chance[2] - 1)
        move = 2 * shift * (2 * chance[3:5] - 1)  # in [-1, 1] coordinates, whose sides are 2
        # Where each new place comes from: old = new * slope + move, for x and for y.
        slope = flip / scale
        theta = torch.zeros(size, 2, 3)
        theta[:, 0, 0], theta[:, 1, 1] = slope
        theta[:, 0, 2], theta[:, 1, 2] = move
        grid = F.affine_grid(theta, [*images.shape], align_corners=False)
        moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
        bright = 1 + light * (2 * chance[5] - 1)
        return {**batch, "image": (moved * bright[:, None, None, None]).clamp(0, 1)} | _kept(
            batch, _moved(boxes, slope, move, height, width), height, width
        )

    return transform


def disturbed(dataset: Dataset, *, collate: Collate, batch_size: int, seed: int) -> Batches:
    """Batches of pictures that have no upper side, each shown otherwise every time."""
    change = disturb_boxes(shift=0.1, zoom=0.2, light=0.1, upside_down=True)
    return Batches(dataset, collate=collate, transform=change, batch_size=batch_size, seed=seed)


def _moved(boxes: torch.Tensor, slope: torch.Tensor, move: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Boxes (B, M, 4) where the affine map puts them: new = (old - move) / slope, edges in order again."""
    half = boxes.new_tensor([width, height]) / 2
    ends = boxes.reshape(*boxes.shape[:2], 2, 2) / half - 1  # (B, M, 2 ends, 2 axes)
    ends = (ends - move.T[:, None, None]) / slope.T[:, None, None]
    return ((ends.sort(dim=2).values + 1) * half).flatten(2)


def _kept(batch: Batch, boxes: torch.Tensor, height: int, width: int) -> Batch:
    """Boxes cut at the picture's edge; those of which too little is left are gone, and the others stand first."""
    edge = boxes.new_tensor([width, height, width, height])
    cut = torch.minimum(boxes.clamp(min=0), edge)
    before, after = ((each[..., 2:] - each[..., :2]).prod(dim=-1) for each in (boxes, cut))
    real = torch.arange(boxes.shape[1]) < batch["boxes_lengths"][:, None]
    stay = real & (after >= KEPT * before) & (after > 0)
    order = (~stay).byte().sort(dim=1, stable=True).indices
    counts = stay.sum(dim=1)
    return {
        "boxes": cut.gather(1, order[..., None].expand_as(cut)),
        "label": batch["label"].gather(1, order),
        "boxes_lengths": counts,
        "label_lengths": counts,
    }
