"""Garments from their edges, without a single pair: CycleGAN on Fashion-MNIST, and pix2pix on pairs beside it.

J.-Y. Zhu, T. Park, P. Isola, A. Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks", 2017, https://arxiv.org/abs/1703.10593; P. Isola et al., "pix2pix", 2016, https://arxiv.org/abs/1611.07004.

Claim: a frozen classifier names the garments that were made of edges at least 0.7 times as often as real ones, and the
edges come back with F1 of at least 0.8 when a garment is turned into edges again, with every seed (3 seeds).

- The edges are Canny's, of garments whose images are never shown; what a garment's class is nobody is told.
- `paired=true` trains the same networks on pairs: the difference from the partner in the place of the way back.
- How many bare edges the classifier names is measured beside it: some classes are their outline.
- Left out: the identity loss, the buffer of earlier fakes, the falling learning rate of the second half.

Without the cycle (`weight=0`) nothing brings the edges back, and they must be missed. The names may hold all the same:
small convolutions keep shapes where they are, so that edges become the garment of that outline. Without discriminators
(`adversarial=0`) edges are what comes back best of all, and what is made of them is edges still.
"""

from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.splits import splits
from upslope.runs.run import Run
from upslope.training.batches import Batches
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.loop import batch_at, loop, seeded_steps, take_step
from upslope.training.state import StateArrays
from upslope.training.tasks.image_to_image import ImageToImage, with_edges


class Config(TrainingConfig):
    """Settings of this lab."""

    unused: ClassVar = {"compile": "this lab does not compile its four networks"}
    data: Literal["fashion_mnist", "mnist", "toy"] = Field("fashion_mnist", description="toy is generated")
    images: int = Field(20_000, ge=20, le=60_000, description="half are shown as garments, the other half as edges")
    paired: bool = Field(False, description="true: pix2pix, which sees each garment beside its own edges")
    weight: float = Field(10.0, ge=0, le=1000, description="what the way back counts; in pairs, the partner")
    adversarial: float = Field(1.0, ge=0, le=1000, description="what the discriminators' opinion counts")
    steps: int = Field(1500, ge=1, le=10**7, description="how often all four networks take a step")
    batch_size: int = Field(8, ge=1, le=5000, description="edges per step, and as many garments")
    width: int = Field(16, ge=2, le=512, description="channels of the generators' first maps")
    blocks: int = Field(3, ge=1, le=20, description="residual blocks of each generator")
    lr: float = Field(1e-3, gt=0, le=1, description="the learning rate of all four")


def run(config: Config, run: Run[Config]) -> None:
    """Let both generators learn from both discriminators and from each other; test once."""
    whole, validation, test = splits(config.data, toy="fashion_mnist", rng=np.random.default_rng(config.seed))
    train = with_edges(whole, most=config.images, paired=config.paired)
    validation, test = (with_edges(part, most=2000) for part in (validation, test))
    shape = config.model_dump(include={"width", "blocks"})
    task = ImageToImage(
        whole, shape=shape, **config.model_dump(include={"data", "seed", "weight", "adversarial", "paired"})
    )
    batches = Batches(train, collate=task.collate, batch_size=config.batch_size, seed=config.seed)
    g_adam, d_adam = (
        torch.optim.Adam(each.parameters(), lr=config.lr, betas=(0.5, 0.999))
        for each in (task.generators, task.discriminators)
    )
    with loop(run) as fabric:
        fabric.setup(task.generators, g_adam)
        fabric.setup(task.discriminators, d_adam)
        run.register(networks=StateArrays(task.networks), g=StateArrays(g_adam), d=StateArrays(d_adam))
        for step in seeded_steps(run, config.steps, per_epoch=batches.per_epoch):
            batch = batch_at(run, batches, step, fabric)
            # The generators' turn: their gradient goes through discriminators that stay as they are.
            task.discriminators.requires_grad_(False)
            made = task(batch)
            take_step(fabric, g_adam, made["loss"])
            task.discriminators.requires_grad_(True)
            # The discriminators' turn, on the same translations.
            fakes = {name: made[name] for name in ("fake_edges", "fake_garment")}
            d_loss = take_step(fabric, d_adam, task({**batch, **fakes})["loss"])
            if step % 5 == 0:
                run.log(step, discriminator_loss=d_loss, adversarial_loss=made["adversarial"], kept_loss=made["kept"])
            if step % max(1, config.steps // 10) == 0 and fabric.is_global_zero:
                run.log(step, **task.glance(validation))
    bare = {f"named_{name}": task.named(test[column], test) for name, column in (("real", "image"), ("bare", "edges"))}
    moved = {"generator_moved": "stem.weight"}
    per_epoch, judge = batches.per_epoch, task.judge.sha256
    conclude(run, task, test, network=task.network, per_epoch=per_epoch, metrics=bare, watch=moved, judge=judge)


SHARE = Metric(unit="%")
UNPAIRED = {"data": "fashion_mnist", "paired": False}
NO_CYCLE = "without the way back"
NO_CRITICS = "without discriminators"
CARD = LabCard(
    name="cyclegan",
    title="Garments from edges: CycleGAN",
    paper="Zhu et al. 2017",
    claim=(
        "a frozen classifier names the garments that were made of edges at least 0.7 times as often as real ones, and "
        "the edges come back with F1 of at least 0.8 when a garment is turned into edges again, with every seed"
    ),
    domain="generative",
    seconds={"smoke": 8, "laptop": 600, "full": 6000},
    data=("fashion_mnist", "mnist"),
    expect=(
        Expect("test_named_of_real", at_least=0.7, when=UNPAIRED, ablations={NO_CRITICS: 0.5}),
        Expect("test_edges_f1", at_least=0.8, when=UNPAIRED, ablations={NO_CYCLE: 0.5}),
    ),
    presets={
        "smoke": {"data": "toy", "images": 400, "steps": 60, "width": 4, "blocks": 1},
        "laptop": {},
        "full": {"images": 60_000, "steps": 30_000, "width": 32, "blocks": 6},
    },
    metrics={
        "test_named_of_real": SHARE,
        "test_edges_f1": SHARE,
        "named_real": SHARE,
        "named_bare": SHARE,
        "kept_loss": Metric(higher_is_better=False),
        "generator_moved": SHARE,
    },
    ablations=(
        Ablation(name=NO_CYCLE, settings={"weight": 0.0}),
        Ablation(name=NO_CRITICS, settings={"adversarial": 0.0}),
    ),
    variants={"": {}, "pairs": {"paired": True}},
    seeds=3,
)
