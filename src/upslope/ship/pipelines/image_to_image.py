"""Image-to-image translation in use: a drawing of lines in, the garment that they outline out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset
from upslope.image.canny import canny
from upslope.ship.classified import shortened
from upslope.ship.pictures import DRAWN, Shown, read_pictures
from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction, Remark, UnreadableInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float32]
EMPTY = 0.01  # the share of pixels with a line from which on there is something to fill in


@dataclass(frozen=True)
class Filled(Prediction):
    """What was made of a picture's lines."""

    shown: Shown = field(repr=False)
    lines: Floats = field(repr=False)  # (H, W), 0 or 1
    image: Floats = field(repr=False)  # (H, W), in [0, 1]

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """How many lines there were, and how bright the image is."""
        lines, mean = float(self.lines.mean()), float(self.image.mean())
        return [("lines", f"{100 * lines:.0f} % of the pixels", lines), ("brightness", f"{mean:.2f}", mean)]

    def facts(self, options: Options) -> dict[str, Any]:
        """The path, the lines, the image's pixels."""
        return {
            "path": str(self.shown.path),
            "lines": float(self.lines.mean()),
            "image": np.round(self.image.astype(float), 4).tolist(),
            "doubt": self.doubt or None,
        }


class ImageToImage(Pipeline):
    """Pictures and folders of them in; of each the edges, translated."""

    tag: ClassVar[str] = "image-to-image"
    noun: ClassVar[str] = "picture"
    example: ClassVar[str] = "shoe.png --show filled.png"

    def read(self, words: Sequence[str], options: Options) -> Iterator[Shown | UnreadableInput | Remark]:
        """Each picture, prepared as the garments of the training data were."""
        yield from read_pictures(words, look=str(self.spec.preprocessing["look"]), shape=self.spec.shape)

    def lines(self, image: Floats) -> Floats:
        """The edges of an image (H, W) in [0, 1], 0 or 1, as in training."""
        low, high = self.spec.preprocessing["canny"]
        return canny(image, low=low, high=high).astype(np.float32)

    def preprocess(self, items: Sequence[Shown]) -> Arrays:
        """{"image": (N, 1, H, W)}: edges in [-1, 1]."""
        return {
            next(iter(self.spec.inputs)): np.stack([2 * self.lines(item.seen[0])[np.newaxis] - 1 for item in items])
        }

    def postprocess(self, outputs: Arrays, items: Sequence[Shown]) -> list[Prediction]:
        """Pixels from the range of the network to [0, 1]."""
        (name, said), *_ = self.spec.outputs.items()
        low, high = float(said["low"]), float(said["high"])
        images = np.clip((outputs[name][:, 0] - low) / (high - low), 0, 1).astype(np.float32)
        answers: list[Prediction] = []
        for item, image in zip(items, images, strict=True):
            lines = self.lines(item.seen[0])
            doubt = "" if lines.mean() >= EMPTY else "there are hardly any edges in it to fill in: ignore the result"
            answers.append(Filled(str(item.path), item, lines, image, doubt=doubt or item.crowded, notes=item.notes))
        return answers

    def rows(self, dataset: Dataset) -> Arrays:
        """The edges of a data set's images."""
        return {next(iter(self.spec.inputs)): np.stack([2 * self.lines(x)[np.newaxis] - 1 for x in dataset["image"]])}

    def draw(self, answers: Sequence[Filled]) -> "Figure":
        """Each picture, its edges, what was made of them."""
        from matplotlib.figure import Figure

        answers = answers[:DRAWN]
        figure = Figure(figsize=(7.2, 2.5 * len(answers) + 0.2), layout="constrained", facecolor="white")
        for axes, answer in zip(figure.subplots(len(answers), 3, squeeze=False), answers, strict=True):
            if answer.shown.picture is not None:
                axes[0].imshow(np.clip(answer.shown.picture, 0, 1))
            titles = (shortened(answer.shown.path.name), "its edges", "filled in")
            for axis, title in zip(axes, titles, strict=True):
                axis.set_title(title, fontsize=8, parse_math=False)
                axis.set(xticks=[], yticks=[])
            axes[1].imshow(answer.lines, cmap="gray_r", vmin=0, vmax=1)
            axes[2].imshow(answer.image, cmap="gray_r", vmin=0, vmax=1)
        return figure

    def card(self) -> dict[str, list[str]]:
        """What it does, how pictures are prepared, what it cannot do."""
        shape = " x ".join(map(str, self.spec.shape))
        low, high = self.spec.preprocessing["canny"]
        return {
            "What it does": [
                f"Takes edges ({shape}), -1 where there is none and 1 on one, and gives an image in [-1, 1]."
            ],
            "How pictures are prepared": [
                "Grey values in [0, 1], fitted in as the training data are; then Canny's edges with the thresholds "
                f"{low} and {high} of |dx| + |dy| by Sobel's operator."
            ],
            "Limits": [
                "It fills in whatever it is given as if it were of the training data's kind: a cat becomes a garment. "
                "What lies between the edges is invented."
            ],
        }
