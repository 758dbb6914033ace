"""Image-to-image translation: edges to garments and back, by two generators and two discriminators of patches.

J.-Y. Zhu et al., "CycleGAN", 2017, https://arxiv.org/abs/1703.10593; from pairs: P. Isola et al., "pix2pix", 2016,
https://arxiv.org/abs/1611.07004. The adversarial loss is that of least squares (X. Mao et al. 2016,
https://arxiv.org/abs/1611.04076), as in CycleGAN.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from upslope.blocks.generative.cycle_loss import cycle_loss
from upslope.data.loading.dataset import Dataset
from upslope.features import Image
from upslope.image.canny import canny
from upslope.models.build import Built, built
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import classification
from upslope.runs.run import Run
from upslope.training.batches import Batch
from upslope.training.judge import judge_of
from upslope.training.tasks.task import Task

Images = NDArray[np.float32]  # (N, H, W), in [0, 1]
LOW, HIGH = 0.8, 1.6  # Canny's thresholds, of 8 times the slope
PANELS = {
    "losses": ("discriminator_loss", "adversarial_loss", "kept_loss"),
    "named, of real ones": ("validation_named_of_real",),
    "way back": ("validation_edges_f1",),
}
SHOWN = 10  # columns of the sheet


def with_edges(dataset: Dataset, *, most: int, paired: bool = True) -> Dataset:
    """The first images with a column `edges` by Canny, 0 or 1.

    Unpaired, the first half of them keeps its images and gets the edges of the second: no garment is seen both ways.
    """
    few = dataset.take(slice(most))
    edges = np.stack([canny(each, low=LOW, high=HIGH) for each in few["image"]]).astype(np.float32)
    half = len(few) // 2
    images = few["image"] if paired else few["image"][:half]
    labels = few["label"] if paired else few["label"][half : 2 * half]
    columns = {"image": images, "edges": edges if paired else edges[half : 2 * half], "label": labels}
    return Dataset(columns, {**dataset.features, "edges": Image(images.shape[1:])})


@dataclass(frozen=True)
class Translated:
    """Edges as garments, and these as edges again."""

    garments: Images
    back: Images


class ImageToImage(Task):
    """Data with the columns `edges` and `image` (and `label`, which only the judge asks for)."""

    tag: ClassVar[str] = "image-to-image"

    def __init__(
        self,
        whole: Dataset,
        *,
        data: str,
        seed: int,
        shape: Mapping[str, object],
        weight: float,
        adversarial: float = 1.0,
        paired: bool = False,
    ) -> None:
        """`shape` are arguments of both generators.

        `weight` is what being brought back counts, beside `adversarial` for the discriminators' opinion; where training
        is `paired`, what the difference from the partner counts. The judge is that of the data set `data`, trained on
        `whole`.
        """
        self.network = built("cyclegan28", seed=seed, **shape)
        super().__init__(self.network.module)
        self.to_edges = built("cyclegan28", seed=seed + 1, **shape).module
        self.generators = nn.ModuleList([self.model, self.to_edges])
        critics = [built("cyclegan28-discriminator", seed=seed + number).module for number in (0, 1)]
        self.edge_critic, self.garment_critic = critics
        self.discriminators = nn.ModuleList(critics)
        self.networks = nn.ModuleList([self.generators, self.discriminators])
        self.weight, self.adversarial, self.paired = weight, adversarial, paired
        feature = whole.features["image"]
        assert isinstance(feature, Image)
        self.look, self.side = feature.look, feature.shape
        self.judge = judge_of(data, whole)

    def collate(self, rows: Dataset) -> Batch:
        """{"edges": (B, 1, H, W), "garment": the same}, both in [-1, 1]."""
        return {name: _scaled(rows[column]) for name, column in (("edges", "edges"), ("garment", "image"))}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of those whose turn it is.

        {"edges", "garment"}: the generators', with the translations that were made on the way, cut from the graph.
        {"edges", "garment", "fake_edges", "fake_garment"}: the discriminators'.
        """
        edges, garment = batch["edges"], batch["garment"]
        if "fake_edges" in batch:
            pairs = (
                (self.edge_critic, edges, batch["fake_edges"]),
                (self.garment_critic, garment, batch["fake_garment"]),
            )
            losses = [missed(self.says(real, by=c), self.says(fake, by=c)) for c, real, fake in pairs]
            return {"loss": losses[0] + losses[1]}
        fake_garment, fake_edges = self.says(edges), self.says(garment, by=self.to_edges)
        fooled = fooling(self.says(fake_garment, by=self.garment_critic))
        fooled = fooled + fooling(self.says(fake_edges, by=self.edge_critic))
        if self.paired:
            kept = (fake_garment - garment).abs().mean() + (fake_edges - edges).abs().mean()
        else:
            kept = cycle_loss(
                edges,
                garment,
                fake_x=fake_edges,
                fake_y=fake_garment,
                to_x=lambda image: self.says(image, by=self.to_edges),
                to_y=self.says,
            )
        made = {"fake_edges": fake_edges.detach(), "fake_garment": fake_garment.detach()}
        loss = self.adversarial * fooled + self.weight * kept
        return {"loss": loss, "adversarial": fooled.detach(), "kept": kept.detach(), **made}

    def predict(self, dataset: Dataset, *, batch_size: int = 250) -> Translated:
        """Garments from edges, and edges from these garments; none depends on the others of its batch."""
        parts = []
        with self.asking() as model:
            device = next(model.parameters()).device
            for part in torch.split(_scaled(dataset["edges"]), batch_size):
                garments = model(part.to(device))
                parts.append((_unscaled(garments), _unscaled(self.to_edges(garments))))
        return Translated(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def metrics(self, predictions: Translated, dataset: Dataset) -> dict[str, float]:
        """named_of_real: how often the judge names what was made, over how often real ones; edges_f1: the way back."""
        return {
            "named_of_real": self.named(predictions.garments, dataset)
            / max(1e-9, self.named(dataset["image"], dataset)),
            "edges_f1": f1(predictions.back > 0.5, dataset["edges"] > 0.5),
        }

    def named(self, images: Images, dataset: Dataset) -> float:
        """The share of images in which the judge reads the class of their row."""
        read = self.judge.read(np.ascontiguousarray(images)).probabilities.argmax(dim=1).numpy()
        return float((read == dataset["label"]).mean())

    def glance(self, dataset: Dataset, *, most: int = 500) -> dict[str, float]:
        """The metrics on a few validation images."""
        few = dataset.take(slice(most))
        return {f"validation_{name}": value for name, value in self.metrics(self.predict(few), few).items()}

    def report(self, run: Run[Any], predictions: Translated, dataset: Dataset, *, per_epoch: int) -> None:
        """Curves; edges, garments made of them, edges again, and the garments that the edges came from."""
        classification.curves(run, per_epoch=per_epoch, panels=PANELS)
        rows = (dataset["edges"], predictions.garments, predictions.back, dataset["image"])
        names = ("edges", "garment made", "edges again", "the real one")
        sheet = figures.sheet(np.stack([each[:SHOWN] for each in rows]), rows=names)
        run.picture("translations", sheet, "The first of the test images, not chosen.")

    def spec(self, network: Built) -> ModelSpec:
        """Edges (1, H, W) in [-1, 1] in, a garment in [-1, 1] out."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"image": {"shape": [1, *self.side[-2:]], "dtype": "float32"}},
            outputs={"image": {"low": -1.0, "high": 1.0}},
            preprocessing={"look": self.look, "canny": [LOW, HIGH]},
            builder=network.builder,
        )


def missed(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's loss: logits of real patches should be 1, of generated ones 0."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def fooling(fake: Tensor) -> Tensor:
    """The generator's loss: its patches should be taken for real ones."""
    return (fake - 1).square().mean()


def f1(found: NDArray[np.bool_], there: NDArray[np.bool_]) -> float:
    """Twice the pixels that both have over the pixels that each has, over all images together."""
    return float(2 * (found & there).sum() / max(1, found.sum() + there.sum()))


def _scaled(images: Images) -> Tensor:
    return torch.from_numpy(2 * images[:, None] - 1)


def _unscaled(images: Tensor) -> Images:
    out: Images = ((images[:, 0] + 1) / 2).clamp(0, 1).cpu().numpy()
    return out
