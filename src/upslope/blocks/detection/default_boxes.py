"""Default boxes of SSD, and which of them learn from which object.

W. Liu et al., "SSD: Single Shot MultiBox Detector", 2015, https://arxiv.org/abs/1512.02325, sections 2.1 and 2.2.
Anchors by another name, with a scale for each feature map: coarse maps are for large things.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def default_boxes(
    shapes: Sequence[tuple[int, int]],
    *,
    height: int,
    width: int,
    scales: Sequence[float],
    ratios: Sequence[Sequence[float]],
    steps: Sequence[int] = (),
) -> Float[Tensor, "N 4"]:
    """Boxes in xyxy pixels of all places of all maps, map after map, row by row; none is cut at the picture's edge.

    Map k with scale s_k has at each place a square of s_k, one of sqrt(s_k s_(k+1)), and for each ratio r one box r
    times as wide as high and one r times as high as wide, of area s_k^2; no side is longer than the picture's. Scales
    are parts of the picture's sides, one more than there are maps. `steps`: strides, where the middles should lie by
    them and not by the maps' sizes.
    """
    boxes = []
    for k, (rows, columns) in enumerate(shapes):
        sides = [(scales[k], scales[k]), (math.sqrt(scales[k] * scales[k + 1]),) * 2]
        for ratio in ratios[k]:
            wide, narrow = scales[k] * math.sqrt(ratio), scales[k] / math.sqrt(ratio)
            sides += [(wide, narrow), (narrow, wide)]
        half = torch.tensor(sides).clamp(max=1) * torch.tensor([width, height]) / 2  # (A, 2)
        down, across = (height / rows, width / columns) if not steps else (float(steps[k]),) * 2
        y, x = (torch.arange(rows) + 0.5) * down, (torch.arange(columns) + 0.5) * across
        middles = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1).reshape(-1, 1, 2)
        boxes.append(torch.cat([middles - half, middles + half], dim=-1).reshape(-1, 4))
    return torch.cat(boxes)


def match_defaults(iou: Float[Tensor, "N M"], *, threshold: float = 0.5) -> Int[Tensor, "N"]:
    """The object of each default box, -1 for background: the one it overlaps most, if by at least the threshold.

    Before that every object gets the box that overlaps it most, whatever else that box would rather be.
    """
    if iou.shape[1] == 0:
        return torch.full((len(iou),), -1, device=iou.device)
    best, objects = iou.max(dim=1)
    matches = torch.where(best >= threshold, objects, -1)
    matches[iou.argmax(dim=0)] = torch.arange(iou.shape[1], device=iou.device)
    return matches


def hard_negatives(
    losses: Float[Tensor, "B N"], positive: Bool[Tensor, "B N"], *, ratio: float = 3.0
) -> Bool[Tensor, "B N"]:
    """Of each picture the background boxes with the largest losses, `ratio` for each positive one.

    Thousands of boxes see background, and nearly all of them know it: those that do not are what is to be learned.
    """
    ranked = torch.where(positive, -math.inf, losses.detach())
    rank = ranked.argsort(dim=1, descending=True).argsort(dim=1)
    return (rank < ratio * positive.sum(dim=1, keepdim=True)) & ~positive
