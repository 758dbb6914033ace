"""A small real training run as a program of its own, so that a test can kill it: killed_lab.py ROOT HOLD [RUN].

It waits after step HOLD until it is killed; 0: it goes on to its end.
"""

import sys
import time
from pathlib import Path

import numpy as np

from upslope.cards import Expect, LabCard
from upslope.runs.config import LabConfig
from upslope.runs.run import Run
from upslope.scratch import nn, ops
from upslope.scratch.data import Batches
from upslope.scratch.optim import Adam
from upslope.scratch.tensor import Tensor

CARD = LabCard(
    name="killed",
    title="A run that is killed",
    paper="",
    claim="a killed run ends as one that was not",
    domain="tests",
    seconds={"laptop": 1},
    data=(),
    expect=(Expect(metric="loss", at_most=100.0),),
    presets={"laptop": {}},
)
STEPS = 300


class Net(nn.Module):
    """Two layers with dropout, whose generator must go on where it was."""

    def __init__(self, *, rng: np.random.Generator) -> None:
        self.first = nn.Linear(6, 16, rng=rng)
        self.last = nn.Linear(16, 3, rng=rng)
        self.rng = rng

    def forward(self, x: Tensor) -> Tensor:
        return self.last(ops.dropout(ops.relu(self.first(x)), 0.2, rng=self.rng))


def run(config: LabConfig, run: Run[LabConfig], *, pause: float = 0.0, hold: int = 0) -> None:
    """Learn a random rule."""
    rng = np.random.default_rng(config.seed)
    x = rng.standard_normal((70, 6)).astype(np.float32)
    y = np.argmax(x @ rng.standard_normal((6, 3)), axis=1)
    net = Net(rng=rng)
    optimizer = Adam(net.parameters(), lr=0.01)
    batches = Batches(x, y, batch_size=16, rng=rng)
    stream = (batch for _ in range(STEPS) for batch in batches)
    run.register(net=net, optimizer=optimizer, batches=batches, rng=rng)
    for step in run.steps(STEPS, per_epoch=len(batches), checkpoint_steps=7):
        inputs, labels = next(stream)
        optimizer.zero_grad()
        loss = ops.cross_entropy(net(Tensor(inputs)), labels)
        loss.backward()
        optimizer.step()
        run.log(step, loss=loss.item())
        if step % 10 == 0:
            run.log(step, spread=float(net.last.weight.data.std()))
        time.sleep(3600 if step == hold else pause)
    run.save_model(net.state_dict())
    run.finish({"loss": [row["loss"] for row in run.logged() if "loss" in row][-1]})


if __name__ == "__main__":
    if len(sys.argv) > 3:
        opened = Run.open(sys.argv[3], LabConfig, card=CARD, root=Path(sys.argv[1]))
    else:
        opened = Run.create(CARD, LabConfig(seed=3), root=Path(sys.argv[1]))
    print(opened.folder.name, flush=True)
    run(opened.config, opened, pause=0.002, hold=int(sys.argv[2]))
