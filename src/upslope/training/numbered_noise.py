"""Noise by number: a sample is a function of its seed and its number, and of nothing else.

    x = numbered_noise(range(8), (1, 28, 28), seed=3)              # where samples 0 to 7 of seed 3 start
    x = numbered_noise([5], (1, 28, 28), seed=3)                   # sample 5 alone: the same numbers
    noise = numbered_noise(range(8), (1, 28, 28), seed=3, step=41) # what an ancestral sampler adds in its step 41

One generator for a whole batch gives sample 17 other numbers when more samples are drawn with it, or when a batch is
cut in two (diffusers #612). Here each draw of each sample has a generator of its own, so nothing need be remembered
between steps, and a step that draws nothing moves no other. In NumPy, so that an exported model draws the same numbers
without PyTorch.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def numbered_noise(numbers: Sequence[int], shape: tuple[int, ...], *, seed: int, step: int = 0) -> NDArray[np.float32]:
    """Standard normal numbers (N, *shape) for the samples with these numbers of a seed, all at least 0.

    `step` counts the draws of one sample: 0 is where it starts.
    """
    drawn = [np.random.default_rng([seed, number, step]).standard_normal(shape, dtype=np.float32) for number in numbers]
    return np.stack(drawn) if drawn else np.empty((0, *shape), dtype=np.float32)
