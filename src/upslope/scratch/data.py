"""Minibatches: samples in a new random order every epoch, from a place that a resumed run can come back to."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from upslope.scratch.tape import Array


class Batches:
    """Walk over arrays of equal length in minibatches: `for x, y in Batches(images, labels, batch_size=64, rng=rng):`.

    One `for` is what is left of one epoch: a whole one, unless a state was loaded or an earlier `for` was left early.
    The order of epoch e depends only on a number drawn from `rng` at the start and on e; so three numbers,
    `state_dict()`, say where to go on. `len` counts the batches of an epoch. Give the arrays any shape and dtype.
    """

    def __init__(
        self,
        *arrays: Array,
        batch_size: int,
        rng: np.random.Generator,
        shuffle: bool = True,
        drop_last: bool = False,
    ) -> None:
        lengths = {len(array) for array in arrays}
        if len(lengths) != 1:
            raise ValueError(f"batches need arrays of one length, got lengths {sorted(lengths)}")
        if batch_size < 1:
            raise ValueError(f"a batch holds at least one sample, got batch_size={batch_size}")
        self.arrays = arrays
        self.samples = lengths.pop()
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.seed = int(rng.integers(2**62))
        self.epoch = 0
        self.batch = 0
        if not len(self):
            raise ValueError(f"{self.samples} samples make no batch of {batch_size}")

    def __len__(self) -> int:
        return self.samples // self.batch_size if self.drop_last else -(-self.samples // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        order = np.arange(self.samples)
        if self.shuffle:
            np.random.default_rng((self.seed, self.epoch)).shuffle(order)
        for batch in range(self.batch, len(self)):
            # The state says what comes next, so that it can be saved as soon as this batch has been learned.
            self.epoch, self.batch = (self.epoch, batch + 1) if batch + 1 < len(self) else (self.epoch + 1, 0)
            chosen = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield tuple(array[chosen] for array in self.arrays)

    def state_dict(self) -> dict[str, int]:
        """Where the next batch comes from, in plain numbers."""
        return {"seed": self.seed, "epoch": self.epoch, "batch": self.batch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.seed, self.epoch, self.batch = int(state["seed"]), int(state["epoch"]), int(state["batch"])
