"""Choosing the connected component of a picture that is the writing.

The one with the longest outline that is sharp all round: shadows have soft outlines, specks short ones, and what only
seems to be there (the corner between a table's edges) has none on one side. What the picture's border cuts is the
paper's ruling or a thing beside the paper, and what is nearly as thick as long is a patch.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from upslope.image.crowd import DARK, LIKE, SHARP, THICK, side_by_side
from upslope.image.document_detection import Mask, is_sheet
from upslope.image.resize import Floats

SOFT = 0.01  # contrast per pixel that is no edge
CUT = 0.02  # what a piece that the border cuts weighs, and a patch
THICKEST = 0.42  # of a stroke, in parts of the character's size
SPECK = 0.03  # of the largest piece's area
NEAR = 0.3  # of the largest piece's size, between it and what belongs to it
ALIKE = 0.75  # of the largest piece's mean contrast, at least, where the same pen wrote both
LONGER = 1.12  # than the piece alone: what is longer hangs together with something else


def stroke_width(mask: Mask) -> float:
    """The mean width of strokes in pixels: across a stripe the mean distance to its edge is a quarter of its width.

    An edge lies between pixels, half a pixel before the middle of the first one outside.
    """
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))
    return 4 * float(distance[distance > 0].mean() - 0.5)


def heaviest(mask: Mask, edges: Floats) -> tuple[Mask, float]:
    """The piece that looks most like writing, and its weight: the outline's length times its sharpness squared."""
    labels, boxes = _pieces(mask)
    if not boxes:
        return mask, 0.0
    outline = mask & ~ndimage.binary_erosion(mask, border_value=1)
    numbers = range(1, len(boxes) + 1)
    length = ndimage.sum_labels(outline, labels, numbers)
    # The harmonic mean: sharp all round, not here and there.
    sharpness = length / np.maximum(ndimage.sum_labels(outline / (edges + SOFT), labels, numbers), 1)
    cut = np.array([_at_border(box, mask.shape) for box in boxes])
    weights = sharpness**2 * length * np.where(cut, CUT, 1)
    for number in np.argsort(-weights)[:3]:
        if is_patch(labels[boxes[number]] == 1 + number):
            weights[number] *= CUT
    best = int(np.argmax(weights))
    return np.asarray(labels == 1 + best), float(weights[best])


def is_patch(piece: Mask) -> bool:
    """Whether a piece in its box is no stroke: nearly as thick as long, or, with what is on it, a sheet of paper."""
    size = max(piece.shape)
    if stroke_width(piece) > THICKEST * size:
        return True
    filled = np.pad(ndimage.binary_fill_holes(piece), 1)
    return stroke_width(filled) > THICKEST * size and is_sheet(filled)


def with_neighbours(mask: Mask, best: Mask, contrast: Floats) -> tuple[Mask, bool]:
    """The pieces of the mask that hold the best piece, and others near it, as dark as it is, no specks and not cut.

    What stands beside it as tall as it is, is a character of its own.
    And whether it stands alone: together with its pieces it is hardly longer than without, and not cut.
    """
    labels, boxes = _pieces(mask)
    numbers = range(1, len(boxes) + 1)
    own = set(np.unique(labels[best & mask]).tolist())
    area = np.asarray(ndimage.sum_labels(mask, labels, numbers))
    depth = np.asarray(ndimage.mean(contrast, labels, numbers))
    largest = max(own, key=lambda number: area[number - 1])
    box = boxes[largest - 1]
    cut, size = _at_border(box, mask.shape), max(side.stop - side.start for side in box)
    kept = [largest]
    for number, other in enumerate(boxes, start=1):
        near = depth[number - 1] > ALIKE * depth[largest - 1] and _gap(other, box) < NEAR * size
        near = near and not side_by_side(other, box)
        whole = cut or not _at_border(other, mask.shape)
        if (number in own or near) and whole and area[number - 1] > SPECK * area[largest - 1]:
            kept.append(number)
    before = max(int(np.ptp(place)) + 1 for place in np.nonzero(best))
    return np.isin(labels, kept), size < LONGER * before and not cut


def like(mask: Mask, read: Mask, contrast: Floats, edges: Floats) -> list[tuple[slice, ...]]:
    """The boxes of other pieces of the mask that the same hand may have written: as large, dark, thin and sharp."""
    labels, boxes = _pieces(mask)
    own = set(np.unique(labels[read & mask]).tolist())
    outline = mask & ~ndimage.binary_erosion(mask, border_value=1)
    size = max(int(np.ptp(place)) + 1 for place in np.nonzero(read))
    width, depth = stroke_width(read), float(contrast[read].mean())
    sharp = float(edges[outline & read].mean()) if (outline & read).any() else 0.0
    found = []
    for number, box in enumerate(boxes, start=1):
        longest = max(side.stop - side.start for side in box)
        if number in own or _at_border(box, mask.shape) or not LIKE[0] * size <= longest <= LIKE[1] * size:
            continue
        piece = labels[box] == number
        if (
            contrast[box][piece].mean() >= DARK * depth
            and THICK[0] * width <= stroke_width(piece) <= THICK[1] * width
            and edges[box][piece & outline[box]].mean() >= SHARP * sharp
            and not is_patch(piece)
        ):
            found.append(box)
    return found


def _pieces(mask: Mask) -> tuple[NDArray[Any], list[tuple[slice, ...]]]:
    """The number of the connected piece that each pixel belongs to, and the box around each piece."""
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    return labels, ndimage.find_objects(labels)


def _at_border(box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    return any(side.start == 0 or side.stop == length for side, length in zip(box, shape, strict=True))


def _gap(box: tuple[slice, ...], other: tuple[slice, ...]) -> int:
    """Pixels between two boxes, along the axis on which they are further apart."""
    return max(max(int(a.start - b.stop), int(b.start - a.stop), 0) for a, b in zip(box, other, strict=True))
