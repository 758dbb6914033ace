"""Twenty-five modes in a plane: which tricks find all of them, and which buy nothing?

The grid is that of A. Srivastava et al., "VEEGAN", 2017, https://arxiv.org/abs/1705.07761, with modes twice as wide,
the game that of I. Goodfellow et al. 2014. The tricks: R1 (L. Mescheder et al. 2018), spectral normalization (T. Miyato
et al. 2018), minibatch deviation (T. Karras et al. 2017), averaged weights (Y. Yazici et al. 2018).

Claim: the best of five pairs finds all 25 modes and puts at least 80 % of its points near one, with every seed.

- Each trick trains a pair of its own from the same weights; all are drawn, once from the last step's weights and once
  from averaged ones. The best on validation draws is tested on others.
- Halfway through a training spectral normalization and averaging bought most; minibatch deviation found more modes; R1
  brought points nearer, and found no more.
- Left out: several discriminator steps for one of the generator.
"""

from functools import partial
from typing import ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import nn

from upslope.blocks.generative.gan_losses import discriminator_loss, generator_loss, r1_penalty
from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.models.build import built
from upslope.runs import figures
from upslope.runs.reports.points import Cloud, panels
from upslope.runs.run import Run
from upslope.training.averaging import AveragedWeights
from upslope.training.config import TrainingConfig
from upslope.training.loop import loop, seeded_steps, take_step
from upslope.training.state import StateArrays, arrays

CENTERS = torch.cartesian_prod(torch.arange(-4.0, 5, 2), torch.arange(-4.0, 5, 2))
Trick = Literal["none", "r1", "spectral", "deviation", "together"]
TRICKS: tuple[Trick, ...] = ("none", "r1", "spectral", "deviation", "together")


class Config(TrainingConfig):
    """Settings of this lab."""

    unused: ClassVar = dict.fromkeys(("devices", "nodes", "compile"), "the networks are tiny")
    tricks: tuple[Trick, ...] = Field(TRICKS, min_length=1, description="each trains a pair of its own")
    loss: Literal["nonsaturating", "minimax"] = Field("nonsaturating", description="minimax is the loss of 2014")
    spread: float = Field(0.1, gt=0, le=1, description="standard deviation of each mode; they are 2 apart")
    steps: int = Field(4000, ge=20, le=10**7, description="how often both networks take a step")
    batch_size: int = Field(128, ge=8, le=10**5, multiple_of=8, description="points of each kind per step")
    lr: float = Field(3e-3, gt=0, le=1, description="the learning rate; in the second half it falls to 0")
    r1: float = Field(0.005, ge=0, le=1000, description="what the R1 penalty counts, where it is a trick")
    ema: float = Field(0.99, ge=0, lt=1, description="the share of the averaged weights that stays")


def run(config: Config, run: Run[Config]) -> None:
    """Let each pair learn; measure on validation draws, and the best on others."""
    generators, critics = nn.ModuleDict(), nn.ModuleDict()
    for trick in config.tricks:
        spectral, group = trick in ("spectral", "together"), 8 * (trick in ("deviation", "together"))
        generators[trick] = built("plane", seed=config.seed).module
        critics[trick] = built("plane-discriminator", seed=config.seed, spectral=spectral, group=group).module
    average = AveragedWeights(generators, decay=config.ema)
    averaged = cast(nn.ModuleDict, average.module)
    sign = -1 if config.loss == "minimax" else 1
    # No pair knows of the others: a step on the sum of their losses is a step on each.
    adam = partial(torch.optim.Adam, lr=config.lr, betas=(0.0, 0.99))
    g_adam, d_adam = adam(generators.parameters()), adam(critics.parameters())
    with loop(run) as fabric:
        fabric.setup(generators, g_adam)
        fabric.setup(critics, d_adam)
        kept = {"generators": generators, "critics": critics, "averaged": fabric.to_device(averaged)}
        run.register(**{name: StateArrays(each) for name, each in (kept | {"g": g_adam, "d": d_adam}).items()})
        for step in seeded_steps(run, config.steps):
            for settings in (*g_adam.param_groups, *d_adam.param_groups):
                settings["lr"] = config.lr * min(1.0, 2 * (1 - step / config.steps))
            z, noise = fabric.to_device(torch.randn(2, config.batch_size, 2))
            real = fabric.to_device(CENTERS[torch.randint(len(CENTERS), z.shape[:1])]) + config.spread * noise
            fakes = {name: generator(z) for name, generator in generators.items()}
            # The discriminators' turn, with the penalty where that is the trick.
            losses = []
            for name, fake in fakes.items():
                points = real.clone().requires_grad_(name in ("r1", "together"))
                logits = critics[name](points)
                losses.append(discriminator_loss(logits, critics[name](fake.detach())))
                if points.requires_grad:
                    losses.append(config.r1 * r1_penalty(logits, points))
            take_step(fabric, d_adam, torch.stack(losses).sum())
            # The generators' turn. log(1 - D) is minus the loss of the opposite logit.
            critics.requires_grad_(False)
            losses = [sign * generator_loss(sign * critics[name](fake)) for name, fake in fakes.items()]
            take_step(fabric, g_adam, torch.stack(losses).sum())
            critics.requires_grad_(True)
            average.update()
            if step % max(1, config.steps // 20) == 0:
                seen = [cloud.modes for cloud in clouds(config, generators, averaged, draw=1).values()]
                run.log(step, validation_modes=max(seen))
    validation, test = (clouds(config, generators, averaged, draw=number) for number in (1, 2))
    best = max(validation, key=lambda name: (validation[name].modes, validation[name].near))
    run.picture("curves", figures.curves(run.logged(), {"modes found, the best": ("validation_modes",)}))
    run.picture("points", panels(test, columns=len(config.tricks)), "Averaged weights below; crosses are the modes.")
    run.save_model(arrays(averaged if best.endswith("averaged") else generators))
    found = {name: {"modes": cloud.modes, "near": cloud.near} for name, cloud in test.items()}
    run.finish({"test_modes": test[best].modes, "test_near": test[best].near}, best=best, found=found)


def clouds(config: Config, last: nn.ModuleDict, averaged: nn.ModuleDict, *, draw: int) -> dict[str, Cloud]:
    """10,000 points of each generator, and of each one's averaged weights, from the same latent vectors."""
    z = torch.randn(10_000, 2, generator=torch.Generator().manual_seed(draw)).to(next(last.parameters()).device)
    with torch.no_grad():
        made = {name: each(z) for name, each in last.items()}
        made |= {f"{name}, averaged": each(z) for name, each in averaged.items()}
    return {name: Cloud(points.cpu().numpy(), CENTERS.numpy(), config.spread) for name, points in made.items()}


GRID = {"spread": 0.1}
WITHOUT = "the loss of 2014"
CARD = LabCard(
    name="modes",
    title="Twenty-five modes, and what finds them",
    paper="Srivastava et al. 2017",
    claim="the best of five pairs finds all 25 modes and puts at least 80 % of its points near one, with every seed",
    domain="generative",
    seconds={"smoke": 5, "laptop": 90, "full": 900},
    data=(),
    expect=(
        Expect("test_modes", at_least=25, when=GRID, ablations={WITHOUT: 10}),
        Expect("test_near", at_least=0.8, when=GRID, ablations={WITHOUT: 0.3}),
    ),
    presets={"smoke": {"spread": 0.3, "steps": 200, "batch_size": 64}, "laptop": {}, "full": {"steps": 40_000}},
    metrics={"test_modes": Metric(), "test_near": Metric(unit="%"), "validation_modes": Metric()},
    ablations=(Ablation(name=WITHOUT, settings={"loss": "minimax", "tricks": ["none"]}),),
)
