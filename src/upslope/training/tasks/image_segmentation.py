"""Image segmentation: a class for each pixel."""

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.dice_loss import dice_loss
from upslope.data.loading.dataset import Dataset
from upslope.features import Mask
from upslope.image.channels import channels_first
from upslope.models.build import Built
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import segmentation
from upslope.runs.run import Run
from upslope.training.batches import Batch, as_tensor
from upslope.training.tasks.image_classification import moments, standardize
from upslope.training.tasks.task import Task

PANELS = {"training loss": ("loss",), "validation mean IoU": ("validation_mean_iou",)}
DRAWN = 3  # pictures
Probabilities = NDArray[np.float32]  # (N, K, H, W)


class ImageSegmentation(Task):
    """Pictures to masks; the data have columns `image` and `mask`, all pictures of one size.

    A class called "void", the last, is in no loss and in no figure. The loss is cross-entropy, and Dice loss beside it.
    """

    tag: ClassVar[str] = "image-segmentation"

    def __init__(self, model: nn.Module, *, train: Dataset, dice: float = 0.0) -> None:
        super().__init__(model)
        feature = train.features["mask"]
        assert isinstance(feature, Mask)
        self.names = tuple(name for name in feature.names if name != "void")
        self.void = feature.names.index("void") if "void" in feature.names else -1
        assert self.void in (-1, len(self.names)), "what comes before it keeps its number"
        counts = np.bincount(np.asarray(train["mask"]).ravel(), minlength=len(self.names))[: len(self.names)]
        self.frequent = int(counts.argmax())
        self.dice = dice
        self.shape = list(channels_first(train["image"][:1]).shape[1:])
        mean, std = moments(train["image"])
        self.register_buffer("mean", torch.from_numpy(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.from_numpy(std)[:, None, None], persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, C, H, W) in [0, 1], "mask": (B, H, W)}."""
        masks = torch.from_numpy(np.asarray(rows["mask"], dtype=np.int64))
        return {"image": as_tensor(channels_first(rows["image"])), "mask": masks}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy over the pixels that count, of the main head and of those beside it; Dice where it is asked."""
        said = self.says(standardize(batch["image"], self.mean, self.std))
        heads = said if isinstance(said, dict) else {"logits": said}
        target = batch["mask"]
        counts = {"logits": 1.0, **getattr(self.trained, "auxiliary_weights", {})}
        real = (target != self.void).sum().clamp(min=1)  # a batch may be all void: the mean of nothing would be nan
        losses = [
            counts[name] * F.cross_entropy(each, target, ignore_index=self.void, reduction="sum") / real
            for name, each in heads.items()
        ]
        loss = torch.stack(losses).sum()
        if self.dice:
            loss = loss + self.dice * dice_loss(heads["logits"], target, ignore=self.void)
        return {"loss": loss}

    def predict(self, dataset: Dataset, *, batch_size: int = 2) -> Probabilities:
        """The probability of each class at each pixel."""
        parts = []
        with self.asking() as model:
            device = next(model.parameters()).device
            for first in range(0, len(dataset), batch_size):
                images = self.collate(dataset.take(slice(first, first + batch_size)))["image"].to(device)
                logits = model(standardize(images, self.mean.to(device), self.std.to(device)))
                parts.append(logits.float().softmax(dim=1).cpu().numpy())
        return np.concatenate(parts)

    def metrics(self, predictions: Probabilities, dataset: Dataset) -> dict[str, float]:
        """Mean IoU and accuracy; of two classes also Dice and the area under the curve of the second.

        Beside that of the network stands the area under the curve that darkness alone has, where pictures are grey. Of
        more classes what stands beside is the one that training has most of, said of every pixel.
        """
        truth = np.asarray(dataset["mask"])
        matrix = segmentation.confusion(truth, predictions.argmax(axis=1), classes=len(self.names), ignore=self.void)
        measured = _shares(matrix)
        if len(self.names) == 2:
            measured |= {
                "dice": segmentation.dice(matrix, 1),
                "auc": segmentation.pixel_auc(predictions[:, 1], truth == 1),
            }
            if self.shape[0] == 1:
                dark = -np.asarray(dataset["image"], dtype=np.float32).reshape(truth.shape)
                measured["grey_auc"] = segmentation.pixel_auc(dark, truth == 1)
            return measured
        always = np.zeros_like(matrix)
        always[:, self.frequent] = matrix.sum(axis=1)
        return measured | {f"frequent_{name}": value for name, value in _shares(always).items()}

    def report(self, run: Run[Any], predictions: Probabilities, dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, and test pictures beside truth and answer."""
        run.picture("curves", figures.curves(run.logged(), PANELS, smooth=10, per_epoch=per_epoch))
        some = slice(DRAWN)
        said = predictions[some].argmax(axis=1)
        drawn = segmentation.side_by_side(dataset["image"][some], dataset["mask"][some], said, self.names)
        matrix = segmentation.confusion(
            np.asarray(dataset["mask"]), predictions.argmax(axis=1), classes=len(self.names), ignore=self.void
        )
        each = zip(self.names, segmentation.iou(matrix), strict=True)
        run.picture("masks", drawn, f"Test pictures. IoU: {', '.join(f'{name} {value:.2f}' for name, value in each)}.")

    def spec(self, network: Built) -> ModelSpec:
        """A picture (C, H, W) with pixels in [0, 1] in, a logit for each class at each pixel out."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"image": {"shape": self.shape, "dtype": "float32"}},
            outputs={"logits": {"classes": list(self.names)}},
            preprocessing={"mean": self.mean.flatten().tolist(), "std": self.std.flatten().tolist()},
        )


def sizes(train: Dataset) -> dict[str, int]:
    """Arguments of a network for these data: as many channels as pictures have, as many classes as are not void."""
    feature = train.features["mask"]
    assert isinstance(feature, Mask)
    channels = channels_first(train["image"][:1]).shape[1]
    return {"in_channels": channels, "num_classes": len(feature.names) - ("void" in feature.names)}


def _shares(matrix: NDArray[np.int64]) -> dict[str, float]:
    return {
        "mean_iou": segmentation.mean_iou(matrix),
        "pixel_accuracy": float(np.diag(matrix).sum() / matrix.sum()),
    }
