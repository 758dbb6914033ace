"""The noise of samples by number, so that a sample does not depend on which others are drawn with it."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


class SampleNoise:
    """A generator of its own for each (seed, number): number 17 gets the same noise alone and among 64."""

    def __init__(self, seed: int, numbers: Sequence[int], shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.generators = [torch.Generator().manual_seed(_mixed(seed, number)) for number in numbers]

    def __call__(self) -> Float[Tensor, "N *S"]:
        """The next noise of each sample, standard normal, on the CPU."""
        return torch.stack([torch.randn(self.shape, generator=generator) for generator in self.generators])


def _mixed(*key: int) -> int:
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
