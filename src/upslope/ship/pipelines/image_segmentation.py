"""Image segmentation in use: any picture, in tiles if it is large, and a class for each pixel."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset
from upslope.image.channels import channels_first
from upslope.image.run_lengths import encode
from upslope.image.tiles import tile_and_blend
from upslope.runs.model_spec import ModelSpec
from upslope.ship.pictures import opened_pictures
from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction, Remark, UnreadableInput
from upslope.ship.softmax import softmax
from upslope.ship.standardized import standardized

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

DRAWN = 6  # pictures in one figure


@dataclass(frozen=True)
class Seen:
    """A picture as the network looks at it, whole: (C, H, W) in [0, 1]."""

    path: Path
    pixels: NDArray[np.float32]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Segmented(Prediction):
    """The probability of each class at each pixel of a picture."""

    path: Path
    classes: tuple[str, ...]
    probabilities: NDArray[np.float32] = field(repr=False)  # (K, H, W)
    item: Any = field(repr=False)

    @property
    def mask(self) -> NDArray[np.int64]:
        """The likeliest class of each pixel."""
        return np.asarray(self.probabilities.argmax(axis=0))

    @property
    def uncertainty(self) -> NDArray[np.float32]:
        """The entropy of each pixel's probabilities, from 0 to 1: 1 is "any class"."""
        return entropy(self.probabilities)

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """A line for each class: its share of the picture."""
        shares = np.bincount(self.mask.ravel(), minlength=len(self.classes)) / self.mask.size
        return [(name, f"{100 * share:.1f} %", float(share)) for name, share in zip(self.classes, shares, strict=True)]

    def facts(self, options: Options) -> dict[str, Any]:
        """The path, the size, and of each class its share, its pixels as run lengths, and how unsure it is."""
        mask, unsure = self.mask, self.uncertainty
        each = [
            {
                "class": name,
                "share": round(float((mask == k).mean()), 6),
                "uncertainty": round(float(unsure[mask == k].mean()), 6) if (mask == k).any() else None,
                "mask": encode(mask == k),
            }
            for k, name in enumerate(self.classes)
        ]
        return {"path": str(self.path), "size": list(mask.shape[::-1]), "classes": each, "doubt": self.doubt or None}


def entropy(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each pixel's probabilities (K, H, W), from 0, certain, to 1, any class."""
    p = np.clip(probabilities, 1e-9, 1)
    return np.asarray(-(p * np.log(p)).sum(axis=0) / np.log(len(p)), dtype=np.float32)


class ImageSegmentation(Pipeline):
    """Pictures and folders of them in, masks out."""

    tag: ClassVar[str] = "image-segmentation"
    noun: ClassVar[str] = "picture"
    example: ClassVar[str] = "picture.png"
    together: ClassVar[int] = 1

    @classmethod
    def wrap(cls, model: "nn.Module", spec: ModelSpec) -> "nn.Module":
        """Pixels in [0, 1] in: they are standardized inside."""
        return standardized(model, spec)

    def read(self, words: Sequence[str], options: Options) -> Iterator[Seen | UnreadableInput | Remark]:
        """Each picture at its own size; a folder stands for the pictures in it."""
        for opened in opened_pictures(words):
            if isinstance(opened, UnreadableInput | Remark):
                yield opened
                continue
            path, picture, notes = opened
            yield Seen(path, self.pixels(picture), notes)

    def pixels(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """A picture (H, W, 3) in as many channels as the network takes."""
        channels = self.spec.shape[0]
        made = picture.mean(axis=2, keepdims=True) if channels == 1 else picture
        return np.ascontiguousarray(made.transpose(2, 0, 1), dtype=np.float32)

    def preprocess(self, items: Sequence[Seen]) -> Arrays:
        """One picture, whole."""
        return {next(iter(self.spec.inputs)): items[0].pixels[None]}

    def _answered(self, items: list[Any]) -> Iterator[Prediction]:
        for item in items:
            yield Segmented(
                str(item.path), item.path, self.spec.classes, self.probabilities(item.pixels), item, notes=item.notes
            )

    def probabilities(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network says of a picture (C, H, W) of any size: (K, H, W)."""
        name = next(iter(self.spec.inputs))
        tile = (self.spec.shape[1], self.spec.shape[2])

        def forward(part: NDArray[np.float32]) -> NDArray[np.float32]:
            logits = self.finite(self.network.forward({name: part}))["logits"]
            return softmax(logits)

        return tile_and_blend(pixels, forward, tile=tile, overlap=min(tile) // 4)

    def postprocess(self, outputs: Arrays, items: Sequence[Seen]) -> list[Prediction]:
        """Each picture is asked in tiles (`probabilities`); outputs of the whole are not needed."""
        return list(self._answered(list(items)))

    def rows(self, dataset: Dataset) -> Arrays:
        """Pictures of a data set at the network's size."""
        height, width = self.spec.shape[1:]
        images = channels_first(dataset["image"])[..., :height, :width]
        return {next(iter(self.spec.inputs)): np.ascontiguousarray(images, dtype=np.float32)}

    def score(self, outputs: Arrays, dataset: Dataset) -> tuple[str, float]:
        """The share of pixels with the right class; those that are void, a number behind the classes, do not count."""
        height, width = self.spec.shape[1:]
        truth = np.asarray(dataset["mask"])[:, :height, :width]
        real = truth < len(self.spec.classes)
        return "pixel accuracy", float((outputs["logits"].argmax(axis=1) == truth)[real].mean())

    def draw(self, answers: Sequence[Segmented]) -> "Figure":
        """The first DRAWN pictures, their masks, and where the network is unsure."""
        from matplotlib.figure import Figure

        from upslope.runs.reports.segmentation import legend, over_picture

        answers = answers[:DRAWN]
        figure = Figure(figsize=(10, 3.4 * len(answers) + 0.3), layout="constrained", facecolor="white")
        axes = figure.subplots(len(answers), 3, squeeze=False)
        if not (few := len(answers[0].classes) <= 3):
            legend(figure, answers[0].classes)
        for row, answer in zip(axes, answers, strict=True):
            picture = answer.item.pixels.transpose(1, 2, 0)
            shown = picture[..., 0] if picture.shape[2] == 1 else picture
            row[0].imshow(shown, cmap="gray", vmin=0, vmax=1)
            over_picture(row[1], shown, answer.mask, answer.classes)
            row[2].imshow(answer.uncertainty, cmap="magma", vmin=0, vmax=1)
            said = ", ".join(answer.classes) if few else f"{len(answer.classes)} classes"
            for axis, title in zip(row, (answer.path.name, said, "uncertainty"), strict=True):
                axis.set_title(title, fontsize=9, parse_math=False)
                axis.set_axis_off()
        return figure

    def card(self) -> dict[str, list[str]]:
        """What it does, how pictures are prepared, what it cannot do."""
        shape = " x ".join(map(str, self.spec.shape))
        mean, std = (", ".join(f"{v:.4f}" for v in self.spec.preprocessing[name]) for name in ("mean", "std"))
        return {
            "What it does": [
                f"Takes pictures ({shape}) and gives each pixel a logit for each of {len(self.spec.classes)} classes: "
                f"{', '.join(self.spec.classes)}."
            ],
            "How pictures are prepared": [
                f"At their own size, in overlapping tiles of {shape}, pixels in [0, 1]. The training data's mean {mean}"
                f" and standard deviation {std} are applied inside the file (a safetensors file holds weights alone: "
                "apply them before)."
            ],
            "Limits": [
                "It knows its classes only, and pictures like those that it learned from, at their magnification. Not "
                "a medical device.",
            ],
        }
