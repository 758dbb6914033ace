"""Autoencoding with latent variables: bounds of the likelihood of black and white images, and images out of noise.

Grey pixels are made black or white at random, each white with its grey value as probability (Salakhutdinov and Murray
2008): anew for every batch in training, once and for all for evaluation.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from upslope.blocks.generative.variational import (
    bernoulli_log_likelihood,
    gaussian_kl,
    importance_weighted_bound,
    reparameterize,
)
from upslope.data.loading.dataset import Dataset
from upslope.features import Image
from upslope.image.binarize import FIXED, binarized
from upslope.image.channels import channels_first
from upslope.models.build import Built
from upslope.models.generative.vae import VAE, VAEOutput
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import latents
from upslope.runs.run import Run
from upslope.training.attributes import ATTRIBUTES, Measure, direction, rising, walks
from upslope.training.batches import Batch
from upslope.training.numbered_noise import numbered_noise
from upslope.training.seeding import generator
from upslope.training.tasks.task import Task, in_float32

ACTIVE = 0.01  # the variance of a latent's posterior mean over the data from which it counts as used
LEARNED, WALKED = 5000, 1000  # training images that directions come from, and images that are moved along them


@dataclass(frozen=True)
class Bounds:
    """What a variational autoencoder says of N images, in nats for each image; D latents."""

    images: NDArray[np.float32]  # (N, C, H, W), 0 or 1, as they were judged
    reconstruction: NDArray[np.float32]  # -log p(x|z), the mean over samples of q(z|x)
    kl: NDArray[np.float32]  # KL(q(z|x) || p(z))
    iw_bound: NDArray[np.float32]  # minus the importance-weighted bound of log p(x)
    mean: NDArray[np.float32]  # (N, D), of q(z|x)


class Autoencoder(Task):
    """The evidence lower bound of black and white images; the data have `image` and `label`."""

    tag: ClassVar[str] = "autoencoder"
    model: VAE

    def __init__(
        self,
        model: VAE,
        *,
        train: Dataset,
        beta: float = 1.0,
        free: float = 0.0,
        sampling: bool = True,
        samples: int = 100,
    ) -> None:
        """`beta` weighs the KL term: 1 is the bound, more the beta-VAE of Higgins et al. 2017.

        `free` nats of each latent's KL, in the mean over a batch, cost nothing: so much it may say before it pays, and
        none goes silent (D. P. Kingma et al. 2016, https://arxiv.org/abs/1606.04934, appendix C.8).
        `sampling=False` trains through the posterior's mean. `samples` is K of the importance-weighted bound.
        """
        super().__init__(model)
        feature = train.features["image"]
        assert isinstance(feature, Image)
        self.beta, self.free, self.sampling, self.samples = beta, free, sampling, samples
        self.look, self.known = feature.look, train.take(slice(LEARNED))

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, C, H, W) in [0, 1]}, grey."""
        return {"image": torch.tensor(channels_first(rows["image"]))}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The negative bound of a batch of black and white images and its two parts, in nats for each image."""
        x = batch["image"]
        noise = torch.randn(len(x), self.model.latent, device=x.device) * self.sampling
        out: VAEOutput = in_float32(self.model(x, noise=noise))
        reconstruction = -bernoulli_log_likelihood(out.reconstruction.flatten(1), x.flatten(1)).mean()
        kl = gaussian_kl(out.mean, out.log_variance).mean()
        paid = kl
        if self.free:
            paid = gaussian_kl(out.mean[..., None], out.log_variance[..., None]).mean(0).clamp(min=self.free).sum()
        return {"loss": reconstruction + self.beta * paid, "reconstruction": reconstruction, "kl": kl}

    def predict(self, dataset: Dataset, *, samples: int = 0, batch_size: int = 50) -> Bounds:
        """Both bounds for each image of the fixed binarisation, from the same `samples` (or the task's) of q(z|x)."""
        images = binarized(channels_first(dataset["image"]))
        with self.asking() as model:
            parts = [
                bounds(
                    cast(VAE, model),
                    torch.from_numpy(images[first : first + batch_size]),
                    samples or self.samples,
                    seed=first,
                )
                for first in range(0, len(images), batch_size)
            ]
        columns = [torch.cat(column).numpy() for column in zip(*parts, strict=True)]
        return Bounds(images, *columns)

    def metrics(self, predictions: Bounds, dataset: Dataset) -> dict[str, float]:
        """Means over the images in nats, and how many latents are in use (Burda et al. 2015, section 5.1).

        thicker and slanted: of images whose latents walk along that direction in seven steps, the share that get more
        so with every step.
        """
        reconstruction, kl = float(predictions.reconstruction.mean()), float(predictions.kl.mean())
        return {
            "negative_elbo": reconstruction + kl,
            "iw_bound": float(predictions.iw_bound.mean()),
            "kl": kl,
            "active_latents": float((predictions.mean.var(axis=0) > ACTIVE).sum()),
            **{name: rising(measure(images)) for (name, measure), images in self._moved(predictions.mean[:WALKED])},
        }

    def validate(self, dataset: Dataset) -> dict[str, float]:
        """The negative evidence lower bound from one sample for each image: cheap enough for every epoch."""
        found = self.predict(dataset, samples=1, batch_size=500)
        return {"validation_negative_elbo": float((found.reconstruction + found.kl).mean())}

    def report(self, run: Run[Any], predictions: Bounds, dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, samples of the prior, reconstructions, a plane of the latent space, and ways between images."""
        latents.curves(run, per_epoch=per_epoch)
        with self.asking() as model:
            vae = cast(VAE, model)

            def decode(z: NDArray[np.float32]) -> NDArray[np.float32]:
                device = next(vae.parameters()).device
                return vae.decode(torch.from_numpy(z).to(device)).sigmoid().cpu().numpy()

            latents.samples(run, decode(numbered_noise(range(100), (vae.latent,), seed=run.config.seed)))
            latents.reconstructions(run, predictions.images, predictions.mean, decode)
            latents.plane(run, predictions.mean, decode)
            latents.interpolation(run, predictions.mean, decode)
        latents.arithmetic(run, {name: images for (name, _), images in self._moved(predictions.mean[:6])})

    def _moved(self, mean: NDArray[np.float32]) -> list[tuple[tuple[str, Measure], NDArray[np.float32]]]:
        """For each attribute images (N, steps, H, W) in [0, 1] of latents (N, D) that walk along it."""
        images = channels_first(self.known["image"])
        done = []
        with self.asking() as model:
            vae = cast(VAE, model)
            device = next(vae.parameters()).device
            own = vae.encode(torch.from_numpy(binarized(images)).to(device))[0].cpu().numpy()
            for attribute in ATTRIBUTES.items():
                way = walks(mean, direction(own, attribute[1](images[:, 0]), self.known["label"]))
                decoded = vae.decode(torch.from_numpy(way).to(device)).sigmoid().cpu().numpy()
                done.append((attribute, decoded[..., 0, :, :]))
        return done

    def spec(self, network: Built) -> ModelSpec:
        """An image (C, H, W) of 0 and 1 and a latent (D,) in: its reconstruction, its posterior, the latent decoded."""
        shape, latent = list(self.model.shape), [self.model.latent]
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={
                "image": {"shape": shape, "dtype": "float32"},
                "latent": {"shape": latent, "dtype": "float32"},
            },
            outputs={
                "reconstruction": {"shape": shape},
                "mean": {"shape": latent},
                "log_variance": {"shape": latent},
                "generated": {"shape": shape},
            },
            preprocessing={"look": self.look},
        )


def binarize(batch: Batch, generator: torch.Generator) -> Batch:
    """The images of a batch with pixels of 0 and 1, each 1 with its grey value as probability."""
    return {**batch, "image": torch.bernoulli(batch["image"], generator=generator)}


def bounds(model: VAE, images: Tensor, samples: int, *, seed: int) -> tuple[Tensor, ...]:
    """-log p(x|z), KL, the importance-weighted bound (B,) and the means (B, D) of images of 0 and 1, on the CPU."""
    x = images.to(next(model.parameters()).device)
    mean, log_variance = model.encode(x)
    noise = torch.randn(samples, *mean.shape, generator=generator(FIXED, seed)).to(mean)
    z = reparameterize(mean, log_variance, noise)
    log_likelihood = bernoulli_log_likelihood(model.decode(z).flatten(2), x.flatten(1))
    bound = importance_weighted_bound(log_likelihood, z, mean, log_variance)
    return -log_likelihood.mean(0).cpu(), gaussian_kl(mean, log_variance).cpu(), -bound.cpu(), mean.cpu()
