"""How well a picture is divided: mean IoU, accuracy, Dice, the area under the curve; and what it looks like."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from upslope.runs.figures import COLOURS

Classes = NDArray[np.integer[Any]]
# No two alike, for as many classes as a street has.
_FURTHER = ("#8bc34a", "#c0392b", "#4dd0e1", "#f1c40f", "#1f2937", "#f48fb1", "#7f8c8d", "#5d4037")
PALETTE = ("#ffffff", *COLOURS[:4], *_FURTHER)
VOID = "#d7dade"


def confusion(truth: Classes, said: Classes, *, classes: int, ignore: int = -1) -> NDArray[np.int64]:
    """How many pixels of each class (row) are taken for each class (column); pixels of `ignore` are not counted."""
    real = truth != ignore
    pairs = truth[real].astype(np.int64) * classes + said[real]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def mean_iou(matrix: NDArray[np.int64]) -> float:
    """The mean over classes of pixels that truth and answer share / pixels of either, from a confusion matrix.

    A class that is in neither has no IoU and is not in the mean. [[3, 1], [0, 4]] has the IoUs 3/4 and 4/5, so it is
    0.775. M. Everingham et al. 2010, section 4.4 of the VOC challenge. No pixels at all: ValueError says "there are no
    pixels, and without them no IoU".
    """
    if not matrix.any():
        raise ValueError("there are no pixels, and without them no IoU")
    # The diagonal is what both say; a row is what is there, a column what was claimed.
    shared = np.diag(matrix)
    either = matrix.sum(axis=0) + matrix.sum(axis=1) - shared
    # What nobody mentions is left out: 0 / 0 would be nan, and 0 or 1 a gift.
    return float((shared[either > 0] / either[either > 0]).mean())


def iou(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each class, as `mean_iou` has it; nan for a class that is in neither."""
    shared = np.diag(matrix)
    either = matrix.sum(axis=0) + matrix.sum(axis=1) - shared
    return np.where(either > 0, shared / np.maximum(either, 1), np.nan)


def dice(matrix: NDArray[np.int64], kind: int) -> float:
    """2 * shared / (there + claimed) of one class, the F1 of its pixels; 1 where it is in neither."""
    there, claimed = matrix[kind].sum(), matrix[:, kind].sum()
    return float(2 * matrix[kind, kind] / (there + claimed)) if there + claimed else 1.0


def pixel_auc(scores: NDArray[np.floating[Any]], positive: NDArray[np.bool_]) -> float:
    """The area under the ROC curve over pixels: how often a positive one has the higher score; ties count half."""
    from scipy.stats import rankdata

    ranks = rankdata(scores.ravel())
    here = positive.ravel()
    count, others = int(here.sum()), int((~here).sum())
    if not count or not others:
        raise ValueError("an area under a curve needs pixels of both kinds")
    return float((ranks[here].sum() - count * (count + 1) / 2) / (count * others))


def side_by_side(images: NDArray[Any], truth: Classes, said: Classes, names: Sequence[str]) -> Figure:
    """A row for each picture: the picture, what is there, what was said, and where it is wrong.

    A number in `truth` that has no name is void: it is never wrong.
    """
    count = len(images)
    figure = Figure(
        figsize=(11, 2.8 * count + (0.3 if len(names) == 2 else 0.7)), layout="constrained", facecolor="white"
    )
    axes = figure.subplots(count, 4, squeeze=False)
    colours = ListedColormap(PALETTE[: len(names)]).with_extremes(bad=VOID)
    heads = ("picture", "truth", "network", "wrong")
    for row, (image, true, answer) in zip(axes, zip(images, truth, said, strict=True), strict=True):
        void = true >= len(names)
        row[0].imshow(image, cmap="gray")
        for axis, mask in ((row[1], np.ma.masked_where(void, true)), (row[2], answer)):
            axis.imshow(mask, cmap=colours, vmin=-0.5, vmax=len(names) - 0.5, interpolation="nearest")
        row[3].imshow((true != answer) & ~void, cmap="Reds", vmin=0, vmax=1, interpolation="nearest")
        for axis, head in zip(row, heads, strict=True):
            axis.set_axis_off()
            axis.set_title(head, fontsize=9)
    if len(names) > 2:
        legend(figure, names, void=bool((truth >= len(names)).any()))
    return figure


def legend(figure: Figure, names: Sequence[str], *, void: bool = False) -> None:
    """Which colour is which class, below the pictures of a figure."""
    colours = dict(zip(names, PALETTE, strict=False)) | ({"void": VOID} if void else {})
    key = [Patch(facecolor=colour, edgecolor="#9aa0a6", label=name) for name, colour in colours.items()]
    figure.legend(handles=key, loc="outside lower center", ncols=6, fontsize=8, frameon=False)


def over_picture(axis: Axes, picture: NDArray[Any], mask: Classes, names: Sequence[str]) -> None:
    """A picture with every class but the first laid over it in its colour."""
    axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
    laid_over(axis, mask, names)


def laid_over(axis: Axes, mask: Classes, names: Sequence[str]) -> None:
    """Every class but the first in its colour, over what is drawn already; void is left bare as well."""
    bare = (mask == 0) | (mask == (names.index("void") if "void" in names else -1))
    shown = np.ma.masked_where(bare, mask)
    colours = ListedColormap(PALETTE[: len(names)])
    axis.imshow(shown, cmap=colours, vmin=-0.5, vmax=len(names) - 0.5, alpha=0.55, interpolation="nearest")
