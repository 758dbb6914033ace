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

    Bytes in color, (H, W, 3) from 0 to 255, give whole numbers in that range: rounded after rows and after columns,
    about one from the exact ones, in a quarter of the time. A camera's frames come so.
    """
    if how is None:
        grows = height * width > picture.shape[0] * picture.shape[1]
        how = Image.Resampling.BICUBIC if grows else Image.Resampling.BOX
    if picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3:
        return np.asarray(Image.fromarray(picture).resize((width, height), how, box=box), dtype=np.float32)
    if picture.ndim == 3:
        channels = np.moveaxis(picture, -1, 0)
        return np.stack([resized(each, height, width, how=how, box=box) for each in channels], axis=-1)
    image = Image.fromarray(np.ascontiguousarray(picture, dtype=np.float32))
    return np.array(image.resize((width, height), how, box=box))


def with_longest(picture: Floats, longest: int) -> Floats:
    """The picture at the size at which its longer side has so many pixels; proportions stay."""
    height, width = picture.shape[:2]
    factor = longest / max(height, width)
    return resized(picture, max(1, round(height * factor)), max(1, round(width * factor)))
