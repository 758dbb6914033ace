"""An autoencoder that learns to hold pictures in latents, and how large these are.

R. Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2021,
https://arxiv.org/abs/2112.10752, section 3.1 and appendix G. Left out: the perceptual loss and the discriminator,
without which photographs would be blurred; digits and garments of 16 pixels are not.
"""

from typing import Any

import numpy as np
import torch

from upslope.data.loading.dataset import Dataset
from upslope.models.generative.autoencoder_kl import AutoencoderKL, reconstruction_loss
from upslope.models.generative.text_to_image import TextToImage
from upslope.runs.progress import Bar
from upslope.training.prompt_reader import as_images
from upslope.training.seeding import seeded

LR = 3e-3
MEASURED = 1000  # pictures from which the scale of latents is taken


def learn_to_compress(
    autoencoder: AutoencoderKL, train: Dataset, *, seed: int, steps: int, bar: Bar, batch_size: int = 32
) -> None:
    """Train an autoencoder in place; a function of the seed."""
    optimizer = torch.optim.AdamW(autoencoder.parameters(), lr=LR, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=steps, pct_start=0.1)
    rng = np.random.default_rng(seed)
    autoencoder.train()
    with seeded(seed, steps):
        for step in range(1, steps + 1):
            images = as_images(train["image"][rng.integers(len(train), size=batch_size)])
            loss: Any = reconstruction_loss(autoencoder(images), images)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(autoencoder.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            bar.update(step, metrics={"loss": loss.item()})
    autoencoder.eval()


@torch.no_grad()
def measure_latents(model: TextToImage, train: Dataset) -> None:
    """Set the scale by which latents have a standard deviation of 1, as the noise has."""
    if model.autoencoder is not None:
        mean, _ = model.autoencoder.encode(as_images(train["image"][:MEASURED]))
        model.scale.fill_(1 / mean.std())
