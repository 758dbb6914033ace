"""Gaussian blur: each pixel becomes the mean of its neighborhood, weighted by a bell curve.

D. Marr, E. Hildreth, "Theory of Edge Detection", 1980, https://doi.org/10.1098/rspb.1980.0020, who found it the one
filter that is narrow both in space and in frequency.

The bell of two dimensions is the product of two of one dimension, so rows and columns are filtered one after the other:
2 (2r + 1) multiplications for each pixel in place of (2r + 1)**2.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def gaussian_kernel(sigma: float, radius: int) -> NDArray[np.float64]:
    """The weights exp(-i**2 / (2 sigma**2)) for i from -radius to radius, divided by their sum: (2 radius + 1,)."""
    if not sigma > 0 or radius < 0:
        raise ValueError(f"a Gaussian needs sigma > 0 and radius >= 0, got sigma={sigma:g} and radius={radius}")
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.asarray(weights / weights.sum())


def gaussian_blur(image: Floats, *, sigma: float, radius: int) -> Floats:
    """An image (H, W) of floats convolved with a Gaussian, separably; the shape and the dtype stay.

    out[y, x] = sum_i sum_j w[i] w[j] image[y + i, x + j] for i and j from -radius to radius, where w[i] is
    exp(-i**2 / (2 sigma**2)) divided by the sum of all of these, so that even areas keep their level. Beyond the
    border the image is mirrored at the middle of its outermost pixels: the row [a, b, c] goes on as c b | a b c | b a.
    H and W are larger than radius. With sigma = 1 / sqrt(2 ln 2) and radius=1 the weights are 1/4, 1/2, 1/4, and
    [[0, 0, 0], [0, 16, 0], [0, 0, 0]] becomes [[4, 4, 4], [4, 4, 4], [4, 4, 4]]: at a corner the middle is seen four
    times with 1/16, on a side twice with 1/8. Marr and Hildreth 1980.
    """
    # A bell curve that sums to one.
    places = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (places / sigma) ** 2)
    weights = weights / weights.sum()
    height, width = image.shape
    # Beyond the border the image is mirrored; its outermost row and column do not occur twice.
    padded = np.pad(image, radius, mode="reflect")
    # First along the rows ...
    rows = np.zeros((len(padded), width), dtype=image.dtype)
    for k, weight in enumerate(weights):
        rows += float(weight) * padded[:, k : k + width]
    # ... then along the columns: together the bell of two dimensions.
    both = np.zeros_like(image)
    for k, weight in enumerate(weights):
        both += float(weight) * rows[k : k + height]
    return both
