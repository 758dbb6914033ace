"""A GAN counted in lost classes: StyleGAN2, small, on Fashion-MNIST, and DCGAN in the same loop.

T. Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2019, https://arxiv.org/abs/1912.04958; A.
Radford, L. Metz, S. Chintala, "DCGAN", 2015, https://arxiv.org/abs/1511.06434.

Claim: samples of a small StyleGAN2 lie as far from the test images as if at most 1.5 classes were lost, they cover at
least 0.45 of them, and each class is at least 4 % of them, with every seed (3 seeds).

- Images are grey, of 28 x 28, and grow from a constant of 7 x 7, so that they need no border. The mapping network has
  four layers and learns as fast as the rest, because training is short.
- R1 comes every eighth step, eight times as strong; Adam keeps no mean of gradients; averaged weights make the samples.
- Left out: path length regularization, style mixing, truncation, augmentation.

`repeat=8` gives eight images of a batch the same latent vector. The discriminator sees that they do not differ, and the
generator, which cannot help it, learns from that alone: it must miss the targets.
"""

from typing import ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.splits import splits
from upslope.models.build import built
from upslope.runs.run import Run
from upslope.training.batches import Batches
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.loop import batch_at, loop, seeded_steps, take_step
from upslope.training.state import StateArrays
from upslope.training.tasks.unconditional_image_generation import Adversarial, Sampling

R1_EVERY = 8  # steps
NAMES = {"stylegan2": "stylegan2-28", "dcgan": "dcgan28"}


class Config(TrainingConfig):
    """Settings of this lab."""

    unused: ClassVar = {"compile": "this lab does not compile its two networks"}
    model: Literal["stylegan2", "dcgan"] = Field("stylegan2", description="both networks")
    data: Literal["fashion_mnist", "mnist", "toy"] = Field("fashion_mnist", description="toy is generated")
    steps: int = Field(4000, ge=1, le=10**7, description="how often both networks take a step")
    batch_size: int = Field(32, ge=8, le=5000, multiple_of=8, description="real images per step, as many generated")
    lr: float = Field(2e-3, gt=0, le=1, description="the learning rate of both networks")
    r1: float = Field(1.0, ge=0, le=1000, description="the penalty on the discriminator's slope at real images")
    ema: float = Field(0.995, ge=0, lt=1, description="the share of the averaged weights that stays; 0: no averaging")
    repeat: int = Field(1, ge=1, le=5000, description="how many images of a batch are made of one latent vector")

    @model_validator(mode="after")
    def _repeats_fill_a_batch(self) -> Self:
        if self.batch_size % self.repeat:
            raise ValueError(f"repeat={self.repeat} does not divide batch_size={self.batch_size}")
        return self


def run(config: Config, run: Run[Config]) -> None:
    """Let the two learn from each other; judge samples now and then, and beside the test images once."""
    train, validation, test = splits(config.data, toy="fashion_mnist", rng=np.random.default_rng(config.seed))
    name = NAMES[config.model]
    network, critic = built(name, seed=config.seed), built(f"{name}-discriminator", seed=config.seed).module
    about, weight = Sampling(seed=config.seed), config.r1 * R1_EVERY / 2
    task = Adversarial(network, critic, train, data=config.data, sampling=about, ema=config.ema, r1=weight)
    batches = Batches(train, collate=task.collate, batch_size=config.batch_size, seed=config.seed)
    g_adam, d_adam = (
        torch.optim.Adam(each.parameters(), lr=config.lr, betas=(0.0, 0.99)) for each in (network.module, critic)
    )
    with loop(run) as fabric:
        generator, g_optimizer = fabric.setup(network.module, g_adam)
        task.discriminator, d_optimizer = fabric.setup(critic, d_adam)
        average = fabric.to_device(task.average.module)
        state = {"generator": network.module, "discriminator": critic, "average": average}
        run.register(**{n: StateArrays(thing) for n, thing in (state | {"g": g_adam, "d": d_adam}).items()})
        for step in seeded_steps(run, config.steps, per_epoch=batches.per_epoch):
            real = batch_at(run, batches, step, fabric)["image"]
            noise = task.noise(len(real) // config.repeat).repeat(config.repeat, 1)
            fake = generator(fabric.to_device(noise))
            # The discriminator's turn; the penalty comes every few steps, as many times as strong.
            real.requires_grad_(config.r1 > 0 and step % R1_EVERY == 0)
            d_loss = take_step(fabric, d_optimizer, task({"real": real, "fake": fake})["loss"])
            # The generator's turn: its gradient goes through a discriminator that stays as it is.
            critic.requires_grad_(False)
            g_loss = take_step(fabric, g_optimizer, task({"fake": fake})["loss"])
            critic.requires_grad_(True)
            task.average.update()
            if step % 10 == 0:
                run.log(step, discriminator_loss=d_loss, generator_loss=g_loss)
            if step % max(R1_EVERY, config.steps // 8) == 0 and fabric.is_global_zero:
                run.log(step, **task.glance(validation))
    beside, facts = task.yardsticks(validation, test), task.facts(test)
    conclude(run, task, test, network=network, per_epoch=batches.per_epoch, metrics=beside, **facts)


REAL = {"data": "fashion_mnist", "model": "stylegan2"}
ALIKE = "one latent vector for eight"
SHARE = Metric(unit="%")
LESS = Metric(higher_is_better=False)
LOST = {"test_lost_classes": LESS, "test_lost_classes_least": LESS, "test_lost_classes_most": LESS}
SEEN = {"test_image_coverage": SHARE, "test_smallest_class": SHARE, "test_density": Metric()}
ALONE = {"test_confident": SHARE, "test_coverage": SHARE, "test_nearest_training": Metric(), "confident_real": SHARE}
BESIDE = {"validation_frechet_distance": LESS, "frechet_distance_unaveraged": LESS, "frechet_distance_real": LESS}
CARD = LabCard(
    name="gan",
    title="StyleGAN2, counted in lost classes",
    paper="Karras et al. 2019",
    claim=(
        "samples of a small StyleGAN2 lie as far from the test images as if at most 1.5 classes were lost, they cover "
        "at least 0.45 of them, and each class is at least 4 % of them, with every seed"
    ),
    domain="generative",
    seconds={"smoke": 9, "laptop": 1500, "full": 22000},
    data=("fashion_mnist", "mnist"),
    expect=(
        Expect("test_lost_classes", at_most=1.5, when=REAL, ablations={ALIKE: 5.0}),
        Expect("test_image_coverage", at_least=0.45, when=REAL, ablations={ALIKE: 0.1}),
        Expect("test_smallest_class", at_least=0.04, when=REAL, ablations={ALIKE: 0.01}),
    ),
    presets={
        "smoke": {"data": "toy", "steps": 40, "batch_size": 16, "ema": 0.9, "lr": 5e-3},
        "laptop": {},
        "full": {"steps": 60_000},
    },
    metrics={"test_frechet_distance": LESS, **LOST, **SEEN, **ALONE, **BESIDE, "judge_accuracy": SHARE},
    ablations=(Ablation(name=ALIKE, settings={"repeat": 8}),),
    variants={"": {}, "dcgan": {"model": "dcgan", "data": "mnist"}},
    seeds=3,
)
