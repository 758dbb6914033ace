"""Images of a class that is asked for, by diffusion: learn to find the noise in an image, then take it away.

J. Ho, A. Jain, P. Abbeel, "Denoising Diffusion Probabilistic Models", 2020, https://arxiv.org/abs/2006.11239, algorithm
1; J. Ho, T. Salimans, "Classifier-Free Diffusion Guidance", 2022, https://arxiv.org/abs/2207.12598, algorithm 1.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.generative.add_noise import add_noise
from upslope.blocks.samplers.prediction import target
from upslope.data.loading.dataset import Dataset
from upslope.features import Image
from upslope.models.build import Built
from upslope.runs.errors import ConfigProblem
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import diffusion as pictures
from upslope.runs.run import Run
from upslope.training.batches import Batch
from upslope.training.diffusion import Diffusion as Diffusion
from upslope.training.judge import Images, distance, judge_of
from upslope.training.judge_panel import Panels
from upslope.training.seeding import generator
from upslope.training.tasks.task import Task, in_float32

FEW = 100  # samples for a look: more than the judge has features
PRICED = 150  # samples for each strength of guidance
STRENGTHS = (0.0, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, eq=False)
class Asked:
    """Samples (N, H, W) in [0, 1], and the class that was asked for each time."""

    images: Images
    labels: NDArray[np.int64]


class Denoising(Task):
    """The mean squared error of what a network predicts about noisy images; the data have `image` and `label`."""

    tag: ClassVar[str] = "class-conditional-image-generation"
    ends_if_diverged: ClassVar[bool] = True

    def __init__(
        self,
        network: Built,
        train: Dataset,
        *,
        data: str,
        diffusion: Diffusion,
        seed: int,
        drop: float = 0.1,
        judged: int = 1000,
    ) -> None:
        """The judges are those of the data set `data`; they read `judged` samples.

        `drop` is the share of images whose class is kept secret from the network.
        """
        super().__init__(network.module)
        feature = train.features["image"]
        assert isinstance(feature, Image)
        self.classes, self.shape = train.classes, (1, *feature.shape)
        self.diffusion, self.seed, self.drop, self.judged = diffusion, seed, drop, judged
        self.judge = judge_of(data, train)
        self.panel = Panels(data, train, judge=self.judge)
        self.alpha_bars = diffusion.alpha_bars

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, 1, H, W) in [-1, 1], "label": (B,)}."""
        return {"image": torch.tensor(rows["image"])[:, None] * 2 - 1, "label": torch.tensor(rows["label"])}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss at a step drawn for each image, with noise and dropped classes by PyTorch's own generator."""
        x, label = batch["image"], batch["label"]
        step = torch.randint(self.diffusion.learned, label.shape, device=x.device)
        secret = torch.rand(label.shape, device=x.device) < self.drop
        label = label.masked_fill(secret, len(self.classes))
        return {"loss": self.error(x, step, label, torch.randn_like(x), by=self.model)}

    def error(self, x: Tensor, step: Tensor, label: Tensor, noise: Tensor, *, by: nn.Module) -> Tensor:
        """The mean squared error of a network about images in [-1, 1]; other ranges are refused."""
        low, high = float(x.min()), float(x.max())
        if not -1 <= low < 0 <= high <= 1:
            raise ConfigProblem(f"pixels lie between {low:g} and {high:g}; diffusion starts from images in [-1, 1]")
        levels = self.alpha_bars.to(x.device)
        noisy = add_noise(x, noise, step, levels)
        said = in_float32(self.diffusion.asked(by)(noisy, step, label))
        return F.mse_loss(said, target(self.diffusion.predicts, x, noise, levels[step]))

    def sample(
        self,
        count: int,
        *,
        seed: int,
        first: int = 0,
        labels: Sequence[int] | None = None,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Images:
        """Samples `first`, `first` + 1 ... of a seed, (count, H, W) in [0, 1], by the predictor.

        Sample number n shows class n modulo the number of classes, unless `labels` say otherwise. `steps` and
        `guidance` are the task's own where they are None.
        """
        numbers = range(first, first + count)
        wanted = [number % len(self.classes) for number in numbers] if labels is None else list(labels)
        with self.asking() as model:
            return self.diffusion.draw(
                model,
                torch.tensor(wanted, device=next(model.parameters()).device),
                numbers,
                shape=self.shape,
                classes=len(self.classes),
                seed=seed,
                steps=steps,
                guidance=guidance,
            )

    def predict(self, dataset: Dataset) -> Asked:
        """As many samples as are judged, every class as often as the others; fewer beside fewer real images."""
        count = min(self.judged, len(dataset))
        return Asked(self.sample(count, seed=self.seed), np.arange(count) % len(self.classes))

    def metrics(self, predictions: Asked, dataset: Dataset) -> dict[str, float]:
        """The share of samples in which three judges read the class that was asked for, and how real they look."""
        panel = self.panel(dataset)
        obeyed = panel.obeyed(predictions.images, predictions.labels)
        return {"obeyed": obeyed, **panel.measure(predictions.images)}

    def look(self, dataset: Dataset) -> dict[str, float]:
        """What one judge says of the first samples beside these real images: quick enough while the task learns."""
        few = self.few()
        reading, real = self.judge.read(few.images), self.judge.read(dataset["image"])
        obeyed = reading.probabilities.argmax(dim=1).numpy() == few.labels
        return {"obeyed": float(obeyed.mean()), "frechet_distance": distance(reading.features, real.features)}

    def validate(self, dataset: Dataset) -> dict[str, float]:
        """The loss on the first images, each at a step and with noise that never change, and a look at some samples."""
        few = dataset.take(slice(1000))
        batch, drawn = self.collate(few), generator(self.seed)
        step = torch.randint(self.diffusion.learned, batch["label"].shape, generator=drawn)
        noise = torch.randn(batch["image"].shape, generator=drawn)
        with self.asking() as model:
            device = next(model.parameters()).device
            inputs = (part.to(device) for part in (batch["image"], step, batch["label"], noise))
            errors = [
                self.error(*parts, by=model).item() * len(parts[0])
                for parts in zip(*(part.split(250) for part in inputs), strict=True)
            ]
        seen = {f"validation_{name}": value for name, value in self.look(few).items()}
        return {"validation_loss": sum(errors) / len(step), **seen}

    def few(self, *, guidance: float | None = None, most: int = FEW) -> Asked:
        """The first samples of the seed: enough of them for a look."""
        return Asked(self.sample(most, seed=self.seed, guidance=guidance), np.arange(most) % len(self.classes))

    def report(self, run: Run[Any], predictions: Asked, dataset: Dataset, *, per_epoch: int) -> None:
        """Curves; samples by class; the way from noise to image; what guidance buys and what it costs."""
        pictures.curves(run, per_epoch=per_epoch)
        pictures.by_class(run, predictions.images, self.classes)
        pictures.film(run, *self.film(count=4), classes=self.classes)
        asked = [self.few(guidance=strength, most=max(FEW, min(PRICED, self.judged))) for strength in STRENGTHS]
        panel = self.panel(dataset)
        prices = [{"obeyed": panel.obeyed(each.images, each.labels), **panel.glance(each.images)} for each in asked]
        pictures.price(run, STRENGTHS, prices)

    def film(self, *, count: int) -> tuple[Images, Images]:
        """x_t and the image that the network sees in it, each (count, steps + 1, H, W), of the seed's first samples."""
        with self.asking() as model:
            labels = torch.arange(count, device=next(model.parameters()).device) % len(self.classes)
            classes = len(self.classes)
            moments = self.diffusion.moments(model, labels, shape=self.shape, classes=classes, seed=self.seed)
        strips = (torch.stack([getattr(m, name)[:, 0] for m in moments], dim=1) for name in ("x", "image"))
        noisy, seen = (((strip + 1) / 2).clamp(0, 1).cpu().numpy() for strip in strips)
        return noisy, seen

    def spec(self, network: Built) -> ModelSpec:
        """A noisy image, its step and its class in, the network's prediction out; and how to sample with that."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={
                "x": {"shape": list(self.shape), "dtype": "float32"},
                "step": {"shape": [], "dtype": "int64", "high": self.diffusion.learned},
                "label": {"shape": [], "dtype": "int64", "high": len(self.classes) + 1},
            },
            outputs={"prediction": {"predicts": self.diffusion.predicts}},
            preprocessing={"diffusion": asdict(self.diffusion), "classes": list(self.classes)},
        )


def shuffled_labels(batch: Batch, generator: torch.Generator) -> Batch:
    """A batch whose labels say nothing about its images: in any order."""
    order = torch.randperm(len(batch["label"]), generator=generator)
    return {**batch, "label": batch["label"][order]}
