"""Warping: a picture seen through a homography, read between its pixels.

P. Heckbert, "Fundamentals of Texture Mapping and Image Warping", 1989, sections 2.2 and 3.4. Each pixel of the result
asks where it comes from; so there are neither holes nor pixels that are hit twice. Where the picture shrinks a lot,
blur it first: bilinear interpolation looks at four pixels only.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.image.homography import Matrix

_STRIP = 1 << 18  # pixels of the result at a time, so that memory stays small


def bilinear(image: NDArray[Any], x: NDArray[Any], y: NDArray[Any], *, fill: float = 0.0) -> NDArray[np.float64]:
    """An image (H, W) or (H, W, C) at places between its pixels, of any shape; around it lies `fill`."""
    edge = [(1, 1), (1, 1)] + [(0, 0)] * (image.ndim - 2)
    image = np.pad(image, edge, constant_values=fill)
    height, width = image.shape[:2]
    inside = (x >= -1) & (x <= width - 2) & (y >= -1) & (y <= height - 2)
    x, y = np.where(inside, x + 1, 0.0), np.where(inside, y + 1, 0.0)
    column, row = np.minimum(x.astype(np.intp), width - 2), np.minimum(y.astype(np.intp), height - 2)
    more = (slice(None),) * x.ndim + (np.newaxis,) * (image.ndim - 2)
    across, down = (x - column)[more], (y - row)[more]
    above = image[row, column] * (1 - across) + image[row, column + 1] * across
    under = image[row + 1, column] * (1 - across) + image[row + 1, column + 1] * across
    return np.where(inside[more], above * (1 - down) + under * down, fill)


def warp_perspective(
    image: NDArray[Any], matrix: Matrix, height: int, width: int, *, fill: float = 0.0
) -> NDArray[Any]:
    """The image (H, W) or (H, W, C) moved by a homography from its (x, y) to those of the result, (height, width, ...).

    Bytes are rounded; floats stay floats.
    """
    back = np.linalg.inv(matrix)
    result = np.empty((height, width, *image.shape[2:]), dtype=image.dtype)
    rows = max(1, _STRIP // max(width, 1))
    across = np.arange(width, dtype=np.float64)
    for top in range(0, height, rows):
        down = np.arange(top, min(top + rows, height), dtype=np.float64)[:, np.newaxis]
        depth = back[2, 0] * across + back[2, 1] * down + back[2, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            x = (back[0, 0] * across + back[0, 1] * down + back[0, 2]) / depth
            y = (back[1, 0] * across + back[1, 1] * down + back[1, 2]) / depth
        read = bilinear(image, x, y, fill=fill)
        result[top : top + rows] = np.rint(read) if image.dtype.kind in "iu" else read
    return result
