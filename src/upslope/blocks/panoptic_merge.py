"""From maps to segments: a class for each pixel, centers, and where each pixel points make things and stuff.

B. Cheng et al., "Panoptic-DeepLab", 2019, https://arxiv.org/abs/1911.10194, section 3.3. The maps come from a network,
the grouping learns nothing.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray


def panoptic_merge(
    classes: NDArray[np.integer[Any]],
    heatmap: NDArray[np.floating[Any]],
    offsets: NDArray[np.floating[Any]],
    *,
    things: Collection[int],
    threshold: float = 0.1,
    window: int = 7,
    top: int = 200,
    stuff_area: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The class of each pixel, -1 for void, and the number of its thing, 0 for none; both (H, W) int64.

    A center is a pixel of `heatmap` (H, W) that is larger than `threshold` and the largest of the square of `window`
    (odd) pixels around it, as far as that lies in the picture; equal ones are all centers. The `top` highest stay. They
    have the numbers 1, 2, ... from the highest down, of equal ones the upper, then the left one first. A pixel (y, x)
    whose class is one of `things` gets the number of the center that is nearest to (y, x) + `offsets`[:, y, x], the one
    with the lower number if two are as near, and where there is no center, number 0 and class -1. Then all pixels of a
    number get the class that most of them have, the lower class in a draw. Any other class with fewer than `stuff_area`
    pixels in the picture becomes -1. With things = [3, 4], window = 3 and a heatmap with 0.9 in column 1 and 0.8 in
    column 4, the row of classes [3, 3, 4, 4, 4, 0] whose pixels point by columns at [1, 1, 1, 4, 4, 5] is [3, 3, 3, 4,
    4, 0] with the numbers [1, 1, 1, 2, 2, 0]. Cheng et al. 2019, section 3.3. Maps that differ in size are refused:
    ValueError says "classes (2, 3), heatmap (2, 3) and offsets (2, 3, 2) are not of one picture".
    """
    if not classes.shape == heatmap.shape == offsets.shape[1:] or len(offsets) != 2:
        raise ValueError(
            f"classes {classes.shape}, heatmap {heatmap.shape} and offsets {offsets.shape} are not of one picture"
        )
    # A center is the highest of its neighborhood; beyond the edge there is nothing.
    around = sliding_window_view(np.pad(heatmap, window // 2, constant_values=-np.inf), (window, window))
    peaks = (heatmap == around.max(axis=(2, 3))) & (heatmap > threshold)
    best = np.argsort(-heatmap[peaks], kind="stable")[:top]
    centers = np.argwhere(peaks)[best]
    # Where each pixel of a thing points.
    is_thing = np.isin(classes, list(things))
    y, x = np.nonzero(is_thing)
    down, across = y + offsets[0, y, x], x + offsets[1, y, x]
    # It belongs to the nearest center.
    number, nearest = np.zeros(len(y), dtype=np.int64), np.full(len(y), np.inf)
    for k, (row, column) in enumerate(centers, start=1):
        distance = (down - row) ** 2 + (across - column) ** 2
        closer = distance < nearest
        number[closer], nearest[closer] = k, distance[closer]
    # A thing has one class: that of most of its pixels.
    merged, numbers = classes.astype(np.int64), np.zeros(classes.shape, dtype=np.int64)
    merged[is_thing], numbers[is_thing] = -1, number
    for k in np.unique(number[number > 0]):
        merged[numbers == k] = np.bincount(classes[numbers == k]).argmax()
    # Of stuff a few pixels are more likely a mistake than a place.
    for kind in np.unique(classes[~is_thing]):
        here = ~is_thing & (classes == kind)
        if here.sum() < stuff_area:
            merged[here] = -1
    return merged, numbers
