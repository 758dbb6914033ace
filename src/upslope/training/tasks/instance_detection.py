"""Instance segmentation by a detector: a box for each thing, and in the box its mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from upslope.data.loading.dataset import Dataset
from upslope.image.pasted_masks import pasted, shared_out
from upslope.models.build import Built
from upslope.models.detection.mask_rcnn import MaskRCNN
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports.detection.average_precision import Detections, Truth, detection_scores
from upslope.training.batches import Batch, pad_maps
from upslope.training.tasks.numbered_things import SMALLEST, NumberedThings

SCORES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # from which on a thing is believed: validation data choose
LEAST, OVERLAP, MOST = 0.05, 0.5, 500  # a thing's least score, and how many of a picture are looked at for AP
LIMITS = (1, 10, MOST)  # COCO's end at 100, and a picture may hold three times as many nuclei


@dataclass(frozen=True)
class Outlined:
    """What was found in a picture, the likeliest first, before pixels that several want are shared out."""

    shape: tuple[int, int]
    boxes: NDArray[np.floating[Any]]  # (N, 4), xyxy in pixels
    scores: NDArray[np.floating[Any]]  # (N,)
    masks: list[NDArray[np.int64]]  # the numbers of each one's pixels, counted row by row


class InstanceDetection(NumberedThings):
    """Grey pictures of any size to numbered things, for Mask R-CNN; the data have columns `image` and `instances`.

    In training a thing of which a square shows fewer than SMALLEST pixels is ground. A whole picture is looked at at
    once. AP at an IoU of 0.5 is COCO's, of the masks as they are; for the other figures, which judge numbered things,
    each pixel is the likeliest thing's.
    """

    tag: ClassVar[str] = "instance-detection"
    maps: ClassVar[tuple[str, ...]] = ("instances",)

    def __init__(self, model: nn.Module, *, train: Dataset, side: int) -> None:
        """`side`: of the squares that are learned from."""
        super().__init__(model, train=train, side=side)
        self.threshold = 0.5

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, 1, H, W), "instances": (B, H, W), "size": (B, 2)}; smaller ones are filled up."""
        instances = [labels.astype(np.int64) for labels in rows["instances"]]
        batch = pad_maps({"image": list(rows["image"]), "instances": instances})
        return {**batch, "image": batch["image"][:, None]}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss, and its five parts; of whole squares."""
        boxes, masks = zip(*map(boxed, batch["instances"]), strict=True)
        counts = torch.tensor([len(each) for each in boxes])
        padded = pad_sequence(list(boxes), batch_first=True)
        labels = padded.new_zeros(padded.shape[:2], dtype=torch.long)
        height, width = batch["image"].shape[2:]
        said = self.says(colored(batch["image"]))
        detector = cast(MaskRCNN, self.model)
        return detector.losses(said, padded, labels, counts, height=height, width=width, masks=masks)

    def predict(self, dataset: Dataset) -> list[Outlined]:
        """What is found in each whole picture."""
        found = []
        with self.asking() as model:
            device = next(model.parameters()).device
            for picture in dataset["image"]:
                grey = torch.from_numpy(np.array(picture, dtype=np.float32))[None]
                drawn = cast(MaskRCNN, model).segment(colored(grey).to(device), least=LEAST, overlap=OVERLAP, most=MOST)
                height, width = picture.shape
                boxes, scores, _, masks = (each.float().cpu().numpy() for each in drawn)
                places = [pasted(*each, height=height, width=width) for each in zip(masks, boxes, strict=True)]
                found.append(Outlined((height, width), boxes, scores, places))
        return found

    def things(self, prediction: Outlined) -> NDArray[np.int32]:
        """What is likely enough, numbered from the likeliest on."""
        sure = int((prediction.scores >= self.threshold).sum())
        height, width = prediction.shape
        return shared_out(prediction.masks[:sure], height=height, width=width, smallest=SMALLEST)

    def metrics(self, predictions: Sequence[Outlined], dataset: Dataset) -> dict[str, float]:
        """As of all numbered things, and COCO's AP at an IoU of 0.5 of the masks."""
        truth = [outlined(labels) for labels in dataset["instances"]]
        found = [Detections(p.boxes, p.scores, np.zeros(len(p.scores), dtype=int), masks=p.masks) for p in predictions]
        mask_ap50 = detection_scores(truth, found, classes=(self.name,), limits=LIMITS).map50
        return {**super().metrics(predictions, dataset), "mask_ap50": mask_ap50}

    def calibrate(self, validation: Dataset) -> None:
        """The score from which on a thing is believed: that with the largest F1 on the validation data."""
        self.choose("threshold", SCORES, validation)

    def spec(self, network: Built) -> ModelSpec:
        """A picture (1, H, W) with levels in [0, 1] in, boxes in its pixels, their scores and masks out."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"image": {"shape": [1, self.side, self.side], "dtype": "float32"}},
            outputs={"boxes": {"format": "xyxy"}, "scores": {"classes": [self.name]}, "masks": {}},
            preprocessing={"score": self.threshold, "overlap": OVERLAP, "smallest": SMALLEST, "most": MOST},
        )


def boxed(labels: Tensor) -> tuple[Tensor, Tensor]:
    """The things in numbers (H, W) with at least SMALLEST pixels: boxes (M, 4), xyxy, and masks (M, H, W)."""
    areas = labels.flatten().bincount()
    areas[0] = 0
    masks = labels == (areas >= SMALLEST).nonzero()[:, :, None]
    edges = []
    for dim in (1, 2):  # what lies in a column, then in a row
        there = masks.any(dim=dim).byte()
        edges.append((there.argmax(dim=1), there.shape[1] - there.flip(1).argmax(dim=1)))
    (left, right), (top, bottom) = edges
    return torch.stack([left, top, right, bottom], dim=1).float(), masks


def outlined(labels: NDArray[np.integer[Any]]) -> Truth:
    """The things of a picture as average precision takes them."""
    numbers = np.unique(labels[labels > 0])
    places = [box for box in ndimage.find_objects(labels) if box is not None]
    boxes = np.array([[x.start, y.start, x.stop, y.stop] for y, x in places], dtype=np.float64).reshape(-1, 4)
    flat = labels.ravel()
    return Truth(boxes, np.zeros(len(numbers), dtype=int), masks=[np.flatnonzero(flat == n) for n in numbers])


def colored(grey: Tensor) -> Tensor:
    """Pictures (..., 1, H, W) with three equal channels, as trunks take them."""
    return grey.expand(*grey.shape[:-3], 3, *grey.shape[-2:])
