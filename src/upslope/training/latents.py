"""Latent vectors by number, so that a sample does not depend on which others are drawn with it."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray


def latents(count: int, dim: int, *, seed: int, first: int = 0) -> Float[NDArray[np.float32], "count dim"]:
    """Normal numbers: the latent vectors `first`, `first` + 1 ... of a seed; number 17 is one alone and among 64."""
    numbers = np.random.default_rng(seed).standard_normal((first + count, dim), dtype=np.float32)
    return numbers[first:]
