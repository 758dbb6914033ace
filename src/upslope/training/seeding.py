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


def seed_step(*key: int) -> None:
    """Let PyTorch's own generators, the CPU's and those of devices in use, start from these numbers.

    As `torch.manual_seed`, which on a machine without a GPU notes a stack trace at every call, in case one appears.
    """
    torch.default_generator.manual_seed(number(*key))
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(number(*key))
