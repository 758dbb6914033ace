"""Mathematical morphology: shrinking and growing shapes by a small set, and what follows from the two.

G. Matheron 1975; J. Serra, "Image Analysis and Mathematical Morphology", 1982. M. van Herk, "A Fast Algorithm for Local
Minimum and Maximum Filters on Rectangular and Octagonal Kernels", 1992,
https://doi.org/10.1016/0167-8655(92)90069-C: a rectangle costs three comparisons a pixel for each side, however large.

An image (H, W) holds bytes, floats or True and False; the footprint is an array of True and False around its middle,
or the sides (rows, columns) of a rectangle. Beyond the border lies nothing: it is neither darkest nor brightest.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
Footprint = NDArray[np.bool_] | tuple[int, int]


def erode(image: Image, footprint: Footprint) -> Image:
    """The darkest pixel below the footprint."""
    return _extreme(image, footprint, np.minimum)


def dilate(image: Image, footprint: Footprint) -> Image:
    """The brightest pixel below the footprint, turned by half a turn, as Serra has it: so opening and closing fit."""
    return _extreme(image, footprint if isinstance(footprint, tuple) else footprint[::-1, ::-1], np.maximum)


def opening(image: Image, footprint: Footprint) -> Image:
    """Eroded, then dilated: bright things into which the footprint does not fit are gone."""
    return dilate(erode(image, footprint), footprint)


def closing(image: Image, footprint: Footprint) -> Image:
    """Dilated, then eroded: dark things into which the footprint does not fit are gone."""
    return erode(dilate(image, footprint), footprint)


def gradient(image: Image, footprint: Footprint) -> Image:
    """Brightest less darkest: edges (Rivest, Soille and Beucher 1993)."""
    high, low = dilate(image, footprint), erode(image, footprint)
    return high ^ low if image.dtype == np.bool_ else high - low


def top_hat(image: Image, footprint: Footprint) -> Image:
    """What opening takes away: small bright things on any ground (Meyer 1979)."""
    opened = opening(image, footprint)
    return image ^ opened if image.dtype == np.bool_ else image - opened


def black_hat(image: Image, footprint: Footprint) -> Image:
    """What closing fills: small dark things on any ground."""
    closed = closing(image, footprint)
    return image ^ closed if image.dtype == np.bool_ else closed - image


def disk(radius: int) -> NDArray[np.bool_]:
    """The pixels whose distance from the middle is at most the radius."""
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(y * y + x * x <= radius * radius)


def _extreme(image: Image, footprint: Footprint, which: Any) -> Image:
    sides = footprint if isinstance(footprint, tuple) else footprint.shape
    if image.ndim != 2 or min(sides) < 1 or any(side % 2 == 0 for side in sides):
        said = f"image {image.shape}, footprint {tuple(sides)}"
        raise ValueError(f"morphology takes an image (H, W) and a footprint of odd sides, got {said}")
    height, width = image.shape
    nothing = _last(image.dtype, brightest=which is np.minimum)
    padded = np.pad(image, [(side // 2, side // 2) for side in sides], constant_values=nothing)
    if isinstance(footprint, tuple) or footprint.all():
        return _run(_run(padded, sides[0], which, nothing), sides[1], which, nothing, axis=1)
    result = np.full(image.shape, nothing, dtype=image.dtype)
    for y, x in np.argwhere(footprint):
        which(result, padded[y : y + height, x : x + width], out=result)
    return result


def _run(image: Image, size: int, which: Any, nothing: Any, axis: int = 0) -> Image:
    """Van Herk: extremes of blocks from both ends; any window is the end of one block and the start of the next."""
    lines = np.moveaxis(image, axis, 0)
    count = len(lines) - size + 1
    blocks = -(-len(lines) // size)
    whole = np.full((blocks * size, *lines.shape[1:]), nothing, dtype=image.dtype)
    whole[: len(lines)] = lines
    whole = whole.reshape(blocks, size, *lines.shape[1:])
    ahead = which.accumulate(whole, axis=1).reshape(blocks * size, -1)
    back = which.accumulate(whole[:, ::-1], axis=1)[:, ::-1].reshape(blocks * size, -1)
    return np.moveaxis(which(back[:count], ahead[size - 1 : size - 1 + count]), 0, axis)


def _last(dtype: np.dtype[Any], *, brightest: bool) -> Any:
    if dtype == np.bool_:
        return brightest
    if dtype.kind == "f":
        return np.inf if brightest else -np.inf
    limits = np.iinfo(dtype)
    return limits.max if brightest else limits.min
