"""Finding sheets of paper in a photograph that shows the table around them.

A sheet is a bright region with straight sides: its hull, in perspective, is a quadrilateral, with one corner more for
each side of the picture that cuts it, and the region fills its hull. A fat white 0 on black is round, a 5 is not
convex. The lit part of a page has straight sides, too, where a straight shadow falls: so what is found here is offered,
and what is written on it decides.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

from upslope.image.otsu import otsu
from upslope.image.read import Picture
from upslope.image.resize import resized, with_longest

Mask = NDArray[np.bool_]

SIDE = 160  # pixels on the longer side of what is looked at
SMALLEST, LARGEST = 0.02, 0.95  # parts of the picture
DARKER = 0.85  # the light just outside, in parts of that just inside: a table, not the light falling off
CONVEX = 0.93  # parts of its hull that a sheet fills
STRAIGHT = 0.95  # parts of the polygon with so few corners around it that its hull fills


def sheets(picture: Picture) -> Iterator[Picture]:
    """Each sheet cut out, the table around it painted over with the paper beside it."""
    small = with_longest(picture, SIDE)
    light = ndimage.gaussian_filter(small.mean(axis=-1), 1, mode="nearest")
    threshold = otsu(light)
    found: list[Mask] = []
    # Where paper, shadow and table are three groups, the shadow falls on either side of the first threshold.
    for level in (threshold, otsu(light[light <= threshold]), otsu(light[light > threshold])):
        sheet = _largest(light > level)
        seen_before = any((sheet == other).mean() > 0.98 for other in found)
        if SMALLEST < sheet.mean() < LARGEST and not seen_before and _stands_out(sheet, light) and is_sheet(sheet):
            found.append(sheet)
            yield _cut_out(picture, small, sheet)


def is_sheet(mask: Mask) -> bool:
    """Whether a region without holes has the outline of a sheet: convex, with few corners."""
    outline = np.argwhere(mask & ~ndimage.binary_erosion(mask)).astype(np.float64)
    # The corners of pixels, not their middles: a hull through the middles is half a pixel too small on every side.
    points = np.concatenate([outline + np.array((y, x)) for y in (-0.5, 0.5) for x in (-0.5, 0.5)])
    hull = points[ConvexHull(points).vertices]
    whole = _area(hull)
    cuts = sum(bool(side.any()) for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    return bool(mask.sum() > CONVEX * whole and whole > STRAIGHT * _area(_with_corners(hull, 4 + cuts)))


def _largest(mask: Mask) -> Mask:
    """The largest piece of a mask, without its holes; grain that hangs on to it by a pixel is cut off."""
    labels, count = ndimage.label(ndimage.binary_opening(mask, np.ones((3, 3), dtype=bool)))
    if count == 0:
        return np.zeros_like(mask)
    return np.asarray(ndimage.binary_fill_holes(labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))))


def _stands_out(sheet: Mask, light: NDArray[np.floating]) -> bool:
    inside = sheet & ~ndimage.binary_erosion(sheet, iterations=4, border_value=1)
    outside = ndimage.binary_dilation(sheet, iterations=4) & ~sheet
    return bool(outside.any() and light[outside].mean() < DARKER * light[inside].mean())


def _with_corners(hull: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The polygon that is left when sides of a hull are taken away, the two beside each going on until they meet.

    Always the side that adds least area goes first, so round and dog-eared corners become sharp before anything else.
    """
    while len(hull) > count:
        # The side from b to c goes; the side from a to b and that from d to c are prolonged to where they meet.
        a, b, c, d = (np.roll(hull, shift, axis=0) for shift in (1, 0, -1, -2))
        along, back = b - a, c - d
        with np.errstate(divide="ignore", invalid="ignore"):
            far = _cross(c - b, back) / _cross(along, back)
            met = b + far[:, np.newaxis] * along
            added = np.where(far > 0, np.abs(_cross(c - b, met - b)), np.inf)
        least = int(np.nanargmin(added))
        if not np.isfinite(added[least]):
            break
        hull[least] = met[least]
        hull = np.delete(hull, (least + 1) % len(hull), axis=0)
    return hull


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    crossed: NDArray[np.float64] = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return crossed


def _area(polygon: NDArray[np.float64]) -> float:
    y, x = polygon.T
    return abs(float(np.sum(y * np.roll(x, 1) - x * np.roll(y, 1)))) / 2


def _cut_out(picture: Picture, small: Picture, sheet: Mask) -> Picture:
    """The box around the sheet; outside of the sheet is the colour of the nearest paper."""
    inner = ndimage.binary_erosion(sheet, iterations=2, border_value=1)
    nearest = ndimage.distance_transform_edt(~inner, return_distances=False, return_indices=True)
    height, width = picture.shape[:2]
    around = resized(small[tuple(nearest)], height, width)
    share = resized(inner.astype(np.float32), height, width)[:, :, np.newaxis]
    whole = np.where(share > 0.999, picture, around)
    rows, columns = (
        slice(round(place.min() * large / little), round((place.max() + 1) * large / little))
        for place, large, little in zip(np.nonzero(inner), picture.shape, small.shape, strict=False)
    )
    return np.asarray(whole[rows, columns], dtype=np.float32)
