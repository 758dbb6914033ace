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

from upslope.image.read import Picture
from upslope.image.resize import Floats, resized, with_longest

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


def otsu(values: NDArray[Any]) -> float:
    """The threshold that leaves the least variance within the two groups it makes."""
    counts, edges = np.histogram(values, bins=128)
    centres = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    mass = np.cumsum(counts * centres)
    between = (mass[:-1] * above - (mass[-1] - mass[:-1]) * below) ** 2 / np.maximum(below * above, 1)
    return float(centres[int(np.argmax(between))])


def _look(picture: Picture) -> Strokes | None:
    seen = np.clip(ndimage.gaussian_filter(with_longest(picture, SIDE), (1, 1, 0), mode="nearest"), 0, 1)
    steep = np.sqrt(sum(ndimage.gaussian_gradient_magnitude(seen[..., c], 1.0, mode="nearest") ** 2 for c in range(3)))
    steep = ndimage.maximum_filter(steep, size=5)
    found = max((_candidate(seen, steep, dark) for dark in (True, False)), key=lambda candidate: candidate.score)
    if found.score == 0:
        return None
    contrast = found.contrast
    level = float(np.median(contrast[found.piece]))
    mask = _with_neighbours(contrast > level / 2, found.piece)
    ink = np.clip(2 * contrast / level - 0.5, 0, 1) * ndimage.binary_dilation(mask, iterations=3)
    return Strokes(ink.astype(np.float32), mask)


@dataclass(frozen=True)
class _Candidate:
    """The most likely piece of writing, if it is darker than its background, or if it is lighter."""

    score: float
    contrast: Floats
    piece: Mask


def _candidate(seen: Floats, sharp: Floats, dark: bool) -> _Candidate:
    contrast, noise = _above_paper(_contrast(seen, (_background(seen, dark), dark)))
    strong = contrast[contrast > max(4 * noise, FAINTEST)]
    if strong.size < 20:
        return _Candidate(0.0, contrast, contrast > np.inf)
    score, piece = _best_piece(contrast > otsu(strong) / 2, sharp)
    return _Candidate(score, contrast, piece)


def _background(picture: Floats, dark: bool) -> Floats:
    """The picture without what is written, which is darker than it, or lighter."""
    cells = with_longest(picture, CELLS)
    size = int(WIDEST * CELLS)
    wide = np.pad(cells, ((size, size), (size, size), (0, 0)), mode="edge")
    without = ndimage.grey_closing if dark else ndimage.grey_opening
    smooth = without(wide, size=(size, size, 1))[size : size + cells.shape[0], size : size + cells.shape[1]]
    return np.clip(resized(smooth, *picture.shape[:2]), 0, 1)


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


def _best_piece(mask: Mask, sharp: Floats) -> tuple[float, Mask]:
    """The piece with the longest and sharpest outline; one that the picture's border cuts counts for less."""
    labels, boxes = _pieces(mask)
    outline = mask & ~ndimage.binary_erosion(mask, border_value=1)
    numbers = range(1, len(boxes) + 1)
    length = ndimage.sum_labels(outline, labels, numbers)
    edge = ndimage.sum_labels(sharp * outline, labels, numbers) / np.maximum(length, 1)
    cut = np.array([_at_border(box, mask.shape) for box in boxes])
    score = edge**2 * length * np.where(cut, 0.05, 1)
    best = int(np.argmax(score))
    return float(score[best]), labels == best + 1


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
