"""A lab that only counts, for tests of what a run keeps, leaves and says."""

from pathlib import Path

import numpy as np
import pytest

from upslope.cards import Expect, LabCard, Metric
from upslope.runs.config import LabConfig
from upslope.runs.run import Run

CARD = LabCard(
    name="tiny",
    title="A tiny <lab>",
    paper="nobody, never",
    claim="it counts",
    domain="tests",
    seconds={"laptop": 1},
    data=(),
    expect=(
        Expect(metric="test_accuracy", at_least=0.9, when={"seed": 0}, ablations={"frozen": 0.6}),
        Expect(metric="loss", at_most=0.5, when={"seed": 0}),
    ),
    presets={"laptop": {}},
    metrics={"test_accuracy": Metric(unit="%"), "loss": Metric(unit="nats", higher_is_better=False)},
)


class Counter:
    """The smallest thing that has a state."""

    def __init__(self):
        self.array = np.zeros(3, dtype=np.float32)
        self.log = []

    def state_dict(self):
        return {"array": self.array, "log": self.log, "nothing": None, "big": 2**100}

    def load_state_dict(self, state):
        assert state["nothing"] is None
        assert state["big"] == 2**100
        self.array, self.log = state["array"], state["log"]


class Tiny:
    """The lab, and a folder for its runs."""

    card, counter = CARD, Counter

    def __init__(self, root: Path):
        self.root = root

    def open(self, *, seed=0):
        return Run.create(CARD, LabConfig(seed=seed), root=self.root, quiet=True)

    def again(self, run):
        """The same run, opened once more."""
        run.close()
        return Run.open(run.folder, LabConfig, card=CARD, quiet=True)

    def train(self, run, counter, rng, upto):
        """Steps 1 to `upto`, with a checkpoint every 3."""
        run.register(counter=counter, rng=rng)
        for step in run.steps(20, checkpoint_steps=3):
            counter.array += rng.random(3, dtype=np.float32)
            counter.log.append(step)
            run.log(step, loss=1 / step)
            if step == upto < 20:
                break


@pytest.fixture
def tiny(tmp_path):
    return Tiny(tmp_path)
