"""Randomness that depends on nothing but names: the run's seed, the step, the process.

Before every step PyTorch's generator is set from (seed, step, process). So what dropout drops in step 700 does not
depend on whether the run was interrupted before it, and a checkpoint needs no state of any generator.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def number(*key: int) -> int:
    """One well-mixed number made from several."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])


def generator(*key: int) -> torch.Generator:
    """A generator of its own for these numbers."""
    return torch.Generator().manual_seed(number(*key))


@contextmanager
def seeded(*key: int) -> Iterator[None]:
    """In this block PyTorch's own generator starts from these numbers; afterwards it is as it was before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(number(*key))
        yield
