"""Generated points in a plane: how many of the modes they find, how many lie near one, and a drawing of both."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from upslope.runs.figures import COLOURS, FAINT, INK

Points = NDArray[np.float32]  # (N, 2)
SHARE = 0.1  # of the points that a mode would have if all had as many: with fewer it counts as lost


@dataclass(frozen=True)
class Cloud:
    """Points beside the centers of modes that are equally probable, Gaussian and round."""

    points: Points
    centers: Points
    spread: float  # the standard deviation of each mode

    @property
    def nearest(self) -> NDArray[np.int64]:
        """For each point the mode whose center is nearest; -1 for points more than 3 standard deviations away."""
        distances = np.linalg.norm(self.points[:, None] - self.centers, axis=2)
        return np.where(distances.min(axis=1) <= 3 * self.spread, distances.argmin(axis=1), -1)

    @property
    def near(self) -> float:
        """The share of points that are near a mode; of real ones it is 1 - exp(-9/2), 98.9 %."""
        return float((self.nearest >= 0).mean())

    @property
    def modes(self) -> int:
        """How many modes have at least a tenth of their share of the points."""
        counts = np.bincount(self.nearest + 1, minlength=len(self.centers) + 1)[1:]
        return int((counts >= SHARE * len(self.points) / len(self.centers)).sum())


def panels(clouds: Mapping[str, Cloud], *, columns: int) -> Figure:
    """Each cloud under its title: points that are near a mode, points that are not, and the centers as crosses."""
    rows = -(-len(clouds) // columns)
    figure = Figure(figsize=(2.3 * columns, 2.5 * rows), layout="constrained", facecolor="white")
    for axis, (title, cloud) in zip(figure.subplots(rows, columns, squeeze=False).flat, clouds.items(), strict=False):
        near = cloud.nearest >= 0
        for some, colour in ((~near, COLOURS[1]), (near, COLOURS[0])):
            axis.scatter(*cloud.points[some].T, s=1.5, color=colour, linewidths=0)
        axis.scatter(*cloud.centers.T, s=12, color=INK, marker="x", linewidths=0.5)
        axis.set_title(f"{title}\n{cloud.modes} modes, {100 * cloud.near:.0f} % near", loc="left", fontsize=8)
        reach = 1.4 * float(np.abs(cloud.centers).max())
        axis.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")
        for spine in axis.spines.values():
            spine.set_color(FAINT)
    return figure
