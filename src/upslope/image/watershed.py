"""Watershed: regions that grow from seeds, the highest ground first, until they meet in the valleys.

S. Beucher, F. Meyer, "The morphological approach to segmentation: the watershed transformation", 1993, section 12.3;
F. Meyer, "Topographic distance and watershed lines", 1994, https://doi.org/10.1016/0165-1684(94)90060-4. Upside down:
the papers flood from minima, here seeds come down from maxima.
"""

from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]


def watershed(heights: Floats, seeds: Labels, mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The number of the seed that each pixel of the mask belongs to, (H, W) int32; 0 outside, and where none comes.

    `seeds` holds the numbers that are there already, 0 elsewhere; what of them lies outside the mask is no seed. The
    highest pixel with a number passes it on, number[neighbor] = number[pixel], to those of its neighbors above, left,
    right and below that are in the mask and have none; then the next highest, each pixel once. Of pixels of equal
    height the one that got its number first comes first; seeds have theirs row by row. They meet where it is lowest:
    watershed([[6, 1, 3, 4, 5]], [[1, 0, 0, 0, 2]], all True) is [[1, 1, 2, 2, 2]]. Three shapes that differ are
    refused: ValueError says "heights (2, 3), seeds (2, 3) and mask (3, 2) are not of one shape".
    """
    if not heights.shape == seeds.shape == mask.shape:
        raise ValueError(f"heights {heights.shape}, seeds {seeds.shape} and mask {mask.shape} are not of one shape")
    # Around the picture a border that is outside the mask, so that each pixel has four neighbors.
    inside = np.pad(mask.astype(bool), 1)
    labels = np.where(inside, np.pad(seeds, 1), 0)
    width = labels.shape[1]
    starts = np.flatnonzero(labels)
    # Single numbers are read and written faster in lists.
    height, number = np.pad(heights, 1).ravel().tolist(), labels.ravel().tolist()
    free = (inside & (labels == 0)).ravel().tolist()
    # What has a number waits in a heap: the highest first, of equal ones the one that came first.
    waiting = [(-height[pixel], age, pixel) for age, pixel in enumerate(starts.tolist())]
    heapify(waiting)
    age = len(waiting)
    while waiting:
        _, _, pixel = heappop(waiting)
        for neighbor in (pixel - width, pixel - 1, pixel + 1, pixel + width):
            if free[neighbor]:
                # Whoever comes first keeps the pixel.
                free[neighbor] = False
                number[neighbor] = number[pixel]
                heappush(waiting, (-height[neighbor], age, neighbor))
                age += 1
    return np.array(number, dtype=np.int32).reshape(labels.shape)[1:-1, 1:-1]
