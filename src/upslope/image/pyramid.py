"""Multi-band blending: coarse structure is blended over a long way, fine structure over a short one.

P. Burt, E. Adelson, "A Multiresolution Spline with Application to Image Mosaics", 1983,
https://doi.org/10.1145/245.247.

A blend over a short way shows a step where two pictures differ in light; one over a long way shows everything twice
that does not quite fit. The Laplacian pyramid takes a picture apart into bands of frequency; each band is blended over
as far as its own waves are long.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
_TAPS = np.array([1, 4, 6, 4, 1], dtype=np.float32) / 16  # nearly a Gaussian


def reduced(image: Floats) -> Floats:
    """Half the size: (H, W, C) to (ceil(H / 2), ceil(W / 2), C), blurred first."""
    return np.asarray(_blurred(_blurred(image, 0)[::2], 1)[:, ::2])


def expanded(image: Floats, height: int, width: int) -> Floats:
    """Twice the size, with smooth values between: to (height, width, C)."""
    wide = np.zeros((height, width, image.shape[2]), dtype=np.float32)
    wide[::2, ::2] = image
    # Every other row and column is 0, which takes three quarters away; at the border what is missing is not mirrored.
    there = np.zeros((height, width, 1), dtype=np.float32)
    there[::2, ::2] = 1
    return np.asarray(_blurred(_blurred(wide, 0), 1) / _blurred(_blurred(there, 0), 1))


def gaussian_pyramid(image: Floats, levels: int) -> list[Floats]:
    """The picture (H, W, C) and `levels` smaller ones, each half as large as the one before."""
    pyramid = [image]
    for _ in range(levels):
        pyramid.append(reduced(pyramid[-1]))
    return pyramid


def laplacian_pyramid(image: Floats, levels: int) -> list[Floats]:
    """What each level of the Gaussian pyramid has beyond the next one, and the smallest picture itself."""
    pyramid = gaussian_pyramid(image, levels)
    finer = [fine - expanded(coarse, *fine.shape[:2]) for fine, coarse in pairwise(pyramid)]
    return [*finer, pyramid[-1]]


def collapsed(pyramid: list[Floats]) -> Floats:
    """The picture whose Laplacian pyramid this is."""
    image = pyramid[-1]
    for finer in reversed(pyramid[:-1]):
        image = finer + expanded(image, *finer.shape[:2])
    return image


class Blend:
    """A canvas onto which pictures are put one after the other, each where its mask is 1."""

    def __init__(self, height: int, width: int, *, levels: int = 5) -> None:
        self.levels, self.shape = levels, (height, width)
        tile = 1 << levels
        rows, columns = (-(-side // tile) * tile for side in (height, width))
        sizes = [(rows >> level, columns >> level) for level in range(levels + 1)]
        self._sums = [np.zeros((*size, 3), dtype=np.float32) for size in sizes]
        self._weights = [np.zeros((*size, 1), dtype=np.float32) for size in sizes]

    def box(self, left: float, top: float, right: float, bottom: float) -> tuple[int, int, int, int]:
        """The rows and columns (top, bottom, left, right) that fit all levels and hold this part of the canvas."""
        tile = 1 << self.levels
        rows, columns = self._weights[0].shape[:2]
        first = (max(0, int(top) // tile - 1) * tile, max(0, int(left) // tile - 1) * tile)
        last = (min(rows, (int(bottom) // tile + 2) * tile), min(columns, (int(right) // tile + 2) * tile))
        return first[0], last[0], first[1], last[1]

    def put(self, picture: Floats, mask: NDArray[Any], box: tuple[int, int, int, int]) -> None:
        """Add a picture (h, w, 3), which goes on smoothly beyond its border, where the mask (h, w) is 1, at a `box`."""
        bands = laplacian_pyramid(picture.astype(np.float32), self.levels)
        weights = gaussian_pyramid(mask[..., np.newaxis].astype(np.float32), self.levels)
        top, bottom, left, right = box
        for level, (band, weight) in enumerate(zip(bands, weights, strict=True)):
            part = np.s_[top >> level : bottom >> level, left >> level : right >> level]
            self._sums[level][part] += band * weight
            self._weights[level][part] += weight

    def picture(self) -> Floats:
        """All of them, blended: (H, W, 3)."""
        least = np.float32(1e-6)
        bands: list[Floats] = [
            np.asarray(total / np.maximum(weight, least), dtype=np.float32)
            for total, weight in zip(self._sums, self._weights, strict=True)
        ]
        height, width = self.shape
        return collapsed(bands)[:height, :width]


def _blurred(image: Floats, axis: int) -> Floats:
    return np.asarray(ndimage.convolve1d(image, _TAPS, axis=axis, mode="mirror"))
