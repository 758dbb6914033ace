"""Region proposals: where something may be, before anybody asks what.

S. Ren, K. He, R. Girshick, J. Sun, "Faster R-CNN", 2015, https://arxiv.org/abs/1506.01497, section 3.1.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.detection.boxes import box_iou

SMALLEST = 1e-3  # pixels on a side


class ProposalHead(nn.Module):
    """On every map the same: a 3x3 convolution, then for each anchor a logit of "something" and four corrections."""

    def __init__(self, channels: int, anchors: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.something = nn.Conv2d(channels, anchors, 1)
        self.corrections = nn.Conv2d(channels, 4 * anchors, 1)
        for layer in (self.conv, self.something, self.corrections):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, maps: Sequence[Float[Tensor, "B C _ _"]]) -> tuple[Float[Tensor, "B N"], Float[Tensor, "B N 4"]]:
        """Map after map, row by row, anchor by anchor."""
        somethings, corrections = [], []
        for each in maps:
            x = F.relu(self.conv(each))
            somethings.append(self.something(x).permute(0, 2, 3, 1).flatten(1))
            moved = self.corrections(x).permute(0, 2, 3, 1)
            corrections.append(moved.reshape(each.shape[0], -1, 4))
        return torch.cat(somethings, dim=1), torch.cat(corrections, dim=1)


def propose(
    boxes: Float[Tensor, "N 4"],
    logits: Float[Tensor, "N"],
    levels: Int[Tensor, "N"],
    *,
    height: int,
    width: int,
    before: int,
    after: int,
    overlap: float = 0.7,
) -> Float[Tensor, "P 4"]:
    """Of a picture's boxes those that probably hold something, the likeliest first, each thing about once.

    Of each level the `before` likeliest are cut at the picture's edge; what has no area goes; of those of a level that
    overlap by more than `overlap` the likelier stays; the first `after` are kept.
    """
    chosen = [_likeliest(logits, levels == level, before) for level in torch.unique(levels).tolist()]
    index = torch.cat(chosen) if chosen else levels
    cut = torch.minimum(boxes[index].clamp(min=0), boxes.new_tensor([width, height, width, height]))
    real = ((cut[:, 2:] - cut[:, :2]) >= SMALLEST).all(dim=1)
    cut, scores, groups = cut[real], logits[index][real], levels[index][real]
    return cut[_each_once(cut, scores, groups, overlap=overlap)[:after]]


def _each_once(
    boxes: Float[Tensor, "N 4"], scores: Float[Tensor, "N"], levels: Int[Tensor, "N"], *, overlap: float
) -> Int[Tensor, "K"]:
    """What `nms` with levels as classes says, with all overlaps of a level worked out at once.

    In training this is asked for every picture of every step, and most boxes stay: a row of overlaps for each of them
    took longer than the network.
    """
    order = scores.argsort(descending=True, stable=True)
    places, groups = boxes[order].double(), levels[order]
    stay = np.zeros(len(order), dtype=bool)
    for level in torch.unique(groups).tolist():
        (own,) = (groups == level).nonzero(as_tuple=True)
        covers = (box_iou(places[own], places[own]) > overlap).cpu().numpy()
        free = np.ones(len(own), dtype=bool)
        for k, row in enumerate(covers):
            if free[k]:
                free[k + 1 :] &= ~row[k + 1 :]
        stay[own.cpu().numpy()] = free
    return order[torch.from_numpy(stay).to(order.device)]


def _likeliest(logits: Float[Tensor, "N"], these: Bool[Tensor, "N"], most: int) -> Int[Tensor, "K"]:
    (index,) = these.nonzero(as_tuple=True)
    return index[logits[index].topk(min(most, len(index))).indices]


def sampled(matches: Int[Tensor, "N"], *, most: int, positive: float) -> tuple[Int[Tensor, "P"], Int[Tensor, "Q"]]:
    """Of matches (an object, -1 background, -2 neither) at most `most` at random: positives, and background.

    At most the share `positive` are of an object; background fills up what is left.
    """
    objects, background = ((matches >= 0).nonzero()[:, 0], (matches == -1).nonzero()[:, 0])
    count = min(len(objects), int(most * positive))
    others = min(len(background), most - count)
    first = objects[torch.randperm(len(objects), device=matches.device)[:count]]
    second = background[torch.randperm(len(background), device=matches.device)[:others]]
    return first, second
