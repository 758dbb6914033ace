"""How pictures divided into things and stuff are judged and drawn: classes and numbers as segments, and their outlines.

A. Kirillov et al., "Panoptic Segmentation", 2018, https://arxiv.org/abs/1801.00868.
"""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from upslope.runs.reports.detection.panoptic_quality import Panoptic
from upslope.runs.reports.instances import outlines
from upslope.runs.reports.segmentation import PALETTE

Numbers = NDArray[np.integer[Any]]
Divided = tuple[Numbers, Numbers]  # the class of each pixel, and the number of its thing, 0 for none; both (H, W)


def segments(divided: Divided, *, things: Collection[int], void: int) -> Panoptic:
    """A segment for each number, and one for each class that has none; pixels of `void`, or without a class, in none.

    Where pixels of a class that is counted have no number, all of them together are one thing.
    """
    classes, numbers = (each.astype(np.int64) for each in divided)
    known = (classes != void) & (classes >= 0)
    numbered = known & (numbers > 0) & np.isin(classes, list(things))
    most = int(classes.max(initial=0)) + 2
    ids = np.where(numbered, most + numbers, np.where(known, 1 + classes, 0))
    first, where = np.unique(ids, return_index=True)
    return Panoptic(ids, {int(k): int(classes.ravel()[at]) for k, at in zip(first, where, strict=True) if k})


def divided_pictures(
    pictures: Sequence[NDArray[Any]], truth: Sequence[Divided], found: Sequence[Divided], names: Sequence[str]
) -> Figure:
    """A row for each picture: itself, the truth, what was found, each class in its color and each thing outlined, and
    where the class is wrong; white is void.
    """
    count = len(pictures)
    figure = Figure(figsize=(11, 2.8 * count + 0.6), layout="constrained", facecolor="white")
    axes = figure.subplots(count, 4, squeeze=False)
    for row, picture, true, seen in zip(axes, pictures, truth, found, strict=True):
        void = (true[0] < 0) | (true[0] >= len(names))
        row[0].imshow(picture, cmap="gray")
        for axis, (classes, numbers) in zip(row[1:3], (true, seen), strict=True):
            _colored(axis, (classes, numbers), names)
        row[3].imshow((true[0] != seen[0]) & ~void, cmap="Reds", interpolation="nearest")
        kinds = [sorted({names[k] for k in np.unique(each[0][each[1] > 0])}) for each in (true, seen)]
        heads = ("picture", *(f"{what}: {', '.join(k)}" for what, k in zip(("truth", "found"), kinds, strict=True)),
                 "wrong class")  # fmt: skip
        for axis, head in zip(row, heads, strict=True):
            axis.set_axis_off()
            axis.set_title(head, fontsize=8)
    return figure


def over_pictures(
    pictures: Sequence[NDArray[Any]], divided: Sequence[Divided], titles: Sequence[str], names: Sequence[str]
) -> Figure:
    """Pictures with what they are divided into over them."""
    across = min(3, len(pictures))
    down = -(-len(pictures) // across)
    size = (7.0, 7.0) if len(pictures) == 1 else (4.0 * across, 4 * down + 0.3)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, picture, pair, title in zip(axes, pictures, divided, titles, strict=False):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
        _colored(axis, pair, names, alpha=0.5)
        there = ", ".join(names[k] for k in np.unique(pair[0][pair[0] >= 0]))
        axis.set_title(f"{title}: {there}", fontsize=8, parse_math=False)
    return figure


def _colored(axis: Axes, divided: Divided, names: Sequence[str], *, alpha: float = 1.0) -> None:
    """A color for each class, an outline around each thing; void stays bare."""
    classes, numbers = divided
    colors = ListedColormap([PALETTE[1:][k % (len(PALETTE) - 1)] for k in range(len(names))])
    shown = np.ma.masked_where((classes < 0) | (classes >= len(names)), classes)
    axis.imshow(shown, cmap=colors, vmin=-0.5, vmax=len(names) - 0.5, alpha=alpha, interpolation="nearest")
    outlines(axis, numbers.astype(np.int64), color="#000000", width=1.2)
