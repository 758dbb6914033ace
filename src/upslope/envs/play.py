"""Playing whole episodes greedily, to see what a policy is worth; and what happened, step by step."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from upslope.envs.vector import Bools, Floats, VectorEnv

Values = Callable[[Floats], Floats]  # observations (N, *S) to Q values (N, A)
MOST = 100_000  # steps, for environments that know no limit


@dataclass(frozen=True)
class Episodes:
    """One episode of each of N copies, and every step of them: T steps, of which a copy's own end sooner."""

    returns: NDArray[np.float64]  # (N,), the rewards added up, undiscounted
    lengths: NDArray[np.int64]  # (N,)
    observations: Floats  # (T, N, *S), before each step
    next_observations: Floats  # (T, N, *S)
    values: Floats  # (T, N, A)
    actions: NDArray[np.int64]  # (T, N)
    rewards: Floats  # (T, N)
    terminated: Bools  # (T, N)
    truncated: Bools  # (T, N)


def play(environment: VectorEnv, values: Values) -> Episodes:
    """The first episode of every copy by the action with the highest value, without exploration.

    `environment` is one of its own: made for this, never the one that training steps.
    """
    going = np.ones(environment.copies, dtype=bool)
    lengths = np.zeros(environment.copies, dtype=np.int64)
    steps, said, acted = [], [], []
    for _ in range(environment.limit or MOST):
        said.append(values(environment.observation))
        acted.append(said[-1].argmax(axis=1))
        steps.append(environment.step(acted[-1]))
        lengths += going
        going = going & ~(steps[-1].terminated | steps[-1].truncated)
        if not going.any():
            break
    counts = np.arange(len(steps))[:, np.newaxis] < lengths  # the copy's own steps
    columns = {name: np.stack([getattr(step, name) for step in steps]) for name in steps[0]._fields}
    return Episodes(
        returns=(columns["reward"] * counts).sum(axis=0, dtype=np.float64),
        lengths=lengths,
        observations=columns["observation"],
        next_observations=columns["next_observation"],
        values=np.stack(said),
        actions=np.stack(acted),
        rewards=columns["reward"],
        terminated=columns["terminated"],
        truncated=columns["truncated"],
    )
