"""How any picture is made to look like those of a data set. A card names one of these functions: `DataCard.pictures`.

Each takes a picture (H, W, 3) in [0, 1] and gives (height, width) or (height, width, 3) as the data set has them,
before mean and deviation are taken off.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

from upslope.image.pieces import stroke_width
from upslope.image.read import Picture
from upslope.image.resize import Floats, resized, with_longest
from upslope.image.strokes import find_strokes

CROP = 224 / 256  # of a photograph's shorter side
THINNEST = 2.2  # pixels, of a stroke in MNIST's box of 20


def handwriting(picture: Picture, height: int = 28, width: int = 28) -> Floats:
    """A photograph of one character, dark on light or light on dark, as MNIST has it: 0 is background, 1 is ink.

    As LeCun et al. 1998, section III.A, http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf: the character is brought
    into a box of 20 x 20 pixels, keeping its proportions, with the grey levels that come from averaging, and its centre
    of mass is put into the middle of 28 x 28. Strokes thinner than theirs are made as thick. All zeros if nothing is
    written there.
    """
    empty = np.zeros((height, width), dtype=np.float32)
    found = find_strokes(picture)
    if found is None:
        return empty
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


def product(picture: Picture, height: int = 28, width: int = 28) -> Floats:
    """One thing before a plain background, as Fashion-MNIST has it: grey, 0 is background, the thing as large as fits.

    As H. Xiao et al. 2017, https://arxiv.org/abs/1708.07747, section 2: trimmed to the thing, brought to the longest
    side, negated (a dark background is left as it is), and put into the middle. All zeros where nothing stands out.
    """
    grey = np.asarray(picture.mean(axis=2), dtype=np.float32)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = float(np.median(border))
    empty = np.zeros((height, width), dtype=np.float32)
    rows, columns = np.nonzero(np.abs(grey - background) > 0.1)
    if not len(rows):
        return empty
    thing = grey[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    thing = 1 - thing / max(background, 1e-6) if background > 0.5 else (thing - background) / (1 - background)
    small = with_longest(np.clip(thing, 0, 1).astype(np.float32), min(height, width))
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    empty[top : top + small.shape[0], left : left + small.shape[1]] = small
    return np.clip(empty, 0, 1)


def photo(picture: Picture, height: int = 224, width: int = 224) -> Floats:
    """The middle of a photograph, as networks for ImageNet are measured: (height, width, 3).

    The picture is brought to 256 pixels on its shorter side, and from its middle 224 x 224 are cut; other sizes in the
    same proportion. So A. Krizhevsky et al. 2012 began, section 2, https://doi.org/10.1145/3065386, and so the first
    weights of torchvision and most of timm's (crop_pct 0.875) were measured. Those that were measured otherwise
    (torchvision's second ones with 224 of 232, vision transformers with all of the picture) see a little less here.
    """
    rows, columns = int(height / CROP), int(width / CROP)
    if rows * picture.shape[1] >= columns * picture.shape[0]:
        columns = rows * picture.shape[1] // picture.shape[0]
    else:
        rows = columns * picture.shape[0] // picture.shape[1]
    whole = resized(picture, rows, columns, how=Image.Resampling.BILINEAR)
    top, left = round((rows - height) / 2), round((columns - width) / 2)
    return np.clip(whole[top : top + height, left : left + width], 0, 1)
