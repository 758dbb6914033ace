"""Arrays of images as networks take them: channels before rows and columns, numbers in [0, 1]."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def channels_first(images: NDArray[Any]) -> NDArray[np.float32]:
    """Images (N, H, W) or (N, H, W, C), float32 in [0, 1] or bytes, as float32 (N, C, H, W) in [0, 1]."""
    images = images[:, np.newaxis] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    return images.astype(np.float32) / np.float32(255) if images.dtype == np.uint8 else np.ascontiguousarray(images)
