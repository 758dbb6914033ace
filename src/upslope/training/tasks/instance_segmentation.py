"""Instance segmentation of one kind of thing: every one of them apart, also where they touch."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.data.loading.dataset import Dataset
from upslope.features import Instances
from upslope.image.tiles import tile_and_blend
from upslope.image.touching import otsu_and_watershed, told_apart
from upslope.models.build import Built
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports.instances import found_and_missed, instance_scores
from upslope.runs.run import Run
from upslope.training.batches import Batch
from upslope.training.tasks.task import Task

PANELS = {"training loss": ("loss",), "validation F1 at IoU 0.5": ("validation_f1",)}
PEAKS = (0.3, 0.4, 0.5, 0.6, 0.7)  # of which validation data choose
INSIDE, SMALLEST = 0.5, 12  # the probability from which on a pixel is foreground; pixels of the smallest thing
DRAWN = 4  # pictures
Maps = NDArray[np.float32]  # (2, H, W) in [0, 1]: foreground, distance


class InstanceSegmentation(Task):
    """Grey pictures of any size to numbered things; the data have columns `image`, `instances` and `distance`.

    The network says of each pixel how likely it is foreground, and how far it lies from the border of its thing, as a
    share of the farthest. Both losses are cross-entropies; the distance is its own soft target. A watershed comes down
    from the peaks. With `distance=0` there is no such map, and a thing is a connected piece of the foreground.
    """

    tag: ClassVar[str] = "instance-segmentation"

    def __init__(
        self, model: nn.Module, *, train: Dataset, side: int, distance: float = 1.0, precision: str = "32"
    ) -> None:
        """`side`: of the squares in which pictures are looked at."""
        super().__init__(model)
        feature = train.features["instances"]
        assert isinstance(feature, Instances)
        self.name, self.side, self.distance = feature.name, side, distance
        self.peak = 0.5 if distance else 0.0

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, 1, H, W), "foreground", "distance": (B, H, W), "size": (B, 2)}; smaller ones are filled up."""
        pictures = list(rows["image"])
        sizes = np.array([picture.shape for picture in pictures], dtype=np.int64).reshape(-1, 2)
        columns = {
            "image": pictures,
            "foreground": [labels > 0 for labels in rows["instances"]],
            "distance": list(rows["distance"]),
        }
        made = {name: np.zeros((len(pictures), *sizes.max(axis=0)), dtype=np.float32) for name in columns}
        for name, column in columns.items():
            for place, each in zip(made[name], column, strict=True):
                place[: each.shape[0], : each.shape[1]] = each
        batch = {name: torch.from_numpy(array) for name, array in made.items()}
        return {**batch, "image": batch["image"][:, None], "size": torch.from_numpy(sizes)}

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

    def things(self, maps: Maps) -> NDArray[np.int32]:
        """What the maps of a picture say, numbered."""
        return told_apart(maps[0], maps[1], inside=INSIDE, peak=self.peak, smallest=SMALLEST)

    def metrics(self, predictions: Sequence[Maps], dataset: Dataset) -> dict[str, float]:
        """Over all pictures together, at an IoU of more than 1/2; beside it what grey levels alone give."""
        truth = list(dataset["instances"])
        found = [self.things(maps) for maps in predictions]
        scores = instance_scores(truth, found)
        plain = instance_scores(truth, [otsu_and_watershed(p, smallest=SMALLEST) for p in dataset["image"]])
        there, seen = (np.array([len(np.unique(labels)) for labels in each]) for each in (truth, found))
        return {
            "f1": scores.f1,
            "gain": scores.f1 - plain.f1,
            "otsu_f1": plain.f1,
            "threat_score": scores.threat_score,
            "pq": scores.pq,
            "sq": scores.sq,
            "otsu_pq": plain.pq,
            "count_error": float(np.abs(seen - there).sum() / max(1, scores.tp + scores.fn)),
        }

    def calibrate(self, validation: Dataset) -> None:
        """The distance from which on a pixel belongs to a seed: that with the largest F1 on the validation data."""
        if not self.distance:
            return
        truth, predictions = list(validation["instances"]), self.predict(validation)
        reached = []
        for self.peak in PEAKS:
            reached.append(instance_scores(truth, [self.things(maps) for maps in predictions]).f1)
        self.peak = PEAKS[int(np.argmax(reached))]

    def report(self, run: Run[Any], predictions: Sequence[Maps], dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, and test pictures with what was found, missed, and wrong."""
        run.picture("curves", figures.curves(run.logged(), PANELS, smooth=10, per_epoch=per_epoch))
        some = dataset.take(slice(DRAWN))
        found = [self.things(maps) for maps in predictions[:DRAWN]]
        drawn = found_and_missed(list(some["image"]), list(some["instances"]), found)
        run.picture("found", drawn, "Test pictures: a thing is found if one overlaps it with an IoU of more than 1/2.")

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
