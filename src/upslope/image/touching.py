"""Things that touch, told apart: a distance map whose peaks are their seeds, and a watershed between them.

P. Naylor et al., "Segmentation of Nuclei in Histopathology Images by Deep Regression of the Distance Map", 2019,
https://doi.org/10.1109/TMI.2018.2865709: a network gives the distance; from grey levels it comes after a threshold
(N. Otsu 1979) as the distance to the background, which knows nothing of the border between two that touch.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from upslope.image.otsu import otsu
from upslope.image.watershed import watershed

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]

LOW, HIGH = 1.0, 99.8  # percentiles of grey levels that become 0 and 1
FLAT = 2 / 255  # of white: the least that lies between them, so that an empty picture's noise stays dark
SOFT = 1.0  # pixels: standard deviation of the blur before Otsu's threshold, and of that of the distance
APART = 7  # pixels: the side of the square in which a peak of the distance is the only one


def stretched(picture: NDArray[Any]) -> NDArray[np.float32]:
    """A grey picture, bytes or in [0, 1], with its own darkest and brightest levels (percentiles) as 0 and 1."""
    levels = picture.astype(np.float32) / (255 if picture.dtype == np.uint8 else 1)
    low, high = np.percentile(levels, (LOW, HIGH))
    return np.asarray(np.clip((levels - low) / max(high - low, FLAT), 0, 1), dtype=np.float32)


def border_distance(labels: Labels) -> NDArray[np.float32]:
    """How far each pixel of a thing lies from its border, as a share of the farthest: in (0, 1], and 0 outside.

    The border of two that touch counts like any other. Things are numbered from 1, in one piece or in several.
    """
    distance = np.zeros(labels.shape, dtype=np.float32)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            here = labels[box] == number
            own = ndimage.distance_transform_edt(np.pad(here, 1))[1:-1, 1:-1]
            distance[box] += (own / own.max()).astype(np.float32)
    return distance


def grown(mask: NDArray[np.bool_], distance: Floats, peaks: NDArray[np.bool_], *, smallest: int) -> NDArray[np.int32]:
    """Numbered things, 1 to n: each connected piece of `peaks` is the seed of one, and so is a piece of the mask
    without any. They grow over the mask from high to low distance; what has fewer than `smallest` pixels is left out.
    """
    seeds, count = ndimage.label(peaks & mask)
    pieces, _ = ndimage.label(mask)
    alone = np.setdiff1d(np.unique(pieces), pieces[seeds > 0])
    seeds = np.where(np.isin(pieces, alone) & mask, count + pieces, seeds)
    things = watershed(distance, seeds, mask)
    areas = np.bincount(things.ravel())
    stays = areas >= smallest
    stays[0] = False
    return np.asarray((np.cumsum(stays) * stays)[things], dtype=np.int32)


def told_apart(
    foreground: Floats, distance: Floats, *, inside: float = 0.5, peak: float = 0.5, smallest: int = 12
) -> NDArray[np.int32]:
    """Things from two maps in [0, 1]: how likely a pixel is foreground, and its distance to the border of its thing.

    `inside`: from which probability on it is; `peak`: from which distance on it belongs to a seed.
    """
    return grown(foreground >= inside, distance, distance >= peak, smallest=smallest)


def otsu_and_watershed(picture: NDArray[Any], *, smallest: int = 12) -> NDArray[np.int32]:
    """Bright things on dark ground without a network: Otsu's threshold, and peaks of the distance to the background."""
    smooth = ndimage.gaussian_filter(stretched(picture), SOFT)
    mask = (smooth > otsu(smooth)) & (smooth > smooth.min())
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), SOFT)
    peaks = distance == ndimage.maximum_filter(distance, size=APART)
    return grown(mask, distance, peaks, smallest=smallest)
