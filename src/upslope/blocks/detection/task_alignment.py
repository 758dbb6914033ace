"""Which places of a dense detector answer for which object: those that classify it and locate it best together.

C. Feng et al., "TOOD: Task-aligned One-stage Object Detection", 2021, https://arxiv.org/abs/2108.07755, section 3.2.
Matching by anchors decides before training begins; here the network's own answers decide, anew at each step. Left out:
the paper's own head.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from upslope.blocks.detection.boxes import box_iou


def align_tasks(
    scores: Float[Tensor, "N K"],
    boxes: Float[Tensor, "N 4"],
    middles: Float[Tensor, "N 2"],
    objects: Float[Tensor, "M 4"],
    labels: Int[Tensor, "M"],
    *,
    most: int = 10,
    alpha: float = 1.0,
    beta: float = 6.0,
) -> Float[Tensor, "N M"]:
    """How well each of N places answers for each of M objects, from 0 to 1: what it should say. 0: not its object.

    A place lies at `middles` (x, y) and says `scores`, probabilities of K classes, and `boxes` (xyxy). Its alignment
    with an object is s^alpha u^beta, s its score for the object's class in `labels`, u the IoU of its box with the
    object. Of the places that lie inside of an object, not on its edge, the `most` best aligned answer for it. One that
    would answer for several takes the object with which its IoU is larger, the first if they are equal. What it should
    say is its alignment over the largest among that object's places, times the largest IoU that these places have;
    0 if all are 0. Without objects the result is (N, 0). It has no gradient. For the object [0, 0, 4, 4], places at
    (1, 1) and (3, 3), scores 0.5 and 0.8 and boxes with IoU 1 and 1/2: the alignments are 0.5 and 0.8 / 64 = 0.0125,
    so align_tasks is [[1], [0.025]]. Feng et al. 2021, section 3.2.
    """
    # The network's answers are what decides; what is decided teaches them, and not the other way round.
    scores, boxes = scores.detach(), boxes.detach()
    # How far each place is from the four edges of each object: inside, all are positive. (N, M)
    before, behind = middles[:, None] - objects[:, :2], objects[:, 2:] - middles[:, None]
    inside = torch.cat([before, behind], dim=-1).amin(dim=-1) > 0
    # The right class at the right place, together.
    iou = box_iou(boxes, objects)
    alignment = scores[:, labels] ** alpha * iou**beta
    # The best places of each object, of those inside.
    best = torch.where(inside, alignment, -1.0).topk(min(most, len(scores)), dim=0).indices
    chosen = torch.zeros_like(inside).scatter_(0, best, True) & inside
    # Nobody answers for two: the larger overlap decides.
    if len(objects):
        first = torch.where(chosen, iou, -1.0).argmax(dim=1, keepdim=True)
        chosen &= torch.zeros_like(chosen).scatter_(1, first, True)
    # An object's best place should say its largest IoU, the others less in proportion.
    alignment, iou = alignment * chosen, iou * chosen
    if len(scores) == 0:
        return alignment
    largest = alignment.amax(dim=0)
    return (alignment / torch.where(largest > 0, largest, 1)) * iou.amax(dim=0)
