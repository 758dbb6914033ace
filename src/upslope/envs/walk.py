"""A walk on a narrow bridge: the smallest environment in which there is something to learn. NumPy only.

Five places in a row; each step goes one place to the left or to the right, and now and then a gust of wind pushes one
place further. Every step is worth 1. Leaving the bridge ends the episode (terminated); after 50 steps the clock ends
the episode (truncated). A random walker falls after about nine steps; one that always turns back to the middle never
does.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.envs.vector import Floats, Step

HALF = 2  # places on either side of the middle
LIMIT = 50
WIND = 0.05  # how often a gust doubles a step


class Walk:
    """N walkers. An observation is the place, one-hot: (N, 5)."""

    name, actions, limit = "walk", 2, LIMIT
    shape: tuple[int, ...] = (2 * HALF + 1,)

    def __init__(self, *, copies: int, seed: int) -> None:
        self.copies = copies
        self._rng = np.random.default_rng(seed)
        self._place = np.zeros(copies, dtype=np.int64)
        self._steps = np.zeros(copies, dtype=np.int64)
        self._ended = np.zeros(copies, dtype=bool)
        self.observation = self._observed()

    def step(self, actions: NDArray[np.int64]) -> Step:
        """Action 0 goes left, 1 right. Every step draws the same random numbers, whatever happens in it."""
        before, resets = self.observation, self._ended
        gust = 1 + (self._rng.random(self.copies) < WIND)
        self._place = np.where(resets, 0, self._place + (2 * actions - 1) * gust)
        self._steps = np.where(resets, 0, self._steps + 1)
        terminated = np.abs(self._place) > HALF
        truncated = (self._steps >= LIMIT) & ~terminated
        self._ended = terminated | truncated
        self.observation = self._observed()
        reward = np.where(resets, 0, 1).astype(np.float32)
        return Step(before, reward, self.observation, terminated, truncated, ~resets)

    def state_dict(self) -> dict[str, Any]:
        return {
            "place": self._place,
            "steps": self._steps,
            "ended": self._ended,
            "rng": self._rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        self._place, self._steps, self._ended = state["place"], state["steps"], state["ended"]
        self._rng.bit_generator.state = state["rng"]
        self.observation = self._observed()

    def _observed(self) -> Floats:
        """Who has fallen is nowhere: all zeros."""
        here: Floats = (np.arange(-HALF, HALF + 1) == self._place[:, None]).astype(np.float32)
        return here
