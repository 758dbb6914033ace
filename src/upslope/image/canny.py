"""Canny's edge detector, step by step: gradient, thinning, two thresholds.

J. Canny, "A Computational Approach to Edge Detection", 1986, https://doi.org/10.1109/TPAMI.1986.4767851.

1. Smooth, where the picture is noisy (`gaussian_blur`; left to the caller, as OpenCV does).
2. The gradient by Sobel's operator, its size as |dx| + |dy|.
3. Thinning (non-maximum suppression): only ridges of the gradient stay, one pixel wide.
4. Hysteresis: what is above the low threshold is an edge if it hangs together with something above the high one.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from upslope.image.sobel import sobel

Numbers = NDArray[Any]


def thin(dx: Numbers, dy: Numbers) -> Numbers:
    """Non-maximum suppression: the size of the gradient on its ridges, and 0 elsewhere; (H, W) and (H, W) to (H, W).

    The size is m = |dx| + |dy|, in the dtype of dx; beyond the border it is 0. A pixel is compared with its two
    neighbors in the direction of its gradient, which is one of four: horizontal (left and right neighbor) where
    |dy| < tan(22.5 degrees) |dx|, vertical (above and below) where |dx| < tan(22.5 degrees) |dy|, else along the
    diagonal: where dx and dy have the same sign the upper left and the lower right neighbor, else the upper right and
    the lower left. It stays if m is larger than that of the first neighbor and not smaller than that of the second,
    in the order named here, so that of two equal ones side by side one stays; along a diagonal it must be larger than
    both. With dx = [[0, 3, 5, 5, 1]] and dy = 0 the result is [[0, 0, 5, 0, 0]]. Canny 1986, section VIII; the order
    is OpenCV's, and rows count downwards.
    """
    size = np.abs(dx) + np.abs(dy)
    # Nothing lies beyond the border.
    height, width = size.shape
    padded = np.pad(size, 1)
    # Which of the four directions the gradient has.
    slope = np.tan(np.pi / 8)
    horizontal = np.abs(dy) < slope * np.abs(dx)
    vertical = np.abs(dx) < slope * np.abs(dy)
    falling = (dx < 0) == (dy < 0)
    result = np.zeros_like(size)
    diagonal = ~horizontal & ~vertical
    for chosen, y, x in (
        (horizontal, 0, -1),
        (vertical, -1, 0),
        (diagonal & falling, -1, -1),
        (diagonal & ~falling, -1, 1),
    ):
        # The neighbors before and behind, for all pixels at once.
        before = padded[1 + y : 1 + y + height, 1 + x : 1 + x + width]
        behind = padded[1 - y : 1 - y + height, 1 - x : 1 - x + width]
        ridge = (size > before) & (size >= behind)
        # Along a diagonal two equal neighbors cancel each other.
        kept = chosen & ridge & ((size > behind) | ~diagonal)
        result[kept] = size[kept]
    return result


def hysteresis(size: Numbers, *, low: float, high: float) -> NDArray[np.bool_]:
    """Where `size` (H, W) is above `low` and connected, also diagonally, with something above `high`."""
    if not 0 <= low <= high:
        raise ValueError(f"thresholds are ordered, 0 <= low <= high: got low={low:g} and high={high:g}")
    parts, count = ndimage.label(size > low, structure=np.ones((3, 3)))
    strong = np.zeros(count + 1, dtype=bool)
    strong[parts[size > high]] = True
    strong[0] = False
    return np.asarray(strong[parts])


def canny(image: NDArray[Any], *, low: float, high: float) -> NDArray[np.bool_]:
    """Edges of a grey image (H, W); the thresholds are of |dx| + |dy| by Sobel's operator, 8 times the slope."""
    dx, dy = sobel(image, border="edge")
    return hysteresis(thin(dx, dy), low=low, high=high)
