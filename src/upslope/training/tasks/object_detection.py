"""Object detection: a box and a class for each thing in a picture, for networks that answer at every place."""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from upslope.blocks.detection.suppression import nms
from upslope.data.loading.dataset import Dataset
from upslope.features import ClassLabel
from upslope.features import Sequence as Several
from upslope.models.build import Built
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports.detection import drawn
from upslope.runs.reports.detection.average_precision import Detections, Truth, detection_scores, precision_and_recall
from upslope.runs.run import Run
from upslope.training.batches import Batch, as_tensor, pad
from upslope.training.tasks.task import Task

PANELS = {"training loss": ("loss",), "validation mAP at IoU 0.5": ("validation_map50",)}
LEAST = 0.01  # a box with a smaller score is not looked at when mAP is measured
LOOKED_AT, MOST = 1000, 100  # boxes of a picture: the likeliest before suppression, and those that are kept
DRAWN = 6  # pictures


class Detector(Protocol):
    """What a network that detects has beside its forward pass."""

    def losses(
        self, said: Any, boxes: Tensor, labels: Tensor, counts: Tensor, *, height: int, width: int
    ) -> dict[str, Tensor]:
        """{"loss": ...} and its parts."""

    def decode(self, said: Any, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Boxes (B, N, 4), xyxy in [0, 1], and the probability of each class (B, N, K)."""


class ObjectDetection(Task):
    """Pictures to boxes; the data have columns `image`, `boxes` and `label`, all pictures of one size."""

    tag: ClassVar[str] = "object-detection"

    def __init__(self, model: nn.Module, *, train: Dataset, overlap: float = 0.6) -> None:
        """Of two boxes of a class whose IoU is more than `overlap` the one with the lower score is suppressed."""
        super().__init__(model)
        self.classes = classes_of(train)
        self.height, self.width = train["image"].shape[1:3]
        self.overlap, self.threshold = overlap, 0.5

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, 3, H, W) in [0, 1], "boxes": (B, M, 4), "label": (B, M), "boxes_lengths": (B,)}."""
        boxes, counts = pad(rows["boxes"])
        pixels = as_tensor(rows["image"]).permute(0, 3, 1, 2)
        images = pixels / 255 if pixels.dtype == torch.uint8 else pixels.float()
        labels, _ = pad(rows["label"])
        return {"image": images, "boxes": boxes, "label": labels, "boxes_lengths": counts, "label_lengths": counts}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The detector's own loss, and its parts."""
        detector = cast(Detector, self.model)
        truth = batch["boxes"], batch["label"], batch["boxes_lengths"]
        return detector.losses(self.says(batch["image"]), *truth, height=self.height, width=self.width)

    def predict(self, dataset: Dataset, *, batch_size: int = 32) -> list[Detections]:
        """What is found in each picture, in its pixels, after suppression."""
        found = []
        with self.asking() as asked:
            detector = cast(Detector, asked)
            device = next(asked.parameters()).device
            for first in range(0, len(dataset), batch_size):
                images = self.collate(dataset.take(slice(first, first + batch_size)))["image"].to(device)
                boxes, scores = detector.decode(asked(images), self.height, self.width)
                size = boxes.new_tensor([self.width, self.height, self.width, self.height])
                found += [self._found(*each) for each in zip(boxes * size, scores, strict=True)]
        return found

    def _found(self, boxes: Tensor, scores: Tensor) -> Detections:
        """Of one picture: every place and class with a score is a box, and each object is found once."""
        places, kinds = (scores >= LEAST).nonzero(as_tuple=True)
        values = scores[places, kinds]
        best = values.argsort(descending=True, stable=True)[:LOOKED_AT]
        places, kinds, values = places[best], kinds[best], values[best]
        stay = nms(boxes[places], values, threshold=self.overlap, classes=kinds)[:MOST]
        found, likely, classes = (each[stay].cpu().numpy() for each in (boxes[places], values, kinds))
        return Detections(found, likely, classes)

    def metrics(self, predictions: Sequence[Detections], dataset: Dataset) -> dict[str, float]:
        """mAP as COCO measures it, and how far the number of things found is from that of the things there."""
        truth = truth_of(dataset)
        scores = detection_scores(truth, predictions, classes=self.classes)
        counted = np.array([np.bincount(t.classes, minlength=len(self.classes)) for t in truth])
        sure = [p.classes[p.scores >= self.threshold] for p in predictions]
        found = np.array([np.bincount(kinds, minlength=len(self.classes)) for kinds in sure])
        return {
            "map50": scores.map50,
            "map": scores.map,
            "map75": scores.map75,
            "count_error": float(np.abs(found - counted).sum() / max(counted.sum(), 1)),
            **{f"{name.lower()}_map50": value for name, value in scores.by_class50.items()},
        }

    def calibrate(self, validation: Dataset) -> None:
        """The score from which on a box is believed: where F1 on the validation data, over all classes, is largest."""
        truth, found = truth_of(validation), self.predict(validation)
        one = [Truth(t.boxes, 0 * t.classes) for t in truth]
        same = [Detections(f.boxes, f.scores, 0 * f.classes) for f in found]
        scores, precision, recall = precision_and_recall(one, same, 0)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
        if len(f1):
            self.threshold = float(scores[f1.argmax()])

    def report(self, run: Run[Any], predictions: Sequence[Detections], dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, precision over recall, and pictures with what was found and what was missed."""
        run.picture("curves", figures.curves(run.logged(), PANELS, smooth=10, per_epoch=per_epoch))
        truth = truth_of(dataset)
        some = slice(DRAWN)
        images = list(dataset.take(some)["image"])
        pictures = drawn.found_and_missed(images, truth[some], predictions[some], self.classes, least=self.threshold)
        run.picture(
            "found", pictures, f"Test pictures: boxes with a score of at least {self.threshold:.2f}; dotted: missed."
        )
        curve = drawn.precision_over_recall(truth, predictions, self.classes)
        run.picture("precision", curve, "Test set: a box is right if its IoU with an object is at least 0.5.")

    def spec(self, network: Built) -> ModelSpec:
        """A picture (3, H, W) with pixels in [0, 1] in, boxes in [0, 1] and probabilities out."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"image": {"shape": [3, self.height, self.width], "dtype": "float32"}},
            outputs={"boxes": {"format": "xyxy"}, "scores": {"classes": list(self.classes)}},
            preprocessing={"overlap": self.overlap, "score": self.threshold},
        )


def truth_of(dataset: Dataset) -> list[Truth]:
    """The objects of each picture."""
    return [Truth(boxes, labels) for boxes, labels in zip(dataset["boxes"], dataset["label"], strict=True)]


def classes_of(dataset: Dataset) -> tuple[str, ...]:
    """The names of the classes of a data set's boxes."""
    feature = dataset.features["label"]
    assert isinstance(feature, Several)
    assert isinstance(feature.of, ClassLabel)
    return feature.of.names
