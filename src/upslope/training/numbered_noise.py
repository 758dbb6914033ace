"""Noise by number: a sample is a function of its seed and its number, and of nothing else.

    x = numbered_noise(8, (1, 28, 28), seed=3)                     # samples 0 to 7 of seed 3
    x = numbered_noise(1, (1, 28, 28), seed=3, first=5)            # sample 5 alone: the same numbers
    noise = numbered_noise(8, (1, 28, 28), seed=3, step=41)        # what an ancestral sampler adds in its step 41

One generator for a whole batch gives sample 17 other numbers when more samples are drawn with it, or when a batch is
cut in two (diffusers #612). Here each sample has a generator of its own. In NumPy, so that an exported model draws the
same numbers without PyTorch.
"""

import numpy as np
from numpy.typing import NDArray


def numbered_noise(
    count: int, shape: tuple[int, ...], *, seed: int, first: int = 0, step: int = 0
) -> NDArray[np.float32]:
    """Normal numbers (count, *shape) for the samples `first`, `first` + 1 ... of a seed.

    `step` counts the draws of one sample: 0 is where it starts.
    """
    numbers = range(first, first + count)
    drawn = [np.random.default_rng([seed, number, step]).standard_normal(shape, dtype=np.float32) for number in numbers]
    return np.stack(drawn) if drawn else np.empty((0, *shape), dtype=np.float32)
