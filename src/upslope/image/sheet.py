"""Finding the sheet of paper in a photograph that shows the table around it.

A sheet is the largest bright region: large, nearly a rectangle (a tilted one, too), suddenly darker along its outline,
which lies inside the picture, and a little is dark within. Each of these is needed. A fat white 0 on black has
something dark inside, but fills an ellipse, pi/4 of its rectangle; a fat 1 fills a rectangle, but there is nothing
in it; the lit
half of a page is a rectangle with writing in it, but the picture's border cuts it, and shadows are not so dark.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from upslope.image.otsu import otsu
from upslope.image.read import Picture
from upslope.image.resize import with_longest

SIDE = 120  # pixels on the longer side of what is looked at
SMALLEST = 0.15  # parts of the picture
LARGEST = 0.92
RECTANGULAR = 0.82  # parts of the smallest rectangle around it
WRITTEN = (0.0005, 0.25)  # parts of the sheet
CUT = 0.25  # parts of its outline on the picture's border
DARKER = 0.55  # the light just outside, in parts of that just inside


def find_sheet(picture: Picture) -> tuple[slice, slice]:
    """Rows and columns of the sheet; all of the picture where there is none."""
    everything = (slice(0, picture.shape[0]), slice(0, picture.shape[1]))
    light = with_longest(picture, SIDE).mean(axis=-1)
    labels, count = ndimage.label(light > otsu(light))
    if count == 0:
        return everything
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    sheet = ndimage.binary_fill_holes(largest)
    part, written = sheet.mean(), 1 - largest.sum() / sheet.sum()
    inside = sheet & ~ndimage.binary_erosion(sheet, iterations=3, border_value=1)
    outside = ndimage.binary_dilation(sheet, iterations=3) & ~sheet
    outline = sheet & ~ndimage.binary_erosion(sheet, border_value=0)
    cut = outline.sum() and 1 - (outline & ndimage.binary_dilation(~sheet)).sum() / outline.sum()
    if not (
        SMALLEST < part < LARGEST
        and WRITTEN[0] < written < WRITTEN[1]
        and cut < CUT
        and float(light[outside].mean()) < DARKER * float(light[inside].mean())
        and rectangularity(sheet) > RECTANGULAR
    ):
        return everything
    spans = []
    for place, small, large in zip(np.nonzero(sheet), light.shape, picture.shape, strict=False):
        inset = 0.02 * np.ptp(place)
        first, last = (place.min() + inset) * large / small, (place.max() + 1 - inset) * large / small
        spans.append(slice(int(first), int(np.ceil(last))))
    return spans[0], spans[1]


def rectangularity(mask: NDArray[np.bool_]) -> float:
    """How much of the smallest rectangle around it, however turned, a region fills."""
    points = np.argwhere(mask & ~ndimage.binary_erosion(mask)).astype(np.float64)
    angles = np.deg2rad(np.arange(0, 90, 3))
    along = points @ np.stack([np.cos(angles), np.sin(angles)])
    across = points @ np.stack([-np.sin(angles), np.cos(angles)])
    areas = (np.ptp(along, axis=0) + 1) * (np.ptp(across, axis=0) + 1)
    return float(mask.sum() / areas.min())
