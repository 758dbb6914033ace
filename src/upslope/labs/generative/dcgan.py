"""Clothes out of noise: DCGAN on Fashion-MNIST, a generator and a discriminator that learn from each other.

A. Radford, L. Metz, S. Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015, https://arxiv.org/abs/1511.06434; the averaged weights: Y. Yazici et al. 2018,
https://arxiv.org/abs/1806.04498.

Claim: samples from averaged weights lie within a Fréchet distance of 40 of the test images and show each of the ten
classes in at least 2 % of them, with every seed, after at most 5 minutes of training on 2 CPU cores (3 seeds).

- Two optimizers take turns in a loop that stays visible; the generator's loss does not saturate.
- Samples come from averaged weights and are read by a judge, a frozen classifier that nobody is trained against. Beside
  their distance stand that of held-out real images, and that of samples from the last step's weights. Three judges say
  how many lost classes it is worth (`training/judge_panel.py`).
- Left out: labels, augmentation, several discriminator steps for each of the generator.

A generator that learns from one latent vector only (`latents=1`) makes one garment, and must miss both targets. What
averaging buys is measured, not claimed.
"""

from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

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


class Config(TrainingConfig):
    """Settings of this lab."""

    unused: ClassVar = {"compile": "this lab does not compile its two networks"}
    data: Literal["fashion_mnist", "mnist", "toy"] = Field("fashion_mnist", description="toy is generated")
    steps: int = Field(2000, ge=1, le=10**7, description="how often both networks take a step")
    batch_size: int = Field(64, ge=2, le=5000, description="real images per step, and as many generated ones")
    lr: float = Field(1e-3, gt=0, le=1, description="the learning rate of both networks")
    beta1: float = Field(0.0, ge=0, lt=1, description="how long Adam remembers gradients: both networks change fast")
    r1: float = Field(1.0, ge=0, le=1000, description="the penalty on the discriminator's slope at real images")
    ema: float = Field(0.99, ge=0, lt=1, description="the share of the averaged weights that stays; 0: no averaging")
    latents: int = Field(0, ge=0, le=10**6, description="how many latent vectors there are to learn from; 0: no limit")


def run(config: Config, run: Run[Config]) -> None:
    """Let the two learn from each other; judge samples after each epoch, and beside the test images once."""
    train, validation, test = splits(config.data, toy="fashion_mnist", rng=np.random.default_rng(config.seed))
    network, critic = built("dcgan28", seed=config.seed), built("dcgan28-discriminator", seed=config.seed).module
    about = Sampling(seed=config.seed, limit=config.latents)
    weight = config.r1 * R1_EVERY / 2
    task = Adversarial(network, critic, train, data=config.data, sampling=about, ema=config.ema, r1=weight)
    batches = Batches(train, collate=task.collate, batch_size=config.batch_size, seed=config.seed)
    g_adam = torch.optim.Adam(network.module.parameters(), lr=config.lr, betas=(config.beta1, 0.999))
    d_adam = torch.optim.Adam(critic.parameters(), lr=config.lr, betas=(config.beta1, 0.999))
    with loop(run) as fabric:
        generator, g_optimizer = fabric.setup(network.module, g_adam)
        task.discriminator, d_optimizer = fabric.setup(critic, d_adam)
        average = fabric.to_device(task.average.module)
        networks = {"generator": network.module, "discriminator": critic, "average": average}
        state = {name: StateArrays(part) for name, part in networks.items()}
        run.register(**state, g_optimizer=StateArrays(g_adam), d_optimizer=StateArrays(d_adam))
        for step in seeded_steps(run, config.steps, per_epoch=batches.per_epoch):
            real = batch_at(run, batches, step, fabric)["image"]
            fake = generator(fabric.to_device(task.noise(len(real))))
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
            if step % batches.per_epoch == 0 and fabric.is_global_zero:
                task.watch(run, step, validation)
    beside, watch = task.yardsticks(validation, test), {"generator_moved": "convs.0.weight"}
    per_epoch, facts = batches.per_epoch, task.facts(test)
    conclude(run, task, test, network=network, per_epoch=per_epoch, metrics=beside, watch=watch, **facts)


REAL = {"data": "fashion_mnist"}
SMOKE = {"data": "toy", "steps": 100, "batch_size": 50, "ema": 0.9}
CARD = LabCard(
    name="dcgan",
    title="Clothes out of noise: DCGAN",
    paper="Radford, Metz and Chintala 2015",
    claim=(
        "samples from averaged weights lie within a Fréchet distance of 40 of the test images and show each of the ten "
        "classes in at least 2 % of them, with every seed, after at most 5 minutes of training on 2 CPU cores"
    ),
    domain="generative",
    seconds={"smoke": 5, "laptop": 150, "full": 1500},
    data=("fashion_mnist", "mnist"),
    expect=(
        Expect("test_frechet_distance", at_most=40.0, when=REAL, ablations={"one latent vector": 301.479}),
        Expect("test_coverage", at_least=1.0, when=REAL, ablations={"one latent vector": 0.1}),
    ),
    presets={"smoke": SMOKE, "laptop": {}, "full": {"steps": 20000}},
    metrics={
        "test_frechet_distance": Metric(higher_is_better=False),
        "test_confident": Metric(unit="%"),
        "test_coverage": Metric(unit="%"),
        "test_smallest_class": Metric(unit="%"),
        "test_lost_classes": Metric(higher_is_better=False),
        "test_lost_classes_least": Metric(higher_is_better=False),
        "test_lost_classes_most": Metric(higher_is_better=False),
        "test_image_coverage": Metric(unit="%"),
        "test_density": Metric(),
        "test_nearest_training": Metric(),
        "validation_frechet_distance": Metric(higher_is_better=False),
        "frechet_distance_unaveraged": Metric(higher_is_better=False),
        "frechet_distance_real": Metric(higher_is_better=False),
        "confident_real": Metric(unit="%"),
        "judge_accuracy": Metric(unit="%", chance=0.1),
        "generator_moved": Metric(unit="%"),
    },
    ablations=(Ablation(name="one latent vector", settings={"latents": 1}),),
    seeds=3,
)
