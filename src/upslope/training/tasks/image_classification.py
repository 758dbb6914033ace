"""Image classification: one of several classes for each picture."""

from typing import Any, ClassVar, cast

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from upslope.data.loading.dataset import Dataset
from upslope.features import Image
from upslope.image.channels import channels_first
from upslope.models.build import Built
from upslope.models.vision.vit import ViT
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import classification
from upslope.runs.run import Run
from upslope.training.attention_maps import class_token_attention
from upslope.training.batches import as_tensor
from upslope.training.tasks.classification import Classification

Pixels = Float[Tensor, "B C H W"]  # in [0, 1]


class ImageClassification(Classification):
    """Pictures to classes; the data have columns `image` and `label`."""

    tag: ClassVar[str] = "image-classification"
    looks_at: ClassVar[str] = "image"

    def __init__(
        self, model: nn.Module, *, train: Dataset, label_smoothing: float = 0.0, precision: str = "32"
    ) -> None:
        """`train` says which mean and standard deviation pictures are brought to 0 and 1 from, one for each channel."""
        super().__init__(model, classes=train.classes, label_smoothing=label_smoothing, precision=precision)
        feature = train.features["image"]
        assert isinstance(feature, Image)
        self.shape, self.look = list(channels_first(train["image"][:1]).shape[1:]), feature.look
        self.levels = 255 if train["image"].dtype == np.uint8 else 0  # of brightness above 0; 0: any number is one
        mean, std = moments(train["image"])
        self.register_buffer("mean", torch.from_numpy(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.from_numpy(std)[:, None, None], persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def inputs(self, rows: Dataset) -> Pixels:
        """Pictures (B, C, H, W) with pixels in [0, 1]."""
        return as_tensor(channels_first(rows["image"]))

    def logits(self, model: nn.Module, x: Pixels) -> Float[Tensor, "B K"]:
        """What a network says of pictures with pixels in [0, 1]."""
        return cast(Tensor, model(standardize(x, self.mean, self.std)))

    def report(self, run: Run[Any], predictions: NDArray[np.float32], dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, confusion matrix and the worst mistakes; of convolutions the first filters, too."""
        classification.curves(run, per_epoch=per_epoch)
        classification.mistakes(run, predictions, dataset["label"], dataset.classes, images=dataset["image"])
        if isinstance(self.predictor, ViT):
            first = dataset.take([int((dataset["label"] == label).argmax()) for label in range(len(dataset.classes))])
            shown = standardize(self.inputs(first), self.mean, self.std)
            maps = figures.attention_maps(first["image"], class_token_attention(self.predictor, shown), dataset.classes)
            run.picture("attention", maps, "From where the class token of the last block gathers.")
        filters = next((p for p in self.predictor.parameters() if p.ndim == 4), None)
        if filters is not None:
            drawn = figures.filters(filters.detach().cpu().numpy(), title="first layer")
            run.picture("filters", drawn, "Red adds, blue subtracts.")

    def spec(self, network: Built) -> ModelSpec:
        """A picture (C, H, W) with pixels in [0, 1] in, a logit for each class out."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"image": {"shape": self.shape, "dtype": "float32"}},
            outputs={"logits": self.output()},
            preprocessing={
                "mean": self.mean.flatten().tolist(),
                "std": self.std.flatten().tolist(),
                "look": self.look,
                **({"levels": self.levels} if self.levels else {}),
            },
        )


def moments(images: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation by channel (C,), of images (N, H, W) or (N, H, W, C), with white as 1.

    Bytes are counted: thousands of photographs as float32 would not fit into memory.
    """
    if images.dtype != np.uint8:
        pixels = channels_first(images)
        return pixels.mean(axis=(0, 2, 3)), pixels.std(axis=(0, 2, 3))
    channels = images[..., np.newaxis] if images.ndim == 3 else images
    levels = np.arange(256) / 255
    shares = np.zeros((channels.shape[-1], 256))
    for one in channels:
        shares += [np.bincount(one[..., channel].ravel(), minlength=256) for channel in range(len(shares))]
    shares /= shares.sum(axis=1, keepdims=True)
    mean = shares @ levels
    std = np.sqrt((shares * (levels - mean[:, np.newaxis]) ** 2).sum(axis=1))
    return mean.astype(np.float32), std.astype(np.float32)


def standardize(images: Pixels, mean: Tensor, std: Tensor) -> Pixels:
    """Mean 0 and standard deviation 1 by channel; in training, in use and in exported files."""
    return (images - mean) / std
