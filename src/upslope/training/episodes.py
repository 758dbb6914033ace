"""Episodes as they come: the returns of those that have ended while several copies of an environment are stepped."""

from typing import Any

import numpy as np

from upslope.envs.vector import Step


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
