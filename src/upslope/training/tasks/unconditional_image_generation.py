"""Unconditional image generation: images like those of a data set, out of random numbers.

Whatever makes them, they are sampled, judged and drawn alike. `UnconditionalImageGeneration` holds that;
`Adversarial` adds what a generator and a discriminator learn from each other by.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from upslope.blocks.generative.gan_losses import discriminator_loss, generator_loss, r1_penalty
from upslope.data.loading.dataset import Dataset
from upslope.models.build import Built
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import classification
from upslope.runs.run import Run
from upslope.training.averaging import AveragedWeights
from upslope.training.batches import Batch
from upslope.training.judge import Images, judge_of, mode_collapse
from upslope.training.judge_panel import Panels
from upslope.training.latents import latents
from upslope.training.tasks.task import Task

PANELS = {
    "losses": ("discriminator_loss", "generator_loss"),
    "Fréchet distance, validation": ("validation_frechet_distance",),
}


@dataclass(frozen=True)
class Sampling:
    """Where the samples that are measured and drawn come from."""

    seed: int
    limit: int = 0  # so many latent vectors to learn from and to sample; 0: no limit


class UnconditionalImageGeneration(Task):
    """Normally distributed latent vectors to grey images, compared with real ones by a judge."""

    tag: ClassVar[str] = "unconditional-image-generation"

    def __init__(self, network: Built, train: Dataset, *, data: str, sampling: Sampling) -> None:
        """The judges are those of the data set `data`, whose training images are `train`."""
        super().__init__(network.module)
        self.latent_dim, self.sampling = int(network.arguments["latent_dim"]), sampling
        self.judge = judge_of(data, train)
        self.panel = Panels(data, train, judge=self.judge)

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, 1, H, W) in [-1, 1], as the generator makes them}."""
        return {"image": torch.tensor(rows["image"])[:, None] * 2 - 1}

    def latents(self, numbers: NDArray[np.int64]) -> Float[Tensor, "B Z"]:
        """The latent vectors of these samples; with a limit they repeat."""
        numbers = numbers % self.sampling.limit if self.sampling.limit else numbers
        return torch.from_numpy(latents(int(numbers.max()) + 1, self.latent_dim, seed=self.sampling.seed)[numbers])

    def noise(self, count: int) -> Float[Tensor, "B Z"]:
        """Latent vectors to train on, by PyTorch's own generator."""
        if self.sampling.limit:
            return self.latents(torch.randint(self.sampling.limit, (count,)).numpy())
        return torch.randn(count, self.latent_dim)

    def generate(self, z: Float[Tensor, "B Z"], *, batch_size: int = 250) -> Images:
        """The predictor's images (B, H, W), in [0, 1]; none depends on the others of its batch."""
        with self.asking() as model:
            device = next(model.parameters()).device
            parts = [model(part.to(device)).cpu() for part in torch.split(z, batch_size)]
        images: Images = ((torch.cat(parts)[:, 0] + 1) / 2).clamp(0, 1).numpy()
        return images

    def predict(self, dataset: Dataset) -> Images:
        """As many samples as there are real images to compare them with: the first ones of the seed."""
        return self.generate(self.latents(np.arange(len(dataset))))

    def compare(self, images: Images, dataset: Dataset) -> dict[str, float]:
        """What one judge says of images beside real ones."""
        return self.judge.compare(self.judge.read(images), self.judge.read(dataset["image"]))

    def metrics(self, predictions: Images, dataset: Dataset) -> dict[str, float]:
        """What one judge says of samples beside real images, and what three say together, in lost classes.

        Where both have a name, it is the one's.
        """
        alone, together = self.compare(predictions, dataset), self.panel(dataset).measure(predictions)
        return alone | {name: value for name, value in together.items() if name not in alone}

    def facts(self, dataset: Dataset) -> dict[str, Any]:
        """Which judges a result's figures beside this data are from, and what they are read by."""
        return {"judge": self.judge.sha256, **self.panel(dataset).facts()}

    def glance(self, dataset: Dataset, *, most: int = 1000) -> dict[str, float]:
        """One judge on the first images of the validation data: quick enough for the middle of a training."""
        few = dataset.take(slice(most))
        return {f"validation_{name}": value for name, value in self.compare(self.predict(few), few).items()}

    def watch(self, run: Run[Any], step: int, dataset: Dataset) -> None:
        """Log a glance at validation data in the middle of a training; mode collapse is named when it happens."""
        seen = self.glance(dataset)
        run.log(step, **seen)
        run.remark(step, mode_collapse(seen["validation_coverage"], len(dataset.classes)))

    def report(self, run: Run[Any], predictions: Images, dataset: Dataset, *, per_epoch: int) -> None:
        """Curves; samples with the class that the judge reads; the way from one latent vector to another."""
        classification.curves(run, per_epoch=per_epoch, panels=PANELS)
        shown = predictions[:60]
        read = self.judge.read(shown).probabilities.argmax(dim=1).numpy()
        sheet = figures.samples(shown, read, dataset.classes)
        run.picture("samples", sheet, "The first samples of the seed, not chosen; above each what the judge reads.")
        walk = figures.sheet(self.walk(rows=4, columns=10))
        run.picture("walk", walk, "In each row, from one latent vector to another.")

    def walk(self, *, rows: int, columns: int) -> NDArray[np.float32]:
        """Images (rows, columns, H, W) between pairs of latent vectors, on great circles, where vectors are likely."""
        start, end = self.latents(np.arange(2 * rows)).chunk(2)
        angle = torch.linspace(0, torch.pi / 2, columns)[:, None]
        between = angle.cos() * start[:, None] + angle.sin() * end[:, None]  # (rows, columns, Z)
        images = self.generate(between.flatten(0, 1))
        return images.reshape(rows, columns, *images.shape[1:])

    def spec(self, network: Built) -> ModelSpec:
        """A latent vector in, an image (1, H, W) in [-1, 1] out."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"z": {"shape": [self.latent_dim], "dtype": "float32"}},
            outputs={"image": {"low": -1.0, "high": 1.0}},
            builder=network.builder,
        )


class Adversarial(UnconditionalImageGeneration):
    """A generator and the discriminator that it learns from; each has a loss of its own."""

    def __init__(
        self,
        network: Built,
        discriminator: nn.Module,
        train: Dataset,
        *,
        data: str,
        sampling: Sampling,
        ema: float,
        r1: float = 0.0,
    ) -> None:
        """Samples come from the generator's averaged weights; `ema` is the share of the average that stays, or 0.

        `r1` weighs the penalty on the discriminator's slope, in steps whose real images want a gradient.
        """
        super().__init__(network, train, data=data, sampling=sampling)
        self.discriminator, self.r1 = discriminator, r1
        self.average: AveragedWeights = AveragedWeights(network.module, decay=ema)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of the one whose turn it is.

        {"real": images, "fake": images}: the discriminator's, through which no gradient reaches the generator.
        {"fake": images}: the generator's, through the discriminator.
        """
        if "real" not in batch:
            return {"loss": generator_loss(self.says(batch["fake"], by=self.discriminator))}
        real = self.says(batch["real"], by=self.discriminator)
        fake = self.says(batch["fake"].detach(), by=self.discriminator)
        loss = discriminator_loss(real, fake)
        if batch["real"].requires_grad:
            loss = loss + self.r1 * r1_penalty(real, batch["real"])
        return {"loss": loss, "real_logit": real.mean(), "fake_logit": fake.mean()}

    def yardsticks(self, held_out: Dataset, dataset: Dataset) -> dict[str, float]:
        """What the metrics are read beside, against the same real images.

        The distance of samples from the last step's weights; that of held-out real images, and how many of them the
        judge is sure of; and how many images of `dataset` it reads right.
        """
        real = self.compare(held_out["image"], dataset)
        average, self.average = self.average, AveragedWeights(self.model, decay=0.0)
        last = self.compare(self.predict(dataset), dataset)
        self.average = average
        return {
            "frechet_distance_unaveraged": last["frechet_distance"],
            "frechet_distance_real": real["frechet_distance"],
            "confident_real": real["confident"],
            "judge_accuracy": self.judge.accuracy(dataset),
        }
