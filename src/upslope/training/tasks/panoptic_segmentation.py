"""Panoptic segmentation: each pixel one class, and each thing a number of its own."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.panoptic_merge import panoptic_merge
from upslope.data.loading.dataset import Dataset
from upslope.features import Mask
from upslope.image.tiles import tile_and_blend
from upslope.models.build import Built
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports.detection.panoptic_quality import panoptic_scores
from upslope.runs.reports.panoptic import Divided, divided_pictures, segments
from upslope.runs.run import Run
from upslope.training.batches import Batch, pad_maps
from upslope.training.center_targets import center_targets
from upslope.training.tasks.task import Task

PANELS = {
    "training loss": ("loss",),
    "its parts": ("classes_loss", "centers_loss", "offsets_loss"),
    "validation PQ": ("validation_things_pq", "validation_stuff_pq"),
}
CENTERS, OFFSETS = 200.0, 0.1  # what these losses count beside cross-entropy
SIGMA = 3.0  # pixels: of the bell around a center
WINDOW, STUFF_AREA = 7, 40  # pixels: of the square in which a center is the only one; of the least of a class of stuff
THRESHOLDS = (0.1, 0.2, 0.3, 0.4)  # for a center, of which validation data choose
DRAWN = 4  # pictures
Maps = NDArray[np.float32]  # (K + 3, H, W): a logit for each class, the heatmap, offsets down and across


class PanopticSegmentation(Task):
    """Grey pictures of any size to classes and numbers; the data have columns `image`, `mask` and `instances`.

    The loss is cross-entropy of the classes, the square of what is missing in the heatmap, and how far offsets miss
    their center, over pixels of things; "void" is in none of them. With `centers=0` the semantic head is alone, and
    what is of one class is one thing; with `classes=0` nobody learns what a pixel is. Left out of Cheng et al. 2019:
    cross-entropy of the hardest pixels only, in which small things are weighed more.
    """

    tag: ClassVar[str] = "panoptic-segmentation"

    def __init__(
        self, model: nn.Module, *, train: Dataset, side: int, classes: float = 1.0, centers: float = 1.0
    ) -> None:
        """`side`: of the squares in which pictures are looked at; what classes, and centers with offsets, count."""
        super().__init__(model)
        feature = train.features["mask"]
        assert isinstance(feature, Mask)
        self.names = tuple(name for name in feature.names if name != "void")
        self.things = tuple(self.names.index(name) for name in feature.things)
        self.stuff = tuple(k for k in range(len(self.names)) if k not in self.things)
        self.void = feature.names.index("void") if "void" in feature.names else -1
        self.side, self.threshold = side, THRESHOLDS[0]
        self.counts, self.centers = classes, centers

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, 1, H, W), "mask", "instances": (B, H, W), "size": (B, 2)}; smaller ones are filled up."""
        kinds = {"image": np.float32, "mask": np.int64, "instances": np.int64}
        batch = pad_maps({name: [each.astype(kind) for each in rows[name]] for name, kind in kinds.items()})
        return {**batch, "image": batch["image"][:, None]}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss, and its three parts; of whole squares."""
        said = self.says(batch["image"])
        mask, numbers = batch["mask"], batch["instances"]
        classes = F.cross_entropy(said["classes"], mask, ignore_index=self.void)
        heatmap, offsets = center_targets(numbers, sigma=SIGMA)
        real, thing = (mask != self.void).float(), (numbers > 0).float()
        near = ((said["centers"] - heatmap).square() * real).sum() / real.sum().clamp(min=1)
        away = ((said["offsets"] - offsets).abs().sum(dim=1) * thing).sum() / thing.sum().clamp(min=1)
        loss = self.counts * classes + self.centers * (CENTERS * near + OFFSETS * away)
        parts = {"classes_loss": classes, "centers_loss": near, "offsets_loss": away}
        return {"loss": loss, **{name: part.detach() for name, part in parts.items()}}

    def predict(self, dataset: Dataset) -> list[Maps]:
        """All maps of each whole picture, in tiles."""
        with self.asking() as model:
            device = next(model.parameters()).device

            def forward(part: NDArray[np.float32]) -> Maps:
                said = model(torch.from_numpy(np.ascontiguousarray(part)).to(device))
                maps = torch.cat([said["classes"], said["centers"][:, None], said["offsets"]], dim=1)
                return np.asarray(maps.float().cpu().numpy())

            pictures = (np.asarray(picture, dtype=np.float32)[None] for picture in dataset["image"])
            tile = (self.side, self.side)
            return [tile_and_blend(picture, forward, tile=tile, overlap=self.side // 4) for picture in pictures]

    def divided(self, maps: Maps) -> Divided:
        """What the maps of a picture say: classes, -1 for void, and numbers. By the semantic head alone no numbers."""
        classes = maps[:-3].argmax(axis=0)
        if not self.centers:
            return classes, np.zeros_like(classes)
        return panoptic_merge(
            classes,
            maps[-3],
            maps[-2:],
            things=self.things,
            threshold=self.threshold,
            window=WINDOW,
            stuff_area=STUFF_AREA,
        )

    def metrics(self, predictions: Sequence[Maps], dataset: Dataset) -> dict[str, float]:
        """Panoptic quality of things, of stuff, and of all classes; beside that of things its two factors.

        `merged_pq` is that of things if the same classes are taken and what is of one class is one thing.
        """
        how: dict[str, Any] = {"things": self.things, "void": self.void}
        truth = [segments(pair, **how) for pair in zip(dataset["mask"], dataset["instances"], strict=True)]
        divided = [self.divided(maps) for maps in predictions]
        found = [segments(pair, **how) for pair in divided]
        merged = [segments((classes, 0 * numbers), **how) for classes, numbers in divided]
        things = panoptic_scores(truth, found, of=self.things)
        return {
            "things_pq": things.pq,
            "things_sq": things.sq,
            "things_rq": things.rq,
            "stuff_pq": panoptic_scores(truth, found, of=self.stuff).pq,
            "pq": panoptic_scores(truth, found).pq,
            "merged_pq": panoptic_scores(truth, merged, of=self.things).pq,
        }

    def calibrate(self, validation: Dataset) -> None:
        """The height from which on a peak is a center: that with the largest PQ of things on the validation data."""
        if not self.centers:
            return
        predictions, reached = self.predict(validation), []
        for self.threshold in THRESHOLDS:
            reached.append(self.metrics(predictions, validation)["things_pq"])
        self.threshold = THRESHOLDS[int(np.argmax(reached))]

    def report(self, run: Run[Any], predictions: Sequence[Maps], dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, test pictures divided, and the heatmaps of the same pictures."""
        run.picture("curves", figures.curves(run.logged(), PANELS, smooth=10, per_epoch=per_epoch))
        some = dataset.take(slice(DRAWN))
        truth = list(zip(some["mask"], some["instances"], strict=True))
        found = [self.divided(maps) for maps in predictions[:DRAWN]]
        drawn = divided_pictures(list(some["image"]), truth, found, self.names)
        run.picture(
            "divided", drawn, "Test pictures: a color for each class, an outline around each thing; white: void."
        )

    def spec(self, network: Built) -> ModelSpec:
        """A square (1, side, side) with levels in [0, 1] in, logits of classes, the heatmap and offsets out."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"image": {"shape": [1, self.side, self.side], "dtype": "float32"}},
            outputs={"maps": {"classes": list(self.names), "things": list(self.things)}},
            preprocessing={
                "centers": self.centers > 0,
                "threshold": self.threshold,
                "window": WINDOW,
                "stuff_area": STUFF_AREA,
            },
        )
