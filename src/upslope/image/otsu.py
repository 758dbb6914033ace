"""Otsu's threshold: where grey levels fall into two groups.

N. Otsu, "A Threshold Selection Method from Gray-Level Histograms", 1979, https://doi.org/10.1109/TSMC.1979.4310076.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def otsu(values: NDArray[Any]) -> float:
    """The threshold that leaves the least variance within the two groups it makes, of the edges of 128 bins."""
    counts, edges = np.histogram(values, bins=128)
    centres = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    mass = np.cumsum(counts * centres)
    between = (mass[:-1] * above - (mass[-1] - mass[:-1]) * below) ** 2 / np.maximum(below * above, 1)
    return float(edges[1 + int(np.argmax(between))])
