"""Instance segmentation of one kind of thing: every one of them apart, also where they touch."""

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.data.loading.dataset import Dataset
from upslope.image.tiles import tile_and_blend
from upslope.image.touching import told_apart
from upslope.models.build import Built
from upslope.runs.model_spec import ModelSpec
from upslope.training.batches import Batch, pad_maps
from upslope.training.tasks.numbered_things import SMALLEST, NumberedThings

PEAKS = (0.3, 0.4, 0.5, 0.6, 0.7)  # of which validation data choose
INSIDE = 0.5  # the probability from which on a pixel is foreground
Maps = NDArray[np.float32]  # (2, H, W) in [0, 1]: foreground, distance


class InstanceSegmentation(NumberedThings):
    """Grey pictures of any size to numbered things; the data have columns `image`, `instances` and `distance`.

    The network says of each pixel how likely it is foreground, and how far it lies from the border of its thing, as a
    share of the farthest. Both losses are cross-entropies; the distance is its own soft target. A watershed comes down
    from the peaks. With `distance=0` there is no such map, and a thing is a connected piece of the foreground.
    """

    tag: ClassVar[str] = "instance-segmentation"
    maps: ClassVar[tuple[str, ...]] = ("foreground", "distance")

    def __init__(self, model: nn.Module, *, train: Dataset, side: int, distance: float = 1.0) -> None:
        """`side`: of the squares in which pictures are looked at."""
        super().__init__(model, train=train, side=side)
        self.distance = distance
        self.peak = 0.5 if distance else 0.0

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, 1, H, W), "foreground", "distance": (B, H, W), "size": (B, 2)}; smaller ones are filled up."""
        columns = {
            "image": list(rows["image"]),
            "foreground": [(labels > 0).astype(np.float32) for labels in rows["instances"]],
            "distance": list(rows["distance"]),
        }
        batch = pad_maps(columns)
        return {**batch, "image": batch["image"][:, None]}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss, and its two parts; of whole squares."""
        said = self.says(batch["image"])
        foreground = F.binary_cross_entropy_with_logits(said[:, 0], batch["foreground"])
        distance = F.binary_cross_entropy_with_logits(said[:, 1], batch["distance"])
        loss = foreground + self.distance * distance
        return {"loss": loss, "foreground_loss": foreground.detach(), "distance_loss": distance.detach()}

    def predict(self, dataset: Dataset) -> list[Maps]:
        """Both maps of each whole picture, in tiles."""
        tile = (self.side, self.side)
        with self.asking() as model:
            device = next(model.parameters()).device

            def forward(part: NDArray[np.float32]) -> NDArray[np.float32]:
                said = model(torch.from_numpy(np.ascontiguousarray(part)).to(device))
                return np.asarray(said.float().sigmoid().cpu().numpy())

            pictures = (np.asarray(picture, dtype=np.float32)[None] for picture in dataset["image"])
            return [tile_and_blend(picture, forward, tile=tile, overlap=self.side // 4) for picture in pictures]

    def things(self, prediction: Maps) -> NDArray[np.int32]:
        """What the maps of a picture say, numbered."""
        return told_apart(*prediction, inside=INSIDE, peak=self.peak, smallest=SMALLEST)

    def calibrate(self, validation: Dataset) -> None:
        """The distance from which on a pixel belongs to a seed: that with the largest F1 on the validation data."""
        if self.distance:
            self.choose("peak", PEAKS, validation)

    def spec(self, network: Built) -> ModelSpec:
        """A square (1, side, side) with levels in [0, 1] in, a logit of foreground and one of distance out."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"image": {"shape": [1, self.side, self.side], "dtype": "float32"}},
            outputs={"maps": {"channels": ["foreground", "distance"], "classes": [self.name]}},
            preprocessing={"inside": INSIDE, "peak": self.peak, "smallest": SMALLEST},
        )
