"""How much ink a picture has and how far it leans, from its moments.

A moment is a sum over pixels: of their brightness, of brightness times place, times place squared (M.-K. Hu, "Visual
Pattern Recognition by Moment Invariants", 1962, section II). Pictures are white on black.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def ink(pictures: Floats) -> Floats:
    """The sum of brightness of pictures (..., H, W), (...): of one digit, the more the thicker its strokes."""
    return np.asarray(pictures.sum(axis=(-2, -1)))


def slant(pictures: Floats) -> Floats:
    """How many pixels to the right a picture (..., H, W) leans for each pixel up, (...); 0 where nothing is drawn.

    With x and y counted from the center of brightness, it is the slope of the line x = s * y that fits best,
    s = sum(x * y) / sum(y * y). A "1" that leans by 45 degrees to the right has 1. A picture of a single row has 0.
    """
    height, width = pictures.shape[-2:]
    up, right = -np.arange(height, dtype=np.float64)[:, None], np.arange(width, dtype=np.float64)[None, :]
    total = np.maximum(ink(pictures), np.finfo(np.float32).tiny)[..., None, None]
    share = pictures / total
    x = right - (share * right).sum(axis=(-2, -1), keepdims=True)
    y = up - (share * up).sum(axis=(-2, -1), keepdims=True)
    mixed, spread = (share * x * y).sum(axis=(-2, -1)), (share * y * y).sum(axis=(-2, -1))
    return np.asarray(np.divide(mixed, spread, out=np.zeros_like(mixed), where=spread > 1e-9))
