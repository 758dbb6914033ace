"""Clothes out of noise: DCGAN on Fashion-MNIST, a generator and a discriminator that learn from each other.

A. Radford, L. Metz, S. Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015, https://arxiv.org/abs/1511.06434; the averaged weights: Y. Yazici et al. 2018,
https://arxiv.org/abs/1806.04498.

Claim: TODO.

- Two optimizers take turns in a loop that stays visible; the generator's loss does not saturate.
- Samples are drawn from averaged weights (`ema`). A judge that nobody was trained against reads them: a small
  classifier of its own, frozen. Its features give the Fréchet distance to the test images; beside it stands the
  distance of real images that were held out, and that of the last step's weights without averaging.
- Left out: labels, augmentation, several discriminator steps for each of the generator.

The average must be worth it: sampled from the weights of the last step (`ema=0`), the same training misses the target.
A generator that only ever saw one latent vector (`latents=1`) makes one garment, and its coverage says so.
"""

from typing import Literal

import numpy as np
import torch
from pydantic import Field

from upslope.cards import Expect, LabCard
from upslope.data.loading.splits import splits
from upslope.models.build import built
from upslope.runs.run import Run
from upslope.training.batches import Batches
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.loop import batch_at, loop, seeded_steps
from upslope.training.state import Kept
from upslope.training.tasks.unconditional_image_generation import Adversarial


class Config(TrainingConfig):
    """Settings of this lab."""

    data: Literal["fashion_mnist", "mnist", "toy"] = Field("fashion_mnist", description="toy is generated")
    steps: int = Field(3000, ge=1, le=10**7, description="how often both networks take a step")
    batch_size: int = Field(64, ge=2, le=5000, description="real images per step, and as many generated ones")
    lr: float = Field(1e-3, gt=0, le=1, description="the generator's learning rate")
    discriminator_lr: float = Field(1e-3, gt=0, le=1, description="the discriminator's learning rate")
    beta1: float = Field(0.5, ge=0, lt=1, description="how long Adam remembers gradients: both networks change fast")
    ema: float = Field(0.995, ge=0, lt=1, description="the share of the averaged weights that stays; 0: no averaging")
    latents: int = Field(0, ge=0, le=10**6, description="how many latent vectors there are to learn from; 0: no limit")


def run(config: Config, run: Run[Config]) -> None:
    """Let the two learn from each other; judge samples after each epoch, and against the test images once."""
    train, validation, test = splits(config.data, toy="fashion_mnist", rng=np.random.default_rng(config.seed))
    network, critic = built("dcgan28", seed=config.seed), built("dcgan28-discriminator", seed=config.seed)
    task = Adversarial(network, critic, train=train, data=config.data, ema=config.ema, run=run)
    batches = Batches(train, collate=task.collate, batch_size=config.batch_size, seed=config.seed)
    betas = (config.beta1, 0.999)
    with loop(run) as fabric:
        generator, g_optimizer = fabric.setup(
            network.module, g_adam := torch.optim.Adam(network.module.parameters(), lr=config.lr, betas=betas)
        )
        discriminator, d_optimizer = fabric.setup(
            critic.module, d_adam := torch.optim.Adam(critic.module.parameters(), lr=config.discriminator_lr, betas=betas)
        )
