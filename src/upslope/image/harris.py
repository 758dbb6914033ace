"""Harris's corner detector: where an image changes in every direction.

C. Harris, M. Stephens, "A Combined Corner and Edge Detector", 1988, https://doi.org/10.5244/C.2.23.

Along an edge a small window may be shifted without changing what it shows; at a corner any shift changes it. How much a
shift changes is a quadratic form, the structure tensor. J. Shi, C. Tomasi 1994 take its smaller eigenvalue in place of
Harris's measure, which needs no root.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from upslope.image.gaussian import gaussian_blur
from upslope.image.sobel import sobel

Floats = NDArray[np.floating[Any]]


def harris(image: Floats, *, sigma: float, k: float = 0.04) -> Floats:
    """The corner response of an image (H, W) of floats: (H, W), the same dtype; large and positive at corners.

    With the slopes dx and dy of `sobel`, and G the blur `gaussian_blur` of this sigma with radius = 4 sigma rounded,
    the structure tensor of each pixel is M = [[a, b], [b, c]], a = G(dx**2), b = G(dx dy), c = G(dy**2), and the
    response det M - k (trace M)**2. It is 0 in even areas and negative at edges. H and W are larger than the radius.
    Where image[y, x] = x, far from the border, dx is 8 and dy is 0, and with k = 0.05 the response is -204.8.
    Harris and Stephens 1988, equations 6 to 8.
    """
    # How steep the image is, to the right and downwards.
    dx, dy = sobel(image)
    radius = round(4 * sigma)
    # The products are averaged, not the slopes: those would cancel each other.
    a = gaussian_blur(dx * dx, sigma=sigma, radius=radius)
    b = gaussian_blur(dx * dy, sigma=sigma, radius=radius)
    c = gaussian_blur(dy * dy, sigma=sigma, radius=radius)
    # Both eigenvalues large: the determinant is their product, the trace their sum.
    return a * c - b * b - k * (a + c) ** 2


def peaks(response: Floats, *, count: int, apart: int = 3, border: int = 0) -> NDArray[np.float64]:
    """The `count` highest places of a response (H, W), none within `apart` pixels of a higher one: (N, 2) as x, y.

    Each is moved to the top of a parabola through its neighbors, at most half a pixel. They come highest first.
    """
    inner = np.zeros(response.shape, dtype=bool)
    edge = max(border, 1)
    inner[edge:-edge, edge:-edge] = True
    highest = ndimage.maximum_filter(response, size=2 * apart + 1) == response
    rows, columns = np.nonzero(highest & inner & (response > 0))
    order = np.argsort(-response[rows, columns], kind="stable")[:count]
    rows, columns = rows[order], columns[order]
    return np.stack([_top(response, rows, columns, 0, 1), _top(response, rows, columns, 1, 0)], axis=-1)


def _top(
    response: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp], down: int, across: int
) -> NDArray[np.float64]:
    """Where the parabola through a place and its two neighbors is highest."""
    before, here, behind = (
        response[rows + step * down, columns + step * across].astype(np.float64) for step in (-1, 0, 1)
    )
    bend = before - 2 * here + behind
    step = np.where(bend < 0, (before - behind) / np.where(bend < 0, 2 * bend, 1), 0)
    return np.asarray((columns if across else rows) + np.clip(step, -0.5, 0.5))
