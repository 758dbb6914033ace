"""Making a picture another size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Box = tuple[float, float, float, float]


def resized(
    picture: NDArray[np.number[Any]],
    height: int,
    width: int,
    *,
    how: Image.Resampling | None = None,
    box: Box | None = None,
) -> Floats:
    """(H, W) or (H, W, C) at another size: means of areas where it shrinks, cubic curves where it grows.

    box: the part that is taken, (left, top, right, bottom) in pixels, between them if need be; all of the picture if
    not said.
    """
    if picture.ndim == 3:
        # Of bytes Pillow takes the channels apart in a fraction of the time that NumPy needs to copy every third one.
        colors = picture.dtype == np.uint8 and picture.shape[2] == 3
        channels = Image.fromarray(picture).split() if colors else np.moveaxis(picture, -1, 0)
        return np.stack([resized(np.asarray(each), height, width, how=how, box=box) for each in channels], axis=-1)
    if how is None:
        grows = height * width > picture.shape[0] * picture.shape[1]
        how = Image.Resampling.BICUBIC if grows else Image.Resampling.BOX
    image = Image.fromarray(np.ascontiguousarray(picture, dtype=np.float32))
    return np.array(image.resize((width, height), how, box=box))


def with_longest(picture: Floats, longest: int) -> Floats:
    """The picture at the size at which its longer side has so many pixels; proportions stay."""
    height, width = picture.shape[:2]
    factor = longest / max(height, width)
    return resized(picture, max(1, round(height * factor)), max(1, round(width * factor)))
