"""Object detection in use: any picture, boxes in its own pixels, each thing once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.boxed_pictures import at_size
from upslope.data.loading.dataset import Dataset
from upslope.image.detections import Found, found
from upslope.image.letterbox import GREY, Letterbox, letterbox, undo_letterbox
from upslope.image.resize import with_longest
from upslope.runs.model_spec import ModelSpec
from upslope.runs.workspace import short
from upslope.ship.pictures import opened_pictures
from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction, Remark, UnreadableInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

LEAST = 0.01  # a box with a smaller score is not looked at when mAP is measured
DRAWN, LONGEST = 12, 900  # pictures in one figure; pixels on the longer side of each


@dataclass(frozen=True)
class Boxed:
    """A picture on the network's canvas, what was done to bring it there, and a copy to draw on."""

    path: Path
    seen: NDArray[np.float32]  # (3, H, W)
    done: Letterbox
    picture: NDArray[np.float32] | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Detected(Prediction):
    """What was found in one picture, in its pixels, the highest score first."""

    path: Path
    classes: tuple[str, ...]
    found: Found
    item: Any = field(repr=False)

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """A line for each class that was found: how many, and the score of the surest."""
        counts = Counter(int(k) for k in self.found.classes)
        best = {int(k): float(s) for k, s in zip(self.found.classes[::-1], self.found.scores[::-1], strict=True)}
        return [(self.classes[k], f"{counts[k]}, the surest {100 * best[k]:.1f} %", best[k]) for k in sorted(counts)]

    def facts(self, options: Options) -> dict[str, Any]:
        """The path, the picture's size, and each box: its class, its score, its edges."""
        each = zip(self.found.boxes, self.found.scores, self.found.classes, strict=True)
        boxes = [
            {"class": self.classes[int(k)], "score": round(float(s), 6), "box": [round(float(v), 2) for v in box]}
            for box, s, k in each
        ]
        done = self.item.done
        return {
            "path": str(self.path),
            "size": [done.width, done.height],
            "boxes": boxes,
            "counts": {self.classes[k]: int((self.found.classes == k).sum()) for k in range(len(self.classes))},
            "doubt": self.doubt or None,
        }


class ObjectDetection(Pipeline):
    """Pictures and folders of them in, boxes out."""

    tag: ClassVar[str] = "object-detection"
    noun: ClassVar[str] = "picture"
    example: ClassVar[str] = "picture.png"
    together: ClassVar[int] = 8

    @classmethod
    def wrap(cls, model: "nn.Module", spec: ModelSpec) -> "nn.Module":
        """Pixels in [0, 1] in, boxes in [0, 1] and probabilities out; suppression is done outside."""
        from torch import Tensor, nn

        height, width = spec.shape[1:]

        class Decoded(nn.Module):
            """Asks the network, and makes boxes of what it says."""

            def __init__(self) -> None:
                super().__init__()
                self.model: Any = model

            def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
                boxes, scores = self.model.decode(self.model(image), height, width)
                return boxes, scores

        return Decoded()

    @property
    def canvas(self) -> tuple[int, int]:
        """Height and width of what the network looks at."""
        _, height, width = self.spec.shape
        return height, width

    def read(self, words: Sequence[str], options: Options) -> Iterator[Boxed | UnreadableInput | Remark]:
        """Each picture; a folder stands for the pictures in it."""
        kept = 0
        for opened in opened_pictures(words):
            if isinstance(opened, UnreadableInput | Remark):
                yield opened
                continue
            path, picture, notes = opened
            yield self.boxed(picture, path, keep=kept < DRAWN, notes=notes)
            kept += 1

    def boxed(self, picture: NDArray[Any], path: Path, *, keep: bool = False, notes: tuple[str, ...] = ()) -> Boxed:
        """A picture (H, W, 3), bytes or in [0, 1], as the network looks at it."""
        levels = picture if picture.dtype == np.uint8 else 255 * picture
        canvas, done = letterbox(levels, self.canvas, fill=255 * GREY)
        # As training has them: whole numbers of brightness.
        seen = np.ascontiguousarray(np.rint(canvas).transpose(2, 0, 1) / np.float32(255), dtype=np.float32)
        small = with_longest(picture, min(LONGEST, max(picture.shape))) if keep else None
        return Boxed(path, seen, done, small, notes)

    def preprocess(self, items: Sequence[Boxed]) -> Arrays:
        """What the network looks at, under the name of its input."""
        return {next(iter(self.spec.inputs)): np.stack([item.seen for item in items])}

    def postprocess(self, outputs: Arrays, items: Sequence[Boxed]) -> list[Prediction]:
        """Boxes that are likely enough, each thing once, in the pixels of the picture."""
        pairs = zip(outputs["boxes"], outputs["scores"], items, strict=True)
        return [self._answer(self.found(boxes, scores, item.done), item) for boxes, scores, item in pairs]

    def found(self, boxes: NDArray[np.float32], scores: NDArray[np.float32], done: Letterbox) -> Found:
        """What one picture's outputs say, in the pixels of that picture."""
        known = self.spec.preprocessing
        each = found(boxes, scores, least=float(known["score"]), overlap=float(known["overlap"]))
        height, width = self.canvas
        pixels = each.boxes * np.array([width, height, width, height], dtype=np.float32)
        return Found(undo_letterbox(pixels, done), each.scores, each.classes)

    def _answer(self, each: Found, item: Boxed) -> Detected:
        doubt = ""
        if not len(each.scores):
            doubt = f"nothing was found in {short(item.path)}: none of {', '.join(self.spec.classes)}"
        return Detected(str(item.path), item.path, self.spec.classes, each, item, doubt=doubt, notes=item.notes)

    def rows(self, dataset: Dataset) -> Arrays:
        """Pictures of a data set on the network's canvas."""
        images = at_size(dataset, *self.canvas)["image"].transpose(0, 3, 1, 2) / np.float32(255)
        return {next(iter(self.spec.inputs)): np.ascontiguousarray(images, dtype=np.float32)}

    def score(self, outputs: Arrays, dataset: Dataset) -> tuple[str, float]:
        """mAP at an IoU of 0.5, on the network's canvas."""
        from upslope.runs.reports.detection.average_precision import Detections, Truth, detection_scores

        height, width = self.canvas
        size = np.array([width, height, width, height], dtype=np.float32)
        seen = []
        for boxes, scores in zip(outputs["boxes"], outputs["scores"], strict=True):
            one = found(boxes * size, scores, least=LEAST, overlap=float(self.spec.preprocessing["overlap"]), most=100)
            seen.append(Detections(one.boxes, one.scores, one.classes))
        there = at_size(dataset, height, width)
        truth = [Truth(*pair) for pair in zip(there["boxes"], there["label"], strict=True)]
        return "map50", detection_scores(truth, seen, classes=self.spec.classes).map50

    def draw(self, answers: Sequence[Detected]) -> "Figure":
        """The first DRAWN pictures with their boxes."""
        from matplotlib.figure import Figure

        from upslope.runs.reports.detection.drawn import draw_boxes

        answers = [answer for answer in answers if answer.item.picture is not None][:DRAWN]
        columns = min(3, len(answers))
        rows = -(-len(answers) // columns)
        figure = Figure(figsize=(6.4 if len(answers) == 1 else 4 * columns, 4.8 if len(answers) == 1 else 3.2 * rows),
                        layout="constrained", facecolor="white")  # fmt: skip
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes:
            axis.set_axis_off()
        for axis, answer in zip(axes, answers, strict=False):
            small = answer.item.picture
            axis.imshow(np.clip(small, 0, 1))
            # Each side was rounded on its own: of a strip one factor for both would draw boxes beside their things.
            across, down = small.shape[1] / answer.item.done.width, small.shape[0] / answer.item.done.height
            boxes = answer.found.boxes * np.array([across, down, across, down])
            pairs = zip(answer.found.classes, answer.found.scores, strict=True)
            draw_boxes(axis, boxes, [f"{answer.classes[k]} {100 * s:.0f}" for k, s in pairs], answer.found.classes)
        return figure

    def card(self) -> dict[str, list[str]]:
        """What it does, how pictures are prepared, what it cannot do."""
        height, width = self.canvas
        known = self.spec.preprocessing
        return {
            "What it does": [
                f"Takes pictures (3 x {height} x {width}) and gives at each of its places a box, xyxy as parts of width"
                f" and height, and a probability for each of {len(self.spec.classes)} classes: "
                f"{', '.join(self.spec.classes)}. Boxes with a score of at least {known['score']:.3f} count; of two of "
                f"a class whose IoU is more than {known['overlap']:g} the likelier one stays. Both are done outside of "
                "the file."
            ],
            "How pictures are prepared": [
                f"Scaled so that they fit into {width} x {height} pixels, in the middle, on grey; pixels in [0, 1]. "
                "Boxes are brought back to the picture's own pixels."
            ],
            "Limits": [
                "It knows its classes only, and pictures like those that it learned from: other cameras, stains and "
                "magnifications must be measured first. Things that are much smaller or larger than there are missed. "
                "Not a medical device.",
            ],
        }
