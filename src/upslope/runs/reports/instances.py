"""How well things were told apart: F1, threat score and panoptic quality of label maps; and what it looks like.

A thing is found if something overlaps it with an IoU of more than 1/2; that can only be one, and only it (A. Kirillov
et al. 2018, https://arxiv.org/abs/1801.00868, section 4.1). Each figure has a name of its own: what DSB 2018 called
average precision, and StarDist accuracy, TP / (TP + FP + FN), is the threat score here; COCO's AP is another thing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

Labels = NDArray[np.integer[Any]]  # 0 for none, other numbers for things, with holes or without


@dataclass(frozen=True)
class Matches:
    """Things of one picture that belong together, and those that stay alone, by their numbers."""

    found: dict[int, tuple[int, float]]  # of the truth -> of the prediction, and their IoU
    missed: tuple[int, ...]  # of the truth
    wrong: tuple[int, ...]  # of the prediction


@dataclass(frozen=True)
class InstanceScores:
    """Counts over all pictures, and the figures that follow from them."""

    tp: int
    fp: int
    fn: int
    overlap: float  # the sum of the IoU of those that were found

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), the recognition quality RQ of one class."""
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn)

    @property
    def threat_score(self) -> float:
        """TP / (TP + FP + FN)."""
        return self.tp / (self.tp + self.fp + self.fn)

    @property
    def sq(self) -> float:
        """The mean IoU of those that were found; 0 if none was."""
        return self.overlap / self.tp if self.tp else 0.0

    @property
    def pq(self) -> float:
        """SQ times RQ."""
        return self.sq * self.f1


def matched(truth: Labels, found: Labels, *, least: float = 0.5) -> Matches:
    """Which thing of `found` is which of `truth`: pairs whose IoU is more than `least`, which is at least 1/2."""
    if truth.shape != found.shape:
        raise ValueError(f"the truth has {truth.shape} pixels, what was found {found.shape}")
    if not 0.5 <= least < 1:
        raise ValueError(f"least={least} is not in [0.5, 1): below it one thing could be found twice")
    there, true = np.unique(truth, return_inverse=True)
    seen, said = np.unique(found, return_inverse=True)
    shared = np.bincount(true.ravel() * len(seen) + said.ravel(), minlength=len(there) * len(seen))
    shared = shared.reshape(len(there), len(seen))
    either = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared
    iou = shared / np.maximum(either, 1)
    iou[there == 0] = iou[:, seen == 0] = 0  # what is no thing matches none
    pairs = {int(there[t]): (int(seen[f]), float(iou[t, f])) for t, f in np.argwhere(iou > least)}
    taken = {partner for partner, _ in pairs.values()}
    return Matches(
        pairs,
        tuple(int(t) for t in there if t and t not in pairs),
        tuple(int(f) for f in seen if f and f not in taken),
    )


def instance_scores(truth: Iterable[Labels], found: Iterable[Labels], *, least: float = 0.5) -> InstanceScores:
    """The scores over all pictures together: a picture counts as much as it holds."""
    each = [matched(true, seen, least=least) for true, seen in zip(truth, found, strict=True)]
    scores = InstanceScores(
        tp=sum(len(one.found) for one in each),
        fp=sum(len(one.wrong) for one in each),
        fn=sum(len(one.missed) for one in each),
        overlap=sum(iou for one in each for _, iou in one.found.values()),
    )
    if scores.tp + scores.fp + scores.fn == 0:
        raise ValueError("there is nothing in the truth and nothing was found, and of nothing there is no score")
    return scores


def outlines(
    axis: Axes, labels: Labels, numbers: Sequence[int] | None = None, *, color: str, width: float = 0.9
) -> None:
    """The outline of each thing, or of those with these numbers, on a picture that is drawn already."""
    from scipy import ndimage

    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None and (numbers is None or number in numbers):
            here = np.pad(labels[box] == number, 1).astype(float)
            down, across = (np.arange(-1, side.stop - side.start + 1) + side.start for side in box)
            axis.contour(across, down, here, levels=[0.5], colors=color, linewidths=width)


def found_and_missed(pictures: Sequence[NDArray[Any]], truth: Sequence[Labels], found: Sequence[Labels]) -> Figure:
    """A row for each picture: the picture, what is there, what was found, and outlines of what was missed or wrong."""
    count = len(pictures)
    figure = Figure(figsize=(11, 2.9 * count + 0.3), layout="constrained", facecolor="white")
    axes = figure.subplots(count, 4, squeeze=False)
    for row, picture, true, seen in zip(axes, pictures, truth, found, strict=True):
        matches = matched(true, seen)
        for axis in row:
            axis.imshow(picture, cmap="gray")
            axis.set_axis_off()
        colored(row[1], true)
        colored(row[2], seen)
        outlines(row[3], true, matches.missed, color="#e4572e")
        outlines(row[3], seen, matches.wrong, color="#f1c40f")
        heads = ("picture", f"truth: {len(matches.found) + len(matches.missed)}",
                 f"found: {len(matches.found) + len(matches.wrong)}",
                 f"missed (red): {len(matches.missed)}, wrong (yellow): {len(matches.wrong)}")  # fmt: skip
        for axis, head in zip(row, heads, strict=True):
            axis.set_title(head, fontsize=9)
    return figure


def colored(axis: Axes, labels: Labels) -> None:
    """Things laid over a picture; neighbors have numbers near each other, and colors far from each other."""
    mixed = np.ma.masked_equal(np.where(labels, 1 + labels * 7 % 19, 0), 0)
    axis.imshow(mixed, cmap="tab20", vmin=0, vmax=19, alpha=0.6, interpolation="nearest")
