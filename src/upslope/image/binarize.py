"""Black and white from grey at random: each pixel is 1 with its grey value as probability.

R. Salakhutdinov, I. Murray, "On the Quantitative Analysis of Deep Belief Networks", 2008, section 5, for MNIST. The
images that come out are drawn from what the grey ones describe; rounding at 1/2 gives other data.
"""

import numpy as np
from numpy.typing import NDArray

FIXED = 2008  # the seed of the one binarisation on which models are compared


def binarized(grey: NDArray[np.float32], *, seed: int = FIXED) -> NDArray[np.float32]:
    """Images (N, ...) in [0, 1] as 0 and 1; what becomes of an image depends on its place, not on how many follow."""
    if grey.size and not (grey.min() >= 0 and grey.max() <= 1):
        raise ValueError(
            f"grey values from {grey.min():g} to {grey.max():g} are not probabilities: scale them to [0, 1]"
        )
    return (np.random.default_rng(seed).random(grey.shape, dtype=np.float32) < grey).astype(np.float32)
