"""Sobel's operator: how steeply an image rises to the right and downwards.

I. Sobel, G. Feldman, "A 3x3 Isotropic Gradient Operator for Image Processing", 1968, unpublished; in R. Duda, P. Hart,
"Pattern Classification and Scene Analysis", 1973, section 7.4.

A difference across, [-1, 0, 1], and a mean along, [1, 2, 1]: eight times the slope for each pixel.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def sobel(image: NDArray[Any], *, border: str = "reflect") -> tuple[NDArray[Any], NDArray[Any]]:
    """(dx, dy) of an image (H, W): int32 for whole numbers, else the image's own dtype.

    border: as np.pad calls it; "reflect" mirrors at the middle of the outermost pixels, "edge" repeats these.
    """
    if image.ndim != 2:
        raise ValueError(f"sobel takes a grey image (H, W), not shape {image.shape}")
    whole = image.dtype.kind in "iub"
    padded = np.pad(image.astype(np.int32) if whole else image, 1, mode=border)  # type: ignore[call-overload]
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    across = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    return down[:, 2:] - down[:, :-2], across[2:] - across[:-2]
