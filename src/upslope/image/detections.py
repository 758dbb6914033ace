"""What a dense detector has found: of thousands of boxes those that are likely enough, and each object once.

Boxes and scores come as two arrays from PyTorch, from an ONNX file, or from a page; this is the same for all of them
and needs NumPy only. `upslope.blocks.detection.suppression` says the same in PyTorch, one box after the other.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 300  # boxes that are kept of a picture
LOOKED_AT = 3000  # boxes that are looked at, the likeliest: a picture full of noise stays quick


@dataclass(frozen=True)
class Found:
    """Boxes (N, 4), their scores (N,) and classes (N,), the highest score first."""

    boxes: NDArray[np.floating[Any]]
    scores: NDArray[np.floating[Any]]
    classes: NDArray[np.int64]


def found(
    boxes: NDArray[np.floating[Any]],
    scores: NDArray[np.floating[Any]],
    *,
    least: float,
    overlap: float,
    most: int = MOST,
) -> Found:
    """What N places with boxes (N, 4) and scores (N, K) have found: at most `most` boxes with a score >= `least`.

    Each place and class is a box of its own. From the highest score down a box stays if its IoU with every box of its
    class that stays is at most `overlap`.
    """
    places, kinds = np.nonzero(scores >= least)
    values = scores[places, kinds]
    order = np.argsort(-values, kind="stable")[:LOOKED_AT]
    places, kinds, values = places[order], kinds[order], values[order]
    kept = boxes[places].astype(np.float64)
    stay: list[int] = []
    left = np.arange(len(values))
    while len(left) and len(stay) < most:
        best, left = left[0], left[1:]
        stay.append(int(best))
        left = left[(kinds[left] != kinds[best]) | (iou(kept[best], kept[left]) <= overlap)]
    return Found(boxes[places[stay]], values[stay], kinds[stay].astype(np.int64))


def iou(box: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The IoU of one box (4,) with several (N, 4), xyxy; 0 where neither has an area."""
    shared = np.clip(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0, None).prod(axis=1)
    union = (box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) - shared
    return np.asarray(shared / np.where(union > 0, union, 1))
