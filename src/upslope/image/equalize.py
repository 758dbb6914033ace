"""Histogram equalization: grey levels spread out so that each is used about as often as any other.

R. C. Gonzalez, R. E. Woods, "Digital Image Processing", 1992, section 4.2; after E. L. Hall, 1974,
https://doi.org/10.1109/T-C.1974.223892.
"""

import numpy as np
from numpy.typing import NDArray


def equalize(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey levels by their rank: uint8 of any shape to the same shape, uint8.

    With N pixels, c(v) the number of pixels at or below level v, and m the number of pixels at the darkest level that
    occurs, v becomes round(255 (c(v) - m) / (N - m)): the darkest becomes 0 and the brightest 255. An image of a single
    level stays as it is. The image itself is not changed. [[10, 10, 11, 13]] becomes [[0, 0, 128, 255]]: of the two
    pixels above the darkest level, half lie at or below 11, and 127.5 is rounded to the even 128.
    """
    # How often each level occurs, and how many pixels lie at or below it.
    counts = np.bincount(image.ravel())
    below = np.cumsum(counts)
    # The darkest level that occurs becomes 0: its pixels are counted out.
    darkest = below[below > 0][:1].sum()
    rest = image.size - darkest
    if rest == 0:
        return image.copy()
    # A table of what each level becomes, looked up for every pixel at once.
    table = np.rint(255 * np.maximum(below - darkest, 0) / rest)
    return np.asarray(table.astype(np.uint8)[image])
