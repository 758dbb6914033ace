"""CartPole by DQN: an agent that learns to balance a pole from nothing but how long it stood.

V. Mnih et al., "Human-level control through deep reinforcement learning", 2015, https://doi.org/10.1038/nature14236,
with double Q-learning and n-step returns, two parts of Rainbow (Hessel et al. 2017, https://arxiv.org/abs/1710.02298).

Claim: after 1,500,000 steps of CartPole the last network holds the pole for at least 475 of 500 steps, in the mean of
100 fresh greedy episodes, on at least 9 of 10 seeds, within 2 minutes of training on 2 CPU cores.

- The last network counts, not the best one seen: it is tested once, in environments of its own.
- `n_step=1` is DQN as it was published, beside it in the results: some seeds end near 500, others far off.
- `bootstrap` says after which ends a value follows: after truncation (the clock ran out), as is right; `always` takes
  falls for the clock, too, and nothing can be learned; `never` takes the clock for a fall, which returns hardly show.
- Left out: prioritized replay, noisy networks, distributions of returns, frames of pixels.
"""

from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from upslope.blocks.play.exploration import epsilon_greedy
from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.envs.vector import make
from upslope.models.build import built
from upslope.runs.run import Run
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.loop import loop
from upslope.training.replay import EpisodeReturns, ReplayMemory
from upslope.training.tasks.reinforcement_learning import ReinforcementLearning

EXPLORATION = 0.2  # the part of the run in which the share of random actions falls from 1
TEST = 2**31  # added to the seed for environments that are never trained in


class Config(TrainingConfig):
    """Settings of this lab."""

    unused: ClassVar = {
        **dict.fromkeys(("devices", "nodes"), "one process acts and learns"),
        "compile": "this lab does not compile its network",
    }
    threads: int = Field(1, ge=0, le=256, description="threads; more than one only wait for one another here")
    environment: str = Field("CartPole-v1", description="walk, which is our own, or any name that Gymnasium knows")
    frames: int = Field(1_500_000, ge=100, le=10**9, description="steps of the environment, of all copies together")
    copies: int = Field(128, ge=1, le=4096, description="environments that are stepped together")
    n_step: int = Field(10, ge=1, le=1000, description="rewards in a return before a value follows; 1: plain DQN")
    gamma: float = Field(0.99, ge=0, lt=1, description="discount factor")
    bootstrap: Literal["truncated", "always", "never"] = Field("truncated", description="ends that a value follows")
    units: int = Field(64, ge=1, le=65536, description="units of each of the two hidden layers")
    batch_size: int = Field(256, ge=1, le=65536, description="transitions of an update")
    updates: int = Field(1, ge=1, le=4096, description="updates after each step of all copies")
    target_every: int = Field(48, ge=1, le=10**6, description="steps of all copies after which the target is copied")
    lr: float = Field(2e-3, gt=0, le=1, description="the learning rate at first; it falls to 0 along a line")
    epsilon: float = Field(0.05, ge=0, le=1, description="the share of random actions after exploration has fallen")
    memory: int = Field(200_000, ge=1, le=10**8, description="transitions that are kept")
    warmup: int = Field(1000, ge=1, le=10**8, description="transitions before the first update")
    episodes: int = Field(100, ge=1, le=10**5, description="greedy episodes of the test")


def run(config: Config, run: Run[Config]) -> None:
    """Act, remember, learn from what is remembered; in the end play."""
    environment = make(config.environment, copies=config.copies, seed=config.seed)
    shape, hidden = environment.shape, (config.units, config.units)
    network = built("cartpole", seed=config.seed, shape=shape, actions=environment.actions, hidden=hidden)
    task = ReinforcementLearning(network.module, environment, gamma=config.gamma)
    optimizer = torch.optim.Adam(network.module.parameters(), lr=config.lr, fused=True)
    memory = ReplayMemory(shape=shape, **config.model_dump(include={"memory", "copies", "n_step", "gamma"}))
    returns = EpisodeReturns(copies=config.copies)
    run.register(memory=memory, environment=environment, returns=returns, **task.kept(optimizer))
    total = config.frames // config.copies
    with loop(run) as fabric:
        fabric.setup(task, optimizer)
        for step in run.steps(total):
            rng = np.random.default_rng((config.seed, step))  # PyTorch's generator is not used
            # Act: at first at random, later mostly by the highest Q value.
            epsilon = max(config.epsilon, 1 - (1 - config.epsilon) * step / (EXPLORATION * total))
            chosen = epsilon_greedy(task.values(environment.observation), epsilon=epsilon, rng=rng)
            happened = environment.step(chosen)
            returns.add(happened)
            memory.add(chosen, happened.as_bootstrapped(config.bootstrap))
            if len(memory) < config.warmup:
                continue
            # Learn, a few times, from transitions that are drawn from the memory.
            optimizer.param_groups[0]["lr"] = config.lr * (1 - step / total)
            for _ in range(config.updates):
                with fabric.autocast():
                    parts = task(task.on_device(memory.sample(config.batch_size, rng=rng)))
                optimizer.zero_grad()
                parts["loss"].backward()
                optimizer.step()
            if step % config.target_every == 0:
                task.copy_to_target()
            if step % 20 == 0:
                run.log(step, loss=parts["loss"].detach(), q=parts["q"], **returns.since())
    test = make(config.environment, copies=config.episodes, seed=config.seed + TEST)
    conclude(run, task, test, network=network, per_epoch=total, watch={"features_moved": "features.0.weight"})


TARGET = {"environment": "CartPole-v1", "n_step": 10}
SMOKE = {"environment": "walk", "frames": 4000, "copies": 16, "units": 128, "batch_size": 128, "updates": 4}
QUICK = {**SMOKE, "target_every": 32, "lr": 3e-3, "warmup": 200, "episodes": 20}
CARD = LabCard(
    name="dqn",
    title="CartPole by deep Q-learning",
    paper="Mnih et al. 2015",
    claim=(
        "after 1,500,000 steps of CartPole the last network holds the pole for at least 475 of 500 steps, in the mean "
        "of 100 fresh greedy episodes, on at least 9 of 10 seeds, within 2 minutes of training on 2 CPU cores"
    ),
    domain="play",
    seconds={"smoke": 5, "laptop": 25, "full": 80},
    data=(),
    expect=(Expect(metric="test_return", at_least=475, when=TARGET, ablations={"falls not seen": 10.692}),),
    presets={"smoke": QUICK, "laptop": {}, "full": {"frames": 6_000_000}},
    metrics={
        "test_return": Metric(chance=22),
        "test_lowest_return": Metric(chance=8),
        "test_overestimation": Metric(higher_is_better=False),
        "return": Metric(),
        "features_moved": Metric(unit="%"),
    },
    ablations=(Ablation(name="falls not seen", settings={"bootstrap": "always"}),),
    variants={"": {}, "n-step-1": {"n_step": 1}},
    seeds=10,
    may_miss=1,
)
