"""BRIEF: a patch described by bits, each of which says which one of two pixels is brighter.

M. Calonder, V. Lepetit, C. Strecha, P. Fua, "BRIEF: Binary Robust Independent Elementary Features", 2010,
https://doi.org/10.1007/978-3-642-15561-1_56.

The pairs are drawn once, from a normal distribution around the middle (their G II). The image is blurred first, since a
single pixel is noise. Two descriptors are compared by the number of bits that differ. Left out: turning with the image
and scale, which ORB adds.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

PATCH = 31  # pixels on a side
Pairs = NDArray[np.intp]


def brief_pairs(bits: int = 256, *, patch: int = PATCH, seed: int = 2010) -> Pairs:
    """The pairs of places that are compared: (bits, 2, 2), for each pair two places (down, across) from the middle."""
    reach = patch // 2
    places = np.random.default_rng(seed).normal(0, patch / 5, (bits, 2, 2))
    return np.clip(np.rint(places), -reach, reach).astype(np.intp)


def brief(image: NDArray[Any], points: NDArray[Any], pairs: Pairs) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Descriptors of points (N, 2), x and y, in an image (H, W) that is blurred already: (M, bits), and which M.

    Bit i is set where the first place of pair i is darker than the second. Points so near the border that a place
    would lie outside are left out.
    """
    height, width = image.shape
    columns, rows = np.rint(points).astype(np.intp).reshape(-1, 2).T
    reach = int(np.abs(pairs).max())
    inside = (rows >= reach) & (rows < height - reach) & (columns >= reach) & (columns < width - reach)
    which = np.flatnonzero(inside)
    rows, columns = rows[which, np.newaxis], columns[which, np.newaxis]
    first, second = (image[rows + pairs[:, k, 0], columns + pairs[:, k, 1]] for k in (0, 1))
    return np.asarray(first < second), which
