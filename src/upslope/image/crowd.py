"""Whether a picture shows more than one thing, and which of them is looked at.

A character is one connected piece, or a few that belong together: the bar of a 5 above its body. What stands beside it,
nearly as tall, with a gap between them, is a character of its own.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Box = tuple[slice, ...]  # rows and columns

TALL = 0.6  # of the other's height: what is lower is a part or a dot
APART = 0.06  # of the taller one's height, between two characters
LIKE = (0.5, 2.0)  # times the size of what is read, for what the same hand wrote
THICK = (0.4, 2.5)  # times the width of its strokes
DARK = 0.75  # of its contrast
SHARP = 0.6  # of how sharp its outline is
LARGE = 0.3  # of the largest thing's area, for another to be one
GAP = 0.05  # of the picture, between things


def side_by_side(box: Box, other: Box) -> bool:
    """Whether two pieces are characters of their own: nearly as tall as each other, at the same height, apart."""
    heights = [each[0].stop - each[0].start for each in (box, other)]
    shared = min(box[0].stop, other[0].stop) - max(box[0].start, other[0].start)
    gap = max(box[1].start, other[1].start) - min(box[1].stop, other[1].stop)
    return bool(min(heights) >= TALL * max(heights) and shared >= TALL * min(heights) and gap > APART * max(heights))


def which(boxes: Sequence[Box], taken: int) -> str:
    """Which one of several things, as a person says it: "the left one", "number 2 of 3 from the top"."""
    middles = np.array([[(side.start + side.stop) / 2 for side in box] for box in boxes])
    down, across = np.ptp(middles, axis=0)
    axis = int(across >= down)
    place = int(np.argsort(np.argsort(middles[:, axis], kind="stable"))[taken])
    first, last = (("upper", "lower"), ("left", "right"))[axis]
    if len(boxes) == 2:
        return f"the {(first, last)[place]} one"
    return f"number {place + 1} of {len(boxes)} from the {('top', 'left')[axis]}"


def things(mask: Mask) -> int:
    """How many things of about the same size a mask shows; pieces with little between them are one."""
    reach = max(1, round(GAP * max(mask.shape)))
    joined, count = ndimage.label(
        ndimage.binary_dilation(mask, np.ones((3, 3), dtype=bool), iterations=reach // 2 or 1)
    )
    if count == 0:
        return 0
    areas = ndimage.sum_labels(mask, joined, range(1, count + 1))
    return int((areas > LARGE * areas.max()).sum())
