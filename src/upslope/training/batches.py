"""Batches as a function of seed and step: pictures in memory, cut, mixed and augmented the same way every time.

Batch number s is computed from (seed, s) alone. A resumed run needs no position in a stream; and several processes
that share the batch each compute the same whole of it, and take their part.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from upslope.data.loading.arrays import Arrays
from upslope.runs.problem import ConfigProblem
from upslope.training.randomness import generator

Pictures = Float[Tensor, "B C H W"]
Augment = Callable[[Pictures, torch.Generator], Pictures]


def as_tensors(data: Arrays, *, mean: float, std: float) -> tuple[Tensor, Tensor]:
    """Grey pictures as (N, 1, H, W) with mean 0 and standard deviation 1, and their labels."""
    return torch.from_numpy((data.images[:, None] - mean) / std), torch.from_numpy(data.labels.copy())


class Batches:
    """Labelled pictures in batches of one size; what is left over at the end of an epoch waits for the next order."""

    def __init__(
        self,
        pictures: Float[Tensor, "N C H W"],
        labels: Int[Tensor, " N"],
        *,
        batch_size: int,
        seed: int,
        augment: Augment | None = None,
    ) -> None:
        if batch_size > len(labels):
            raise ConfigProblem(f"batch_size={batch_size} is more than the {len(labels)} samples that there are")
        self.pictures, self.labels = pictures, labels
        self.batch_size, self.seed, self.augment = batch_size, seed, augment
        self._order = (-1, np.empty(0, dtype=np.int64))  # an epoch, and the order of its samples

    @property
    def per_epoch(self) -> int:
        """Batches in an epoch."""
        return len(self.labels) // self.batch_size

    def at(self, step: int, *, process: int = 0, of: int = 1) -> tuple[Tensor, Tensor]:
        """The part of one process of the batch for this step, counted from 1."""
        if self.batch_size % of:
            raise ConfigProblem(f"batch_size={self.batch_size} cannot be shared evenly by {of} processes")
        epoch, place = divmod(step - 1, self.per_epoch)
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng([self.seed, epoch]).permutation(len(self.labels)))
        index = torch.from_numpy(self._order[1][place * self.batch_size : (place + 1) * self.batch_size])
        pictures, labels = self.pictures[index], self.labels[index]
        if self.augment is not None:
            pictures = self.augment(pictures, generator(self.seed, step))
        share = slice(process * self.batch_size // of, (process + 1) * self.batch_size // of)
        return pictures[share], labels[share]
