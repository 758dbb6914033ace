"""Small masks of boxes brought into their picture, and a picture's pixels shared among things that overlap.

K. He, G. Gkioxari, P. Dollar, R. Girshick, "Mask R-CNN", 2017, https://arxiv.org/abs/1703.06870, section 3.1; and
A. Kirillov et al., "Panoptic Segmentation", 2018, https://arxiv.org/abs/1801.00868, section 7: of things that overlap
the likelier one takes the pixels, and one of which others hold the larger part is left out.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

INSIDE = 0.5  # the probability from which on a pixel is the thing's
Floats = NDArray[np.floating[Any]]
Pixels = NDArray[np.int64]  # numbers of pixels, counted row by row from the upper left, rising


def pasted(mask: Floats, box: Floats, *, height: int, width: int) -> Pixels:
    """The pixels of a picture that belong to the thing in a box (4,), xyxy, by its mask (m, m) in [0, 1].

    The mask's values lie in the middles of m x m equal cells of the box. Between them, at the middle of each pixel, it
    is interpolated bilinearly; beyond the outermost ones they count.
    """
    left, top, right, bottom = (float(edge) for edge in box)
    rows, columns = _within(top, bottom, height), _within(left, right, width)
    values = _weights(rows, top, bottom, len(mask)) @ mask @ _weights(columns, left, right, len(mask)).T
    down, across = np.nonzero(values >= INSIDE)
    return rows[down] * width + columns[across]


def shared_out(things: Iterable[Pixels], *, height: int, width: int, smallest: int) -> NDArray[np.int32]:
    """Things numbered from 1 in a picture (height, width), each pixel the first thing's that wants it, 0 nobody's.

    What then has fewer than `smallest` pixels, or less than half of those it wanted, is left out.
    """
    labels = np.zeros(height * width, dtype=np.int32)
    number = 0
    for wanted in things:
        free = wanted[labels[wanted] == 0]
        if len(free) >= max(smallest, len(wanted) / 2):
            number += 1
            labels[free] = number
    return labels.reshape(height, width)


def _within(first: float, last: float, length: int) -> Pixels:
    """The pixels along a side whose middles lie between two edges."""
    return np.arange(max(0, np.ceil(first - 0.5)), min(length, np.ceil(last - 0.5)), dtype=np.int64)


def _weights(places: Pixels, first: float, last: float, cells: int) -> Floats:
    """What each of the cells between two edges counts at the middle of each pixel: (places, cells)."""
    at = np.clip((places + 0.5 - first) * cells / max(last - first, 1e-9) - 0.5, 0, cells - 1)
    return np.asarray(np.maximum(0.0, 1 - np.abs(at[:, None] - np.arange(cells))))
