"""Instance segmentation in use: how many there are in any picture, each with its outline."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from upslope.data.loading.dataset import Dataset
from upslope.image.run_lengths import encode
from upslope.image.tiles import tile_and_blend
from upslope.image.touching import stretched, told_apart
from upslope.runs.model_spec import ModelSpec
from upslope.runs.workspace import short
from upslope.ship.pictures import opened_pictures
from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction, Remark, UnreadableInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

DRAWN = 9  # pictures in one figure
LIMITS = (
    "It knows what is bright on dark ground, at the magnifications that it learned from. Of two that lie over each "
    "other it sees one. Not a medical device."
)


@dataclass(frozen=True)
class Seen:
    """A picture as the network looks at it, whole: (H, W), its own levels stretched to [0, 1]."""

    path: Path
    pixels: NDArray[np.float32]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counted(Prediction):
    """The things in one picture, numbered from 1."""

    path: Path
    name: str  # what they are, one of them
    labels: NDArray[np.int32] = field(repr=False)  # (H, W), the pixels of the picture
    item: Any = field(repr=False)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.labels.max(initial=0))

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """A line: how many, and how large the middle one is."""
        if not self.count:
            return [(self.name, "none", None)]
        areas = np.bincount(self.labels.ravel())[1:]
        return [(self.name, f"{self.count} found, the middle one of {np.median(areas):.0f} pixels", None)]

    def facts(self, options: Options) -> dict[str, Any]:
        """The path, the size, the count, and of each thing its box (xyxy), its area, its pixels as run lengths."""
        things = []
        for number, box in enumerate(ndimage.find_objects(self.labels), start=1):
            down, across = box
            mask = self.labels == number
            things.append(
                {
                    "box": [int(across.start), int(down.start), int(across.stop), int(down.stop)],
                    "area": int(mask.sum()),
                    "mask": encode(mask),
                }
            )
        return {
            "path": str(self.path),
            "size": list(self.labels.shape[::-1]),
            "thing": self.name,
            "count": self.count,
            "things": things,
            "doubt": self.doubt or None,
        }


class InstanceSegmentation(Pipeline):
    """Pictures and folders of them in, numbered things out."""

    tag: ClassVar[str] = "instance-segmentation"
    noun: ClassVar[str] = "picture"
    example: ClassVar[str] = "picture.png"
    together: ClassVar[int] = 1

    @classmethod
    def wrap(cls, model: "nn.Module", spec: ModelSpec) -> "nn.Module":
        """Stretched levels in, both maps in [0, 1] out; the watershed is done outside."""
        from torch import Tensor, nn

        class Bounded(nn.Module):
            """Asks the network, and makes shares of its logits."""

            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, image: Tensor) -> Tensor:
                return cast(Tensor, self.model(image).sigmoid())

        return Bounded()

    def read(self, words: Sequence[str], options: Options) -> Iterator[Seen | UnreadableInput | Remark]:
        """Each picture at its own size; a folder stands for the pictures in it."""
        for opened in opened_pictures(words):
            if isinstance(opened, UnreadableInput | Remark):
                yield opened
                continue
            path, picture, notes = opened
            yield Seen(path, stretched(picture.mean(axis=2)), notes)

    def preprocess(self, items: Sequence[Seen]) -> Arrays:
        """One picture, whole."""
        return {next(iter(self.spec.inputs)): items[0].pixels[None, None]}

    def _answered(self, items: list[Any]) -> Iterator[Prediction]:
        yield from self.postprocess({}, items)

    def postprocess(self, outputs: Arrays, items: Sequence[Seen]) -> list[Prediction]:
        """Each picture is asked in tiles (`maps`); outputs of the whole are not needed."""
        return [self._answer(item) for item in items]

    def _answer(self, item: Seen) -> Counted:
        labels = self.things(item.pixels)
        name = self.spec.classes[0]
        doubt = "" if labels.any() else f"no {name} was found in {short(item.path)}"
        return Counted(str(item.path), item.path, name, labels, item, doubt=doubt, notes=item.notes)

    def things(self, pixels: NDArray[np.float32]) -> NDArray[np.int32]:
        """What is in a picture (H, W) of any size, numbered."""
        return self.told_apart(self.maps(pixels))

    def maps(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network says of a picture (H, W) of any size: (2, H, W), foreground and distance."""
        name = next(iter(self.spec.inputs))
        tile = (self.spec.shape[1], self.spec.shape[2])

        def forward(part: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.asarray(self.finite(self.network.forward({name: part}))["maps"])

        return tile_and_blend(pixels[None], forward, tile=tile, overlap=min(tile) // 4)

    def told_apart(self, maps: NDArray[np.float32]) -> NDArray[np.int32]:
        """The things of both maps, as in training."""
        known = self.spec.preprocessing
        return told_apart(
            maps[0],
            maps[1],
            inside=float(known["inside"]),
            peak=float(known["peak"]),
            smallest=int(known["smallest"]),
        )

    def rows(self, dataset: Dataset) -> Arrays:
        """A square from the upper left of each picture of a data set."""
        squares = [self._square(stretched(np.asarray(picture)))[None] for picture in dataset["image"]]
        return {next(iter(self.spec.inputs)): np.stack(squares)}

    def _square(self, picture: NDArray[Any]) -> NDArray[Any]:
        height, width = self.spec.shape[1:]
        part = picture[:height, :width]
        return np.pad(part, ((0, height - part.shape[0]), (0, width - part.shape[1])))

    def score(self, outputs: Arrays, dataset: Dataset) -> tuple[str, float]:
        """F1 at an IoU of more than 1/2, of the squares."""
        from upslope.runs.reports.instances import instance_scores

        truth = [self._square(np.asarray(labels)) for labels in dataset["instances"]]
        return "f1", instance_scores(truth, [self.told_apart(maps) for maps in outputs["maps"]]).f1

    def draw(self, answers: Sequence[Counted]) -> "Figure":
        """The first DRAWN pictures with the outline of each thing."""
        from matplotlib.figure import Figure

        from upslope.runs.reports.instances import outlines

        answers = answers[:DRAWN]
        across = min(3, len(answers))
        down = -(-len(answers) // across)
        one = len(answers) == 1
        figure = Figure(
            figsize=(7, 7) if one else (4 * across, 4 * down + 0.3), layout="constrained", facecolor="white"
        )
        axes = figure.subplots(down, across, squeeze=False).ravel()
        for axis in axes:
            axis.set_axis_off()
        for axis, answer in zip(axes, answers, strict=False):
            axis.imshow(answer.item.pixels, cmap="gray", vmin=0, vmax=1)
            outlines(axis, answer.labels, color="#f39c12")
            axis.set_title(f"{answer.path.name}: {answer.count}", fontsize=9, parse_math=False)
        return figure

    def card(self) -> dict[str, list[str]]:
        """What it does, how pictures are prepared, what it cannot do."""
        known = self.spec.preprocessing
        shape = " x ".join(map(str, self.spec.shape))
        return {
            "What it does": [
                f"Takes squares of grey pictures ({shape}) and gives for each pixel how likely it is part of a "
                f"{self.spec.classes[0]} and how far from its border, as a share of the farthest. A watershed outside "
                f"of the file comes down from places with a distance of at least {known['peak']:g} over pixels with a "
                f"probability of at least {known['inside']:g}; what has fewer than {known['smallest']} pixels is left "
                "out."
            ],
            "How pictures are prepared": [
                "Grey, at their own size, their own darkest and brightest levels (percentiles) as 0 and 1, in "
                f"overlapping tiles of {shape}."
            ],
            "Limits": [LIMITS],
        }
