"""Finding what is written in a photograph: ink or chalk, on paper that is lit unevenly.

1. Closing a picture (for every pixel the darkest of the brightest around) removes what is dark and narrow and keeps the
   light as it falls, even the edges of shadows; opening removes what is bright and narrow. One of the two took out the
   writing and left the smoother picture: that is the background, and it says whether the writing is dark or light.
2. Dividing by the background takes away the light. Along the colour in which the strongest differences lie (darker,
   bluer) every pixel then has a contrast.
3. Of the connected pieces the one with the longest and sharpest outline counts: shadows have soft ones, specks short
   ones. Its own contrast says how much ink a pixel has; a stroke begins at half of that. What is near belongs to it.

Closing and opening: J. Serra, "Image Analysis and Mathematical Morphology", 1982. Otsu's threshold: N. Otsu, 1979,
https://doi.org/10.1109/TSMC.1979.4310076.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from upslope.image.otsu import otsu
from upslope.image.read import Picture
from upslope.image.resize import Floats, resized, with_longest
from upslope.image.sheet import find_sheet

Mask = NDArray[np.bool_]

SIDE = 320  # pixels on the longer side of what is looked at
CELLS = 160  # the same for the background
WIDEST = 0.33  # of a stroke, in parts of the longer side: what is wider is background
DIM = 0.05  # added to all light, so that the dark does not consist of noise
FAINTEST = 0.1  # of the background's light: less contrast is no writing
MARGIN = 0.35  # around the writing, in parts of its size, when it is looked at more closely


@dataclass(frozen=True)
class Strokes:
    """What was found: how much ink every pixel has, in [0, 1], and which pixels belong to strokes."""

    ink: Floats  # (H, W)
    mask: Mask


def find_strokes(picture: Picture) -> Strokes | None:
    """The writing, cut out with a margin; None where there is none."""
    picture = picture[find_sheet(picture)]
    found = _look(picture)
    if found is None:
        return None
    # Once more and closer, with more pixels for the strokes and less of what surrounds them.
    rows, columns = _around(found.mask, picture.shape)
    return _look(picture[rows, columns]) or found


def stroke_width(mask: Mask) -> float:
    """The mean width of strokes in pixels: across a stripe the mean distance to its edge is a quarter of its width."""
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))
    return 4 * float(distance[distance > 0].mean())


def _look(picture: Picture) -> Strokes | None:
    seen = np.clip(ndimage.gaussian_filter(with_longest(picture, SIDE), (1, 1, 0), mode="nearest"), 0, 1)
    contrast, noise = _above_paper(_contrast(seen, _background(seen)))
    strong = contrast[contrast > max(4 * noise, FAINTEST)]
    if strong.size < 20:
        return None
    sharp = ndimage.gaussian_gradient_magnitude(contrast, 1.0, mode="nearest")
    best = _best_piece(contrast > otsu(strong) / 2, sharp)
    level = float(np.median(contrast[best]))
    mask = _with_neighbours(contrast > level / 2, best)
    ink = np.clip(2 * contrast / level - 0.5, 0, 1) * ndimage.binary_dilation(mask, iterations=3)
    return Strokes(ink.astype(np.float32), mask)


def _background(picture: Floats) -> tuple[Floats, bool]:
    """The picture without what is written, and whether that is darker than it."""
    cells = with_longest(picture, CELLS)
    size = (int(WIDEST * CELLS), int(WIDEST * CELLS), 1)
    # Beyond its border the picture goes on as it is there, so that a table's edge or a shadow is no narrow thing.
    beyond = size[0]
    wide = np.pad(cells, ((beyond, beyond), (beyond, beyond), (0, 0)), mode="edge")
    inner = np.s_[beyond : beyond + cells.shape[0], beyond : beyond + cells.shape[1]]
    closed = ndimage.grey_closing(wide, size=size)[inner]
    opened = ndimage.grey_opening(wide, size=size)[inner]
    dark = _roughness(closed) <= _roughness(opened)
    return np.clip(resized(closed if dark else opened, *picture.shape[:2]), 0, 1), dark


def _roughness(picture: Floats) -> float:
    return sum(float((np.diff(picture, axis=axis) ** 2).mean()) for axis in (0, 1))


def _contrast(picture: Floats, background: tuple[Floats, bool]) -> Floats:
    """How far each pixel is from the background towards the colour of the ink, in parts of the background's light."""
    light, dark = background
    difference = (picture + DIM) / (light + DIM) - 1
    difference = -difference if dark else difference
    height, width = difference.shape[:2]
    rows = np.minimum(np.arange(height) + 0.5, height - 0.5 - np.arange(height)) / height
    columns = np.minimum(np.arange(width) + 0.5, width - 0.5 - np.arange(width)) / width
    inside = np.clip(np.minimum.outer(rows, columns) / 0.08, 0, 1)  # the border of a picture is rarely written on
    strength = (difference**2).sum(axis=-1) * inside
    direction = (strength[..., np.newaxis] * difference).sum(axis=(0, 1))
    return np.asarray(difference @ (direction / max(float(np.linalg.norm(direction)), 1e-12)), dtype=np.float32)


def _above_paper(contrast: Floats) -> tuple[Floats, float]:
    """The contrast over that of bare paper, and the deviation of the paper's.

    The background is the brightest of noisy pixels and so brighter than paper is in the mean. A quarter of the pixels
    at least are paper; its mean and deviation follow from two quantiles, as they would for a normal distribution.
    """
    few, quarter = np.quantile(contrast, (0.025, 0.125))  # 5 % and 25 % of the darker or lighter half of all pixels
    noise = float(quarter - few) / (1.960 - 1.150)
    return contrast - np.float32(quarter + 1.150 * noise), noise


def _best_piece(mask: Mask, sharp: Floats) -> Mask:
    """The piece with the longest and sharpest outline; one that the picture's border cuts counts for less."""
    labels, boxes = _pieces(mask)
    outline = mask & ~ndimage.binary_erosion(mask, border_value=1)
    numbers = range(1, len(boxes) + 1)
    length = ndimage.sum_labels(outline, labels, numbers)
    edge = ndimage.sum_labels(sharp * outline, labels, numbers) / np.maximum(length, 1)
    cut = np.array([_at_border(box, mask.shape) for box in boxes])
    score = edge**2 * length * np.where(cut, 0.05, 1)
    return np.asarray(labels == 1 + int(np.argmax(score)))


def _with_neighbours(mask: Mask, best: Mask) -> Mask:
    """The pieces of the mask that hold the best piece, and others near it that are no specks and not cut."""
    labels, boxes = _pieces(mask)
    own = set(np.unique(labels[best & mask]).tolist())
    area = np.asarray(ndimage.sum_labels(mask, labels, range(1, len(boxes) + 1)))
    largest = max(own, key=lambda number: area[number - 1])
    box = boxes[largest - 1]
    size = max(side.stop - side.start for side in box)
    kept = [largest]
    for number, other in enumerate(boxes, start=1):
        whole = _at_border(box, mask.shape) or not _at_border(other, mask.shape)
        if area[number - 1] > 0.03 * area[largest - 1] and whole and (number in own or _gap(other, box) < 0.3 * size):
            kept.append(number)
    return np.isin(labels, kept)


def _pieces(mask: Mask) -> tuple[NDArray[Any], list[tuple[slice, ...]]]:
    """The number of the connected piece that each pixel belongs to, and the box around each piece."""
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    return labels, ndimage.find_objects(labels)


def _at_border(box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    return any(side.start == 0 or side.stop == length for side, length in zip(box, shape, strict=True))


def _gap(box: tuple[slice, ...], other: tuple[slice, ...]) -> int:
    """Pixels between two boxes, along the axis on which they are further apart."""
    return max(max(int(a.start - b.stop), int(b.start - a.stop), 0) for a, b in zip(box, other, strict=True))


def _around(mask: Mask, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the picture that hold the mask's pixels and a margin."""
    spans = []
    places = np.nonzero(mask)
    size = max(int(np.ptp(place)) + 1 for place in places)
    for place, small, large in zip(places, mask.shape, shape, strict=False):
        first, last = int(place.min()) - MARGIN * size, int(place.max()) + 1 + MARGIN * size
        spans.append(slice(max(0, int(first * large / small)), min(large, int(np.ceil(last * large / small)))))
    return spans[0], spans[1]
