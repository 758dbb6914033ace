"""Boxes: their formats, and how much two of them overlap.

xyxy is (left, top, right, bottom), cxcywh (center across, center down, width, height), xywh (left, top, width, height),
all in the same unit, pixels or parts of the picture. Edges are places between pixels: a box from 0 to 10 is 10 wide.

H. Rezatofighi et al., "Generalized Intersection over Union", 2019, https://arxiv.org/abs/1902.09630: an overlap that
still says something where boxes do not touch. Z. Zheng et al., "Distance-IoU Loss" and "Enhancing Geometric Factors",
2020, https://arxiv.org/abs/2005.03572: centers and proportions count as well.

Left out: boxes that are turned, and masks.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def box_cxcywh_to_xyxy(boxes: Float[Tensor, "*B 4"]) -> Float[Tensor, "*B 4"]:
    """(center across, center down, width, height) to (left, top, right, bottom)."""
    center, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([center - size / 2, center + size / 2], dim=-1)


def box_xyxy_to_cxcywh(boxes: Float[Tensor, "*B 4"]) -> Float[Tensor, "*B 4"]:
    """(left, top, right, bottom) to (center across, center down, width, height)."""
    first, last = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(first + last) / 2, last - first], dim=-1)


def box_xywh_to_xyxy(boxes: Float[Tensor, "*B 4"]) -> Float[Tensor, "*B 4"]:
    """(left, top, width, height) to (left, top, right, bottom)."""
    return torch.cat([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], dim=-1)


def box_xyxy_to_xywh(boxes: Float[Tensor, "*B 4"]) -> Float[Tensor, "*B 4"]:
    """(left, top, right, bottom) to (left, top, width, height)."""
    return torch.cat([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], dim=-1)


def box_area(boxes: Float[Tensor, "*B 4"]) -> Float[Tensor, "*B"]:
    """The area of boxes in xyxy; 0 where an edge lies on the wrong side of the other."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1)


def box_iou(a: Float[Tensor, "N 4"], b: Float[Tensor, "M 4"]) -> Float[Tensor, "N M"]:
    """Intersection over union of every box of `a` with every box of `b`, all in xyxy: area shared / area covered.

    The intersection goes from the larger of the two lefts to the smaller of the two rights, and likewise downwards; its
    width and height are at least 0. The union is the sum of both areas minus the intersection. Where it is 0, for two
    boxes without area, the result is 0, not nan. Half precision becomes float32, since the area of a box of 300 x 300
    is more than float16 can hold; other dtypes stay. For [0, 0, 2, 2] and [1, 0, 3, 2], box_iou is 2 / (4 + 4 - 2) =
    1/3.
    """
    # Areas are products: float16 ends at 65504.
    if a.dtype in (torch.float16, torch.bfloat16):
        a, b = a.float(), b.float()
    # Every box of a beside every box of b: (N, 1, 4) and (1, M, 4).
    a, b = a[:, None], b[None]
    # From the later beginning to the earlier end; boxes that do not meet share nothing.
    shared = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    intersection = shared[..., 0] * shared[..., 1]
    # What both cover is counted once.
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    union = area_a + area_b - intersection
    # 0 / 0 is made 0 / 1.
    return intersection / torch.where(union > 0, union, 1)


def generalized_iou(a: Float[Tensor, "*#B 4"], b: Float[Tensor, "*#B 4"]) -> Float[Tensor, "*B"]:
    """IoU - (hull - union) / hull for boxes in xyxy, pair by pair: a number in (-1, 1].

    `hull` is the area of the smallest box that holds both. Boxes that do not meet all have IoU 0, and no gradient; here
    the result falls towards -1 the farther they are apart. As a loss, 1 - generalized_iou. `a` and `b` broadcast: each
    with each is a[:, None] and b[None]. Where union or hull is 0 its fraction is 0. Half precision becomes float32.
    For [0, 0, 1, 1] and [2, 0, 3, 1] it is 0 - (3 - 2) / 3 = -1/3. Rezatofighi et al. 2019, algorithm 1.
    """
    if a.dtype in (torch.float16, torch.bfloat16):
        a, b = a.float(), b.float()
    # Intersection and union, as for the plain IoU.
    shared = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    intersection = shared[..., 0] * shared[..., 1]
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    union = area_a + area_b - intersection
    # The smallest box around both: from the earlier beginning to the later end.
    around = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    hull = around[..., 0] * around[..., 1]
    # The part of it that neither covers is taken off; 0 / 0 is made 0 / 1.
    iou = intersection / torch.where(union > 0, union, 1)
    return iou - (hull - union) / torch.where(hull > 0, hull, 1)


def complete_iou(a: Float[Tensor, "*#B 4"], b: Float[Tensor, "*#B 4"], *, eps: float = 1e-7) -> Float[Tensor, "*B"]:
    """IoU - d^2 / c^2 - alpha v for boxes in xyxy, pair by pair; `b` is what `a` should be.

    d is the distance of the centers, c the diagonal of the smallest box that holds both. v = 4 / pi^2 *
    (atan(w_b / h_b) - atan(w_a / h_a))^2 says how different the proportions are, alpha = v / (1 - IoU + v) how much
    that counts: the better the overlap the more. No gradient flows through alpha. `a` and `b` broadcast. Half precision
    becomes float32. Zheng et al. 2020, equations 7 to 11.
    """
    if a.dtype in (torch.float16, torch.bfloat16):
        a, b = a.float(), b.float()
    size_a, size_b = a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]
    shared = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    intersection = shared.prod(dim=-1)
    union = size_a.prod(dim=-1) + size_b.prod(dim=-1) - intersection
    iou = intersection / torch.where(union > 0, union, 1)
    around = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]).square().sum(dim=-1) / 4
    distance = apart / (around.square().sum(dim=-1) + eps)
    angle_a = torch.atan(size_a[..., 0] / (size_a[..., 1] + eps))
    angle_b = torch.atan(size_b[..., 0] / (size_b[..., 1] + eps))
    v = 4 / math.pi**2 * (angle_b - angle_a).square()
    with torch.no_grad():
        alpha = v / (1 - iou + v + eps)
    return iou - distance - alpha * v
