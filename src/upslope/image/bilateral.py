"""The bilateral filter: a blur that does not cross edges.

C. Tomasi, R. Manduchi, "Bilateral Filtering for Gray and Color Images", 1998,
https://doi.org/10.1109/ICCV.1998.710815.

A neighbor counts as much as it is near in space and near in color. Left out: the grid and the lattices that make it
fast for wide windows.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def bilateral_filter(image: NDArray[Any], *, radius: int, sigma_color: float, sigma_space: float) -> NDArray[Any]:
    """An image (H, W) or (H, W, C), in the levels that sigma_color is given in; within a circle around each pixel.

    The difference of two colors is the sum over the channels. Beyond the border the image is mirrored, its outermost
    pixels once. Bytes are rounded, floats stay floats.
    """
    if radius < 1 or not sigma_color > 0 or not sigma_space > 0:
        said = f"radius={radius}, sigma_color={sigma_color:g} and sigma_space={sigma_space:g}"
        raise ValueError(f"a bilateral filter needs a radius of at least 1 and positive sigmas, got {said}")
    planes = image[..., np.newaxis] if image.ndim == 2 else image
    height, width, channels = planes.shape
    middle = planes.astype(np.float32)
    padded = np.pad(middle, ((radius, radius), (radius, radius), (0, 0)), mode="reflect")
    weights = np.zeros((height, width), dtype=np.float32)
    sums = np.zeros((height, width, channels), dtype=np.float32)
    for y in range(-radius, radius + 1):
        for x in range(-radius, radius + 1):
            if y * y + x * x > radius * radius:
                continue
            other = padded[radius + y : radius + y + height, radius + x : radius + x + width]
            apart = np.abs(other - middle).sum(axis=2)
            far = np.float32((y * y + x * x) / (2 * sigma_space**2))
            weight = np.exp(-(apart * apart) / np.float32(2 * sigma_color**2) - far)
            weights += weight
            sums += weight[..., np.newaxis] * other
    result = (sums / weights[..., np.newaxis]).reshape(image.shape)
    return np.rint(result).astype(image.dtype) if image.dtype.kind in "iu" else result.astype(image.dtype)
