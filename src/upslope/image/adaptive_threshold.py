"""Adaptive threshold: black and white by the light around each pixel, where one threshold for all would drown in shade.

D. Bradley, G. Roth, "Adaptive Thresholding Using the Integral Image", 2007,
https://doi.org/10.1080/2151237X.2007.10129236; after P. Wellner 1993. The integral image, F. C. Crow 1984, gives the
sum of any rectangle by four numbers.
"""

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def adaptive_threshold(image: Bytes, *, size: int, offset: int) -> NDArray[np.bool_]:
    """Where an image (H, W) of bytes is brighter than the rounded mean of size x size pixels around it, less `offset`.

    The border's pixels go on beyond it. size is odd.
    """
    return np.asarray(image.astype(np.int32) > box_mean(image, size) - offset)


def box_mean(image: Bytes, size: int) -> NDArray[np.int32]:
    """The mean of size x size pixels around each, rounded: (H, W) of bytes."""
    if size < 1 or size % 2 == 0:
        raise ValueError(f"the size of a window is odd, so that it has a middle: got {size}")
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError(f"expected a grey picture (H, W) of uint8, not {image.dtype} of shape {image.shape}")
    height, width = image.shape
    # One row and one column of zeros in front: then every sum is a difference of four.
    sums = np.zeros((height + size, width + size), dtype=np.int64)
    np.cumsum(np.cumsum(np.pad(image, size // 2, mode="edge"), axis=0, dtype=np.int64), axis=1, out=sums[1:, 1:])
    boxes = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    return np.asarray((2 * boxes + size * size) // (2 * size * size), dtype=np.int32)
