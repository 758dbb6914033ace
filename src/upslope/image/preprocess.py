"""Preprocessing: making any picture look like those of a data set. A data card names one of these functions.

Each takes a picture (H, W, 3) in [0, 1] and gives (height, width) or (height, width, 3) as the data set has them,
before mean and deviation are taken off.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

from upslope.image.connected_components import stroke_width
from upslope.image.crowd import things
from upslope.image.ink_segmentation import find_strokes
from upslope.image.read import Picture
from upslope.image.resize import Floats, resized, with_longest

CROP = 224 / 256  # of a photograph's shorter side
THINNEST = 2.2  # pixels, of a stroke in MNIST's box of 20: a quarter of MNIST's own are thinner
FAINT = 0.1  # of white: what differs less from the background is background
CRUMB = 0.01  # of the largest part's area: what is smaller does not belong to a thing


def handwriting(picture: Picture, height: int = 28, width: int = 28, *, crowd: list[str] | None = None) -> Floats:
    """A photograph of one character, dark on light or light on dark, as MNIST has it: 0 is background, 1 is ink.

    As LeCun et al. 1998, section III.A, http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf: the character is brought
    into a box of 20 x 20 pixels, keeping its proportions, with the grey levels that come from averaging, and its centre
    of mass is put into the middle of 28 x 28. Strokes thinner than theirs are made as thick. All zeros if nothing is
    written there. `crowd` is told where more than one character is written.
    """
    empty = np.zeros((height, width), dtype=np.float32)
    found = find_strokes(picture)
    if found is None:
        return empty
    if crowd is not None and found.crowd:
        crowd.append(found.crowd)
    ink, mask = found.ink, found.mask
    box = round(min(height, width) * 20 / 28)
    rows, columns = np.nonzero(mask)
    pixel = (max(int(np.ptp(rows)), int(np.ptp(columns))) + 1) / box  # of the box, in pixels of the picture
    radius = (THINNEST * pixel - stroke_width(mask)) / 2
    if radius > 0:
        reach = int(np.ceil(radius))
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        ink = ndimage.grey_dilation(np.pad(ink, reach), footprint=y**2 + x**2 <= radius**2)
    rows, columns = np.nonzero(ink > 0.25)
    ink = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    factor = box / max(ink.shape)
    small = resized(ink, max(1, round(ink.shape[0] * factor)), max(1, round(ink.shape[1] * factor)))
    middle = ndimage.center_of_mass(small)
    top = int(np.clip(round(height / 2 - middle[0]), 0, height - small.shape[0]))
    left = int(np.clip(round(width / 2 - middle[1]), 0, width - small.shape[1]))
    empty[top : top + small.shape[0], left : left + small.shape[1]] = small
    return np.clip(empty, 0, 1)


def product(picture: Picture, height: int = 28, width: int = 28, *, crowd: list[str] | None = None) -> Floats:
    """One thing before a plain background, as Fashion-MNIST has it: grey, 0 is background, the thing as large as fits.

    As H. Xiao et al. 2017, https://arxiv.org/abs/1708.07747, section 2: trimmed to the thing, brought to the longest
    side, negated (a dark background is left as it is), and put into the middle. The light may fall off across the
    background. All zeros where nothing stands out. `crowd` is told where several things stand out.
    """
    plain, noise = _plain(picture)
    apart = np.abs(picture - plain).max(axis=2)
    mask = ndimage.gaussian_filter(apart, max(picture.shape) / 400, mode="nearest") > max(FAINT, 4 * noise)
    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    empty = np.zeros((height, width), dtype=np.float32)
    if count == 0:
        return empty
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    mask &= (areas > CRUMB * areas.max())[labels]
    if crowd is not None and (many := things(mask)) > 1:
        crowd.append(f"{many} things, and they are looked at as one")
    rows, columns = np.nonzero(mask)
    box = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    grey, behind = picture.mean(axis=2)[box], plain.mean(axis=2)[box]
    negated = float(np.median(behind)) > 0.5
    thing = 1 - grey / np.maximum(behind, 1e-6) if negated else (grey - behind) / np.maximum(1 - behind, 1e-6)
    thing = np.clip(thing * ndimage.binary_dilation(mask)[box], 0, 1)
    small = with_longest(thing.astype(np.float32), min(height, width))
    top, left = (height - small.shape[0] + 1) // 2, (width - small.shape[1] + 1) // 2
    empty[top : top + small.shape[0], left : left + small.shape[1]] = small
    return np.clip(empty, 0, 1)


def _plain(picture: Picture) -> tuple[Floats, float]:
    """The background as its border shows it, even or falling off towards a side, and its deviation from that."""
    height, width = picture.shape[:2]
    y, x = (np.linspace(-1, 1, length) for length in (height, width))
    border = np.ones((height, width), dtype=bool)
    border[1:-1, 1:-1] = False
    places = np.stack([np.ones((height, width)), *np.meshgrid(y, x, indexing="ij")], axis=-1)
    at, seen = places[border], picture[border].astype(np.float64)
    # The thing may reach the border: first what most of it shows, then a plane through what is near that.
    plane = np.zeros((3, picture.shape[2]))
    plane[0] = np.median(seen, axis=0)
    for _ in range(3):
        rest = np.abs(seen - at @ plane).max(axis=1)
        near = rest <= max(2.5 * float(np.median(rest)), 0.02)
        plane = np.linalg.lstsq(at[near], seen[near], rcond=None)[0]
    noise = 1.48 * float(np.median(np.abs(seen - at @ plane)))  # a deviation, if it were normal
    return np.clip(places @ plane, 0, 1).astype(np.float32), noise


def photo(picture: Picture, height: int = 224, width: int = 224) -> Floats:
    """The middle of a photograph, as networks for ImageNet are measured: (height, width, 3).

    The picture is brought to 256 pixels on its shorter side, and from its middle 224 x 224 are cut; other sizes in the
    same proportion. So A. Krizhevsky et al. 2012 began, section 2, https://doi.org/10.1145/3065386, and so the first
    weights of torchvision and most of timm's (crop_pct 0.875) were measured. Those that were measured otherwise
    (torchvision's second ones with 224 of 232, vision transformers with all of the picture) see a little less here.
    """
    return _middle(picture, height, width, share=CROP)


def whole(picture: Picture, height: int = 64, width: int = 64) -> Floats:
    """A photograph with all of its shorter side, and as much of the middle of the longer one: (height, width, 3).

    A picture that has this size stays as it is.
    """
    return _middle(picture, height, width, share=1.0)


def _middle(picture: Picture, height: int, width: int, *, share: float) -> Floats:
    """The largest part of this shape in the middle, and of that so large a share."""
    # The size of the whole picture of which the middle is taken.
    rows, columns = int(height / share), int(width / share)
    if rows * picture.shape[1] >= columns * picture.shape[0]:
        columns = rows * picture.shape[1] // picture.shape[0]
    else:
        rows = columns * picture.shape[0] // picture.shape[1]
    top, left = round((rows - height) / 2), round((columns - width) / 2)
    down, across = picture.shape[0] / rows, picture.shape[1] / columns
    box = (left * across, top * down, (left + width) * across, (top + height) * down)
    return np.clip(resized(picture, height, width, how=Image.Resampling.BILINEAR, box=box), 0, 1)


def portrait(picture: Picture, height: int = 64, width: int = 64) -> Floats:
    """A picture that a face fills, all of it: the largest part from its middle that has the right proportions, in grey.

    A picture that has the size already stays as it is, up to its colors.
    """
    rows, columns = picture.shape[:2]
    tall, wide = min(rows, columns * height / width), min(columns, rows * width / height)
    left, top = (columns - wide) / 2, (rows - tall) / 2
    grey = picture.mean(axis=2)
    return np.clip(resized(grey, height, width, box=(left, top, left + wide, top + tall)), 0, 1)
