"""What a detector found, to look at: boxes on pictures, what was missed, and precision over recall."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from upslope.runs.figures import COLOURS, FAINT, INK
from upslope.runs.reports.detection.average_precision import Detections, Truth, pairwise_iou, precision_and_recall


def draw_boxes(
    axis: Axes, boxes: NDArray[np.floating[Any]], labels: Sequence[str], classes: NDArray[np.integer[Any]]
) -> None:
    """Boxes in their class' colour, each with a label."""
    for (left, top, right, bottom), label, kind in zip(boxes, labels, classes, strict=True):
        colour = COLOURS[int(kind) % len(COLOURS)]
        axis.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour, linewidth=1.3))
        axis.text(left, top, label, fontsize=6, color="white", va="bottom", backgroundcolor=colour, parse_math=False,
                  bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.8})  # fmt: skip


def found_and_missed(
    images: Sequence[NDArray[Any]],
    truth: Sequence[Truth],
    found: Sequence[Detections],
    classes: Sequence[str],
    *,
    least: float,
) -> Figure:
    """Pictures with what was found with a score >= `least`; dotted, what was missed."""
    across = min(3, len(images))
    down = -(-len(images) // across)
    height, width = images[0].shape[:2]
    figure = Figure(figsize=(3.6 * across, 3.6 * down * height / width + 0.4), layout="constrained", facecolor="white")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, image, true, seen in zip(axes, images, truth, found, strict=False):
        axis.imshow(image)
        sure = np.asarray(seen.scores) >= least
        names = [f"{classes[k]} {100 * s:.0f}" for k, s in zip(seen.classes[sure], seen.scores[sure], strict=True)]
        draw_boxes(axis, seen.boxes[sure], names, seen.classes[sure])
        overlap = pairwise_iou(seen.boxes[sure], true.boxes, np.zeros(len(true.boxes), dtype=bool))
        right = (overlap >= 0.5) & (np.asarray(seen.classes)[sure][:, None] == np.asarray(true.classes)[None])
        missed = ~right.any(axis=0)
        for (x1, y1, x2, y2), kind in zip(true.boxes[missed], true.classes[missed], strict=True):
            colour = COLOURS[int(kind) % len(COLOURS)]
            axis.add_patch(
                Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linestyle=":", linewidth=1.5)
            )
    return figure


def precision_over_recall(truth: Sequence[Truth], found: Sequence[Detections], classes: Sequence[str]) -> Figure:
    """A curve for each class at an IoU of 0.5."""
    figure = Figure(figsize=(5.2, 3.6), layout="constrained", facecolor="white")
    axis = figure.subplots()
    for kind, (name, colour) in enumerate(zip(classes, [*COLOURS] * len(classes), strict=False)):
        _, precision, recall = precision_and_recall(truth, found, kind)
        axis.step(recall, precision, where="post", color=colour, linewidth=1.5, label=name)
    axis.set_xlim(0, 1.01)
    axis.set_ylim(0, 1.02)
    axis.set_xlabel("recall: the share of the objects that is found", fontsize=9, color=INK)
    axis.set_ylabel("precision: the share of what is found that is right", fontsize=9, color=INK)
    axis.grid(color=FAINT, linewidth=0.6)
    axis.legend(frameon=False, fontsize=8, loc="lower left")
    return figure
