"""Eigenfaces: the directions in which faces differ most.

M. Turk, A. Pentland, "Eigenfaces for Recognition", 1991, https://doi.org/10.1162/jocn.1991.3.1.71; after L. Sirovich,
M. Kirby 1987. A face is the mean face plus a few numbers, how much of each axis is in it; faces are compared by these.
`whitened` divides each number by its deviation, so that no axis counts more than another (Moon and Phillips 2001).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def eigenfaces(pictures: Floats, *, count: int) -> tuple[Floats, Floats]:
    """The mean face (P,) and the first `count` principal axes (count, P) of pictures (N, P) of floats, in their dtype.

    The axes are orthogonal and of length 1; each in turn has the largest variance of the pictures along it that is
    left by those before it. An axis and its opposite do as well, so the sign is settled: of each axis the number that
    is largest without its sign is positive. N pictures span at most N - 1 axes around their mean, and P pixels at most
    P: more are refused, and fewer than 1, where ValueError says "count=3 is not from 1 to 2, the axes of 3 pictures of
    9 pixels". The pictures are not changed. For [1, 0], [3, 4], [5, 8] the mean is [3, 4] and the axis
    [1, 2] / sqrt(5) = [0.4472, 0.8944]. Turk and Pentland 1991, "Calculating eigenfaces".
    """
    number, pixels = pictures.shape
    most = min(number - 1, pixels)
    if not 1 <= count <= most:
        raise ValueError(f"count={count} is not from 1 to {most}, the axes of {number} pictures of {pixels} pixels")
    # Axes are directions from the mean.
    mean = pictures.mean(axis=0)
    # The right singular vectors are the eigenvectors of the covariance (P, P), which need not be made; largest first.
    axes = np.linalg.svd(pictures - mean, full_matrices=False)[2][:count]
    # The sign by which the largest number of each axis is positive.
    largest = np.abs(axes).argmax(axis=1)
    signs = np.sign(axes[np.arange(count), largest])
    return mean, axes * signs[:, np.newaxis]


def in_face_space(pictures: Floats, mean: Floats, axes: Floats) -> Floats:
    """How much of each axis is in each picture: (N, count)."""
    return np.asarray((pictures - mean) @ axes.T)


def whitened(numbers: Floats, *, of: Floats) -> Floats:
    """Numbers in face space (N, count), each in deviations of those `of` the training pictures (M, count)."""
    return np.asarray(numbers / of.std(axis=0))
