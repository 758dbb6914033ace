"""Figures of pairs of pictures that were fitted together: how far off each was, and where one lies in the other."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from upslope.runs.figures import COLOURS, FAINT

NEAR, FAR = 0.05, 50.0  # pixels: the axis of errors


def cumulative(errors: Mapping[str, NDArray[np.float64]]) -> Figure:
    """The share of pairs within each error in pixels, a curve for each way of fitting."""
    figure = Figure(figsize=(5.2, 3.4), layout="constrained")
    axis = figure.add_subplot()
    for color, (way, values) in zip(COLOURS, errors.items(), strict=False):
        axis.step(
            np.clip([NEAR, *sorted(values), FAR], NEAR, FAR),
            [0, *np.arange(1, len(values) + 1) / len(values), (values < FAR).mean()],
            where="post",
            color=color,
            label=way,
        )
    axis.axvline(1, color=FAINT, linewidth=1, zorder=0)
    axis.set_xscale("log")
    axis.set_xlabel("mean error of the corners, pixels")
    axis.set_ylabel("share of the pairs")
    axis.set_ylim(0, 1.02)
    axis.legend(frameon=False, fontsize=8)
    return figure


def side_by_side(first: NDArray[Any], second: NDArray[Any], matrix: NDArray[np.float64]) -> Figure:
    """Two pictures (H, W, 3) of bytes; in the second the outline of the first, as a homography (3, 3) says."""
    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    height, width = first.shape[:2]
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height], [0, 0]], dtype=np.float64)
    moved = np.column_stack([outline, np.ones(len(outline))]) @ matrix.T
    for axis, picture, line in zip(
        figure.subplots(1, 2), (first, second), (outline, moved[:, :2] / moved[:, 2:]), strict=True
    ):
        axis.imshow(picture)
        axis.plot(line[:, 0], line[:, 1], color=COLOURS[1], linewidth=2)
        axis.set_xlim(-0.5, picture.shape[1] - 0.5)
        axis.set_ylim(picture.shape[0] - 0.5, -0.5)
        axis.set_axis_off()
    return figure
