"""Making a picture another size."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]


def resized(picture: Floats, height: int, width: int, *, how: Image.Resampling | None = None) -> Floats:
    """(H, W) or (H, W, C) at another size: means of areas where it shrinks, cubic curves where it grows."""
    grows = height * width > picture.shape[0] * picture.shape[1]
    if how is None:
        how = Image.Resampling.BICUBIC if grows else Image.Resampling.BOX
    if picture.ndim == 3:
        return np.stack([resized(channel, height, width, how=how) for channel in np.moveaxis(picture, -1, 0)], axis=-1)
    return np.array(Image.fromarray(np.ascontiguousarray(picture, dtype=np.float32)).resize((width, height), how))


def with_longest(picture: Floats, longest: int) -> Floats:
    """The picture at the size at which its longer side has so many pixels; proportions stay."""
    height, width = picture.shape[:2]
    factor = longest / max(height, width)
    return resized(picture, max(1, round(height * factor)), max(1, round(width * factor)))
