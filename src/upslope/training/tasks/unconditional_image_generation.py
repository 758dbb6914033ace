"""Unconditional image generation: images like those of a data set, out of random numbers.

Whatever makes them, they are sampled, judged and drawn alike. `UnconditionalImageGeneration` holds that;
`Adversarial` adds what a generator and a discriminator learn from each other by.
"""

from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from upslope.blocks.generative.gan_losses import discriminator_loss, generator_loss
from upslope.data.loading.dataset import Dataset
from upslope.models.build import Built
from upslope.runs import pictures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import classification
from upslope.runs.run import Run
from upslope.training.batches import Batch
from upslope.training.judge import Images, Judge
from upslope.training.tasks.task import Task

PANELS = {
    "losses": ("discriminator_loss", "generator_loss"),
    "Fréchet distance, validation": ("validation_frechet_distance",),
}


class UnconditionalImageGeneration(Task):
    """Normally distributed latent vectors to grey images, compared with real ones by a judge."""

    tag: ClassVar[str] = "unconditional-image-generation"

    def __init__(self, model: nn.Module, *, judge: Judge, latent_dim: int, seed: int) -> None:
        """`seed` is that of the samples that are measured and drawn."""
        super().__init__(model)
        self.latent_dim, self.seed = latent_dim, seed
        self._judge = [judge]  # in a list, so that it is no part of what is trained, moved and kept

    @property
    def judge(self) -> Judge:
        """Who compares samples with real images; frozen."""
        return self._judge[0]

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, 1, H, W) in [-1, 1], as the generator makes them}."""
        return {"image": torch.tensor(rows["image"])[:, None] * 2 - 1}

    def sample(self, count: int, *, seed: int, first: int = 0, batch_size: int = 250) -> Images:
        """The samples `first`, `first` + 1 ... of a seed, (count, H, W) in [0, 1]; each depends on its number alone."""
        z = torch.from_numpy(latents(count, self.latent_dim, seed=seed, first=first))
        with self.asking() as model:
            device = next(model.parameters()).device
            parts = [model(part.to(device)).cpu() for part in torch.split(z, batch_size)]
        return ((torch.cat(parts)[:, 0] + 1) / 2).clamp(0, 1).numpy()

    def predict(self, dataset: Dataset) -> Images:
        """As many samples as there are real images to compare them with."""
        return self.sample(len(dataset), seed=self.seed)

    def metrics(self, predictions: Images, dataset: Dataset) -> dict[str, float]:
        """What the judge says of samples beside real images."""
        return self.judge.compare(self.judge.read(predictions), self.judge.read(dataset["image"]))

    def report(self, run: Run[Any], predictions: Images, dataset: Dataset, *, per_epoch: int) -> None:
        """Curves; samples with the class that the judge reads; the way from one latent vector to another."""
        classification.curves(run, per_epoch=per_epoch, panels=PANELS)
        shown = predictions[:60]
        read = self.judge.read(shown).probabilities.argmax(dim=1).numpy()
        sheet = pictures.samples(shown, read, dataset.classes)
        run.picture("samples", sheet, "The first samples of the seed, not chosen; above each what the judge reads.")
        walk = pictures.sheet(self.walk(rows=4, columns=10))
        run.picture("walk", walk, "In each row, from one latent vector to another along the sphere.")

    def walk(self, *, rows: int, columns: int) -> NDArray[np.float32]:
        """Images (rows, columns, H, W) between pairs of latent vectors, along great circles, where they are likely."""
        z = torch.from_numpy(latents(2 * rows, self.latent_dim, seed=self.seed))
        share = torch.linspace(0, torch.pi / 2, columns)[None, :, None]
        between = share.cos() * z[:rows, None] + share.sin() * z[rows:, None]  # (rows, columns, Z)
        with self.asking() as model:
            images = model(between.flatten(0, 1))[:, 0]
        return ((images + 1) / 2).clamp(0, 1).unflatten(0, (rows, columns)).numpy()

    def spec(self, network: Built) -> ModelSpec:
        """A latent vector in, an image (1, H, W) in [-1, 1] out."""
        with torch.no_grad(), self.asking() as model:
            shape = list(model(torch.zeros(1, self.latent_dim)).shape[1:])
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"z": {"shape": [self.latent_dim], "dtype": "float32"}},
            outputs={"image": {"shape": shape, "low": -1.0, "high": 1.0}},
            builder=network.builder,
        )


class Adversarial(UnconditionalImageGeneration):
    """A generator, `model`, and the discriminator that it learns from; each has a loss of its own."""

    def __init__(self, model: nn.Module, discriminator: nn.Module, *, judge: Judge, latent_dim: int, seed: int) -> None:
        super().__init__(model, judge=judge, latent_dim=latent_dim, seed=seed)
        self.discriminator = discriminator

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of the one whose turn it is.

        {"real": images, "fake": images}: the discriminator's, through which no gradient reaches the generator.
        {"fake": images}: the generator's, through the discriminator.
        """
        if "real" not in batch:
            return {"loss": generator_loss(self.discriminator(batch["fake"]))}
        real, fake = self.discriminator(batch["real"]), self.discriminator(batch["fake"].detach())
        return {"loss": discriminator_loss(real, fake), "real_logit": real.mean(), "fake_logit": fake.mean()}


def latents(count: int, dim: int, *, seed: int, first: int = 0) -> Float[NDArray[np.float32], "count dim"]:
    """The latent vectors number `first`, `first` + 1 ... of a seed: number 17 is the same alone and among 64."""
    numbers = np.random.default_rng(seed).standard_normal((first + count, dim), dtype=np.float32)
    return numbers[first:]
