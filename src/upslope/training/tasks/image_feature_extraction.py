"""Image feature extraction: an embedding for each picture, near for pictures of one person and far for others.

What learns beside the network are the centers of the training people, which nobody needs afterwards.
"""

from typing import Any, ClassVar, Literal, cast

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.losses import smoothed_cross_entropy
from upslope.blocks.metric_losses import arcface_logits, triplet_loss
from upslope.data.loading.dataset import Dataset
from upslope.features import Image
from upslope.image.channels import channels_first
from upslope.models.build import Built
from upslope.models.vision.face_embedder import FaceEmbedder, embed
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import verification
from upslope.runs.run import Run
from upslope.training.batches import Batch, as_tensor
from upslope.training.tasks.task import Task


class WithCenters(nn.Module):
    """An embedder, and a center for each person it learns from."""

    def __init__(self, embedder: nn.Module, people: int, *, seed: int) -> None:
        super().__init__()
        self.embedder = embedder = cast(FaceEmbedder, embedder)
        first = torch.randn(people, embedder.dim, generator=torch.Generator().manual_seed(seed))
        self.centers = nn.Parameter(first / embedder.dim**0.5)

    def forward(self, x: Float[Tensor, "B C S S"]) -> Float[Tensor, "B D"]:
        return self.embedder(x)


class ImageFeatureExtraction(Task):
    """Pictures to embeddings; the data have columns `image` and `label`, and may have `fold`."""

    tag: ClassVar[str] = "image-feature-extraction"

    def __init__(
        self,
        embedder: nn.Module,
        *,
        people: NDArray[np.int64],
        look: Image,
        loss: Literal["arcface", "triplet", "softmax"] = "arcface",
        margin: float = 0.3,
        scale: float = 16.0,
        seed: int = 0,
    ) -> None:
        """`people` are the labels that it learns from, in any order; softmax is ArcFace without its margin."""
        known = torch.from_numpy(np.unique(people))
        super().__init__(WithCenters(embedder, len(known) if loss != "triplet" else 0, seed=seed))
        self.look, self.loss, self.scale = look, loss, scale
        self.margin = 0.0 if loss == "softmax" else margin
        self.register_buffer("people", known, persistent=False)
        self.people: Tensor
        self.threshold: float | None = None  # the cosine from which two pictures are said to show one person

    @property
    def predictor(self) -> nn.Module:
        """The embedder alone, with averaged weights where they are kept."""
        chosen = self.model if self.average is None else self.average.module
        return cast(WithCenters, chosen).embedder

    @property
    def trained(self) -> nn.Module:
        """The embedder."""
        return cast(WithCenters, self.model).embedder

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, C, S, S)}, and the columns of whole numbers: label, fold."""
        others = {name: as_tensor(c) for name, c in rows.columns.items() if isinstance(c, np.ndarray) and c.ndim == 1}
        return {"image": as_tensor(channels_first(rows["image"])), **others}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of a batch of training people."""
        embeddings = self.says(batch["image"])
        if self.loss == "triplet":
            return {"loss": triplet_loss(F.normalize(embeddings), batch["label"], margin=self.margin)}
        labels = torch.searchsorted(self.people, batch["label"])
        centers = cast(WithCenters, self.model).centers
        logits = arcface_logits(embeddings, centers, labels, margin=self.margin, scale=self.scale)
        return {"loss": smoothed_cross_entropy(logits, labels)}

    def predict(self, dataset: Dataset, *, batch_size: int = 100) -> NDArray[np.float32]:
        """Embeddings of length 1: (N, D)."""
        with self.asking() as model:
            device = next(model.parameters()).device
            images = as_tensor(channels_first(dataset["image"]))
            parts = torch.split(images, batch_size)
            return torch.cat([embed(model, part.to(device)).float().cpu() for part in parts]).numpy()

    def metrics(self, predictions: NDArray[np.float32], dataset: Dataset) -> dict[str, float]:
        """The area under the ROC curve over pairs and the rank-1 rate, the means over the folds."""
        return verification.measured(predictions, dataset["label"], self._folds(dataset))

    def report(self, run: Run[Any], predictions: NDArray[np.float32], dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, the pairs that were judged worst, the nearest pictures of some."""
        folds = self._folds(dataset)
        verification.draw(run, predictions, dataset["label"], folds, images=dataset["image"], per_epoch=per_epoch)

    def _folds(self, dataset: Dataset) -> NDArray[np.int64]:
        if "fold" in dataset.features:
            return np.asarray(dataset["fold"])
        return np.zeros(len(dataset), dtype=np.int64)

    def spec(self, network: Built) -> ModelSpec:
        """A picture (C, S, S) with pixels in [0, 1] in, its embedding of length 1 out."""
        height, width, *channels = self.look.shape
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"image": {"shape": [*(channels or [1]), height, width], "dtype": "float32"}},
            outputs={"embedding": {"dim": cast(WithCenters, self.model).embedder.dim}},
            preprocessing={"look": self.look.look} | ({} if self.threshold is None else {"threshold": self.threshold}),
        )
