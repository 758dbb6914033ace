"""Non-maximum suppression: of boxes that overlap, found for one object, the best one stays.

As in P. Felzenszwalb, R. Girshick, D. McAllester, D. Ramanan, "Object Detection with Discriminatively Trained
Part-Based Models", 2010, https://doi.org/10.1109/TPAMI.2009.167, section 7.2, and in every detector since that answers
more than once. Left out: scores that fade instead (Soft-NMS).

It is worked out in float64, whatever came. The usual trick for many classes, boxes moved apart by class * largest
coordinate, loses the boxes' own digits: here classes are compared.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from upslope.blocks.detection.boxes import box_iou


def nms(
    boxes: Float[Tensor, "N 4"],
    scores: Float[Tensor, "N"],
    *,
    threshold: float,
    classes: Int[Tensor, "N"] | None = None,
) -> Int[Tensor, "K"]:
    """Which boxes (xyxy) stay, as indices, the highest score first; of equal scores the one that stands first.

    The box with the highest score stays. All others whose IoU with it is larger than `threshold` go. So on with those
    that are left. With `classes` a box goes only because of one of its own class. The numbers are compared in float64,
    whatever their dtype, and no gradient flows. [0, 0, 4, 4], [0, 0, 4, 3] and [4, 0, 8, 4] with scores 0.8, 0.9 and
    0.3 and threshold = 0.5: the second stays, the first goes (IoU 12 / 16 = 0.75), and the third stays: nms is [1, 2].
    """
    # As many digits as there are, wherever the numbers lie.
    places = boxes.detach().cpu().double()
    # From the highest score down.
    left = scores.detach().cpu().argsort(descending=True, stable=True)
    stay = []
    while len(left) > 0:
        # The best of those that are left stays.
        best, left = left[0], left[1:]
        stay.append(best.item())
        # What covers the same place, and is of the same class, goes.
        covers = box_iou(places[best][None], places[left])[0] > threshold
        if classes is not None:
            covers &= (classes[left] == classes[best]).cpu()
        left = left[~covers]
    return torch.tensor(stay, dtype=torch.long, device=boxes.device)
