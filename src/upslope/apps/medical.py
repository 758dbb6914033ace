"""A second look at a medical picture: what the network marks, how much and how many, and where it is unsure.

The picture is looked at eight times, turned and mirrored (M. S. Ayhan, P. Berens, "Test-time Data Augmentation for
Estimation of Heteroscedastic Aleatoric Uncertainty in Deep Neural Networks", 2018, https://openreview.net/pdf?id=rJZz-knjz).
What the eight answers agree on is likely; the entropy of their mean says where they do not. Not a medical device.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from upslope.runs.reports.calibration import calibration_error
from upslope.runs.reports.segmentation import confusion, dice, pixel_auc
from upslope.ship.pipelines.image_segmentation import ImageSegmentation, entropy

Map = NDArray[np.float32]
SMALLEST = 9  # pixels of a thing that is counted
SPOTS = 5  # places that are pointed at
SIDE = 48  # pixels of such a place
NOTICE = "Not a medical device: a study of networks, not of patients."


@dataclass(frozen=True)
class Spot:
    """A square that is worth a look: its upper left corner, its side, and its mean uncertainty."""

    left: int
    top: int
    side: int
    uncertainty: float


@dataclass(frozen=True)
class Finding:
    """What was marked in one picture. `judged`: where a mask was given, how well, by name."""

    classes: tuple[str, ...]
    probabilities: Map  # (K, H, W), the mean of eight looks
    mask: NDArray[np.int64]
    uncertainty: Map  # entropy of the mean, from 0 to 1
    areas: dict[str, int]  # pixels of each class
    counts: dict[str, int]  # things that hang together, of each class but the first
    spots: tuple[Spot, ...]
    judged: dict[str, float]


def examine(pipeline: ImageSegmentation, pixels: Map, *, truth: NDArray[np.int64] | None = None) -> Finding:
    """Look at a picture (C, H, W) of any size eight times; with a mask `truth` (H, W) say how good that was."""
    probabilities = eightfold(pipeline.probabilities, pixels)
    mask = probabilities.argmax(axis=0)
    unsure = entropy(probabilities)
    names = pipeline.spec.classes
    counts = {name: _things(mask == kind) for kind, name in enumerate(names) if kind}
    areas = {name: int((mask == kind).sum()) for kind, name in enumerate(names)}
    judged = judge(probabilities, unsure, truth) if truth is not None else {}
    return Finding(names, probabilities, mask, unsure, areas, counts, look_here(unsure), judged)


def eightfold(ask: Callable[[Map], Map], pixels: Map) -> Map:
    """The mean of what is said of a picture in its eight positions, each answer turned back."""
    total: Map | None = None
    for flip in (False, True):
        for quarters in range(4):
            seen = np.rot90(pixels[..., ::-1] if flip else pixels, quarters, (1, 2))
            said = np.rot90(ask(np.ascontiguousarray(seen)), -quarters, (1, 2))
            said = said[..., ::-1] if flip else said
            total = said.astype(np.float32) if total is None else total + said
    assert total is not None
    return np.asarray(total / 8, dtype=np.float32)


def look_here(unsure: Map, *, side: int = SIDE, most: int = SPOTS) -> tuple[Spot, ...]:
    """The squares with the largest mean uncertainty, none of which overlap, the most uncertain first."""
    height, width = unsure.shape
    side = min(side, height, width)
    mean = ndimage.uniform_filter(unsure.astype(np.float64), side, mode="constant")
    half = side // 2
    inside = np.full_like(mean, -np.inf)
    rows, columns = slice(half, height - side + half + 1), slice(half, width - side + half + 1)
    inside[rows, columns] = mean[rows, columns]
    spots: list[Spot] = []
    while len(spots) < most and np.isfinite(inside).any():
        y, x = np.unravel_index(int(inside.argmax()), inside.shape)
        top, left = int(y) - half, int(x) - half
        spots.append(Spot(left, top, side, float(unsure[top : top + side, left : left + side].mean())))
        inside[max(0, y - side + 1) : y + side, max(0, x - side + 1) : x + side] = -np.inf
    return tuple(spots)


def judge(probabilities: Map, unsure: Map, truth: NDArray[np.int64]) -> dict[str, float]:
    """Dice of each class but the first; how well the uncertainty finds the wrong pixels; the calibration error."""
    if truth.shape != unsure.shape:
        raise ValueError(f"the mask is {truth.shape} pixels and the picture {unsure.shape}; they must be equal")
    said = probabilities.argmax(axis=0)
    kinds = len(probabilities)
    matrix = confusion(truth, said, classes=kinds)
    wrong = said != truth
    rows = probabilities.reshape(kinds, -1).T
    found = {"uncertainty_auc": pixel_auc(unsure, wrong)} if 0 < wrong.sum() < wrong.size else {}
    return {
        "dice": float(np.mean([dice(matrix, kind) for kind in range(1, kinds)])),
        **found,
        "calibration_error": calibration_error(rows, truth.ravel()),
    }


def _things(mask: NDArray[np.bool_]) -> int:
    """How many pieces hang together, over edges and corners; specks are not counted."""
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    return int((np.bincount(labels.ravel())[1:] >= SMALLEST).sum())
