"""What DQN learns where the answer is known: a reward of 1 for ever is worth 1 / (1 - gamma)."""

import numpy as np
import pytest

from upslope.cards import discover
from upslope.envs.vector import Step
from upslope.runs.launcher import start

pytestmark = pytest.mark.needs("torch")
GAMMA = 0.9


class OneState:
    """One state, one reward, and a clock that ends each episode after ten steps; or a fall, where `falls`."""

    name, actions, limit, shape = "one-state", 2, 10, (1,)

    def __init__(self, *, copies, falls):
        self.copies, self.falls = copies, falls
        self.observation = np.ones((copies, 1), dtype=np.float32)
        self._steps, self._ended = np.arange(copies) % 10, np.zeros(copies, dtype=bool)

    def step(self, actions):
        resets = self._ended
        self._steps = np.where(resets, 0, self._steps + 1)
        self._ended = self._steps >= 10
        nothing = np.zeros(self.copies, dtype=bool)
        ends = (self._ended, nothing) if self.falls else (nothing, self._ended)
        return Step(self.observation, (~resets).astype(np.float32), self.observation, *ends, ~resets)

    def state_dict(self):
        return {"steps": self._steps, "ended": self._ended}

    def load_state_dict(self, state):
        self._steps, self._ended = state["steps"], state["ended"]


def learned(monkeypatch, tmp_path, *, falls, **settings):
    """The Q values of the one state after the lab has learned."""
    from upslope.labs.play import dqn
    from upslope.training.tasks.reinforcement_learning import ReinforcementLearning

    monkeypatch.setattr(dqn, "make", lambda name, *, copies, seed: OneState(copies=copies, falls=falls))
    monkeypatch.setattr(ReinforcementLearning, "report", lambda *args, **kwargs: None)
    seen = []
    monkeypatch.setattr(
        ReinforcementLearning,
        "predict",
        lambda self, dataset: seen.append(self.values(np.ones((1, 1), np.float32))) or np.zeros(1),
    )
    monkeypatch.setattr(ReinforcementLearning, "metrics", lambda *args: {"return": 10.0})
    words = [f"{name}={value}" for name, value in settings.items()]
    start(
        discover("labs")["dqn"],
        [f"gamma={GAMMA}", "frames=16000", "target_every=10", *words],
        preset="smoke",
        root=tmp_path,
        quiet=True,
    )
    return seen[0][0]


@pytest.mark.parametrize("n_step", [1, 10])
def test_the_clock_does_not_change_what_a_state_is_worth(n_step, monkeypatch, tmp_path):
    values = learned(monkeypatch, tmp_path, falls=False, n_step=n_step)
    assert values == pytest.approx(1 / (1 - GAMMA), rel=0.02)


@pytest.mark.parametrize(("falls", "bootstrap"), [(True, "truncated"), (False, "never")])
def test_a_fall_does(falls, bootstrap, monkeypatch, tmp_path):
    """Nine steps of ten have the target 1 + gamma V, and one has 1, so far below that the Huber loss pulls by 1.

    The pulls are even where 9 (1 + gamma V - V) = 1, which is V = (8 / 9) / (1 - gamma).
    """
    values = learned(monkeypatch, tmp_path, falls=falls, n_step=1, bootstrap=bootstrap)
    assert values == pytest.approx(8 / 9 / (1 - GAMMA), rel=0.02)


def test_promises_are_compared_with_what_came():
    import torch

    from upslope.envs.play import play
    from upslope.training.tasks.reinforcement_learning import ReinforcementLearning

    class Constant(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return self.weight + torch.tensor([[10.0, 9.0]]).expand(len(x), 2)

    environment = OneState(copies=4, falls=False)
    environment._steps[:] = 0
    task = ReinforcementLearning(Constant(), environment, gamma=GAMMA)
    promised, came = task.promises(play(environment, task.values))
    assert len(promised) == 40
    assert promised == pytest.approx(10)
    assert came == pytest.approx(10)
