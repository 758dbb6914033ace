"""N copies of any Gymnasium environment with numbers as observations and a choice of actions.

M. Towers et al., "Gymnasium: A Standard Interface for Reinforcement Learning Environments", 2024,
https://arxiv.org/abs/2407.17032. Where Gymnasium has an environment that computes all copies at once (CartPole), that
one is used.

- Gymnasium's vector environments reset a copy in the step after its last one and ignore the action of that step. A
  memory that keeps these rows learns that an end leads to a start; here they are marked, `moved` is False.
- A pole that falls on the last step of its time is terminated, and Gymnasium calls it truncated, too. Here it is not.
- What an environment computes is not always among what can be saved (Box2D's bodies). What always works: the seed and
  all actions so far. A resumed environment plays them again, and says so if it does not end in the same place.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.envs.vector import Bools, Floats, Step
from upslope.runs.errors import ConfigProblem, RunProblem


class Gym:
    """N copies of the environment that Gymnasium knows under `name`."""

    def __init__(self, name: str, *, copies: int, seed: int) -> None:
        self.name, self.copies, self._seed = name, copies, seed
        self._env = _made(name, copies)
        self.shape = tuple(self._env.single_observation_space.shape)
        self.actions = int(self._env.single_action_space.n)
        self.limit = int(self._env.spec.max_episode_steps or 0)
        self.observation: Floats = np.empty((copies, *self.shape), dtype=np.float32)
        self._ended: Bools = np.zeros(copies, dtype=bool)
        self._played: list[NDArray[Any]] = []
        self._begin()

    def step(self, actions: NDArray[np.int64]) -> Step:
        """One step of all copies."""
        before, resets = self.observation, self._ended
        after, reward, terminated, truncated, _ = self._env.step(actions)
        truncated = truncated & ~terminated
        self._played.append(actions.astype(np.uint8 if self.actions <= 256 else np.int64))
        self.observation, self._ended = np.asarray(after, dtype=np.float32), terminated | truncated
        return Step(before, np.asarray(reward, dtype=np.float32), self.observation, terminated, truncated, ~resets)

    def state_dict(self) -> dict[str, Any]:
        played = np.array(self._played) if self._played else np.zeros((0, self.copies), dtype=np.uint8)
        return {"played": played, "observation": self.observation}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        self._begin()
        for actions in state["played"]:
            self.step(actions.astype(np.int64))
        if not np.array_equal(self.observation, state["observation"]):
            raise RunProblem(f"{self.name} played the same actions from the same seed and came to another observation")

    def _begin(self) -> None:
        observation, _ = self._env.reset(seed=self._seed)
        self.observation, self._played = np.asarray(observation, dtype=np.float32), []
        self._ended = np.zeros(self.copies, dtype=bool)


def _made(name: str, copies: int) -> Any:
    """Gymnasium's vector environment, or one sentence that says why not."""
    try:
        import gymnasium
    except ImportError:
        raise ConfigProblem(f"{name} is an environment of Gymnasium: pip install 'upslope[play]'") from None
    try:
        spec = gymnasium.spec(name)
        at_once = spec.vector_entry_point is not None
        env = gymnasium.make_vec(name, copies, "vector_entry_point" if at_once else "sync")
    except (gymnasium.error.Error, ImportError) as error:
        said = " ".join(str(error).split()).strip("`. ")
        raise ConfigProblem(f"no environment {name}: {said}") from None
    space, choice = env.single_observation_space, env.single_action_space
    if not isinstance(space, gymnasium.spaces.Box) or not isinstance(choice, gymnasium.spaces.Discrete):
        raise ConfigProblem(f"{name} observes {space} and acts by {choice}: a Box and a Discrete are needed")
    return env
