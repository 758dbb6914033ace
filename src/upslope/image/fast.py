"""FAST: corners by a circle of sixteen pixels, nine of which in a row are all brighter or all darker than the middle.

E. Rosten, T. Drummond, "Machine Learning for High-Speed Corner Detection", 2006,
https://doi.org/10.1007/11744023_34. FAST-9, the variant that repeats best (Rosten, Porter and Drummond 2010).

Left out: the learned decision tree, which looks at fewer pixels one after the other; arrays look at all at once.
"""

import numpy as np
from numpy.typing import NDArray

# Around a circle of radius 3, clockwise from the top: (down, across).
CIRCLE = (
    *((-3, 0), (-3, 1), (-2, 2), (-1, 3), (0, 3), (1, 3), (2, 2), (3, 1)),
    *((3, 0), (3, -1), (2, -2), (1, -3), (0, -3), (-1, -3), (-2, -2), (-3, -1)),
)


def fast_score(image: NDArray[np.uint8]) -> NDArray[np.int16]:
    """How strong a corner each pixel of (H, W) is: the largest threshold at which it is none any more; 0 at most edges.

    A pixel is a corner at threshold t if nine in a row of its circle differ by more than t, all in one direction.
    """
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError(f"FAST takes a grey picture (H, W) of uint8, not {image.dtype} of shape {image.shape}")
    height, width = image.shape
    score = np.zeros(image.shape, dtype=np.int16)
    if min(height, width) < 7:
        return score
    levels = image.astype(np.int16)
    middle = levels[3:-3, 3:-3]
    ring = np.stack([levels[3 + y : height - 3 + y, 3 + x : width - 3 + x] - middle for y, x in CIRCLE])
    for signed in (ring, -ring):
        # The least of nine in a row, by doubling: of two, four, eight, and one more.
        least = signed
        for step in (1, 2, 4):
            least = np.minimum(least, np.roll(least, -step, axis=0))
        least = np.minimum(least, np.roll(signed, -8, axis=0))
        np.maximum(score[3:-3, 3:-3], least.max(axis=0), out=score[3:-3, 3:-3])
    return score


def fast(image: NDArray[np.uint8], *, threshold: int, suppress: bool = True) -> NDArray[np.intp]:
    """Corners of a grey picture (H, W) of bytes: (N, 2) as x, y, row by row.

    suppress: only corners whose score is higher than that of all eight neighbors.
    """
    score = fast_score(image)
    corners = score > threshold
    if suppress:
        strength = np.pad(np.where(corners, score, 0), 1)
        height, width = score.shape
        for y in (-1, 0, 1):
            for x in (-1, 0, 1):
                if y or x:
                    corners &= score > strength[1 + y : 1 + y + height, 1 + x : 1 + x + width]
    return np.argwhere(corners)[:, ::-1]
