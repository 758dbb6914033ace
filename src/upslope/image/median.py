"""The median filter: each pixel becomes the middle one of its neighborhood, so single wrong pixels vanish, edges stay.

J. W. Tukey, "Exploratory Data Analysis", 1971. T. Huang, G. Yang, G. Tang, "A Fast Two-Dimensional Median Filtering
Algorithm", 1979, https://doi.org/10.1109/TASSP.1979.1163188, whose histograms are used for large windows of bytes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_SORTED = 5  # pixels on a side of a window: in larger ones histograms are faster


def median_filter(image: NDArray[Any], size: int) -> NDArray[Any]:
    """An image (H, W) of any dtype; the window is size x size, an odd number. The border's pixels go on beyond it."""
    if size < 1 or size % 2 == 0:
        raise ValueError(f"the size of a median's window is odd, so that there is a middle: got {size}")
    padded = np.pad(image, size // 2, mode="edge")
    if image.dtype == np.uint8 and size > LARGEST_SORTED:
        return _by_histograms(padded, image.shape, size)
    height, width = image.shape
    views = [padded[y : y + height, x : x + width] for y in range(size) for x in range(size)]
    return np.asarray(np.partition(np.stack(views), size * size // 2, axis=0)[size * size // 2])


def _by_histograms(padded: NDArray[np.uint8], shape: tuple[int, ...], size: int) -> NDArray[np.uint8]:
    """A histogram for each window of a row; on the way down each loses its first row of pixels and gains one.

    Beside the counts of levels there are those of 16 levels together: the median is found among 16 numbers, twice.
    """
    height, width = shape
    half = size * size // 2
    each = np.arange(width)
    fine, coarse = np.zeros((width, 256), dtype=np.int32), np.zeros((width, 16), dtype=np.int32)

    def count(row: NDArray[np.uint8], change: int) -> None:
        for x in range(size):
            fine[each, row[x : x + width]] += change
            coarse[each, row[x : x + width] >> 4] += change

    for y in range(size - 1):
        count(padded[y], 1)
    out = np.empty(shape, dtype=np.uint8)
    for y in range(height):
        count(padded[y + size - 1], 1)
        sums = np.cumsum(coarse, axis=1)
        block = (sums <= half).sum(axis=1)
        before = sums[each, block] - coarse[each, block]
        levels = fine.reshape(width, 16, 16)[each, block].cumsum(axis=1) + before[:, np.newaxis]
        out[y] = 16 * block + (levels <= half).sum(axis=1)
        count(padded[y], -1)
    return out
