"""Anchors: boxes in a grid from which those of the objects are told by small differences.

S. Ren, K. He, R. Girshick, J. Sun, "Faster R-CNN", 2015, https://arxiv.org/abs/1506.01497, section 3.1; the encoding is
that of R. Girshick et al., "Rich Feature Hierarchies", 2013, https://arxiv.org/abs/1311.2524, appendix C.

Every place of a feature map has several anchors, by size and by proportion. Each is matched with an object, with the
background, or with nothing, if it lies between; those with an object learn where the object lies beside them.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

_LARGEST = math.log(1000 / 16)  # of what decoding lets a size grow: a network that begins says anything


def anchor_grid(
    height: int, width: int, *, stride: int, scales: Sequence[float], ratios: Sequence[float] = (1.0,)
) -> Float[Tensor, "N 4"]:
    """Anchors of a feature map of height x width places, in xyxy pixels of the picture, float32.

    Place (i, j) sees the picture around x = (j + 1/2) * stride, y = (i + 1/2) * stride. An anchor of scale s and ratio
    r with its middle there is s * sqrt(r) high and s / sqrt(r) wide: height / width is r, and the area s * s whatever
    the ratio. N = height * width * scales * ratios: places row by row, and at each place scale after scale, every scale
    with all its ratios. What reaches beyond the picture is not cut. anchor_grid(1, 2, stride=8, scales=[4], ratios=[4])
    is [[3, 0, 5, 8], [11, 0, 13, 8]]. Ren et al. 2015, section 3.1.1.
    """
    # Of each scale with each ratio the height and the width, and the corners around 0.
    scale, root = torch.tensor(scales), torch.tensor(ratios).sqrt()
    high, wide = (scale[:, None] * root).flatten(), (scale[:, None] / root).flatten()
    shapes = torch.stack([-wide, -high, wide, high], dim=1) / 2  # (A, 4)
    # The middle of each place, twice: for the corner at the top left and for that at the bottom right.
    down, across = torch.arange(height).repeat_interleave(width), torch.arange(width).repeat(height)
    centers = (torch.stack([across, down, across, down], dim=1)[:, None] + 0.5) * stride
    # Every shape at every place.
    return (centers + shapes).reshape(-1, 4)


def match_anchors(iou: Float[Tensor, "N M"], *, high: float = 0.7, low: float = 0.3) -> Int[Tensor, "N"]:
    """For each of N anchors the object, 0 to M - 1, that it stands for; -1 is background, -2 neither.

    `iou` holds the overlap of every anchor with every object. An anchor's object is the one that it overlaps most, the
    first of several. If that IoU >= high it is matched; if IoU < low it is background; between the two it is
    neither, and will count in no loss. But no object goes without: the anchors whose IoU with an object is the largest
    that any anchor has, all of them if there are several, are matched, each with its own object, however small
    this IoU is, as long as it is more than 0. Without objects all is background. [[0.8, 0], [0.4, 0], [0.1, 0.2],
    [0, 0]] becomes [0, -2, 1, -1]: the third anchor is the second object's best. Ren et al. 2015, section 3.1.2.
    """
    # A batch may hold a picture without objects: there is no largest of nothing.
    if iou.shape[1] == 0:
        return torch.full((len(iou),), -1, device=iou.device)
    # The object that each anchor overlaps most.
    best, objects = iou.max(dim=1)
    # By the two thresholds: clearly there, clearly not, or neither.
    matches = torch.where(best < low, -1, torch.where(best >= high, objects, -2))
    # The low-quality rule: whatever is an object's best anchor is matched after all.
    if len(iou) > 0:
        needed = ((iou == iou.max(dim=0).values) & (iou > 0)).any(dim=1)
        matches = torch.where(needed, objects, matches)
    return matches


def encode_boxes(
    boxes: Float[Tensor, "*B 4"], anchors: Float[Tensor, "*B 4"], *, weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0)
) -> Float[Tensor, "*B 4"]:
    """What a network should say so that its anchor becomes the box, both xyxy: (t_x, t_y, t_w, t_h).

    With centers (x, y), widths w and heights h, t_x = (x - x_a) / w_a, t_y = (y - y_a) / h_a, t_w = ln(w / w_a) and
    t_h = ln(h / h_a), each times its number of `weights`. So a difference counts by the anchor's size, and twice as
    wide is as far as half as wide. Boxes and anchors have an area. The box [2, 1, 6, 3] and the anchor [0, 0, 4, 4]:
    the centers are (4, 2) and (2, 2), and encode_boxes is [0.5, 0, 0, -0.6931]. Girshick et al. 2013, appendix C.
    """
    # Sizes and centers of both.
    size, anchor_size = boxes[..., 2:] - boxes[..., :2], anchors[..., 2:] - anchors[..., :2]
    center, anchor_center = (boxes[..., 2:] + boxes[..., :2]) / 2, (anchors[..., 2:] + anchors[..., :2]) / 2
    # The way from center to center, in anchors.
    shift = (center - anchor_center) / anchor_size
    # Sizes are ratios; their logarithms lie evenly around 0.
    growth = (size / anchor_size).log()
    return torch.cat([shift, growth], dim=-1) * boxes.new_tensor(weights)


def decode_boxes(
    codes: Float[Tensor, "*B 4"], anchors: Float[Tensor, "*B 4"], *, weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0)
) -> Float[Tensor, "*B 4"]:
    """The boxes (xyxy) that encode_boxes made codes of; none grows to more than 1000 / 16 times its anchor."""
    codes = codes / codes.new_tensor(weights)
    anchor_size, anchor_center = anchors[..., 2:] - anchors[..., :2], (anchors[..., 2:] + anchors[..., :2]) / 2
    center = anchor_center + codes[..., :2] * anchor_size
    size = anchor_size * codes[..., 2:].clamp(max=_LARGEST).exp()
    return torch.cat([center - size / 2, center + size / 2], dim=-1)
