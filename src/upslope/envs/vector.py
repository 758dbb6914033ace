"""The interface of every environment: n copies that take a step together, and one way to make them by name.

An environment is stepped with one action for each copy and gives back what happened as arrays. Three things are easy to
lose, so each has its place: how an episode ended (*terminated*: nothing follows; *truncated*: the clock ran out and
something would have followed; never both), the last observation before a reset, and which rows are no step at all,
because that copy was only reset.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from upslope.runs.errors import ConfigProblem

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


class Step(NamedTuple):
    """What one step did to each of N copies."""

    observation: Floats  # (N, *S), before the step
    reward: Floats  # (N,)
    next_observation: Floats  # (N, *S), after it: the last of the episode where it ended, never that of the next
    terminated: Bools  # (N,)
    truncated: Bools  # (N,), never where terminated
    moved: Bools  # (N,), False where the copy was reset and the action ignored: no transition

    def as_bootstrapped(self, ends: str) -> "Step":
        """The step as it is for `truncated`; `always` takes every end for truncation, `never` none."""
        over = self.terminated | self.truncated
        if ends == "always":
            return self._replace(terminated=np.zeros_like(over), truncated=over)
        return self._replace(terminated=over, truncated=np.zeros_like(over)) if ends == "never" else self


class VectorEnv(Protocol):
    """N copies of one environment. `observation`, (N, *S), is what they show now; it is replaced, never changed."""

    name: str
    copies: int
    shape: tuple[int, ...]  # S, of one observation
    actions: int
    limit: int  # steps after which an episode is truncated; 0: none
    observation: Floats

    def step(self, actions: NDArray[np.int64]) -> Step:
        """One step of all copies. A copy whose episode ended is put back to a start by the step after."""

    def state_dict(self) -> dict[str, Any]:
        """Everything the next steps depend on, as arrays and plain values."""

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """The inverse of `state_dict`, in an environment made with the same arguments."""


def make(name: str, *, copies: int, seed: int) -> VectorEnv:
    """`walk`, which needs no other library, or any environment of Gymnasium, by the name it has there."""
    if copies < 1:
        raise ConfigProblem(f"copies={copies}: an environment needs at least one copy")
    if name == "walk":
        from upslope.envs.walk import Walk

        return Walk(copies=copies, seed=seed)
    from upslope.envs.gym import Gym

    return Gym(name, copies=copies, seed=seed)
