"""Experience replay: the last transitions in preallocated arrays, from which batches are drawn, with n-step returns.

L.-J. Lin, "Self-Improving Reactive Agents Based on Reinforcement Learning, Planning and Teaching", 1992,
https://doi.org/10.1007/BF00992699; V. Mnih et al. 2015, https://doi.org/10.1038/nature14236.

N-step returns are computed once, when a transition is written. A window holds the last n steps of every copy of the
environment; with each new step the oldest one in it has seen what follows and goes to the memory. The window slides
over the ends of episodes: what lies behind an end is left out of the return (`n_step_return`), so there is nothing to
flush. Drawing is uniform, with replacement, and a function of the generator: a resumed run draws the same batches.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.blocks.play.returns import n_step_return
from upslope.envs.vector import Step

Arrays = dict[str, NDArray[Any]]


class ReplayMemory:
    """Up to `memory` transitions: observation, action, n-step return, discount, and the observation n steps later."""

    def __init__(self, *, memory: int, copies: int, shape: tuple[int, ...], n_step: int, gamma: float) -> None:
        if memory < copies:
            raise ValueError(f"memory={memory} is less than one step of {copies} copies")
        self.capacity, self.gamma = memory, gamma
        self.written = 0  # transitions ever written; the oldest are overwritten
        self._rows: Arrays = {
            "observations": np.empty((memory, *shape), dtype=np.float32),
            "actions": np.empty(memory, dtype=np.int64),
            "returns": np.empty(memory, dtype=np.float32),
            "discounts": np.empty(memory, dtype=np.float32),
            "next_observations": np.empty((memory, *shape), dtype=np.float32),
        }
        # The last n steps, the oldest first. A step that was none (moved is False) is never written.
        self._window: Arrays = {
            "observation": np.zeros((n_step, copies, *shape), dtype=np.float32),
            "action": np.zeros((n_step, copies), dtype=np.int64),
            "reward": np.zeros((n_step, copies), dtype=np.float32),
            "next_observation": np.zeros((n_step, copies, *shape), dtype=np.float32),
            "terminated": np.zeros((n_step, copies), dtype=bool),
            "truncated": np.zeros((n_step, copies), dtype=bool),
            "moved": np.zeros((n_step, copies), dtype=bool),
        }

    def __len__(self) -> int:
        return min(self.written, self.capacity)

    def add(self, actions: NDArray[np.int64], step: Step) -> None:
        """Take in what one step of all copies did; write the transitions that began n - 1 steps before."""
        window = self._window
        for name, now in (("action", actions), *step._asdict().items()):
            window[name][:-1] = window[name][1:]
            window[name][-1] = now
        returns, discounts, last = n_step_return(
            window["reward"], window["terminated"], window["truncated"], gamma=self.gamma
        )
        began = window["moved"][0].nonzero()[0]
        where = (self.written + np.arange(len(began))) % self.capacity
        rows = self._rows
        rows["observations"][where] = window["observation"][0, began]
        rows["actions"][where] = window["action"][0, began]
        rows["returns"][where] = returns[began]
        rows["discounts"][where] = discounts[began]
        rows["next_observations"][where] = window["next_observation"][last[began], began]
        self.written += len(began)

    def sample(self, batch_size: int, *, rng: np.random.Generator) -> Arrays:
        """So many transitions, drawn uniformly: arrays by name, their first dimension the batch."""
        if not self.written:
            raise ValueError("the replay memory is empty: nothing to draw from")
        drawn = rng.integers(len(self), size=batch_size)
        return {name: row[drawn] for name, row in self._rows.items()}

    def state_dict(self) -> dict[str, Any]:
        """What was written and the window; slots that were never written are left out."""
        rows = {name: row[: len(self)] for name, row in self._rows.items()}
        return {"written": self.written, "rows": rows, "window": dict(self._window)}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """The inverse of `state_dict`."""
        self.written = int(state["written"])
        for name, row in self._rows.items():
            row[: len(self)] = state["rows"][name]
        for name, part in self._window.items():
            part[...] = state["window"][name]


class EpisodeReturns:
    """Adds up each copy's rewards, unscaled and undiscounted, until its episode ends."""

    def __init__(self, *, copies: int) -> None:
        self._running = np.zeros(copies)
        self._ended: list[float] = []  # since they were last asked for

    def add(self, step: Step) -> None:
        """Take in one step of all copies. Where a copy was reset its reward is 0, so it adds nothing."""
        self._running += step.reward
        ended = step.terminated | step.truncated
        self._ended += self._running[ended].tolist()
        self._running[ended] = 0.0

    def since(self) -> dict[str, float]:
        """{"return": the mean of the episodes that ended since the last call}, or {} if none did."""
        ended, self._ended = self._ended, []
        return {"return": float(np.mean(ended))} if ended else {}

    def state_dict(self) -> dict[str, Any]:
        """The sums so far."""
        return {"running": self._running.copy(), "ended": list(self._ended)}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """The inverse of `state_dict`."""
        self._running, self._ended = np.array(state["running"]), list(state["ended"])
