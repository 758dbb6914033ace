"""Image classification: one of several classes for each picture."""

from typing import Any, ClassVar, cast

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from upslope.blocks.losses import smoothed_cross_entropy
from upslope.data.loading.dataset import Dataset
from upslope.features import Image
from upslope.image.channels import channels_first
from upslope.models.build import Built
from upslope.models.vision.vit import ViT
from upslope.runs import pictures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import classification
from upslope.runs.run import Run
from upslope.training.attention_maps import class_token_attention
from upslope.training.batches import Batch, as_tensor
from upslope.training.tasks.task import Task

Pixels = Float[Tensor, "B C H W"]  # in [0, 1]


class ImageClassification(Task):
    """Pictures to classes by cross-entropy with smoothed labels; the data have columns `image` and `label`."""

    tag: ClassVar[str] = "image-classification"

    def __init__(
        self, model: nn.Module, *, train: Dataset, label_smoothing: float = 0.0, precision: str = "32"
    ) -> None:
        """`train` says which mean and standard deviation pictures are brought to 0 and 1 from, one for each channel."""
        super().__init__(model)
        self.label_smoothing, self.precision = label_smoothing, precision
        pixels = channels_first(train["image"])
        feature = train.features["image"]
        assert isinstance(feature, Image)
        self.classes, self.shape, self.look = train.classes, list(pixels.shape[1:]), feature.look
        mean, std = pixels.mean(axis=(0, 2, 3)), pixels.std(axis=(0, 2, 3))
        self.register_buffer("mean", torch.from_numpy(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.from_numpy(std)[:, None, None], persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, C, H, W) in [0, 1], "label": (B,)}."""
        return {"image": as_tensor(channels_first(rows["image"])), "label": as_tensor(rows["label"])}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The cross-entropy of a batch."""
        logits = self.logits(self.model, batch["image"])
        return {"loss": smoothed_cross_entropy(logits, batch["label"], smoothing=self.label_smoothing)}

    def logits(self, model: nn.Module, images: Pixels) -> Float[Tensor, "B K"]:
        """What a network says of pictures with pixels in [0, 1]."""
        return cast(Tensor, model(standardize(images, self.mean, self.std)))

    def predict(self, dataset: Dataset, *, batch_size: int = 500) -> NDArray[np.float32]:
        """The probability of each class: (N, classes)."""
        with self.asking() as model:
            device = next(model.parameters()).device
            parts = []
            for first in range(0, len(dataset), batch_size):
                images = self.collate(dataset.take(slice(first, first + batch_size)))["image"].to(device)
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
                    parts.append(self.logits(model, images).float().cpu())
        return torch.cat(parts).softmax(dim=1).numpy()

    def metrics(self, predictions: NDArray[np.float32], dataset: Dataset) -> dict[str, float]:
        """The share of right answers."""
        return {"accuracy": classification.accuracy(predictions, dataset["label"])}

    def report(self, run: Run[Any], predictions: NDArray[np.float32], dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, confusion matrix and the worst mistakes; of convolutions the first filters, too."""
        classification.curves(run, per_epoch=per_epoch)
        classification.mistakes(run, predictions, dataset["label"], dataset.classes, images=dataset["image"])
        if isinstance(self.predictor, ViT):
            first = dataset.take([int((dataset["label"] == label).argmax()) for label in range(len(dataset.classes))])
            shown = standardize(self.collate(first)["image"], self.mean, self.std)
            looks = pictures.looks(first["image"], class_token_attention(self.predictor, shown), dataset.classes)
            run.picture("attention", looks, "From where the class token of the last block gathers.")
        filters = next((p for p in self.predictor.parameters() if p.ndim == 4), None)
        if filters is not None:
            drawn = pictures.filters(filters.detach().cpu().numpy(), title="first layer")
            run.picture("filters", drawn, "Red adds, blue takes away.")

    def spec(self, network: Built) -> ModelSpec:
        """A picture (C, H, W) with pixels in [0, 1] in, a logit for each class out."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"image": {"shape": self.shape, "dtype": "float32"}},
            outputs={"logits": {"classes": list(self.classes)}},
            preprocessing={"mean": self.mean.flatten().tolist(), "std": self.std.flatten().tolist(), "look": self.look},
        )


def standardize(images: Pixels, mean: Tensor, std: Tensor) -> Pixels:
    """Mean 0 and standard deviation 1 by channel; in training, in use and in exported files."""
    return (images - mean) / std
