"""What a photograph would be without the writing on it, and how far each pixel is from that.

1. Closing a picture (for every pixel the darkest of the brightest around) removes what is dark and narrow and keeps the
   light as it falls, even the edges of shadows; opening removes what is bright and narrow. One of the two took out the
   writing and left the smoother picture: that is the background, and it says whether the writing is dark or light.
2. Dividing by the background takes away the light. Along the colour in which the strongest differences lie (darker,
   bluer) every pixel then has a contrast.

Closing and opening: J. Serra, "Image Analysis and Mathematical Morphology", 1982.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from upslope.image.resize import Floats, resized, with_longest

CELLS = 160  # pixels on the longer side of the background
WIDEST = 0.33  # of a stroke, in parts of the longer side: what is wider is background
DIM = 0.05  # added to all light, so that the dark does not consist of noise


@dataclass(frozen=True)
class Contrast:
    """How far the pixels of a picture are from its background, in parts of the background's light."""

    values: Floats  # (H, W): 0 is bare paper, ink is above
    edges: Floats  # (H, W): by how much they change from pixel to pixel, where the picture changes, too
    noise: float  # the deviation on bare paper
    dark: bool  # whether the writing is darker than the background


def contrast(picture: Floats) -> Contrast:
    """The contrast of each pixel of a picture (H, W, 3)."""
    light, dark = background(picture)
    # From differences of the picture to parts of the background's light.
    scale = np.float32(-1 if dark else 1) / (light + np.float32(DIM))
    difference = (picture - light) * scale
    colour = _colour(difference)
    values, noise = _above_paper(difference @ colour)
    # A stroke has an edge in the picture. Where the background is wrong (in a corner between a table's edges), the
    # contrast has edges of its own.
    orders = ((1, 0, 0), (0, 1, 0))
    steps = (ndimage.gaussian_filter(picture, (1, 1, 0), order=order, mode="nearest") for order in orders)
    seen = np.hypot(*((step * scale) @ colour for step in steps))
    edges = np.minimum(seen, ndimage.gaussian_gradient_magnitude(values, 1.0, mode="nearest"))
    return Contrast(values, np.asarray(edges, dtype=np.float32), noise, dark)


def background(picture: Floats) -> tuple[Floats, bool]:
    """The picture without what is written, and whether that is darker than it."""
    cells = with_longest(picture, CELLS)
    size = (int(WIDEST * CELLS), int(WIDEST * CELLS), 1)
    # Beyond its border the picture goes on as it is there, so that a table's edge or a shadow is no narrow thing.
    beyond = size[0]
    wide = np.pad(cells, ((beyond, beyond), (beyond, beyond), (0, 0)), mode="edge")
    inner = np.s_[beyond : beyond + cells.shape[0], beyond : beyond + cells.shape[1]]
    closed = ndimage.grey_closing(wide, size=size)[inner]
    opened = ndimage.grey_opening(wide, size=size)[inner]
    dark = _roughness(closed) <= _roughness(opened)
    return np.clip(resized(closed if dark else opened, *picture.shape[:2]), 0, 1), dark


def _roughness(picture: Floats) -> float:
    return sum(float((np.diff(picture, axis=axis) ** 2).sum()) for axis in (0, 1))


def _colour(difference: Floats) -> Floats:
    """The direction of the colours, a vector of length 1, in which the strongest differences lie."""
    height, width = difference.shape[:2]
    rows = np.minimum(np.arange(height) + 0.5, height - 0.5 - np.arange(height)) / height
    columns = np.minimum(np.arange(width) + 0.5, width - 0.5 - np.arange(width)) / width
    inside = np.clip(np.minimum.outer(rows, columns) / 0.08, 0, 1)  # the border of a picture is rarely written on
    strength = (difference**2).sum(axis=-1) * inside
    direction = (strength[..., np.newaxis] * difference).sum(axis=(0, 1))
    return np.asarray(direction / max(float(np.linalg.norm(direction)), 1e-12), dtype=np.float32)


def _above_paper(values: Floats) -> tuple[Floats, float]:
    """The contrast over that of bare paper, and the deviation of the paper's.

    The background is the brightest of noisy pixels and so brighter than paper is in the mean. A quarter of the pixels
    at least are paper; its mean and deviation follow from two quantiles, as they would for a normal distribution.
    """
    few, quarter = np.quantile(values, (0.025, 0.125))  # 5 % and 25 % of the darker or lighter half of all pixels
    noise = float(quarter - few) / (1.960 - 1.150)
    return values - np.float32(quarter + 1.150 * noise), noise
