"""Finding what is written in a photograph: ink or chalk, on paper that is lit unevenly and may lie on a table.

The picture is looked at whole, and so is each sheet of paper that may lie in it; the heaviest writing counts. Then that
is looked at again, more closely. One look:

1. The contrast of every pixel with the paper is worked out (`background`).
2. At a few thresholds the picture falls into pieces, and the heaviest is the writing (`pieces`). Pale lines of the
   paper hang together with it at low thresholds and not at high ones.
3. Its own contrast says how much ink a pixel has; a stroke begins at half of that, or above where only there the
   writing stands alone. Pieces near it, as dark as it is, belong to it.

Otsu's threshold: N. Otsu, 1979, https://doi.org/10.1109/TSMC.1979.4310076.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from upslope.image.background import contrast
from upslope.image.connected_components import heaviest, like, with_neighbours
from upslope.image.crowd import which
from upslope.image.document_detection import Mask, sheets
from upslope.image.otsu import otsu
from upslope.image.read import Picture
from upslope.image.resize import Floats, with_longest
from upslope.image.ruling import without_ruling

SIDE = 320  # pixels on the longer side of what is looked at
FAINTEST = 0.1  # of the background's light: less contrast is no writing
FEWEST = 20  # pixels with more contrast than that
STEPS = (0.0, 0.3, 0.6, 0.8)  # thresholds, from the lowest to the highest contrast
PARTS = (0.5, 0.6, 0.7, 0.8)  # of the ink's contrast, at which a stroke may begin
PAPER = 5.0  # by which writing on a sheet outweighs what the whole picture shows
MARGIN = 0.35  # around the writing, in parts of its size, when it is looked at more closely


@dataclass(frozen=True)
class Strokes:
    """What was found: how much ink every pixel has, in [0, 1], and which pixels belong to strokes."""

    ink: Floats  # (H, W)
    mask: Mask
    weight: float  # how much it looks like writing
    crowd: str = ""  # where more is written: "2 characters, and the left one is looked at"


def find_strokes(picture: Picture) -> Strokes | None:
    """The writing, cut out with a margin; None where there is none."""
    best, found = _looked(picture)
    for sheet in sheets(picture):
        page, seen = _looked(sheet)
        # An outline has more pixels where it was looked at more closely.
        if seen and (not found or PAPER * seen.weight * max(page.shape) / max(picture.shape) > found.weight):
            best, found = page, seen
    if found is None:
        return None
    # Once more and closer, with more pixels for the strokes and less of what surrounds them.
    rows, columns = _around(found.mask, best.shape)
    closer = look(best[rows, columns])
    return replace(closer, crowd=found.crowd) if closer else found


def _looked(picture: Picture) -> tuple[Picture, Strokes | None]:
    """The picture without its ruling, and what is written there; where nothing else is, the lines are the writing."""
    plain = without_ruling(picture)
    found = look(plain)
    if found is None and plain is not picture:
        return picture, look(picture)
    return plain, found


def look(picture: Picture) -> Strokes | None:
    """The writing in a picture that shows paper and nothing else; None where there is none."""
    seen = np.clip(ndimage.gaussian_filter(with_longest(picture, SIDE), (1, 1, 0), mode="nearest"), 0, 1)
    found = contrast(seen)
    values = found.values
    strong = values[values > max(4 * found.noise, FAINTEST)]
    if strong.size < FEWEST:
        return None
    low = otsu(strong) / 2
    high = max(low, float(np.quantile(strong, 0.9)))
    candidates = [heaviest(values > low + step * (high - low), found.edges) for step in STEPS]
    best, weight = max(candidates, key=lambda candidate: candidate[1])
    level = float(np.median(values[best]))
    for part in (*PARTS, PARTS[0]):  # where nothing separates it, the first
        mask, alone = with_neighbours(values > part * level, best, values)
        if alone:
            break
    ink = np.clip(2 * (values / level - part) + 0.5, 0, 1) * ndimage.binary_dilation(mask, iterations=3)
    # Chalk may be ten times as bright as its board; measured by the brighter of both, like ink, it is less than 1.
    others = like(values > part * level, mask, values, found.edges)
    weight = weight if found.dark else weight / (1 + level) ** 2
    return Strokes(ink.astype(np.float32), mask, weight, _crowd(mask, others))


def _crowd(mask: Mask, others: list[tuple[slice, ...]]) -> str:
    if not others:
        return ""
    own = tuple(slice(int(place.min()), int(place.max()) + 1) for place in np.nonzero(mask))
    return f"{1 + len(others)} characters, and only {which([own, *others], 0)} is looked at"


def _around(mask: Mask, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the picture that hold the mask's pixels and a margin."""
    spans = []
    places = np.nonzero(mask)
    size = max(int(np.ptp(place)) + 1 for place in places)
    for place, small, large in zip(places, mask.shape, shape, strict=False):
        first, last = int(place.min()) - MARGIN * size, int(place.max()) + 1 + MARGIN * size
        spans.append(slice(max(0, int(first * large / small)), min(large, int(np.ceil(last * large / small)))))
    return spans[0], spans[1]
